"""Float64 formulas of the layers that one of Keras's backends computes partly in float32 even when asked for
float64. They decide nothing: they prove that the output taken from Keras is the float64 one."""
import math

import numpy as np


def _gelu(x, approximate):
    if approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * np.vectorize(lambda v: math.erfc(-v / math.sqrt(2)))(x)


def _axis_shape(shape, axes):
    return [n if i in axes else 1 for i, n in enumerate(shape)]


def _linear_axis(x, axis, n_out):
    n_in = x.shape[axis]
    at = np.clip((np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5, 0, n_in - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, n_in - 1)
    shape = [1] * x.ndim
    shape[axis] = n_out
    f = (at - low).reshape(shape)
    return np.take(x, low, axis) * (1 - f) + np.take(x, high, axis) * f


def _resize(x, config):
    h, w = config["height"], config["width"]
    height, width = x.shape[1:3]
    if config["crop_to_aspect_ratio"]:
        ch, cw = max(min(height, width * h // w), 1), max(min(width, height * w // h), 1)
        top, left = (height - ch) // 2, (width - cw) // 2
        x = x[:, top:top + ch, left:left + cw]
    if config["pad_to_aspect_ratio"]:
        top, left = (max(height, width * h // w) - height) // 2, (max(width, height * w // h) - width) // 2
        x = np.pad(x, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=config["fill_value"])
    return _linear_axis(_linear_axis(x, 1, h), 2, w)


def expected(cls, config, inputs, weights):
    """The output by formula, or None where there is none here."""
    x = inputs[0]
    if cls == "gelu":
        return _gelu(x, config["approximate"])
    if cls == "Activation" and config["activation"] == "gelu":
        return _gelu(x, False)
    if cls == "Activation" and config["activation"] == "tanh":
        return np.tanh(x)
    if cls in ("Dense", "Conv2D", "SeparableConv2D"):
        return None   # their activation is one of the two above
    if cls in ("leaky_relu", "LeakyReLU") or (cls == "Activation" and config["activation"] == "leaky_relu"):
        return np.where(x < 0, x * config.get("negative_slope", 0.2), x)
    if cls in ("ReLU", "relu"):
        slope, top, t = config["negative_slope"], config["max_value"], config["threshold"]
        y = np.where(x > t, x, slope * (x - t)) if t >= 0 or slope == 0 else np.where(x >= t, x, slope * (x - t))
        return np.minimum(y, top) if top is not None else y
    if cls == "GlobalAveragePooling2D":
        return x.mean((1, 2) if config["data_format"] == "channels_last" else (2, 3), keepdims=config["keepdims"])
    if cls == "Rescaling":
        return x * np.array(config["scale"], dtype=np.float64) + np.array(config["offset"], dtype=np.float64)
    if cls == "Normalization":
        axes = config["axis"]
        axes = () if axes is None else [a % x.ndim for a in (axes if isinstance(axes, list) else [axes])]
        shape = _axis_shape(x.shape, axes)
        mean, variance = (np.array(config[k] if config[k] is not None else weights[k], dtype=np.float64) for k in ("mean", "variance"))
        mean, variance = (np.broadcast_to(v, [x.shape[a] for a in sorted(axes)] if v.ndim == 0 else v.shape).reshape(shape) for v in (mean, variance))
        sd = np.maximum(np.sqrt(variance), 1e-7)
        return mean + x * sd if config["invert"] else (x - mean) / sd
    if cls == "BatchNormalization":
        shape = _axis_shape(x.shape, [config["axis"] % x.ndim])
        w = {k: v.reshape(shape) for k, v in weights.items()}
        return (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + config["epsilon"]) * w.get("gamma", 1.0) + w.get("beta", 0.0)
    if cls == "LayerNormalization":
        axes = config["axis"]
        axes = tuple(sorted(a % x.ndim for a in (axes if isinstance(axes, list) else [axes])))
        if config["rms_scaling"]:
            return None
        shape = _axis_shape(x.shape, axes)
        w = {k: v.reshape(shape) for k, v in weights.items()}
        centred = x - x.mean(axes, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + config["epsilon"]) * w.get("gamma", 1.0) + w.get("beta", 0.0)
    if cls == "Resizing" and config["interpolation"] == "bilinear" and not config["antialias"]:
        return _resize(x, config)
    if cls == "UpSampling2D" and config["interpolation"] == "bilinear":
        return _linear_axis(_linear_axis(x, 1, x.shape[1] * config["size"][0]), 2, x.shape[2] * config["size"][1])
    return None
