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
from keras.src.layers.preprocessing.image_preprocessing import aug_mix

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


def symmetric_beta(shape, alpha):
    """Devroye's formula for Beta(alpha, alpha), exact and of two numbers (Random variate generation in one line of code, 1996)."""
    u, v = numbers(shape), numbers(shape)
    q, c = (1 - u) ** (1 / alpha), np.cos(2 * np.pi * v)
    return (1 + c * np.sqrt((1 - q) / (q + (1 - q) * c * c))) / 2


def beta(shape, alpha, beta, dtype=None, seed=None):
    assert float(alpha) == float(beta)
    return tf.constant(symmetric_beta(shape, float(alpha)), dtype="float32")


def gamma(shape, alpha, dtype=None, seed=None):
    """Numbers that by their sum have the Dirichlet distribution, which is all that Keras draws them for: halves of halves."""
    shares, leaves = np.ones(1), 1 << (shape[0] - 1).bit_length()
    while len(shares) < leaves:
        first = shares * symmetric_beta(shares.shape, alpha * leaves / len(shares) / 2)
        shares = np.stack([first, shares - first], axis=1).ravel()
    return tf.constant(shares[:shape[0]], dtype="float32")


def shuffle(x, axis=0, seed=None):
    return tf.gather(x, np.argsort(numbers([x.shape[0]]), kind="stable"))


def stateless_normal(shape, seed, mean=0.0, stddev=1.0, dtype=None):
    """Of `elastic_transform`, which asks twice with one seed: here the two differ, as they do in Keras's other backends."""
    return normal(shape)


def choice(names):
    """Of `AugMix`, which lets the layer chosen draw its numbers next; we let all of them draw, in their order."""
    index = int(numbers(()) * len(names))
    for place, name in enumerate(names[:-1]):
        layer = getattr(AUG_MIX[-1], name)
        transformation = type(layer).get_random_transformation(layer, PICTURES)
        if place == index:
            object.__setattr__(layer, "get_random_transformation", lambda *_, made=transformation, **__: made)
    return names[index]


AUG_MIX = []
backend_random.uniform, backend_random.randint, backend_random.normal = uniform, randint, normal
backend_random.beta, backend_random.gamma, backend_random.shuffle = beta, gamma, shuffle
tf.random.stateless_normal = stateless_normal
aug_mix.py_random.choice = choice

# Bytes with edges and plains, so that each kind of change is seen; the last picture's first channel is flat.
PICTURES = NUMBERS.integers(0, 256, size=SHAPE).astype("float32")
PICTURES[:, 2:5, 3:6] = PICTURES[:, 2:3, 3:4]
PICTURES[1, 6:] = 0
PICTURES[2, ..., 0] = 77
# Large enough for a blur of the noise that bends it.
LARGE = (1, 44, 41, 1)
LARGE_PICTURE = NUMBERS.integers(0, 256, size=LARGE).astype("float32")
LABELS = np.eye(4, dtype="float32")[[2, 0, 3]]


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
        # None of these turns the flat channel and then stretches its rounding, as Keras does.
        *(L.AugMix() for _ in range(3)), L.AugMix(num_chains=2, chain_depth=2, factor=(0.2, 0.5), alpha=0.5, all_ops=False),
        L.AugMix(num_chains=1, chain_depth=1, interpolation="nearest"), L.AugMix(num_chains=5, chain_depth=1, alpha=2.0),
        L.RandomElasticTransform((1.0, 1.0)), L.RandomElasticTransform((0.5, 1.0), 1.0, fill_mode="wrap"),
        L.RandomElasticTransform((1.0, 1.0), (0.9, 1.0), "nearest", "constant", 30.0),
        L.RandomElasticTransform(1.0, (0.8, 1.0), fill_mode="nearest"),
        L.RandomElasticTransform((1.0, 1.0), (0.9, 1.0), "nearest", "wrap"),
        L.MixUp(), L.MixUp(1.0), L.CutMix(), L.CutMix((0.7, 1.0)),
    ]
    large = [L.RandomElasticTransform((1.0, 1.0), scale) for scale in ((0.99, 1.0), (0.5, 1.0), (0.1, 1.0))]
    unit = (0.0, 1.0)
    units = [
        L.RandomContrast(0.5, value_range=unit), L.RandomBrightness(0.4, value_range=unit),
        L.RandomSaturation((0.3, 0.9), value_range=unit), L.RandomHue(0.8, value_range=unit),
        L.RandomErasing(1.0, (0.3, 0.8), 0.25, value_range=unit), L.RandomSharpness(0.9, value_range=unit),
        L.RandomColorDegeneration(0.8, value_range=unit), L.RandomPosterization(5, value_range=unit),
        L.RandomInvert(value_range=unit), L.Solarization(0.1, 0.8, value_range=unit), L.AutoContrast(value_range=unit), L.Equalization(unit),
        L.RandomColorJitter(unit, 0.2, 0.3, (0.4, 0.6), 0.5), L.RandomGaussianBlur(value_range=unit),
        L.RandomElasticTransform((1.0, 1.0), value_range=unit), L.AugMix(unit),
    ]
    signed = [L.AutoContrast(value_range=(-1.0, 1.0)), L.RandomBrightness(0.3, value_range=(-1.0, 1.0))]
    cases = [(layer, 255.0) for layer in bytes_] + [(layer, 1.0) for layer in units] + [(layer, -1.0) for layer in signed]
    return [(*case, PICTURES) for case in cases] + [(layer, 255.0, LARGE_PICTURE) for layer in large]


