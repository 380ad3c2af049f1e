"""`cnn demo` beside the same networks, recipe and seeds in Keras: accuracies on what is never seen in training.
usage: demo.py [--seeds N] [--epochs N] [--device DEVICE] [--program CNN]

This Python has Keras. Network and recipe are those of `crates/cnn-cli/src/commands/demo/recipe.rs`; first weights, orders,
dropout and augmentation are drawn by each side's own generators.
"""
import argparse
import os
import re
import statistics
import subprocess

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
import keras
import numpy as np
from keras import layers as L

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(ROOT, "crates", "cnn-cli", "demo")
TASKS = ("from scratch", "0 to 4", "5 to 9 on a frozen base", "unseen writers", "unseen writers, augmented")
BATCH = 32
LEARNING_RATE = 2e-3


def block(filters):
    return [L.Conv2D(filters, 3, padding="same", use_bias=False), L.BatchNormalization(momentum=0.9), L.Activation("silu")]


def base():
    layers = [L.Rescaling(1 / 16), *block(32), *block(32), L.AveragePooling2D(2), *block(64), L.Flatten()]
    return keras.Sequential([L.Input((8, 8, 1)), *layers], name="base")


def augmentation():
    outside = {"fill_mode": "constant"}
    return [L.RandomTranslation(0.1, 0.1, **outside), L.RandomRotation(0.05, **outside), L.RandomZoom(0.1, **outside)]


def accuracy(under, first, classes, training, test, epochs):
    """Trains a classifier on the base `under`; the percentage of `test` that it gets right. `first` changes pictures."""
    (x, y), (x_test, y_test) = training, test
    top = [L.Dropout(0.25), L.Dense(classes, activation="softmax")]
    model = keras.Sequential([L.Input((8, 8, 1)), *first, under, *top])
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * -(-len(x) // BATCH))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", steps_per_execution=50)
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)
    predicted = model.predict_on_batch(x_test).argmax(1)
    return 100 * float((predicted == y_test).mean())


def in_keras(x, y, seed, epochs):
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    index = np.arange(len(x))
    held_out, low, other = index % 6 == 0, y < 5, index >= 1500
    part = lambda which, first=0: (x[which], y[which] - first)
    found = [accuracy(base(), [], 10, part(~held_out), part(held_out), epochs)]
    shared = base()
    found.append(accuracy(shared, [], 5, part(~held_out & low), part(held_out & low), epochs))
    shared.trainable = False
    found.append(accuracy(shared, [], 5, part(~held_out & ~low, 5), part(held_out & ~low, 5), epochs))
    found.append(accuracy(base(), [], 10, part(~other), part(other), epochs))
    found.append(accuracy(base(), augmentation(), 10, part(~other), part(other), 2 * epochs))
    return found


def ours(program, device, seed, epochs):
    command = [program, "demo", "--device", device, "--seed", str(seed), "--epochs", str(epochs)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [float(percent) for percent in re.findall(r"accuracy +([0-9.]+) %, .* never seen in training", out)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--program", default=os.path.join(ROOT, "target", "release", "cnn"))
    asked = parser.parse_args()
    x = np.load(os.path.join(DATA, "digits_images.npy"))[..., None].astype(np.float32)
    y = np.load(os.path.join(DATA, "digits_labels.npy")).astype(np.int64)
    sides = [[], []]
    for seed in range(asked.seeds):
        sides[0].append(ours(asked.program, asked.device, seed, asked.epochs))
        sides[1].append(in_keras(x, y, seed, asked.epochs))
        print(f"seed {seed}: cnn {sides[0][-1]}, Keras {[round(one, 2) for one in sides[1][-1]]}", flush=True)
    print("| | cnn, median | Keras, median | cnn, each seed | Keras, each seed |\n|---|---|---|---|---|")
    for number, task in enumerate(TASKS):
        columns = [[seed[number] for seed in side] for side in sides]
        medians = " | ".join(f"{statistics.median(column):.2f} %" for column in columns)
        each = " | ".join(", ".join(f"{one:.2f}" for one in column) for column in columns)
        print(f"| {task} | {medians} | {each} |")


if __name__ == "__main__":
    main()
