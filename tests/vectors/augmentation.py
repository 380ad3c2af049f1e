"""What Keras's augmentation layers make of pictures when the numbers that they draw are given.

    python augmentation.py        # Keras 3.15.1 on TensorFlow; writes augmentation.json.gz beside this file

Every number drawn comes from one list of uniform numbers, which is written too: a layer that draws "from a to b" gets a + u (b - a).
So the file says what a layer does with its numbers, and from where to where it draws them.
"""

import gzip
import json
import pathlib

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow import random as backend_random

L = keras.layers
SHAPE = (3, 9, 8, 3)
DRAWN = []
NUMBERS = np.random.default_rng(2026)


def numbers(shape):
    """Multiples of 2^-12, in [0, 1)."""
    u = NUMBERS.integers(0, 1 << 12, size=tuple(int(size) for size in shape)) / (1 << 12)
    DRAWN.append(u.ravel().tolist())
    return u


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    u = numbers(shape)
    return tf.constant(minval + u * (maxval - minval), dtype="float32")


def randint(shape, minval, maxval, dtype="int32", seed=None):
    return tf.cast(np.floor(minval + numbers(shape) * (maxval - minval)), dtype)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    u, v = numbers(shape), numbers(shape)
    return tf.constant(np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v), dtype="float32")


backend_random.uniform, backend_random.randint, backend_random.normal = uniform, randint, normal

# Bytes with edges and plains, so that each kind of change is seen; the last picture's first channel is flat.
PICTURES = NUMBERS.integers(0, 256, size=SHAPE).astype("float32")
PICTURES[:, 2:5, 3:6] = PICTURES[:, 2:3, 3:4]
PICTURES[1, 6:] = 0
PICTURES[2, ..., 0] = 77


def layers():
    """Layers, and whether their pixels lie between 0 and 1."""
    bytes_ = [
        L.RandomFlip("horizontal"), L.RandomFlip("vertical"), L.RandomFlip(seed=3),
        L.RandomRotation(0.3), L.RandomRotation((-1.0, 1.0), fill_mode="wrap"),
        L.RandomRotation(0.2, fill_mode="constant", fill_value=40.0), L.RandomRotation(0.4, fill_mode="nearest", interpolation="nearest"),
        L.RandomZoom(0.5), L.RandomZoom((0.2, 0.6), (-0.5, 0.9), fill_mode="constant"), L.RandomZoom(0.9, 0.1, interpolation="nearest"),
        L.RandomTranslation(0.4, (-0.1, 0.7)), L.RandomTranslation(1.0, 1.0, fill_mode="wrap", interpolation="nearest"),
        L.RandomShear(0.4, 0.2), L.RandomShear((0.2, 0.9), fill_mode="nearest"),
        L.RandomPerspective(1.0, 0.9), L.RandomPerspective((0.6, 1.0), 0.5, interpolation="nearest", fill_value=9.0),
        L.RandomCrop(5, 4), L.RandomCrop(9, 4), L.RandomCrop(12, 5), L.RandomCrop(11, 14),
        L.CenterCrop(5, 6), L.CenterCrop(4, 8), L.CenterCrop(12, 4), L.CenterCrop(13, 14),
        L.RandomContrast(0.8), L.RandomContrast((0.4, 0.9)),
        L.RandomBrightness(0.6), L.RandomBrightness((0.1, 0.3)),
        L.RandomSaturation((0.2, 0.9)), L.RandomSaturation(0.7),
        L.RandomHue(0.9), L.RandomHue((0.3, 0.6)),
        L.RandomGrayscale(0.6),
        L.RandomErasing(1.0, (0.2, 0.6), 17.0), L.RandomErasing((0.7, 1.0), 0.9, [300.0, 20.0, -4.0]), L.RandomErasing((1.0, 1.0), (0.4, 0.5)),
        L.RandomSharpness(1.0), L.RandomSharpness((0.0, 0.3)),
        L.RandomColorDegeneration(0.8), L.RandomColorDegeneration((0.4, 0.9)),
        L.RandomColorJitter(brightness_factor=0.2, contrast_factor=0.4, saturation_factor=(0.3, 0.6), hue_factor=0.3),
        L.RandomColorJitter(contrast_factor=(0.2, 0.3), hue_factor=(0.1, 0.2)),
        L.RandomPosterization(8), L.RandomPosterization((3, 6)), L.RandomPosterization((2, 2)),
        L.RandomGaussianBlur((1.0, 1.0), 5, (0.6, 1.0)), L.RandomGaussianBlur(1.0, (3, 7), 0.9),
        L.RandomInvert(), L.RandomInvert((0.2, 0.7)),
        L.Solarization(0.3, 0.9), L.Solarization((0.1, 0.2), (0.4, 0.6)),
        L.AutoContrast(), L.Equalization(), L.Equalization(bins=52),
        *(L.RandAugment() for _ in range(6)), L.RandAugment(num_ops=3, factor=(0.2, 0.7), interpolation="nearest"),
    ]
    unit = (0.0, 1.0)
    units = [
        L.RandomContrast(0.5, value_range=unit), L.RandomBrightness(0.4, value_range=unit),
        L.RandomSaturation((0.3, 0.9), value_range=unit), L.RandomHue(0.8, value_range=unit),
        L.RandomErasing(1.0, (0.3, 0.8), 0.25, value_range=unit), L.RandomSharpness(0.9, value_range=unit),
        L.RandomColorDegeneration(0.8, value_range=unit), L.RandomPosterization(5, value_range=unit),
        L.RandomInvert(value_range=unit), L.Solarization(0.1, 0.8, value_range=unit), L.AutoContrast(value_range=unit), L.Equalization(unit),
        L.RandomColorJitter(unit, 0.2, 0.3, (0.4, 0.6), 0.5), L.RandomGaussianBlur(value_range=unit),
    ]
    signed = [L.AutoContrast(value_range=(-1.0, 1.0)), L.RandomBrightness(0.3, value_range=(-1.0, 1.0))]
    return [(layer, 255.0) for layer in bytes_] + [(layer, 1.0) for layer in units] + [(layer, -1.0) for layer in signed]


