"""Writes tests/vectors/training.json: what real Keras makes of schedules, metrics, callbacks and initializers.

    python tests/vectors/training.py        (keras, tensorflow, numpy)

Callbacks are Keras's own, driven with given logs and a model that only notes what is asked of it. Numbers that JSON has no
word for are the strings "nan", "inf" and "-inf". What Keras has no word for is computed from its definition here:
`one_cycle` (PyTorch's OneCycleLR) and `stream` (ChaCha8, Box-Muller).
"""
import json
import math
import os
import pathlib
import tempfile
import types
import warnings

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from keras import callbacks, metrics
from keras.optimizers import schedules
from keras.src.initializers import random_initializers

import rng

warnings.simplefilter("ignore")


def plain(value):
    """JSON for numbers, arrays and dictionaries."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if hasattr(value, "shape"):
        return plain(np.asarray(value).tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value


# ---- schedules

STEPS = [0, 1, 2, 3, 5, 9, 10, 11, 15, 19, 20, 21, 30, 49, 50, 51, 69, 70, 71, 99, 100, 101, 150, 250, 1000]
SCHEDULES = [
    ("ExponentialDecay", dict(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.96)),
    ("ExponentialDecay", dict(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5, staircase=True)),
    ("CosineDecay", dict(initial_learning_rate=0.1, decay_steps=100)),
    ("CosineDecay", dict(initial_learning_rate=0.1, decay_steps=70, alpha=0.1)),
    ("CosineDecay", dict(initial_learning_rate=0.0, decay_steps=50, alpha=0.05, warmup_target=0.2, warmup_steps=20)),
    ("CosineDecay", dict(initial_learning_rate=0.1, decay_steps=50, warmup_target=0.2, warmup_steps=0)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.1, first_decay_steps=10)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.1, first_decay_steps=20, t_mul=1.0, m_mul=0.8, alpha=0.01)),
    ("CosineDecayRestarts", dict(initial_learning_rate=0.1, first_decay_steps=15, t_mul=1.5, m_mul=0.5)),
    ("PolynomialDecay", dict(initial_learning_rate=0.1, decay_steps=50)),
    ("PolynomialDecay", dict(initial_learning_rate=0.1, decay_steps=50, end_learning_rate=0.01, power=0.5)),
    ("PolynomialDecay", dict(initial_learning_rate=0.1, decay_steps=20, end_learning_rate=0.01, power=2.0, cycle=True)),
    ("PiecewiseConstantDecay", dict(boundaries=[10, 50, 100], values=[1.0, 0.5, 0.25, 0.125])),
    ("PiecewiseConstantDecay", dict(boundaries=[20], values=[0.1, 0.01])),
    ("InverseTimeDecay", dict(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5)),
    ("InverseTimeDecay", dict(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5, staircase=True)),
]
ONE_CYCLES = [
    dict(max_learning_rate=0.1, total_steps=100),
    dict(max_learning_rate=0.5, total_steps=70, pct_start=0.25, div_factor=10.0, final_div_factor=100.0),
    dict(max_learning_rate=0.1, total_steps=50, pct_start=0.4, anneal="linear"),
]


def one_cycle(max_learning_rate, total_steps, pct_start=0.3, div_factor=25.0, final_div_factor=1e4, anneal="cos"):
    first, last = max_learning_rate / div_factor, max_learning_rate / div_factor / final_div_factor
    peak, end = pct_start * total_steps - 1, total_steps - 1

    def between(a, b, t):
        return a + (b - a) * ((1 - math.cos(math.pi * t)) / 2 if anneal == "cos" else t)

    def at(step):
        step = min(step, end)
        if step <= peak:
            return between(first, max_learning_rate, step / peak)
        return between(max_learning_rate, last, (step - peak) / (end - peak))

    return at


def schedule_cases():
    for name, args in SCHEDULES:
        schedule = getattr(schedules, name)(**args)
        yield dict(name=name, args=args, steps=STEPS, values=[float(schedule(step)) for step in STEPS])
    for args in ONE_CYCLES:
        yield dict(name="OneCycle", args=args, steps=STEPS, values=[one_cycle(**args)(step) for step in STEPS])


# ---- metrics


def draw(key, shape):
    """Multiples of 1/16, so that many are equal."""
    return np.round(rng.uniform(f"training/{key}", shape, 0, 1) * 16).astype(np.float32) / 16


def labels(key, n, classes):
    return np.floor(rng.uniform(f"training/{key}", (n,), 0, classes)).astype(np.float32)


def one_hot(indices, classes):
    return np.eye(classes, dtype=np.float32)[indices.astype(int)]


def several(n, classes, kind, weighted=False, batches=2):
    """Batches of predictions of many classes with their truth."""
    for i in range(batches):
        key = f"{n}/{classes}/{i}"
        y = labels(f"labels/{key}", n, classes)
        y_true = dict(one_hot=one_hot(y, classes), sparse=y, column=y[:, None],
                      many=(draw(f"many/{key}", (n, classes)) > 0.6).astype(np.float32))[kind]
        yield y_true, draw(f"predictions/{key}", (n, classes)), draw(f"weights/{key}", (n,)) if weighted else None


def binary(n, weighted=False, column=True, batches=2, grid=False):
    for i in range(batches):
        key = f"binary/{n}/{i}"
        y_true = (rng.uniform(f"training/{key}", (n, 1), 0, 1) > 0.5).astype(np.float32)
        noise = rng.uniform(f"training/noise/{key}", (n, 1), 0, 1).astype(np.float32)
        y_pred = (y_true * 0.3 + noise * 0.7).astype(np.float32)
        if grid:  # on the thresholds themselves
            y_pred = np.round(y_pred * 199).astype(np.float32) / np.float32(199)
        weights = draw(f"weights/{key}", (n,)) if weighted else None
        yield (y_true, y_pred, weights) if column else (y_true[:, 0], y_pred[:, 0], weights)


def array(*rows):
    return np.array(rows, np.float32)


NAN, INF = float("nan"), float("inf")
PIXELS = [(labels("pixels", 24, 3).reshape(2, 3, 4), draw("pixels", (2, 3, 4, 3)), None)]
PIXELS_WEIGHTED = [(*PIXELS[0][:2], array(0.25, 2.0))]
PIXEL_WEIGHTS = [(*PIXELS[0][:2], draw("pixel weights", (2, 3, 4)))]
TIES = [(array(2, 1, 0, 3), array([0.5, 0.5, 0.5, 0.1], [0.9, 0.1, 0.5, 0.1], [0.25] * 4, [0.0, 0.0, 0.0, 0.0]), None)]
NANS = [(array(1, 1, 2, 0, 1), array([NAN, 0.5, 0.2], [0.1, NAN, 0.3], [0.1, 0.9, INF], [INF, 0.1, 0.2], [NAN] * 3), None)]
EXTREMES = [(array(0, 1, 1, 0, 1, 0), array(0.0, 1.0, 0.0, 1.0, 1.5, -0.5), None)]
NAN_SCORES = [(array(0, 1, 1, 0), array(NAN, NAN, 0.75, 0.25), None)]
NO_POSITIVES = [(array(0, 0, 0), array(0.2, 0.6, 0.9), None)]
ZERO_ROW = [(array([1, 0, 0], [0, 1, 0]), array([0, 0, 0], [0.2, 0.2, 0.1]), None)]
NOTHING = []

METRICS = [
    ("accuracy", {}, list(binary(11))),
    ("accuracy", {}, list(several(9, 4, "one_hot", True))),
    ("accuracy", {}, list(several(9, 4, "sparse"))),
    ("accuracy", {}, list(several(9, 4, "column", True))),
    ("BinaryAccuracy", {}, list(binary(11))),
    ("BinaryAccuracy", {"threshold": 0.3}, list(binary(11, True))),
    ("BinaryAccuracy", {"threshold": 0.3}, list(binary(11, True, column=False))),
    ("BinaryAccuracy", {}, list(several(7, 3, "many", True))),
    ("BinaryAccuracy", {}, [(array(1, 0, 1), array(0.5, 0.5, NAN), None)]),
    ("CategoricalAccuracy", {}, list(several(9, 4, "one_hot"))),
    ("CategoricalAccuracy", {}, list(several(9, 4, "one_hot", True))),
    ("CategoricalAccuracy", {}, [(one_hot(TIES[0][0], 4), *TIES[0][1:])]),
    ("SparseCategoricalAccuracy", {}, list(several(9, 4, "sparse", True))),
    ("SparseCategoricalAccuracy", {}, TIES),
    ("SparseCategoricalAccuracy", {}, NANS),
    ("SparseCategoricalAccuracy", {}, PIXELS),
    ("SparseCategoricalAccuracy", {}, PIXELS_WEIGHTED),
    ("SparseCategoricalAccuracy", {}, PIXEL_WEIGHTS),
    ("SparseCategoricalAccuracy", {}, [(array(0, 1), array([0.9, 0.1], [0.9, 0.1]), array(0.0, 0.0))]),
    ("SparseCategoricalAccuracy", {}, NOTHING),
    ("TopKCategoricalAccuracy", {"k": 2}, list(several(9, 4, "one_hot", True))),
    ("TopKCategoricalAccuracy", {"k": 5}, list(several(9, 4, "one_hot"))),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, list(several(12, 6, "sparse"))),
    ("SparseTopKCategoricalAccuracy", {"k": 1}, TIES),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, TIES),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, NANS),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, NANS),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, PIXELS),
    ("AUC", {}, list(binary(60))),
    ("AUC", {}, list(binary(60, True))),
    ("AUC", {}, list(binary(60, True, column=False, grid=True))),
    ("AUC", {"summation_method": "minoring"}, list(binary(60))),
    ("AUC", {"summation_method": "majoring"}, list(binary(60, True))),
    ("AUC", {"curve": "PR"}, list(binary(60))),
    ("AUC", {"curve": "PR", "summation_method": "minoring"}, list(binary(60, True))),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, list(binary(60, grid=True))),
    ("AUC", {"num_thresholds": 3}, list(binary(60, True))),
    ("AUC", {"num_thresholds": 2}, list(binary(60))),
    ("AUC", {"thresholds": [0.7, 0.2, 0.55]}, list(binary(60, True))),
    ("AUC", {"thresholds": [0.5]}, EXTREMES),
    ("AUC", {"thresholds": [0.3]}, EXTREMES),
    ("AUC", {}, EXTREMES),
    ("AUC", {}, NAN_SCORES),
    ("AUC", {"thresholds": [0.3]}, NAN_SCORES),
    ("AUC", {}, NO_POSITIVES),
    ("AUC", {"curve": "PR"}, NO_POSITIVES),
    ("AUC", {}, NOTHING),
    ("AUC", {}, list(several(20, 3, "many", True))),
    ("AUC", {"multi_label": True}, list(several(20, 3, "many"))),
    ("AUC", {"multi_label": True, "curve": "PR"}, list(several(20, 3, "many", True))),
    ("AUC", {"from_logits": True}, [(array(0, 1, 1, 0, 1), array(-2.0, 0.3, 1.7, 0.6, -0.4), None)]),
]
for name in ("Precision", "Recall"):
    METRICS += [
        (name, {}, list(binary(17))),
        (name, {}, list(binary(17, True, column=False))),
        (name, {"thresholds": [0.25, 0.6]}, list(binary(17, True))),
        (name, {"thresholds": [0.0, 0.5, 1.0]}, list(binary(17)) + EXTREMES),
        (name, {"top_k": 2}, list(several(9, 4, "one_hot", True))),
        (name, {"top_k": 1}, [(one_hot(TIES[0][0], 4), *TIES[0][1:])]),
        (name, {"class_id": 1}, list(several(9, 4, "one_hot"))),
        (name, {"class_id": 2, "top_k": 2, "thresholds": 0.4}, list(several(9, 4, "one_hot"))),
        (name, {}, NO_POSITIVES),
        (name, {}, NAN_SCORES),
        (name, {}, NOTHING),
    ]
for average in (None, "micro", "macro", "weighted"):
    METRICS += [
        ("F1Score", {"average": average}, list(several(15, 4, "one_hot"))),
        ("F1Score", {"average": average}, list(several(15, 4, "one_hot", True))),
        ("F1Score", {"average": average, "threshold": 0.5}, list(several(15, 3, "many"))),
        ("F1Score", {"average": average}, ZERO_ROW),
        ("F1Score", {"average": average}, [(one_hot(NANS[0][0], 3), *NANS[0][1:])]),
    ]
MEANS = [
    [(array(1, 3, 5, 7), None)],
    [(array(1, 3, 5, 7), array(1, 1, 0, 0)), (array(0.3), array(2.5))],
    [(array(1, NAN), None)],
    [],
]


def batch(values):
    return [None if v is None else dict(shape=list(v.shape), data=v.reshape(-1)) for v in values]


def metric_cases():
    for name, args, batches in METRICS:
        if name == "accuracy":
            metric = keras.src.trainers.compile_utils.get_metric("accuracy", *batches[0][:2])
        else:
            metric = getattr(metrics, name)(**args)
        for y_true, y_pred, weights in batches:
            metric.update_state(y_true, y_pred, sample_weight=weights)
        result = np.asarray(metric.result(), np.float64).reshape(-1)
        yield dict(name=name, args=args, batches=[batch(values) for values in batches], result=result)
    for batches in MEANS:
        metric = metrics.Mean()
        for values, weights in batches:
            metric.update_state(values, sample_weight=weights)
        result = [float(metric.result())]
        yield dict(name="Mean", args={}, batches=[batch(values) for values in batches], result=result)
    for kind, weighted in (("sparse", False), ("sparse", True)):
        batches = list(several(15, 4, kind, weighted))
        matrix = sum(
            tf.math.confusion_matrix(t, p.argmax(-1), 4, weights=w, dtype="float32").numpy() for t, p, w in batches)
        yield dict(name="ConfusionMatrix", args={"classes": 4}, batches=[batch(values) for values in batches],
                   result=matrix.reshape(-1))


# ---- callbacks


class Model:
    """What a callback sees of a model; it notes what is asked."""

    def __init__(self, learning_rate=0.1):
        self.optimizer = types.SimpleNamespace(learning_rate=np.float32(learning_rate))
        self.stop_training = False
        self.metrics = []
        self.epoch, self.remembered, self.restored, self.saved = None, [], [], []

    def get_weights(self):
        self.remembered.append(self.epoch)
        return self.epoch

    def set_weights(self, weights):
        self.restored.append(weights)

    def save(self, path, overwrite):
        self.saved.append(["model", path])

    def save_weights(self, path, overwrite):
        self.saved.append(["weights", path])


DOWN_AND_UP = [1.0, 0.8, 0.7, 0.75, 0.72, 0.71, 0.69, 0.9, 0.9, 0.9, 0.6, 0.5]
FLAT = [0.5] * 8
SMALL_STEPS = [0.5, 0.495, 0.49, 0.485, 0.48, 0.475, 0.47, 0.3, 0.2995, 0.299]
UP = [0.1, 0.3, 0.2, 0.4, 0.4, 0.4, 0.35, 0.5]
WITH_NAN = [0.5, NAN, 0.4, NAN, NAN, 0.3, 0.6]
NAN_FIRST = [NAN, 0.5, 0.4, 0.3]
BELOW_FLOAT32 = [0.5, 0.5 - 1e-9, 0.5 - 2e-9, 0.5 - 1e-7, 0.49]

EARLY_STOPPING = [
    ({}, DOWN_AND_UP), ({}, FLAT), ({}, [0.5]),
    ({"patience": 2}, DOWN_AND_UP), ({"patience": 3}, DOWN_AND_UP), ({"patience": 5}, DOWN_AND_UP),
    ({"patience": 2, "restore_best_weights": True}, DOWN_AND_UP),
    ({"patience": 20, "restore_best_weights": True}, DOWN_AND_UP),
    ({"patience": 3, "min_delta": 0.02}, SMALL_STEPS), ({"patience": 2, "min_delta": -0.01}, SMALL_STEPS),
    ({"patience": 3, "baseline": 0.65}, DOWN_AND_UP), ({"patience": 3, "baseline": 0.75}, DOWN_AND_UP),
    ({"patience": 2, "baseline": 0.1, "restore_best_weights": True}, DOWN_AND_UP),
    ({"patience": 1, "start_from_epoch": 3}, DOWN_AND_UP),
    ({"patience": 2, "start_from_epoch": 4, "restore_best_weights": True}, DOWN_AND_UP),
    ({"patience": 2, "mode": "max"}, UP), ({"patience": 3, "mode": "max", "min_delta": 0.15}, UP),
    ({"patience": 2, "mode": "max", "baseline": 0.45, "restore_best_weights": True}, UP),
    ({"patience": 2}, WITH_NAN), ({"patience": 2, "restore_best_weights": True}, NAN_FIRST),
    ({"patience": 2}, BELOW_FLOAT32),
]


def early_stopping_cases():
    for args, values in EARLY_STOPPING:
        model, callback = Model(), callbacks.EarlyStopping(**args)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, value in enumerate(values):
            model.epoch = epoch
            callback.on_epoch_end(epoch, {"loss": 0.0, "val_loss": value})
            if model.stop_training:
                break
        callback.on_train_end()
        yield dict(args=args, values=values, epochs=epoch + 1, stopped=model.stop_training, wait=callback.wait,
                   stopped_epoch=callback.stopped_epoch, best=callback.best, best_epoch=callback.best_epoch,
                   remembered=model.remembered, restored=model.restored)


PLATEAU = [
    ({"patience": 2}, DOWN_AND_UP, 0.1), ({"patience": 1, "factor": 0.5}, FLAT, 0.01),
    ({"patience": 1, "factor": 0.5, "cooldown": 2}, FLAT, 0.01), ({"patience": 2, "cooldown": 1}, DOWN_AND_UP, 0.1),
    ({"patience": 1, "factor": 0.1, "min_lr": 0.001}, FLAT, 0.05),
    ({"patience": 0, "factor": 0.5}, FLAT, 0.1), ({"patience": 2, "min_delta": 0.01, "factor": 0.5}, SMALL_STEPS, 0.1),
    ({"patience": 2, "mode": "max", "factor": 0.2}, UP, 0.1), ({"patience": 1}, WITH_NAN, 0.1),
    ({"patience": 1, "factor": 0.9, "monitor": "learning_rate"}, FLAT, 0.1),
]


def plateau_cases():
    for args, values, rate in PLATEAU:
        args = args | ({"mode": "min"} if args.get("monitor") else {})
        model, callback = Model(rate), callbacks.ReduceLROnPlateau(**args)
        callback.set_model(model)
        callback.on_train_begin()
        rates, logged = [], []
        for epoch, value in enumerate(values):
            logs = {"val_loss": value}
            callback.on_epoch_end(epoch, logs)
            model.optimizer.learning_rate = np.float32(model.optimizer.learning_rate)
            rates.append(float(model.optimizer.learning_rate))
            logged.append(logs["learning_rate"])
        yield dict(args=args, values=values, rate=rate, rates=rates, logged=logged)


CHECKPOINTS = [
    ({"filepath": "{epoch:02d}-{val_loss:.2f}.keras"}, DOWN_AND_UP[:4], 3),
    ({"filepath": "best.keras", "save_best_only": True}, DOWN_AND_UP, 3),
    ({"filepath": "{epoch}.weights.h5", "save_best_only": True, "save_weights_only": True}, WITH_NAN, 3),
    ({"filepath": "{epoch:03d}.weights.h5", "save_best_only": True, "save_weights_only": True, "mode": "max"}, UP, 3),
    ({"filepath": "{epoch}.keras", "save_best_only": True, "initial_value_threshold": 0.72}, DOWN_AND_UP, 3),
    ({"filepath": "{epoch}.keras", "save_best_only": True}, BELOW_FLOAT32, 3),
    ({"filepath": "{epoch:02d}-{batch:04d}.keras", "save_freq": 2}, FLAT[:4], 3),
    ({"filepath": "{epoch}-{batch}.keras", "save_freq": 5}, FLAT[:5], 3),
    ({"filepath": "{epoch}-{batch}-{loss:.3e}.keras", "save_freq": 7}, FLAT[:5], 5),
]
FORMATS = [
    ("{epoch}", 3, 0.5), ("{epoch:02d}", 3, 0.5), ("{epoch:4d}|{epoch:<4}|{epoch:04}", 12, 0.5), ("{epoch:02d}", 123, 0.5),
    ("{val_loss}", 1, 0.1), ("{val_loss}", 1, 1.0), ("{val_loss}", 1, 1e-5), ("{val_loss}", 1, 1e16), ("{val_loss}", 1, 12345.678),
    ("{val_loss:.2f}", 1, 0.125), ("{val_loss:.2f}", 1, 2.675), ("{val_loss:8.3f}|{val_loss:08.3f}", 1, -1.5),
    ("{val_loss:.2e}", 1, 12345.678), ("{val_loss:.3g}", 1, 12345.678), ("{val_loss:.3g}", 1, 0.5), ("{val_loss:g}", 1, 1e-5),
    ("{val_loss:.1%}", 1, 0.8765), ("{val_loss:f}", 1, 0.5), ("{val_loss:.0f}", 1, 0.5), ("{val_loss:.2f}", 1, NAN),
    ("{val_loss}", 1, INF), ("{{}}{epoch}", 1, 0.5), ("{val_loss:e}", 1, 1e-100), ("{epoch:.2f}", 7, 0.5),
]


def checkpoint_cases():
    for args, values, batches in CHECKPOINTS:
        model = Model()
        callback = callbacks.ModelCheckpoint(**args)
        callback.set_model(model)
        for epoch, value in enumerate(values):
            callback.on_epoch_begin(epoch)
            for number in range(batches):
                callback.on_train_batch_end(number, {"loss": 0.125 * number})
            callback.on_epoch_end(epoch, {"loss": 0.25, "val_loss": value})
        yield dict(args=args, values=values, batches=batches, saved=model.saved)


def scheduler_case():
    model = Model(0.1)
    callback = callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 2 else rate * 0.5)
    callback.set_model(model)
    rates = []
    for epoch in range(5):
        callback.on_epoch_begin(epoch)
        model.optimizer.learning_rate = np.float32(model.optimizer.learning_rate)
        logs = {"loss": 0.5}
        callback.on_epoch_end(epoch, logs)
        rates.append(logs["learning_rate"])
    return dict(rate=0.1, rates=rates)


RUN = [{"loss": 0.6931471824645996, "accuracy": 0.5, "val_loss": 1e-05, "val_accuracy": 1.0},
       {"loss": 1e16, "accuracy": 0.1, "val_loss": 123456789.125, "val_accuracy": NAN},
       {"loss": INF, "accuracy": -0.0, "val_loss": 5e-324, "val_accuracy": 0.30000001192092896}]
SHORT = [{"loss": 0.5, "accuracy": 0.25}, {"loss": 0.25, "accuracy": 0.5, "val_loss": 0.75}, {"loss": 0.125}]
ODD = [{"a;b": 0.5, 'q"q': 1.5}]
CSVS = [
    (",", False, [RUN]), (";", False, [RUN]), (",", False, [SHORT]), (",", True, [RUN, RUN[:1]]),
    (",", False, [RUN, SHORT]), (";", True, [SHORT, ODD]), (";", False, [ODD]), ("\t", True, [RUN[:2]]),
]


def csv_cases():
    for separator, append, runs in CSVS:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log.csv")
            for run in runs:
                callback = callbacks.CSVLogger(path, separator=separator, append=append)
                callback.on_train_begin()
                for epoch, logs in enumerate(run):
                    callback.on_epoch_end(epoch, logs)
                callback.on_train_end()
            text = pathlib.Path(path).read_bytes().decode()
        yield dict(separator=separator, append=append, runs=runs, text=text)


def tensorboard_case():
    epochs = [{"loss": 0.5, "accuracy": 0.25, "val_loss": 0.75}, {"loss": 0.25, "accuracy": 0.5, "val_loss": 0.625}]
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01))
    read, files = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        callback = callbacks.TensorBoard(folder, write_graph=False)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, logs in enumerate(epochs):
            callback.on_epoch_end(epoch, logs)
        callback.on_train_end()
        for part in ("train", "validation"):
            path = next(pathlib.Path(folder, part).iterdir())
            files[part] = path.read_bytes().hex()
            read[part] = [[event.step, value.tag, float(tf.make_ndarray(value.tensor)), event.wall_time]
                          for event in tf.compat.v1.train.summary_iterator(str(path)) for value in event.summary.value]
    return dict(epochs=epochs, rate=float(np.float32(0.01)), read=read, files=files)


# ---- initializers

SHAPES = [[], [5], [3, 4], [3, 3, 2, 8], [5, 4, 6], [1, 1, 16, 4], [7, 7, 3, 64]]
NAMES = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
         "random_uniform", "random_normal", "truncated_normal"]


def initializer_cases():
    """The distribution that Keras asks its generator for."""
    asked = {}

    def note(kind):
        def draw(shape, **args):
            asked.update(kind=kind, **{key: value for key, value in args.items() if key not in ("dtype", "seed")})
            return np.zeros(shape, np.float32)
        return draw

    fake = types.SimpleNamespace(**{kind: note(kind) for kind in ("uniform", "normal", "truncated_normal")},
                                 make_default_seed=lambda: 1)
    real, random_initializers.random = random_initializers.random, fake
    cases = [(name, {}) for name in NAMES]
    cases += [("variance_scaling", dict(scale=s, mode=m, distribution=d)) for s, m, d in
              [(2.0, "fan_out", "uniform"), (0.5, "fan_avg", "untruncated_normal"), (1.0, "fan_in", "truncated_normal")]]
    for name, args in cases:
        for shape in SHAPES:
            asked.clear()
            getattr(keras.initializers, name)(**args)(shape)
            yield dict(name=name, args=args, shape=shape, fans=random_initializers.compute_fans(shape), asked=dict(asked))
    random_initializers.random = real


def moments():
    """The deviation of Keras's own truncated and plain normal values, from a million of them."""
    draws = {kind: np.asarray(getattr(keras.random, kind)((1000000,), seed=1)) for kind in ("normal", "truncated_normal")}
    return {kind: dict(deviation=float(d.std()), largest=float(np.abs(d).max())) for kind, d in draws.items()}


