"""Every zoo model with weight files that Keras wrote: the program's logits beside Keras's float64 ones.

usage: zoo_check.py [--keras PYTHON] [--cnn PROGRAM] [--devices cpu,gpu] [--f16] [--keep FOLDER] [--table FILE] [ARCH...]
For each ARCH, by default all of applications.json, PYTHON, which has Keras, runs zoo_weights.py; `cnn run` then takes the
`.weights.h5` and the legacy `.h5` on each device, and two lines go into the table, which keeps those of other models. With
--keep the files stay in FOLDER and are used again. Ends with status 1 if a model fails.

float32: every logit within 1e-4 of the truth, the top 10 in its order. float16 (on GPUs, with --f16): the same top 1.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 1e-4
HEAD = """# Weight files as Keras writes them

Written by `tests/vectors/zoo_check.py`, which takes the recipe's weights through Keras {keras} into a `.weights.h5` and a legacy
`.h5` file, called as the published one is, and `cnn run` with each of them. The largest error of a logit, against Keras in
float64 at the default size; in float32 at most 1e-4 with the ten largest in Keras's order, in float16 the same top 1.

| model | file | reference | CPU | GPU | GPU, float16 | verdict |
|---|---|---|---|---|---|---|
"""
COLUMNS = [("reference", "f32"), ("cpu", "f32"), ("gpu", "f32"), ("gpu", "f16")]


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


def files(arch, facts):
    """The file of Keras 3, and the legacy one under the published file's name."""
    return [arch + ".weights.h5", facts["models"][arch]["imagenet_weight_file"]["top"][0]["file"]]


def check(arch, folder, names, cnn, runs):
    """The model's two lines of the table, and whether it passed."""
    picture = os.path.join(folder, arch + ".input.npy")
    lines, passed = [], True
    for name in names:
        weights = os.path.join(folder, name)
        truth = np.load(weights + ".logits.npy")
        cells, fits = {run: "" for run in COLUMNS}, True
        for device, precision in runs:
            got = logits(cnn, arch, weights, picture, device, precision)
            error, fit = judge(got, truth, precision)
            cells[device, precision] = f"{error:.1e}" + ("" if fit else " !")
            fits &= bool(fit)
        passed &= fits
        lines.append(f"| {arch} | {name} | {' | '.join(cells.values())} | {'passed' if fits else 'FAILED'} |")
    return lines, passed


def read(table):
    """The lines of a table by model."""
    rows = {}
    if os.path.exists(table):
        for line in open(table):
            cells = line.split(" | ")
            if len(cells) == 7 and cells[1] != "file":
                rows.setdefault(cells[0].removeprefix("| "), []).append(line.rstrip("\n"))
    return rows


def write(table, rows, archs, keras):
    text = HEAD.format(keras=keras) + "".join(line + "\n" for arch in archs for line in rows.get(arch, []))
    with open(table + ".part", "w") as f:
        f.write(text)
    os.replace(table + ".part", table)


def main():
    facts = json.load(open(os.path.join(HERE, "applications.json")))
    archs = list(facts["models"])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archs", nargs="*", metavar="ARCH")
    parser.add_argument("--keras", default=sys.executable)
    parser.add_argument("--cnn", default=os.path.join(HERE, "../../target/release/cnn"))
    parser.add_argument("--devices", default="cpu,gpu")
    parser.add_argument("--f16", action="store_true")
    parser.add_argument("--keep")
    parser.add_argument("--table", default=os.path.join(HERE, "../WEIGHT_FILES.md"))
    arguments = parser.parse_args()
    unknown = [arch for arch in arguments.archs if arch not in archs]
    if unknown:
        sys.exit(f"no model is called {', '.join(unknown)}; there are {', '.join(archs)}")
    runs = [(device, "f32") for device in arguments.devices.split(",")]
    runs += [("gpu", "f16")] if arguments.f16 else []
    rows, failed = read(arguments.table), []
    for arch in arguments.archs or archs:
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.keep or temporary
            names = files(arch, facts)
            if not os.path.exists(os.path.join(folder, names[-1] + ".logits.npy")):
                subprocess.run([arguments.keras, os.path.join(HERE, "zoo_weights.py"), folder, arch], check=True)
            rows[arch], passed = check(arch, folder, names, arguments.cnn, runs)
        print("\n".join(rows[arch]), flush=True)
        failed += [] if passed else [arch]
        write(arguments.table, rows, archs, facts["_versions"]["keras"])
    if failed:
        sys.exit("not as they should be: " + ", ".join(failed))


if __name__ == "__main__":
    main()
