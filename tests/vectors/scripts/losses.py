"""Losses and their gradients by what a model hands them: losses.json.gz. usage: losses.py

Each case is evaluated in a tf.function, as fit does it (Keras then finds the logits behind a sigmoid of its own too). What
meets Keras's clip at 1e-7 and 1 - 1e-7 is evaluated in float32, in which 1 - 1e-7 is 1 - 2^-23; all else in float64.
Sample weights of losses of rank 2 and more are given as [batch, 1, ..]: Keras would stretch a [batch] along the last axis."""
import gzip, json, os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import *
import tensorflow as tf
from rng import uniform

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "losses.json.gz")
CATEGORICAL, SPARSE = "CategoricalCrossentropy", "SparseCategoricalCrossentropy"
CATEGORICAL_FOCAL = "CategoricalFocalCrossentropy"
BINARY, BINARY_FOCAL = "BinaryCrossentropy", "BinaryFocalCrossentropy"
REGRESSIONS = ["MeanSquaredError", "MeanAbsoluteError", "Huber"]
LOGITS, SMOOTH = {"from_logits": True}, {"label_smoothing": 0.125}
# Of these sizes a mean divides by a power of two, which float32 holds.
SHAPES = [(4, 4), (2, 2, 4), (2, 2, 2, 4)]
# Zeros and ones that are right, that are wrong, and beside other numbers.
EDGES = [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0.5, 0.25, 0], [0.5, 0, 1, 0.75]]
EDGE_TARGETS = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]]
EDGE_TARGETS_BINARY = [[1, 0, 0, 1], [0, 1, 0, 0], [0, 1, 0, 1], [0, 1, 0, 1]]


def cases():
    """(class, arguments, activation of the model's output, what it is applied to, shape)"""
    for shape in SHAPES:
        for smooth in ({}, SMOOTH):
            for name in (CATEGORICAL, CATEGORICAL_FOCAL, BINARY, BINARY_FOCAL):
                activation = "softmax" if "Categorical" in name else "sigmoid"
                yield name, {**LOGITS, **smooth}, None, "logits", shape
                yield name, {**smooth}, activation, "logits", shape
                yield name, {**smooth}, None, "probabilities", shape
        for args, activation, x in [(LOGITS, None, "logits"), ({}, "softmax", "logits"), ({}, None, "probabilities")]:
            yield SPARSE, args, activation, x, shape
        for name in REGRESSIONS:
            yield name, {}, None, "numbers", shape
    # Logits of which a softmax or sigmoid makes 0 and 1, and losses that are told that those are logits.
    for name, activation in [(CATEGORICAL, "softmax"), (SPARSE, "softmax"), (BINARY, "sigmoid")]:
        yield name, LOGITS, None, "far", (4, 4)
        yield name, {}, activation, "far", (4, 4)
        yield name, LOGITS, activation, "logits", (4, 4)
    for args in ({"gamma": 1.0}, {"gamma": 0.5}, {"gamma": 0.0}, {"gamma": 3.5}, {"alpha": 0.75, "gamma": 1.5}):
        balanced = {"apply_class_balancing": True, **args}
        for name, args in [(CATEGORICAL_FOCAL, args), (BINARY_FOCAL, args), (BINARY_FOCAL, balanced)]:
            yield name, args, None, "probabilities", (4, 4)
        yield BINARY_FOCAL, {**balanced, **LOGITS, **SMOOTH}, None, "logits", (4, 2, 4)
    for delta in (0.25, 0.5, 2.5):
        yield "Huber", {"delta": delta}, None, "numbers", (4, 4)
    for name, activation in [(BINARY, "sigmoid"), (BINARY_FOCAL, "sigmoid"), ("MeanSquaredError", None)]:
        yield name, {}, activation, "logits", (5, 1)
    yield CATEGORICAL, {}, "softmax", "logits", (3, 2, 3)
    yield BINARY_FOCAL, LOGITS, None, "logits", (3, 2, 3)
    for smooth in ({}, SMOOTH):
        for name in (CATEGORICAL, CATEGORICAL_FOCAL, BINARY, BINARY_FOCAL):
            yield name, smooth, None, "edges", (4, 4)


def given(kind, shape):
    if kind == "edges":
        return np.array(EDGES, "float32")
    low, high = {"logits": (-4, 4), "far": (-90, 90), "probabilities": (0.05, 0.95), "numbers": (-3, 3)}[kind]
    return uniform(f"losses/{kind}", shape, low, high)


def targets(name, kind, x):
    if kind == "edges":
        return np.array(EDGE_TARGETS if "Categorical" in name else EDGE_TARGETS_BINARY, "float32")
    classes = np.floor(uniform("losses/classes", x.shape[:-1], 0, x.shape[-1]))
    if name == SPARSE:
        return classes
    if "Categorical" in name:
        rows = np.eye(x.shape[-1], dtype="float32")[classes.astype(int)]
        # Of targets that do not add up to 1, TensorFlow's gradient behind a softmax is not that of its loss.
        rows[-1] = [0.5 ** min(i + 1, x.shape[-1] - 1) for i in range(x.shape[-1])]
        return rows
    if "Binary" in name:
        ones = np.floor(uniform("losses/ones", x.shape, 0, 2))
        ones.flat[0] = 0.25
        return ones
    numbers = uniform("losses/targets", x.shape, -3, 3)
    # Where an absolute error has its kink, and a Huber loss of 1/2 and 1 becomes linear.
    for index, error in enumerate((0, 0.5, -0.5, 1)):
        x.flat[index] = np.round(x.flat[index])
        numbers.flat[index] = x.flat[index] + error
    return numbers


def evaluate(name, args, activation, kind, shape, weighted):
    floatx = "float32" if kind == "edges" else "float64"
    keras.config.set_floatx(floatx)
    x = given(kind, shape)
    y = targets(name, kind, x)
    weights = uniform("losses/weights", shape[:1], 0, 2) if weighted else None
    if weighted:
        weights[1] = 0
    stretched = None if weights is None else weights.reshape(shape[:1] + (1,) * (len(shape) - 2)).astype(floatx)
    loss = getattr(keras.losses, name)(**args)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(y.astype(floatx), keras.activations.get(activation)(x), sample_weight=stretched)
        return value, tape.gradient(value, x)

    value, gradient = step(tf.constant(x, floatx))
    numbers = lambda array: [float(number) for number in np.asarray(array).reshape(-1)]
    return {
        "class": name, "args": args, "activation": activation, "floatx": floatx, "shape": shape, "x": numbers(x),
        "y": numbers(y), "weights": None if weights is None else numbers(weights), "loss": float(value),
        "gradient": numbers(gradient),
    }


if __name__ == "__main__":
    made = [evaluate(*case, weighted) for case in cases() for weighted in (False, True)]
    with open(OUT, "wb") as out, gzip.GzipFile("", "wb", fileobj=out, mtime=0) as packed:
        packed.write(json.dumps(made, separators=(",", ":")).encode())
    print(len(made), os.path.getsize(OUT), [case for case in made if not np.isfinite([case["loss"], *case["gradient"]]).all()])