def scaled(pictures, largest):
    """The pictures as bytes, in [0, 1] away from whole bytes, or in [-1, 1]."""
    if largest == 255.0:
        return pictures
    unit = (pictures + 0.5) / 256
    return (unit if largest == 1.0 else 2 * unit - 1).astype("float32")


def layer_case(layer, largest, pictures):
    DRAWN.clear()
    if isinstance(layer, L.AugMix):
        AUG_MIX.append(layer)
    x, labels = scaled(pictures, largest), None
    if isinstance(layer, (L.MixUp, L.CutMix)):
        mixed = layer({"images": x, "labels": LABELS}, training=True)
        y, labels = mixed["images"], np.round(np.asarray(mixed["labels"], dtype="float64"), 4).ravel().tolist()
    else:
        y = layer(x, training=True)
    y = np.asarray(y, dtype="float64")
    config = {key: value for key, value in layer.get_config().items() if key not in ("name", "trainable", "dtype")}
    if isinstance(layer, L.RandomCrop):
        config["seed"] = None  # Keras's own choice, another one each time.
    if isinstance(layer, L.RandAugment):
        # Keras draws once for each augmentation, we each time that one is taken.
        DRAWN[1:] = DRAWN[1:] * layer.num_ops
    if isinstance(layer, L.RandomElasticTransform):
        # Keras draws columns, then rows, we both for each pixel.
        across, down = DRAWN[-4:-2], DRAWN[-2:]
        DRAWN[-4:] = [np.stack(both, axis=-1).ravel().tolist() for both in zip(across, down)]
    return {
        "class": type(layer).__name__, "config": config, "largest": largest, "drawn": [list(u) for u in DRAWN],
        "large": pictures is LARGE_PICTURE, "labels": labels,
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


def posterized():
    """All bytes, brought to [-1, 1] in float32, with 1 to 8 bits: as multiples of 1/127.5 from -1 on."""
    x = (np.arange(256, dtype="float32") / np.float32(127.5) - 1).reshape(1, 16, 16, 1)
    for bits in range(1, 9):
        y = np.asarray(L.RandomPosterization((bits, bits), value_range=(-1.0, 1.0))(x, training=True), dtype="float64")
        yield np.round((y + 1) * 127.5).astype(int).ravel().tolist()


def main():
    cases = {
        "pictures": PICTURES.astype(int).ravel().tolist(), "shape": SHAPE,
        "large_picture": LARGE_PICTURE.astype(int).ravel().tolist(), "large_shape": LARGE, "labels": LABELS.ravel().tolist(),
        "layers": [layer_case(*layer) for layer in layers()], "warps": list(warp_cases()),
        "posterized": list(posterized()),
    }
    path = pathlib.Path(__file__).with_name("augmentation.json.gz")
    path.write_bytes(gzip.compress(json.dumps(cases, separators=(",", ":")).encode(), mtime=0))
    print(path.name, path.stat().st_size, "bytes,", len(cases["layers"]), "layers")


main()
