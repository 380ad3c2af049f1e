"""Converts every model of formats/ and nested/ by `cnn convert` into each format and opens what it wrote in real Keras.

usage: convert_check.py [--cnn PROGRAM]        (tensorflow, keras, safetensors; see README.md)
Prints a Markdown table; ends with status 1 if a row fails.

A row passes if Keras gives the very bits for the converted file that it gives for the file it once wrote itself: one
program, one machine, so weights and layers that are the same give outputs that are the same.
"""
import argparse
import glob
import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
from safetensors.numpy import load_file

HERE = os.path.dirname(os.path.abspath(__file__))


def models():
    """Files that Keras 3 wrote, each with its input."""
    for path in sorted(glob.glob(os.path.join(HERE, "formats", "small*.keras"))):
        if "keras2" not in path and "compiled" not in path:
            yield path, path.replace(".keras", "_input.npy")
    for path in sorted(glob.glob(os.path.join(HERE, "nested", "*.keras"))):
        yield path, os.path.join(HERE, "nested", "input.npy")


def set_from_safetensors(model, path):
    """Sets each weight from the tensor of its path. Keras itself drops the nested models from paths when it opens a file."""
    tensors = load_file(path)
    assert len(tensors) == len(model.weights), sorted(tensors)
    for weight in model.weights:
        [tensor] = [tensor for name, tensor in tensors.items() if ("/" + name).endswith("/" + weight.path)]
        weight.assign(tensor)


def convert(cnn, source, folder, name, *options):
    path = os.path.join(folder, name)
    subprocess.run([cnn, "convert", source, path, *options], check=True, stdout=subprocess.DEVNULL)
    return path


def emptied(path):
    """The model with other weights, so that none is right by staying as it was."""
    model = keras.models.load_model(path)
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 0.125, "float32"))
    return model


def check(cnn, source, folder):
    """Format and the model as Keras opens it."""
    yield ".keras", keras.models.load_model(convert(cnn, source, folder, "m.keras"))
    yield ".h5", keras.models.load_model(convert(cnn, source, folder, "m.h5"), compile=False)
    for name, options in [("m.weights.h5", []), ("w.h5", ["--weights-only"])]:
        model = emptied(source)
        model.load_weights(convert(cnn, source, folder, name, *options))
        yield ".weights.h5" if not options else ".h5, weights alone", model
    model = emptied(source)
    set_from_safetensors(model, convert(cnn, source, folder, "m.safetensors"))
    yield ".safetensors", model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cnn", default=os.path.join(HERE, "../../target/release/cnn"))
    arguments = parser.parse_args()
    failed = False
    print(f"Keras {keras.__version__}\n")
    print("| model | written as | largest difference of an output | verdict |")
    print("|---|---|---|---|")
    for source, x in models():
        x = np.load(x)
        wanted = keras.models.load_model(source).predict(x, verbose=0)
        with tempfile.TemporaryDirectory() as folder:
            for written, model in check(arguments.cnn, source, folder):
                got = model.predict(x, verbose=0)
                passed = np.array_equal(got, wanted)
                failed |= not passed
                difference = np.abs(got - wanted).max()
                name = os.path.relpath(source, HERE)
                print(f"| {name} | {written} | {difference:.1e} | {'passed' if passed else 'FAILED'} |", flush=True)
    sys.exit(failed)


main()
