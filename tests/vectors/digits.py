"""The demo's digits: data, a CNN trained in Keras 3, and Keras's own predictions. Writes crates/cnn-cli/demo/.

Every sixth picture (i % 6 == 0: 300 of 1,797) is held out and seen once, at the end. Seed and epochs were fixed
beforehand by `--validate`, which trains on four fifths of the other 1,497 and looks at the last fifth of them alone.
usage: digits.py --validate | digits.py
"""
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
import keras
import numpy as np
from keras import layers as L
from sklearn.datasets import load_digits

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "crates", "cnn-cli", "demo")
SEED = 1
EPOCHS = 60


def data():
    d = load_digits()
    images = d.images.astype(np.uint8)
    assert (images == d.images).all() and images.shape == (1797, 8, 8)
    return images, d.target.astype(np.uint8)


def model():
    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED)
    return keras.Sequential([
        L.Input((8, 8, 1)),
        L.Rescaling(1 / 16),
        L.Conv2D(32, 3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(),
        L.Conv2D(32, 3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(),
        L.MaxPooling2D(2),
        L.Conv2D(48, 3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(),
        L.MaxPooling2D(2),
        L.Flatten(), L.Dropout(0.4), L.Dense(96, activation="relu"), L.Dropout(0.4),
        L.Dense(10, activation="softmax"),
    ], name="digits")


def shifted(images, rng):
    """Each picture moved by -1, 0 or 1 pixel up or down and left or right, zeros coming in."""
    out = np.zeros_like(images)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    for i, (dy, dx) in enumerate(rng.integers(0, 3, (len(images), 2))):
        out[i] = padded[i, dy:dy + 8, dx:dx + 8]
    return out


def train(x, y, epochs, validation=None):
    m = model()
    steps = epochs * -(-len(x) // 64)
    m.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(SEED)
    for epoch in range(epochs):
        # each picture as it is in three epochs of four, shifted by a pixel at most in the fourth
        xs = shifted(x, rng) if epoch % 4 == 3 else x
        m.fit(xs[..., None].astype(np.float32), y, batch_size=64, epochs=1, shuffle=True, verbose=0)
        if validation and (epoch + 1) % 10 == 0:
            p = m.predict(validation[0][..., None].astype(np.float32), verbose=0)
            print(f"epoch {epoch + 1}: validation accuracy {(p.argmax(1) == validation[1]).mean():.4f}", flush=True)
    return m


def main():
    images, labels = data()
    held = np.arange(len(images)) % 6 == 0
    x, y = images[~held], labels[~held]
    if "--validate" in sys.argv:
        part = np.arange(len(x)) % 5 == 4
        m = train(x[~part], y[~part], EPOCHS, (x[part], y[part]))
        print(m.count_params(), "parameters")
        return
    m = train(x, y, EPOCHS)
    weights = m.get_weights()
    final = model()                           # never compiled: no optimizer state in the file
    final.set_weights(weights)
    os.makedirs(OUT, exist_ok=True)
    path = os.path.join(OUT, "digits.keras")
    final.save(path)
    np.save(os.path.join(OUT, "digits_images.npy"), images)
    np.save(os.path.join(OUT, "digits_labels.npy"), labels)
    back = keras.saving.load_model(path)
    p = back.predict(images[held][..., None].astype(np.float32), batch_size=300, verbose=0).astype(np.float32)
    np.save(os.path.join(OUT, "digits_predictions.npy"), p)
    gap = np.sort(p, 1)
    wrong = int((p.argmax(1) != labels[held]).sum())
    print(f"{back.count_params()} parameters, {os.path.getsize(path)} bytes; {len(p)} held out, {wrong} wrong, accuracy {1 - wrong / len(p):.4f}; "
          f"smallest gap between the first and second probability {(gap[:, -1] - gap[:, -2]).min():.4f}")


main()