def chacha8(seed, blocks):
    """64-bit words of rand_chacha's ChaCha8Rng::seed_from_u64: the key by PCG32, counter and stream from 0."""
    mask32, state, key = 0xFFFFFFFF, seed, []
    for _ in range(8):
        state = (state * 6364136223846793005 + 11634580027462260723) & rng.MASK
        mixed, turn = (((state >> 18) ^ state) >> 27) & mask32, state >> 59
        key.append(((mixed >> turn) | (mixed << (32 - turn))) & mask32)

    def quarter(x, a, b, c, d):
        for p, q, r, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[p] = (x[p] + x[q]) & mask32
            x[r] ^= x[p]
            x[r] = ((x[r] << turn) | (x[r] >> (32 - turn))) & mask32

    words = []
    for block in range(blocks):
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key, block, 0, 0, 0]
        x = list(start)
        for _ in range(4):
            for column in range(4):
                quarter(x, column, column + 4, column + 8, column + 12)
            for column in range(4):
                quarter(x, column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
        words += [(a + b) & mask32 for a, b in zip(x, start)]
    return [low | high << 32 for low, high in zip(words[::2], words[1::2])]


def stream(seed, count):
    """Uniform values in [0, 1) of 53 bits, and normal ones by Box-Muller: sqrt(-2 ln(1 - u)) times cos, then sin, of 2 pi v."""
    units = [(word >> 11) / 2**53 for word in chacha8(seed, 8)]
    normal = []
    for u, v in zip(units[::2], units[1::2]):
        radius = math.sqrt(-2 * math.log(1 - u))
        normal += [radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)]
    return dict(seed=seed, uniform=units[:count], normal=normal[:count])


def main():
    book = dict(
        schedules=list(schedule_cases()),
        metrics=list(metric_cases()),
        early_stopping=list(early_stopping_cases()),
        plateau=list(plateau_cases()),
        checkpoints=list(checkpoint_cases()),
        formats=[dict(template=t, epoch=e, value=v, text=t.format(epoch=e, val_loss=v)) for t, e, v in FORMATS],
        scheduler=scheduler_case(),
        csv=list(csv_cases()),
        tensorboard=tensorboard_case(),
        initializers=list(initializer_cases()),
        moments=moments(),
        streams=[stream(seed, 24) for seed in (0, 1, 2**63 + 12345)],
    )
    lines = []
    for key, value in book.items():
        entries = [json.dumps(plain(entry)) for entry in value] if isinstance(value, list) else None
        lines.append(f'"{key}": ' + ("[\n" + ",\n".join(entries) + "\n]" if entries else json.dumps(plain(value))))
    (pathlib.Path(__file__).parent / "training.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
