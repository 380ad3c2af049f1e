"""The counter-based number generator behind every weight, image and input here (numpy only).

raw(key, i) is splitmix64 whose state starts at fnv1a64(key); u(key, i) = (raw >> 40) / 2^24;
value(key, i, lo, hi) = float32(lo + (hi - lo) * u), in float64, each operation rounded on its own.
"""
import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def fnv1a64(s):
    h = 0xCBF29CE484222325
    for b in s.encode("utf-8"):
        h = ((h ^ b) * 0x100000001B3) & MASK
    return h


def raw(key, n, start=0):
    """Elements start .. start + n of the stream of `key`, as uint64."""
    i = np.arange(start, start + n, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a64(key)) + (i + np.uint64(1)) * np.uint64(GOLDEN)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def u24(key, n, start=0):
    """k / 2^24 in [0, 1), exact in float32."""
    return (raw(key, n, start) >> np.uint64(40)).astype(np.float64) * (1.0 / 16777216.0)


def uniform(key, shape, lo, hi):
    """A float32 tensor of values in [lo, hi), row-major."""
    n = int(np.prod(shape, dtype=np.int64)) if len(shape) else 1
    return (lo + (hi - lo) * u24(key, n)).astype(np.float32).reshape(shape)


def image(h, w, c=3):
    """An integer-valued picture 0..255, float32 [h, w, c]: half an 8 x 8 grid of blocks, half noise."""
    coarse = u24("input/coarse", 8 * 8 * c).reshape(8, 8, c)
    fine = u24("input/fine", h * w * c).reshape(h, w, c)
    yy, xx = (np.arange(h) * 8) // h, (np.arange(w) * 8) // w
    return np.floor(256.0 * (0.5 * coarse[yy][:, xx] + 0.5 * fine)).astype(np.float32)


if __name__ == "__main__":
    for s in ("conv1/kernel", "conv1_conv/kernel", "predictions/bias", ""):
        print(repr(s), hex(fnv1a64(s)), [hex(int(x)) for x in raw(s, 3)], uniform(s, (4,), -1.0, 1.0).tolist())
