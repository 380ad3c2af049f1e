"""zoo.json.gz and layers/<Arch>.<variant>.json.gz: what applications.py does not ask of keras.applications: an odd input
size, the ends of models without top, the arguments of single papers, and what is refused.  usage: zoo.py"""
import gc
import gzip
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from common import *
import keras.applications as A

TRUTH = os.path.dirname(HERE)
# Height and width of unlike remainders: odd at every stage of halving somewhere.
ODD = (225, 197)

ALPHAS = {"MobileNet": (0.25, 0.5, 0.75, 1.0, 1.3), "MobileNetV2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
          "MobileNetV3Small": (0.5, 0.75, 1.0, 1.25), "MobileNetV3Large": (0.5, 0.75, 1.0, 1.25)}
V3 = ("MobileNetV3Small", "MobileNetV3Large")
VARIANTS = [(n, {"alpha": a, "input_shape": [s, s, 3]}) for n, alphas in ALPHAS.items() for a, s in zip(alphas, (128, 160, 192, 224, 97, 96))]
VARIANTS += [("MobileNet", {"depth_multiplier": 2, "dropout": 0.3}), ("MobileNet", {"include_top": False}), ("MobileNetV2", {"include_top": False}),
             ("MobileNet", {"dropout": 0.0, "classes": 7, "classifier_activation": None})]
VARIANTS += [(n, kw) for n in V3 for kw in (
    {"minimalistic": True, "alpha": 0.75}, {"include_preprocessing": False}, {"dropout_rate": 0.0}, {"dropout_rate": 0.5, "classes": 7}, {"input_shape": [None, 72, 3]},
    {"input_shape": [64, 64, 1], "include_top": False}, {"pooling": "max", "include_top": False})]
VARIANTS += [(n, kw) for n in ("ConvNeXtTiny", "EfficientNetV2B0", "EfficientNetV2S") for kw in (
    {"include_preprocessing": False}, {"input_shape": [64, 64, 1]}, {"classes": 7, "classifier_activation": None})]
VARIANTS += [("EfficientNetB0", {"input_shape": [64, 64, 1]}), ("NASNetMobile", {"classes": 7}), ("NASNetLarge", {"include_top": False}),
             ("ResNet50V2", {"input_shape": [64, 64, 5], "include_top": False})]

IMAGENET = {"weights": "imagenet"}
REFUSED = [(n, {"input_shape": [31, 64, 3]}) for n in ("ResNet50", "MobileNet", "MobileNetV3Small", "NASNetMobile", "ConvNeXtTiny", "EfficientNetV2S")]
REFUSED += [("Xception", {"input_shape": [71, 70, 3]}), ("InceptionResNetV2", {"input_shape": [74, 75, 3]}), ("DenseNet121", {"input_shape": [None, 64, 3]}),
            ("DenseNet121", {"input_shape": [64, 64]}), ("ResNet101V2", IMAGENET | {"classes": 10}), ("VGG19", IMAGENET | {"input_shape": [32, 32, 3]}),
            ("EfficientNetB0", IMAGENET | {"include_top": False, "input_shape": [32, 32, 1]}), ("ConvNeXtTiny", IMAGENET | {"classifier_activation": "relu"}),
            ("MobileNet", IMAGENET | {"alpha": 0.6}), ("MobileNet", IMAGENET | {"depth_multiplier": 2}), ("MobileNetV2", IMAGENET | {"alpha": 0.6}),
            ("MobileNetV3Small", IMAGENET | {"alpha": 0.5}), ("MobileNetV3Large", IMAGENET | {"alpha": 0.75, "minimalistic": True}),
            ("MobileNetV3Large", IMAGENET | {"classes": 10}), ("NASNetLarge", IMAGENET | {"include_top": False, "input_shape": [None, None, 3]})]
# Whole lists of layers.
LAYERS = {"MobileNetV3Small.minimalistic": {"minimalistic": True}, "MobileNetV3Large.minimalistic": {"minimalistic": True}}


def build(name, arguments):
    keras.backend.clear_session()
    gc.collect()
    arguments = {"weights": None} | arguments
    if "input_shape" in arguments:
        arguments["input_shape"] = tuple(arguments["input_shape"])
    return getattr(A, name)(**arguments)


def flat(rows):
    for row in rows:
        yield row
        yield from flat(row.get("sublayers", []))


def odd(name):
    model = build(name, {"include_top": False, "input_shape": [*ODD, 3]})
    rows = list(flat(describe(model)))
    pads = {r["name"]: r["config"]["padding"] for r in rows if r["class"] == "ZeroPadding2D"}
    return {"size": ODD, "output_shapes": [r["output_shape"] for r in rows], "padding": pads}


def pooled(name, pooling):
    model = build(name, {"include_top": False, "input_shape": [96, 96, 3], "pooling": pooling})
    return [[r["name"], r["class"], r["output_shape"]] for r in describe(model)[-2:]]


def variant(name, arguments):
    model = build(name, arguments)
    return {"function": name, "arguments": arguments, "name": model.name, "params": int(model.count_params()), "operations": len(model.operations),
            "input_shape": list(model.input_shape), "output_shape": list(model.output_shape), "last": model.layers[-1].name}


def refusal(name, arguments):
    try:
        build(name, arguments)
    except ValueError as error:
        return {"function": name, "arguments": arguments, "error": str(error)}
    raise SystemExit(f"{name} {arguments} is not refused")


def write(name, value):
    with gzip.GzipFile(os.path.join(TRUTH, name), "wb", 9, mtime=0) as f:
        f.write(json.dumps(value, separators=(",", ":")).encode())


names = sorted(n for n in dir(A) if n[0].isupper() and callable(getattr(A, n)))
result = {"refused": [refusal(n, kw) for n, kw in REFUSED], "variants": [variant(n, kw) for n, kw in VARIANTS], "models": {}}
for arch, arguments in LAYERS.items():
    model = build(arch.split(".")[0], arguments | {"input_shape": [224, 224, 3]})
    outputs = [t._keras_history.operation.name for t in model.outputs]
    write(f"layers/{arch}.json.gz", {"arch": arch, "include_top": True, "input_shape": [224, 224, 3], "outputs": outputs, "layers": describe(model)})
print("variants done", flush=True)
for n in names:
    result["models"][n] = {"odd": odd(n), "avg": pooled(n, "avg"), "max": pooled(n, "max")}
    print(n, flush=True)
write("zoo.json.gz", result)