def scaled(largest):
    """The pictures as bytes, in [0, 1] away from whole bytes, or in [-1, 1]."""
    if largest == 255.0:
        return PICTURES
    unit = (PICTURES + 0.5) / 256
    return (unit if largest == 1.0 else 2 * unit - 1).astype("float32")


def layer_case(layer, largest):
    DRAWN.clear()
    y = np.asarray(layer(scaled(largest), training=True), dtype="float64")
    config = {key: value for key, value in layer.get_config().items() if key not in ("name", "trainable", "dtype")}
    if isinstance(layer, L.RandomCrop):
        config["seed"] = None  # Keras's own choice, another one each time.
    if isinstance(layer, L.RandAugment):
        # Keras draws once for each augmentation, we each time that one is taken.
        DRAWN[1:] = DRAWN[1:] * layer.num_ops
    return {
        "class": type(layer).__name__, "config": config, "largest": largest, "drawn": [list(u) for u in DRAWN],
        "shape": list(y.shape), "y": np.round(y, 1 if largest == 255.0 else 3).ravel().tolist(),
    }


def warp_cases():
    """TensorFlow's ImageProjectiveTransformV3 where positions lie far outside, too."""
    x = PICTURES[:, :5, :4, :1]
    maps = np.concatenate([
        1 + 2 * NUMBERS.standard_normal((3, 1)), NUMBERS.standard_normal((3, 1)), 8 * NUMBERS.standard_normal((3, 1)),
        NUMBERS.standard_normal((3, 1)), 1 + 2 * NUMBERS.standard_normal((3, 1)), 8 * NUMBERS.standard_normal((3, 1)),
        0.05 * NUMBERS.standard_normal((3, 2)),
    ], axis=1)
    halves = np.array([[1, 0, -6.5, 0, 1, 7.5, 0, 0], [-3, 1, 40, 2, 2, -31, 0, 0], [0.5, 0, -9, 0, -0.5, 3, 0, 0]])
    for case in (maps, halves):
        case = np.round(case, 3).astype("float32")
        for interpolation in ("nearest", "bilinear"):
            for fill_mode in ("constant", "nearest", "reflect", "wrap"):
                y = tf.raw_ops.ImageProjectiveTransformV3(
                    images=x, transforms=case, output_shape=(6, 7), fill_value=50.0,
                    interpolation=interpolation.upper(), fill_mode=fill_mode.upper())
                yield {
                    "interpolation": interpolation, "fill_mode": fill_mode, "maps": case.astype("float64").round(3).ravel().tolist(),
                    "y": np.round(np.asarray(y, dtype="float64"), 2).ravel().tolist(),
                }


def main():
    cases = {
        "pictures": PICTURES.astype(int).ravel().tolist(), "shape": SHAPE,
        "layers": [layer_case(*layer) for layer in layers()], "warps": list(warp_cases()),
    }
    path = pathlib.Path(__file__).with_name("augmentation.json.gz")
    path.write_bytes(gzip.compress(json.dumps(cases, separators=(",", ":")).encode(), mtime=0))
    print(path.name, path.stat().st_size, "bytes,", len(cases["layers"]), "layers")


main()
