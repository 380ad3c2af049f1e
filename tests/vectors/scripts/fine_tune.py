"""Fine-tuning by hand, as Keras's guide does it, in float64: fine_tune.json. The head on a frozen base, then the base from
"conv2" on, without its normalisations, with an optimizer that begins anew. usage: fine_tune.py"""
import json, os
from train import *

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fine_tune.json")
RATES = (0.05, 0.005)


def stage(model, rate, x, steps):
    loss, optimizer = keras.losses.SparseCategoricalCrossentropy(), O.Adam(learning_rate=rate)
    losses = []
    for step in range(steps):
        first = step * BATCH % SAMPLES
        with tf.GradientTape() as tape:
            value = loss(labels[first:first + BATCH], model(x[first:first + BATCH], training=True))
        optimizer.apply(tape.gradient(value, [w.value for w in model.trainable_weights]), model.trainable_weights)
        losses.append(float(value))
    return {"losses": losses, "weights": [sampled(w.path, w.value) for w in model.weights if "seed" not in w.path]}


if __name__ == "__main__":
    keras.config.set_floatx("float64")
    base = keras.Sequential([L.Input((28, 28, 1)), *NETS["bn"]()], name="base")
    model = keras.Sequential([L.Input((28, 28, 1)), base, L.Dense(10, activation="softmax", name="dense")], name="model")
    initialize(model)
    x = data().astype("float64")
    base.trainable = False
    head = stage(model, RATES[0], x, 12)
    base.trainable = True
    names = [layer.name for layer in base.layers]
    for layer in base.layers:
        layer.trainable = names.index(layer.name) >= names.index("conv2") and not isinstance(layer, L.BatchNormalization)
    whole = stage(model, RATES[1], x, 12)
    with open(OUT, "w") as out:
        json.dump({"learning_rates": RATES, "head": head, "whole": whole}, out, separators=(",", ":"))
    print(head["losses"][0], head["losses"][-1], whole["losses"][0], whole["losses"][-1], len(base.layers), names)
    print([w["path"] for w in head["weights"]])
