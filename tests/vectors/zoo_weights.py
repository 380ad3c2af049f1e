"""Weight files of zoo models as Keras writes them, with the weights that forward/<ARCH>/weights.json.gz lists (not committed: hundreds of MB).

usage: zoo_weights.py OUTDIR ARCH...     ARCH: ResNet50 VGG16 MobileNetV2 InceptionV3
Writes ARCH.weights.h5 (Keras 3), ARCH.h5 (legacy, weights only) and ARCH.input.npy (preprocessed picture, float32 NHWC, batch of one).
"""
import gzip
import importlib
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import h5py
import keras
import numpy as np
from keras.src.legacy.saving import legacy_h5_format
import rng

MODULE = {"ResNet50": "resnet", "VGG16": "vgg16", "MobileNetV2": "mobilenet_v2", "InceptionV3": "inception_v3"}


def write(arch, out):
    keras.backend.clear_session()
    model = getattr(keras.applications, arch)(weights=None)
    rows = {r["path"]: r for r in json.load(gzip.open(os.path.join(HERE, "forward", arch, "weights.json.gz")))}
    assert sorted(w.path for w in model.weights) == sorted(rows), arch   # the table is in another order for ResNet50
    for w in model.weights:
        r = rows[w.path]
        value = rng.uniform(r["key"], tuple(w.shape), r["lo"], r["hi"])
        assert value.astype(np.float64).sum() == r["sum"], w.path
        w.assign(value)
    _, h, w, c = model.input_shape
    module = importlib.import_module("keras.applications." + MODULE[arch])
    x = module.preprocess_input(rng.image(h, w, c)[None].copy()).astype(np.float32)
    np.save(os.path.join(out, arch + ".input.npy"), x)
    model.save_weights(os.path.join(out, arch + ".weights.h5"))
    with h5py.File(os.path.join(out, arch + ".h5"), "w") as f:
        legacy_h5_format.save_weights_to_hdf5_group(f, model)
    # the files are right if Keras's own float32 logits are near the float64 truth
    head = model.layers[-1]
    head.activation = keras.activations.linear
    logits = np.array(model(x, training=False))[0]
    truth = np.load(os.path.join(HERE, "forward", arch, "logits_f64.npy"))
    print(f"{arch}: {len(rows)} tensors, input {x.shape}, Keras's float32 logits within {np.abs(logits - truth).max():.1e} of float64", flush=True)
    assert np.abs(logits - truth).max() < 1e-4, arch


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for arch in sys.argv[2:]:
        write(arch, sys.argv[1])
