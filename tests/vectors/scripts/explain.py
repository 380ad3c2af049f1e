"""Grad-CAM and occlusion of small models, in float64: explain.json.gz. usage: explain.py

Grad-CAM as Selvaraju et al. (2017) define it, by TensorFlow's gradients of the score before softmax. Occlusion as Zeiler and
Fergus (2014): how much less the score after softmax is where a patch of `fill` lies, the patch's first row and column
being 0, stride, 2 stride, ...; each pixel has the mean over the patches that cover it.
"""
import gzip, json, os, sys, tempfile, zipfile
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
from common import *
import tensorflow as tf

TRUTH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# File, input, layers to look at; the first is the one that is taken where none is named.
GRAD_CAM = [
    ("formats/small", "formats/small_input", ["sep", "add", "conv1"]),
    ("formats/small_seq", "formats/small_seq_input", ["d1", "p1", "c1"]),
    ("formats/small_nested", "formats/small_nested_input", ["base/bb", "base/bc"]),
    ("nested/deep_trainable", "nested/input", ["mid/bn0", "mid/base", "mid/base/conv2", "mid/base/relu1"]),
]
# File, input, patch, stride, fill: one number, or one for each channel.
OCCLUSION = [
    ("formats/small", "formats/small_input", 4, 4, [127.5]),
    ("formats/small", "formats/small_input", 5, 3, [0.0, 100.0, 255.0]),
    ("formats/small_nested", "formats/small_nested_input", 3, 2, [0.0]),
    ("nested/deep_trainable", "nested/input", 8, 8, [0.5]),
]


def load(name):
    """The model in float64."""
    with zipfile.ZipFile(os.path.join(TRUTH, name + ".keras")) as z, tempfile.TemporaryDirectory() as d:
        config = json.loads(z.read("config.json").decode().replace('"float32"', '"float64"'))
        config.pop("compile_config", None)
        model = keras.saving.deserialize_keras_object(config)
        model.load_weights(z.extract("model.weights.h5", d))
    return model


def all_layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)


def at(model, path):
    for name in path.split("/"):
        model = model.get_layer(name)
    return model


def exact(model):
    """TensorFlow's Rescaling is float32 inside."""
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.Rescaling):
            layer.call = lambda x, layer=layer: x * np.float64(layer.scale) + np.float64(layer.offset)
    return model


def grad_cam(model, x, path, classes):
    """The map of each picture for its class."""
    layer, made = at(model, path), []
    call = layer.call
    layer.call = lambda *a, **k: made.append(call(*a, **k)) or made[-1]
    last = model.layers[-1]
    last.activation = keras.activations.linear
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.reduce_sum(tf.gather(model(x, training=False), classes, axis=1, batch_dims=1))
    gradient = tape.gradient(score, made[0])
    alpha = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(alpha * made[0], axis=-1, keepdims=True)).numpy()


def occlusion(model, x, patch, stride, fill):
    """The maps of the first picture for all classes, [classes, h, w, 1]."""
    x = x[:1].numpy()
    predict = lambda x: model(x, training=False).numpy()
    whole, (_, h, w, _) = predict(x)[0], x.shape
    total, count = np.zeros((len(whole), h, w)), np.zeros((h, w))
    for top in range(0, h, stride):
        for left in range(0, w, stride):
            covered = x.copy()
            place = (slice(top, top + patch), slice(left, left + patch))
            covered[(0, *place)] = fill
            total[(slice(None), *place)] += (whole - predict(covered)[0])[:, None, None]
            count[place] += 1
    return (total / np.maximum(count, 1))[..., None]


def plain(array):
    return {"shape": list(array.shape), "data": array.ravel().tolist()}


out = {"keras": keras.__version__, "grad_cam": [], "occlusion": []}
for name, given, layers in GRAD_CAM:
    x = tf.constant(np.load(os.path.join(TRUTH, given + ".npy")).astype(np.float64))
    for path in layers:
        model = exact(load(name))
        classes = [(3 * i + 1) % model.output_shape[-1] for i in range(len(x))]
        maps = grad_cam(model, x, path, classes)
        out["grad_cam"].append({"model": name, "input": given, "layer": path, "default": path == layers[0], "classes": classes, "maps": plain(maps)})
        print(name, path, maps.shape, maps.max(axis=(1, 2, 3)))
for name, given, patch, stride, fill in OCCLUSION:
    x = tf.constant(np.load(os.path.join(TRUTH, given + ".npy")).astype(np.float64))
    maps = occlusion(exact(load(name)), x, patch, stride, fill)
    out["occlusion"].append({"model": name, "input": given, "patch": patch, "stride": stride, "fill": fill, "maps": plain(maps)})
    print(name, maps.shape, maps.min(), maps.max())
with open(os.path.join(TRUTH, "explain.json.gz"), "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
    packed.write(json.dumps(out).encode())
