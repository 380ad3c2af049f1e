"""Steps of training beside Keras's and Burn's: images a second.

    cargo build --release -p cnn-benches
    cargo build --release --manifest-path benches/burn/Cargo.toml
    python3 benches/training.py [--rounds N] [--steps N] [--keras PYTHON] [--burn PROGRAM] [--model MODEL]

Ours is `target/release/training`; Keras (TensorFlow on the CPU) runs in PYTHON, by default this one; Burn is PROGRAM, by
default what its build makes. They take turns, batch 4, 64x64x3, 10 classes, SGD with momentum; medians over all rounds.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODELS = ("ResNet50", "MobileNetV2")
KERAS = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"; os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import keras, numpy as np
name, steps = sys.argv[1], int(sys.argv[2])
model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
model.compile(keras.optimizers.SGD(1e-3, momentum=0.9), "sparse_categorical_crossentropy")
x, y = np.random.rand(4, 64, 64, 3).astype("float32"), np.arange(4)
model.train_on_batch(x, y)
times = []
for _ in range(steps):
    begin = time.perf_counter(); model.train_on_batch(x, y); times.append(time.perf_counter() - begin)
print("median", sorted(times)[len(times) // 2])
"""


def ours(model, device, steps):
    program = os.path.join(ROOT, "target", "release", "training")
    command = [program, model, "--device", device, "--steps", str(steps)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(re.search(r"steps: ([0-9.]+) ms", out).group(1)) / 1e3


def burn(program, model, steps):
    out = subprocess.run([program, model, str(steps)], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"steps: ([0-9.]+) ms", out).group(1)) / 1e3


def keras(python, model, steps):
    out = subprocess.run([python, "-c", KERAS, model, str(steps)], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"median ([0-9.e-]+)", out).group(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--keras", default=sys.executable)
    parser.add_argument("--burn", default=os.path.join(ROOT, "benches", "burn", "target", "release", "cnn-benches-burn"))
    parser.add_argument("--model", action="append", choices=MODELS)
    asked = parser.parse_args()
    print("| model | cnn, first GPU | Burn, first GPU | Burn, by cnn | cnn, CPU | Keras, CPU | cnn, by Keras |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for model in asked.model or MODELS:
        times = [[], [], [], []]
        for _ in range(asked.rounds):
            times[0].append(ours(model, "gpu", asked.steps))
            times[1].append(burn(asked.burn, model, asked.steps))
            times[2].append(ours(model, "cpu", asked.steps))
            times[3].append(keras(asked.keras, model, asked.steps))
        medians = [statistics.median(one) for one in times]
        gpu, gpu_peer, cpu, cpu_peer = (f"{1e3 * time:.0f} ms, {4 / time:.1f} images/s" for time in medians)
        by_burn, by_keras = (f"{a / b:.2f}" for a, b in ((medians[1], medians[0]), (medians[2], medians[3])))
        print(f"| {model} | {gpu} | {gpu_peer} | {by_burn} | {cpu} | {cpu_peer} | {by_keras} |", flush=True)


if __name__ == "__main__":
    main()
