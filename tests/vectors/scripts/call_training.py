"""Calls with an argument `training`, in float64: call_training.json. Net "bn" of train.json.gz as a base that learns, called in a
training step with `training` true, false or nothing, and its "bn1" with an argument of its own. The models are classes that hand
on what they are called with: of a functional model, Keras 3.15's `fit` replaces the arguments of all calls by True, and an argument
that is not handed on is that of the call before. tf_keras (Keras 2), by `train_on_batch` of the functional model, gives the same.
usage: call_training.py            (starts itself again for tf_keras)"""
import json, os, subprocess, sys
from train import *

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "call_training.json")
RATE, COUNT = 0.05, 8
CASES = [(outer, inner) for outer in (None, False, True) for inner in (None, False, True)]


def given(training):
    return {} if training is None else {"training": training}


class Base(keras.Model):
    """The net, "bn1" called with an argument of its own."""

    def __init__(self, inner):
        super().__init__(name="base")
        self.inner, self.parts = inner, NETS["bn"]()

    def call(self, x, training=None):
        for layer in self.parts:
            own = self.inner if layer.name == "bn1" else None
            x = layer(x, training=training if own is None else own)
        return x


class Whole(keras.Model):
    def __init__(self, outer, inner):
        super().__init__(name="model")
        self.outer, self.base, self.dense = outer, Base(inner), L.Dense(10, activation="softmax", name="dense")

    def call(self, x, training=None):
        return self.dense(self.base(x, training=training if self.outer is None else self.outer))


def small(K):
    """A functional model with such calls: of a nested model, inside it, of a layer called twice, of one with several inputs."""
    K.backend.clear_session()
    K.backend.set_floatx("float32")
    i = K.layers.Input((8,), name="base_input")
    norm = K.layers.BatchNormalization(name="norm")
    y = K.layers.Dropout(0.5, name="drop")(norm(i), training=True)
    base = K.Model(i, norm(y, training=False), name="base")
    i = K.layers.Input((8,), name="image")
    x, y = base(i, training=False), base(i)
    z = K.layers.Add(name="add")([x, y], training=True)
    return K.Model(i, K.layers.Dense(2, name="dense")(z), name="small")


def keras3():
    keras.config.set_floatx("float64")
    x, cases = data().astype("float64"), []
    for outer, inner in CASES:
        keras.backend.clear_session()
        model = Whole(outer, inner)
        model(x[:1])
        initialize(model)
        loss, optimizer, losses = keras.losses.SparseCategoricalCrossentropy(), O.SGD(learning_rate=RATE), []
        for step in range(COUNT):
            first = step * BATCH % SAMPLES
            with tf.GradientTape() as tape:
                value = loss(labels[first:first + BATCH], model(x[first:first + BATCH], training=True))
            optimizer.apply(tape.gradient(value, [w.value for w in model.trainable_weights]), model.trainable_weights)
            losses.append(float(value))
        after = [sampled(w.path, w.value) for w in model.weights if "seed" not in w.path]
        cases.append({"outer": outer, "inner": inner, "losses": losses, "weights": after})
    with open(OUT, "w") as out:
        json.dump({"learning_rate": RATE, "cases": cases, "keras3": json.loads(small(keras).to_json())}, out, separators=(",", ":"))
    print(*[(c["outer"], c["inner"], c["losses"][0], c["losses"][-1]) for c in cases], sep="\n")
    print([w["path"] for w in cases[0]["weights"]])


def keras2():
    import tf_keras
    L2 = tf_keras.layers
    tf_keras.backend.set_floatx("float64")
    x, worst = data().astype("float64"), 0.0
    with open(OUT) as truth:
        truth = json.load(truth)
    for case in truth["cases"]:
        outer, inner = case["outer"], case["inner"]
        tf_keras.backend.clear_session()
        i = y = L2.Input((28, 28, 1))
        for layer in NETS["bn"]():
            config = {k: v for k, v in layer.get_config().items() if k in (
                "name", "filters", "kernel_size", "padding", "use_bias", "momentum", "epsilon", "pool_size", "activation", "rate")}
            layer = getattr(L2, type(layer).__name__)(**config)
            y = layer(y, **(given(inner) if layer.name == "bn1" else {}))
        base = tf_keras.Model(i, y, name="base")
        i = L2.Input((28, 28, 1))
        model = tf_keras.Model(i, L2.Dense(10, activation="softmax", name="dense")(base(i, **given(outer))))
        for weight in model.weights:
            part, name = weight.name.split(":")[0].split("/")[-2:]
            wanted = {"gamma": (0.9, 1.1), "beta": (-0.1, 0.1), "moving_mean": (-0.1, 0.1), "moving_variance": (0.9, 1.1), "bias": (-0.05, 0.05)}
            high = (6.0 / int(np.prod(weight.shape[:-1]))) ** 0.5 if name == "kernel" else 0.0
            weight.assign(rng.uniform(f"{part}/{name}", tuple(weight.shape), *wanted.get(name, (-high, high))))
        model.compile(tf_keras.optimizers.SGD(RATE), "sparse_categorical_crossentropy")
        losses = []
        for step in range(COUNT):
            first = step * BATCH % SAMPLES
            losses.append(float(model.train_on_batch(x[first:first + BATCH], labels[first:first + BATCH])))
        worst = max(worst, *(abs(a - b) for a, b in zip(losses, case["losses"])))
    assert worst < 1e-12, worst
    truth["keras2"] = json.loads(small(tf_keras).to_json())
    with open(OUT, "w") as out:
        json.dump(truth, out, separators=(",", ":"))
    print("Keras 2 and Keras 3 differ by at most", worst)


if __name__ == "__main__":
    if "--keras2" in sys.argv:
        keras2()
    else:
        keras3()
        subprocess.run([sys.executable, os.path.abspath(__file__), "--keras2"], check=True)
