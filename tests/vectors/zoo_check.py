"""Runs the program over weight files that Keras wrote and holds the logits against the float64 truth in forward/.

usage: zoo_check.py FOLDER [--cnn PROGRAM] [--devices reference,cpu,gpu] [ARCH...]
FOLDER is what zoo_weights.py filled. Prints a Markdown table; ends with status 1 if a row fails.

float32: every logit within 1e-4 of the truth, the top 10 in its order. float16 (on GPUs): the same top 1.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ARCHS = ["ResNet50", "VGG16", "MobileNetV2", "InceptionV3"]
LIMIT = 1e-4


def logits(cnn, arch, weights, picture, device, precision):
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "y.npy")
        subprocess.run([cnn, "run", arch, "--weights", weights, "--input", picture, "--output", output, "--device", device,
                        "--precision", precision, "--classifier-activation", "none"], check=True, stdout=subprocess.DEVNULL)
        return np.load(output)[0].astype(np.float64)


def judge(got, truth, precision):
    top = np.argsort(-truth, kind="stable")[:10]
    order = np.argsort(-got, kind="stable")[:10]
    error = np.abs(got - truth).max()
    if precision == "f16":
        return error, order[0] == top[0]
    return error, error <= LIMIT and (order == top).all()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("archs", nargs="*", metavar="ARCH")
    parser.add_argument("--cnn", default=os.path.join(HERE, "../../target/release/cnn"))
    parser.add_argument("--devices", default="reference,cpu,gpu")
    arguments = parser.parse_args()
    runs = [(device, "f32") for device in arguments.devices.split(",")]
    runs += [(device, "f16") for device, _ in runs if device.startswith("gpu")]
    failed = False
    print("| model | weights | device | precision | largest error of a logit | verdict |")
    print("|---|---|---|---|---|---|")
    for arch in arguments.archs or ARCHS:
        truth = np.load(os.path.join(HERE, "forward", arch, "logits_f64.npy"))
        picture = os.path.join(arguments.folder, arch + ".input.npy")
        for ending in [".weights.h5", ".h5"]:
            weights = os.path.join(arguments.folder, arch + ending)
            for device, precision in runs:
                error, passed = judge(logits(arguments.cnn, arch, weights, picture, device, precision), truth, precision)
                failed |= not passed
                print(f"| {arch} | {ending} | {device} | {precision} | {error:.1e} | {'passed' if passed else 'FAILED'} |", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
