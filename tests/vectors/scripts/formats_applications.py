"""Files of models with bare operations and the layers of keras.applications' own, as Keras 3 writes them (formats/)."""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
TRUTH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TRUTH)
import keras
import numpy as np
import rng
from keras import layers as L
from keras.src.applications.convnext import ConvNeXt
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

OUT = os.path.join(TRUTH, "formats")
RANGES = {"gamma": (0.9, 1.1), "beta": (-0.1, 0.1), "bias": (-0.05, 0.05), "variable": (0.1, 0.3)}


def convnext():
    return ConvNeXt([1, 2, 1, 1], [4, 8, 8, 8], drop_path_rate=0.2, input_shape=(32, 32, 3), classes=5, weights=None, name="convnext")


def operations():
    image = L.Input((32, 32, 3), name="image")
    x = L.Conv2D(6, 3, strides=2, name="conv")(2.0 - image / 100)
    y = L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    y = keras.ops.maximum(x, keras.ops.minimum(0.75, y)) - x * y
    y = CustomScaleLayer(0.17)([x, 3 / (y * y + 1)])
    y = L.GlobalAveragePooling2D(keepdims=True, name="gap")(x * y) + L.MaxPooling2D(15, name="max")(y)
    return keras.Model(image, L.Dense(5, activation="softmax", name="predictions")(L.Flatten()(y / 10)), name="operations")


x = rng.uniform("formats/input", (2, 32, 32, 3), 0.0, 255.0)
for build in (convnext, operations):
    keras.backend.clear_session()
    model = build()
    for weight in model.weights:
        role = weight.name.split("_")[0]
        a = (6.0 / int(np.prod(weight.shape[:-1]))) ** 0.5
        lo, hi = RANGES.get(role, (-a, a))
        layer = weight.path.split("/")[-2]
        weight.assign(rng.uniform(f"{layer}/{'gamma' if role == 'variable' else role}", tuple(weight.shape), lo, hi))
    path = os.path.join(OUT, model.name)
    np.save(path + "_input.npy", x)
    np.save(path + "_output.npy", np.array(model(x, training=False)))
    model.save(path + ".keras")
    model.save(path + ".h5")
    model.save_weights(path + ".weights.h5")
    with open(path + ".to_json.json", "w") as f:
        f.write(model.to_json(indent=None))
    print(model.name, model(x).numpy())
