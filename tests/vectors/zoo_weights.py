"""Weight files of a zoo model as Keras writes them, and the logits that they have to give (not committed: hundreds of MB each).

usage: zoo_weights.py OUTDIR ARCH     ARCH: any constructor of keras.applications
Writes into OUTDIR: ARCH.weights.h5 (Keras 3), a legacy weights file under the published one's name, each FILE with
FILE.logits.npy (float64: what Keras computes in float64), and ARCH.input.npy (the recipe's picture at the default size,
preprocessed, float32 NHWC, batch of one).

The weights are the recipe's. Their scales are those of forward/ARCH where that exists, else found here, layer by layer,
as scripts/forward.py finds them. EfficientNet has two graphs: the legacy file is of the one that goes with the published
weights, `.weights.h5` of the other.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "scripts")]
from common import fake_imagenet, keras, np
import h5py
from keras.src.legacy.saving import legacy_h5_format
import forward


def build(arch, weights):
    with fake_imagenet():
        return forward.build(arch, weights=weights)


def logits(model, x):
    """The model's output before its softmax."""
    model.layers[-1].activation = keras.activations.linear
    return np.array(model(x, training=False))[0]


def truth(arch, weights, model, x):
    """The logits in float64: those of forward/ where they are."""
    known = os.path.join(HERE, "forward", arch, "logits_f64.npy")
    if os.path.exists(known):
        return np.load(known)
    values = [np.array(w) for w in model.weights]
    keras.config.set_floatx("float64")
    try:
        twin = build(arch, weights)
        forward.copy_weights(twin, values)
        return logits(twin, x.astype(np.float64))
    finally:
        keras.config.set_floatx("float32")


def write_h5(model, path):
    with h5py.File(path, "w") as f:
        legacy_h5_format.save_weights_to_hdf5_group(f, model)


def write(arch, out):
    published = json.load(open(os.path.join(HERE, "applications.json")))["models"][arch]["imagenet_weight_file"]["top"][0]["file"]
    files = {arch + ".weights.h5": lambda model, path: model.save_weights(path), published: write_h5}
    graphs = {None: files}
    if arch.startswith("EfficientNetB"):
        graphs = {weights: {name: files[name]} for weights, name in zip((None, "imagenet"), files)}
    for weights, files in graphs.items():
        model = build(arch, weights)
        x, _ = forward.picture(arch, model)
        scales = os.path.join(HERE, "forward", arch, "scales.json")
        scales = json.load(open(scales)) if os.path.exists(scales) else forward.calibrate(arch, model, x)
        forward.set_weights(model, scales)
        logits32, logits64 = logits(model, x), truth(arch, weights, model, x)
        assert logits64.dtype == np.float64, logits64.dtype
        error = np.abs(logits32 - logits64).max()
        print(f"{arch}: {len(model.weights)} tensors, input {x.shape}, logits deviate by {logits64.std():.2f}, Keras's float32 is within {error:.1e}", flush=True)
        # Whether the twin is the same model: Keras's own float32 is 1.0e-4 off for EfficientNetB5. The truth is the float64.
        assert error < 1e-3, arch
        np.save(os.path.join(out, arch + ".input.npy"), x)
        for name, save in files.items():
            save(model, os.path.join(out, name))
            np.save(os.path.join(out, name + ".logits.npy"), logits64)


if __name__ == "__main__":
    write(sys.argv[2], sys.argv[1])
