"""Trajectories of training, in float64: train.json.gz. Weights, data and batches: ../README.md; 20 steps of 16 of
64 samples. usage: train.py [CASE...]; with cases, those alone are made anew, the others stay."""
import gc, gzip, json, os, sys
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
from common import *
import rng
import tensorflow as tf
from keras import constraints as C, layers as L, regularizers as R

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "train.json.gz")
SAMPLES, BATCH, STEPS = 64, 16, 20
labels = (np.arange(SAMPLES) % 10).astype("int64")


def data():
    """Stripes that depend on the label, and noise."""
    noise = rng.u24("train/x", SAMPLES * 784).reshape(SAMPLES, 28, 28)
    stripes = np.zeros((10, 28, 28))
    for label in range(10):
        period = 2 + 2 * (label // 2)
        stripe = ((np.arange(28) % period) < period // 2).astype(np.float64)
        stripes[label] = stripe[:, None] if label % 2 == 0 else stripe[None, :]
    return (0.25 * noise + 0.75 * stripes[labels]).astype(np.float32)[..., None]


def orthogonal(factor, mode):
    """Keras makes the factor a float32 tensor, which cannot be multiplied by a float64 one."""
    regularizer = R.OrthogonalRegularizer(factor, mode)
    regularizer.factor = factor
    return regularizer


NETS = {
    "plain": lambda: [
        L.Conv2D(8, 3, padding="same", activation="relu", name="conv1"), L.MaxPooling2D(2, name="pool1"),
        L.Conv2D(16, 3, activation="relu", name="conv2"), L.GlobalAveragePooling2D(name="gap")],
    "bn": lambda: [
        L.Conv2D(8, 3, padding="same", use_bias=False, name="conv1"), L.BatchNormalization(momentum=0.9, name="bn1"),
        L.ReLU(name="relu1"), L.MaxPooling2D(2, name="pool1"), L.Conv2D(16, 3, use_bias=False, name="conv2"),
        L.BatchNormalization(name="bn2"), L.Activation("relu", name="relu2"), L.GlobalAveragePooling2D(name="gap"),
        L.Dropout(0.0, name="drop")],
    "wide": lambda: [
        L.Conv2D(6, 3, strides=2, padding="same", name="conv1"), L.Activation("swish", name="sw"),
        L.DepthwiseConv2D(3, padding="same", name="dw"), L.LayerNormalization(epsilon=1e-6, name="ln"),
        L.AveragePooling2D(2, padding="same", name="ap"), L.SeparableConv2D(12, 3, activation="gelu", name="sep"),
        L.Conv2D(8, 3, dilation_rate=2, padding="same", activation="hard_swish", name="dil"),
        L.GlobalMaxPooling2D(name="gmp")],
    "regularized": lambda: [
        L.Conv2D(8, 3, padding="same", activation="relu", name="conv1", kernel_regularizer=R.L2(0.01),
                 bias_regularizer=R.L1(0.02), activity_regularizer=R.L1(1e-4)),
        L.MaxPooling2D(2, name="pool1"),
        L.BatchNormalization(momentum=0.9, name="bn1", gamma_regularizer=R.L2(0.03), beta_regularizer=R.L1(0.01)),
        L.Conv2D(16, 3, activation="relu", name="conv2", kernel_regularizer=R.L1L2(1e-3, 2e-3)),
        L.GlobalAveragePooling2D(name="gap"),
        L.Dense(12, name="hidden", kernel_regularizer=orthogonal(0.1, "columns"),
                activity_regularizer=R.L2(0.01))],
    "constrained": lambda: [
        L.Conv2D(8, 3, padding="same", activation="relu", name="conv1", kernel_constraint=C.MaxNorm(1.0, [0, 1, 2]),
                 bias_constraint=C.NonNeg()),
        L.MaxPooling2D(2, name="pool1"),
        L.Conv2D(16, 3, activation="relu", name="conv2", kernel_constraint=C.MinMaxNorm(0.5, 1.0, 0.7, [0, 1, 2])),
        L.GlobalAveragePooling2D(name="gap")],
}
# Arguments of the last layer.
LAST = {
    "regularized": lambda: {"kernel_regularizer": orthogonal(0.1, "rows")},
    "constrained": lambda: {"kernel_constraint": C.UnitNorm(0)},
}

O = keras.optimizers
# Of an optimizer with weight decay, parts of the names of weights that do not decay.
EXCLUDED = {"sgd_excluded": ["bias", "eta"]}


def excluding(optimizer, names):
    optimizer.exclude_from_weight_decay(var_names=names)
    return optimizer


OPTIMIZERS = {
    "sgd": lambda: O.SGD(learning_rate=0.05),
    "sgd_momentum": lambda: O.SGD(learning_rate=0.05, momentum=0.9),
    "sgd_nesterov": lambda: O.SGD(learning_rate=0.05, momentum=0.9, nesterov=True),
    "sgd_clipnorm": lambda: O.SGD(learning_rate=0.05, momentum=0.9, clipnorm=0.1),
    "sgd_clipvalue": lambda: O.SGD(learning_rate=0.05, momentum=0.9, clipvalue=0.01),
    "sgd_global_clipnorm": lambda: O.SGD(learning_rate=0.05, momentum=0.9, global_clipnorm=0.2),
    "sgd_cosine": lambda: O.SGD(learning_rate=O.schedules.CosineDecay(0.05, 20), momentum=0.9),
    "sgd_exponential": lambda: O.SGD(learning_rate=O.schedules.ExponentialDecay(0.05, 5, 0.7), momentum=0.9),
    "sgd_ema": lambda: O.SGD(learning_rate=0.05, momentum=0.9, use_ema=True, ema_momentum=0.8),
    "sgd_accumulated_clipnorm": lambda: O.SGD(learning_rate=0.05, momentum=0.9, clipnorm=0.1, gradient_accumulation_steps=3),
    "sgd_accumulated_cosine": lambda: O.SGD(learning_rate=O.schedules.CosineDecay(0.05, 20), gradient_accumulation_steps=4),
    "sgd_excluded": lambda: excluding(
        O.SGD(learning_rate=0.05, momentum=0.9, weight_decay=0.5), EXCLUDED["sgd_excluded"]),
    "adam": lambda: O.Adam(learning_rate=1e-3),
    "adam_ema_overwritten": lambda: O.Adam(learning_rate=1e-3, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3),
    "adam_accumulated": lambda: O.Adam(learning_rate=1e-3, weight_decay=0.01, gradient_accumulation_steps=3),
    "adam_accumulated_ema_overwritten": lambda: O.Adam(
        learning_rate=1e-3, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2, gradient_accumulation_steps=3),
    "adam_amsgrad": lambda: O.Adam(learning_rate=1e-3, amsgrad=True),
    "adam_weight_decay": lambda: O.Adam(learning_rate=1e-3, weight_decay=0.01),
    "adamw": lambda: O.AdamW(),
    "rmsprop": lambda: O.RMSprop(),
    "rmsprop_momentum": lambda: O.RMSprop(learning_rate=1e-3, momentum=0.9),
    "rmsprop_centered_momentum": lambda: O.RMSprop(learning_rate=1e-3, momentum=0.9, centered=True),
    "adagrad": lambda: O.Adagrad(learning_rate=0.05),
    "adadelta": lambda: O.Adadelta(learning_rate=1.0),
    "adamax": lambda: O.Adamax(learning_rate=1e-3),
    "nadam": lambda: O.Nadam(learning_rate=1e-3),
    "lion": lambda: O.Lion(learning_rate=1e-3),
    "ftrl": lambda: O.Ftrl(learning_rate=0.05),
}

# Name, net, optimizer, frozen layers, by what the learning rate of weights whose path begins so is multiplied.
CASES = [(f"plain_{name}", "plain", name, (), {}) for name in OPTIMIZERS]
CASES += [(f"{net}_{name}", net, name, (), {}) for net in ("bn", "wide") for name in ("sgd_momentum", "adam")]
CASES += [(f"frozen_{name}", "plain", name, ("conv1",), {}) for name in ("sgd_momentum", "adam")]
CASES += [("bn_frozen_sgd_momentum", "bn", "sgd_momentum", ("conv1", "bn1"), {})]
CASES += [("bn_frozen_sgd_ema", "bn", "sgd_ema", ("conv1", "bn1"), {})]
CASES += [(f"regularized_{name}", "regularized", name, (), {}) for name in ("sgd_momentum", "adam")]
CASES += [("regularized_frozen_sgd_momentum", "regularized", "sgd_momentum", ("conv1", "bn1"), {})]
CASES += [(f"constrained_{name}", "constrained", name, (), {})
          for name in ("sgd_momentum", "adam", "sgd_ema", "sgd_accumulated_clipnorm")]
CASES += [(f"plain_multiplied_{name}", "plain", name, (), {"conv": 0.1, "conv2/": 3.0})
          for name in ("sgd_nesterov", "adamw", "nadam", "ftrl", "sgd_excluded")]
CASES += [("bn_sgd_excluded", "bn", "sgd_excluded", (), {})]


def initialize(model):
    """The recipe's ranges, float32 values also in float64."""
    ranges = {"gamma": (0.9, 1.1), "beta": (-0.1, 0.1), "moving_mean": (-0.1, 0.1), "moving_variance": (0.9, 1.1), "bias": (-0.05, 0.05)}
    for weight in model.weights:
        layer, name = weight.path.split("/")[-2:]
        if "seed" in name:
            continue
        if name in ranges:
            low, high = ranges[name]
        else:
            depthwise = name == "depthwise_kernel" or layer == "dw"
            fan_in = weight.shape[0] * weight.shape[1] if depthwise else int(np.prod(weight.shape[:-1]))
            high = (6.0 / fan_in) ** 0.5
            low = -high
        weight.assign(rng.uniform(f"{layer}/{name}", tuple(weight.shape), low, high))


def sampled(path, tensor):
    flat = np.array(tensor, dtype=np.float64).reshape(-1)
    at = [int((2 * k + 1) * flat.size // 32) for k in range(16)]
    return {"path": path, "sample_flat_index": at, "samples": [float(flat[i]) for i in at]}


def multiplier(path, multipliers):
    """The longest prefix counts."""
    return max([(0, 1.0)] + [(len(p), f) for p, f in multipliers.items() if path.startswith(p)])[1]


def grouped(weights, make_optimizer, multipliers):
    """An optimizer for each learning rate, each with the places of its weights."""
    groups = {}
    for place, weight in enumerate(weights):
        groups.setdefault(multiplier(weight.path.split("/", 1)[1], multipliers), []).append(place)
    made = []
    for factor, places in groups.items():
        optimizer = make_optimizer()
        if multipliers:
            optimizer.learning_rate = float(optimizer.learning_rate) * factor
        made.append((optimizer, places))
    return made


def run(net, make_optimizer, frozen, multipliers):
    keras.backend.clear_session()
    gc.collect()
    model = keras.Sequential([L.Input((28, 28, 1)), *NETS[net](), L.Dense(10, activation="softmax", name="dense", **LAST.get(net, dict)())])
    initialize(model)
    for layer in frozen:
        model.get_layer(layer).trainable = False
    x, optimizer, loss = data().astype("float64"), make_optimizer(), keras.losses.SparseCategoricalCrossentropy()
    groups = grouped(model.trainable_weights, make_optimizer, multipliers)
    rate = optimizer._learning_rate
    scheduled = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
    rates = [float(rate(step)) if scheduled else float(rate) for step in range(STEPS)]
    truth = {"losses": []}
    for step in range(STEPS):
        first = step * BATCH % SAMPLES
        with tf.GradientTape() as tape:
            value = loss(labels[first:first + BATCH], model(x[first:first + BATCH], training=True)) + sum(model.losses)
        gradients = tape.gradient(value, [weight.value for weight in model.trainable_weights])
        if step == 0:
            truth["first_gradients"] = [sampled(w.path, g) for w, g in zip(model.trainable_weights, gradients)]
        for one, places in groups:
            one.apply([gradients[i] for i in places], [model.trainable_weights[i] for i in places])
        truth["losses"].append(float(value))
    truth["final_weights"] = [sampled(w.path, w.value) for w in model.weights if "seed" not in w.path]
    truth["final_loss_all_64_inference"] = float(loss(labels, model(x, training=False)) + sum(model.losses))
    truth["frozen"] = list(frozen)
    truth["multipliers"] = multipliers
    if optimizer.use_ema:
        [(one, _)] = groups
        averages = zip(model.trainable_weights, one._model_variables_moving_average)
        truth["final_averages"] = [sampled(w.path, a.value) for w, a in averages]
    config = optimizer.get_config()
    config["learning_rate"] = rates[0]
    truth["optimizer"] = {k: float(v) if hasattr(v, "__float__") and not isinstance(v, (bool, int)) else v for k, v in config.items()}
    return rates, truth


if __name__ == "__main__":
    keras.config.set_floatx("float64")
    made = {}
    if len(sys.argv) > 1:
        made = {case["case"]: case for case in json.load(gzip.open(OUT))}
    for name, net, optimizer, frozen, multipliers in CASES:
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        rates, truth = run(net, OPTIMIZERS[optimizer], frozen, multipliers)
        truth["excluded"] = EXCLUDED.get(optimizer, [])
        made[name] = {"case": name, "learning_rates": rates, "float64": truth}
        print(f"{name:32s} {truth['losses'][0]:.6f} -> {truth['losses'][-1]:.6f}", flush=True)
    cases = [made[name] for name, *_ in CASES if name in made]
    with open(OUT, "wb") as out:
        out.write(gzip.compress(json.dumps(cases, separators=(",", ":")).encode(), 9, mtime=0))
