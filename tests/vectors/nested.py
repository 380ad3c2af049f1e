"""Nested models, frozen and not, as Keras 3 and Keras 2 save them: writes nested/.

Every kernel and every vector of the base has the same shape, so an order mixed up shows only in the output.
usage: nested.py            (starts itself again for tf_keras)
"""
import json
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "nested")
sys.path.insert(0, HERE)
import numpy as np
import rng

FREEZE = {"trainable": [], "frozen": ["base"], "conv1_frozen": ["conv1"], "conv2_frozen": ["conv2"], "bn1_frozen": ["bn1"], "conv1_bn2_frozen": ["conv1", "bn2"]}
RANGES = {"gamma": (0.5, 1.5), "beta": (-0.5, 0.5), "moving_mean": (-0.5, 0.5), "moving_variance": (0.5, 1.5), "bias": (-0.5, 0.5)}


def base_layers(L):
    return [L.Conv2D(3, 3, padding="same", name="conv1"), L.BatchNormalization(name="bn1"), L.ReLU(name="relu1"),
            L.Conv2D(3, 3, padding="same", activation="relu", name="conv2"), L.BatchNormalization(name="bn2")]


def make_base(K, functional):
    L = K.layers
    if not functional:
        return K.Sequential([L.Input((8, 8, 3)), *base_layers(L)], name="base")
    i = L.Input((8, 8, 3), name="base_input")
    x = i
    for layer in base_layers(L):
        x = layer(x)
    return K.Model(i, L.Add(name="skip")([i, x]), name="base")


def build(K, kind, freeze):
    K.backend.clear_session()
    L = K.layers
    base = make_base(K, kind != "seq")
    for name in FREEZE[freeze]:
        (base if name == "base" else base.get_layer(name)).trainable = False
    head = [L.GlobalAveragePooling2D(name="pool"), L.Dense(4, activation="softmax", name="out")]
    if kind == "seq":
        return K.Sequential([L.Input((8, 8, 3)), base, *head], name=f"{kind}_{freeze}")
    i = L.Input((8, 8, 3), name="image")
    x = base(i)
    if kind == "deep":       # the base inside a second model, beside a layer of its own
        inner_in = L.Input((8, 8, 3), name="mid_input")
        mid = K.Model(inner_in, L.BatchNormalization(name="bn0")(base(L.Conv2D(3, 1, name="conv0")(inner_in))), name="mid")
        x = mid(i)
    for layer in head:
        x = layer(x)
    return K.Model(i, x, name=f"{kind}_{freeze}")


def key_of(path):
    return "/".join(path.split(":")[0].split("/")[-2:])


def path_of(w):
    return w.path if hasattr(w, "path") else w.name


def fill(model):
    for w in model.weights:
        key = key_of(path_of(w))
        lo, hi = RANGES.get(key.split("/")[1], (None, None))
        if lo is None:
            hi = (6.0 / int(np.prod(w.shape[:-1]))) ** 0.5
            lo = -hi
        w.assign(rng.uniform("nested/" + key, tuple(w.shape), lo, hi))


def models(K):
    for kind in ("seq", "fn", "deep"):
        for freeze in FREEZE:
            if kind != "seq" and freeze not in ("trainable", "frozen", "conv2_frozen"):
                continue
            model = build(K, kind, freeze)
            fill(model)
            yield model


def x():
    return rng.uniform("nested/input", (2, 8, 8, 3), -1.0, 1.0)


def keras3():
    import h5py
    import keras
    import tensorflow as tf
    from keras.src.legacy.saving import legacy_h5_format
    os.makedirs(OUT, exist_ok=True)
    np.save(os.path.join(OUT, "input.npy"), x())
    info = {"keras": keras.__version__, "tensorflow": tf.__version__}
    for m in models(keras):
        p = os.path.join(OUT, m.name)
        y = np.array(m(x(), training=False))
        np.save(p + ".output.npy", y)
        m.save(p + ".keras")
        m.save(p + ".h5")
        m.save_weights(p + ".weights.h5")
        with h5py.File(p + ".legacy_weights.h5", "w") as f:
            legacy_h5_format.save_weights_to_hdf5_group(f, m)
        for ext in (".keras", ".h5"):
            back = keras.saving.load_model(p + ext, compile=False)
            assert np.allclose(np.array(back(x(), training=False)), y, atol=1e-6), p + ext
        info[m.name] = {"weights": [[w.path, list(w.shape), bool(w.trainable)] for w in m.weights],
                        "legacy_order": {l.name: [w.path for w in l.trainable_weights + l.non_trainable_weights] for l in m.layers if l.weights}, "output": y.tolist()}
    json.dump(info, open(os.path.join(OUT, "info.json"), "w"), indent=1)


def keras2():
    import tf_keras
    worst = 0.0
    for m in models(tf_keras):
        p = os.path.join(OUT, m.name)
        y = np.array(m(x(), training=False))
        worst = max(worst, float(np.abs(y - np.load(p + ".output.npy")).max()))
        m.save(p + ".keras2.h5")
        m.save_weights(p + ".keras2_weights.h5")
        back = tf_keras.models.load_model(p + ".keras2.h5", compile=False)
        assert np.allclose(np.array(back(x(), training=False)), y, atol=1e-6), p
    assert worst < 1e-6, worst
    print("Keras 2 and Keras 3 outputs differ by at most", worst)


if __name__ == "__main__":
    if "--keras2" in sys.argv:
        keras2()
    else:
        keras3()
        subprocess.run([sys.executable, os.path.abspath(__file__), "--keras2"], check=True)
        print(sum(os.path.getsize(os.path.join(OUT, f)) for f in os.listdir(OUT)), "bytes in", len(os.listdir(OUT)), "files")
