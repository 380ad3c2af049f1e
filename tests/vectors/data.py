"""Writes tests/vectors/data.json and the small files in tests/vectors/data/: what Keras and TensorFlow make of folders of
pictures, of pictures of another size, and of the functions of tf.image.

    python tests/vectors/data.py        (tensorflow-cpu, keras, "pillow<13")

| key | holds |
|---|---|
| trees | folders as lists of files and links, the arguments of `image_dataset_from_directory`, and the class names, file paths and labels that come out, or that it refuses them. Every file is one grey pixel |
| pixels | pictures of tests/vectors/pictures as `image_dataset_from_directory` yields them |
| resize | `tf.image.resize` of `input`, with antialias |
| functions | the functions of `tf.image` on `input` |
| rgba | `load_img(color_mode="rgba")` of rgba.png, resized by PIL |

`input` is [2, 4, 5, 3], by the generator of rng.py, key `data/input`; `unit` is from 0 to 1, else it is from 0 to 255.
"""
import contextlib
import io
import json
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tensorflow as tf

from rng import uniform

HERE = pathlib.Path(__file__).parent
OUT = HERE / "data"
OUT.mkdir(exist_ok=True)
PIXEL = tf.io.encode_png(np.full((1, 1, 3), 20, np.uint8)).numpy()
METHODS = ["nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]

PLAIN = ["dog/2.png", "dog/10.png", "dog/1.jpg", "cat/b.png", "cat/a.PNG", "cat/B.jpeg", "Zebra/z.png"]
NESTED = [
    "b/z.png", "b/sub/a.png", "b/sub two/a.png", "b/sub-1/a.png", "b/sub/deep/a.png", "b/.hidden.png", "b/.folder/a.png",
    "a/notes.txt", "a/x.jpg", "a/y.webp", ".git/c.png", "beside.png",
]
KOREAN = ["호랑이/사진.png", "고양이/나.png", "고양이/가.png", "강아지/한 장.jpg", "apple/꼬리.png"]
TEN = [f"{name}/{i}.png" for name in ["a", "b"] for i in range(5)]


def tree_cases():
    """name, files, links (link: target), arguments."""
    yield "plain", PLAIN, {}, {}
    yield "categorical", PLAIN, {}, {"label_mode": "categorical"}
    yield "no labels", PLAIN, {}, {"label_mode": None}
    yield "binary", TEN, {}, {"label_mode": "binary"}
    yield "binary of three", PLAIN, {}, {"label_mode": "binary"}
    yield "names given", PLAIN, {}, {"class_names": ["dog", "cat", "Zebra"]}
    yield "some names given", PLAIN, {}, {"class_names": ["dog", "Zebra"]}
    yield "a name without a folder", PLAIN, {}, {"class_names": ["dog", "cow"]}
    yield "names without labels", PLAIN, {}, {"class_names": ["dog", "cat"], "label_mode": None}
    yield "nested and hidden", NESTED, {}, {}
    yield "nested, no labels", NESTED, {}, {"label_mode": None}
    yield "Korean", KOREAN, {}, {}
    yield "empty class", ["b/x.png", "a/readme.txt", "c/y.png"], {}, {}
    yield "one class", ["only/x.png", "only/y.png"], {}, {}
    yield "no folders", ["x.png", "y.png"], {}, {}
    yield "no pictures", ["a/x.txt", "b/y.webp"], {}, {}
    links = {"a/link": "elsewhere", "b": "elsewhere", "a/file.png": "elsewhere/e.png"}
    yield "links", ["a/x.png", "elsewhere/e.png"], links, {"class_names": ["a", "b"]}
    yield "links followed", ["a/x.png", "elsewhere/e.png"], links, {"class_names": ["a", "b"], "follow_links": True}
    for fraction in [0.1, 0.25, 0.39, 0.5, 0.99, 0.05]:
        for subset in ["training", "validation"]:
            yield f"{subset} {fraction}", TEN, {}, {"validation_split": fraction, "subset": subset}


def labels_of(data, mode):
    if mode is None:
        return None
    return np.concatenate([labels.numpy() for _, labels in data]).tolist()


def tree(name, files, links, arguments):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(PIXEL)
        for link, target in links.items():
            (folder / link).symlink_to(folder / target)
        case = {"name": name, "files": files, "links": links, "arguments": arguments}
        try:
            data = keras.utils.image_dataset_from_directory(
                folder, shuffle=False, image_size=(1, 1), verbose=False, **arguments)
        except ValueError:
            return case | {"refused": True}
        paths = [pathlib.Path(path).relative_to(folder).as_posix() for path in data.file_paths]
        mode = arguments.get("label_mode", "int")
        return case | {"class_names": data.class_names, "file_paths": paths, "labels": labels_of(data, mode)}


def short(array, digits=2):
    return [round(float(value), digits) for value in np.asarray(array).ravel()]


def pixels():
    """One picture in a folder of one class, as the data set has it."""
    fits = {"stretch": {}, "crop": {"crop_to_aspect_ratio": True}, "pad": {"pad_to_aspect_ratio": True}}
    cases = [("rgb.png", "rgb", (9, 8), method, fit) for method in METHODS for fit in ["stretch", "crop", "pad"]
             if fit != "crop" or method not in ("gaussian", "mitchellcubic")]
    cases += [("rgb.png", "rgb", (29, 7), method, "stretch") for method in METHODS[:5]]
    cases += [("rgb.png", "rgb", (20, 31), method, "stretch") for method in ["nearest", "bilinear", "bicubic", "area"]]
    cases += [("rgb.png", "rgb", size, "bilinear", fit) for size in [(7, 30), (13, 5), (17, 23)] for fit in ["crop", "pad"]]
    cases += [("rgb.png", "grayscale", (9, 8), "bilinear", "stretch"), ("grey.png", "rgb", (9, 8), "bilinear", "stretch"),
              ("rgb.png", "rgba", (5, 4), "bilinear", "stretch"), ("rgba.png", "rgba", (5, 4), "bilinear", "stretch"),
              ("rgba.png", "rgb", (5, 4), "bilinear", "stretch"), ("grey_alpha.png", "rgba", (5, 4), "bilinear", "stretch")]
    for file, mode, size, method, fit in cases:
        source = HERE / "pictures" / file
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "c").mkdir()
            (pathlib.Path(folder) / "c" / file).write_bytes(source.read_bytes())
            data = keras.utils.image_dataset_from_directory(
                folder, color_mode=mode, image_size=size, interpolation=method, verbose=False, **fits[fit])
            [(x, _)] = list(data)
        yield {"file": file, "mode": mode, "size": size, "method": method, "fit": fit, "values": short(x)}


def functions(x, unit):
    image = tf.image
    calls = [
        ("flip_left_right", image.flip_left_right(x), []),
        ("flip_up_down", image.flip_up_down(x), []),
        *[("rot90", image.rot90(x, k), [k]) for k in [0, 1, 2, 3, 5, -1]],
        ("crop", image.crop_to_bounding_box(x, 1, 2, 3, 2), [1, 2, 3, 2]),
        *[("central_crop", image.central_crop(x, f), [f]) for f in [0.3, 0.5, 0.6, 1.0]],
        ("pad_to_bounding_box", image.pad_to_bounding_box(x, 1, 2, 6, 8), [1, 2, 6, 8]),
    ] if not unit else [
        *[("adjust_gamma", image.adjust_gamma(x, g, gain), [g, gain]) for g, gain in [(2.2, 1.0), (0.5, 0.9), (0.0, 1.0)]],
    ]
    calls += [
        *[("adjust_brightness", image.adjust_brightness(x, d), [d]) for d in [0.25, -30.0]],
        *[("adjust_contrast", image.adjust_contrast(x, f), [f]) for f in [0.0, 0.4, 1.7]],
        *[("adjust_saturation", image.adjust_saturation(x, f), [f]) for f in [0.0, 0.5, 3.0]],
        *[("adjust_hue", image.adjust_hue(x, d), [d]) for d in [0.0, 0.1, 0.45, 1.0, -0.3, -1.0]],
        ("rgb_to_grayscale", image.rgb_to_grayscale(x), []),
    ]
    for name, output, arguments in calls:
        flat = [float(f"{value:.9g}") for value in output.numpy().ravel()]
        yield {"function": name, "unit": unit, "arguments": arguments, "shape": list(output.shape), "values": flat}


def resizes(x):
    for method in METHODS:
        for size in [(2, 3), (7, 2)]:
            values = tf.image.resize(x[:1, :, :, :1], size, method, antialias=True)
            yield {"method": method, "size": size, "values": short(values, 4)}


def write_files():
    pictures = (np.arange(6 * 4 * 4) * 2).reshape(6, 4, 4).astype(np.uint8)
    labels = np.array([0, 2, 1, 1, 0, 2])
    np.savez_compressed(OUT / "mnist.npz", x_train=pictures, y_train=labels, x_test=pictures[:2, ::-1], y_test=labels[:2])
    np.savez(OUT / "plain.npz", x=pictures[..., None] / np.float32(4), y=labels[:, None])
    np.savez(OUT / "named.npz", pictures=pictures, classes=labels.astype(np.uint8))


def main():
    write_files()
    x = uniform("data/input", (2, 4, 5, 3), 0.0, 255.0)
    unit = uniform("data/input", (2, 4, 5, 3), 0.0, 1.0)
    rgba = {}
    for name, size in [("nearest", (5, 7)), ("bilinear", (5, 7)), ("bicubic", (14, 9)), ("lanczos", (5, 7))]:
        picture = keras.utils.load_img(HERE / "pictures" / "rgba.png", color_mode="rgba", target_size=size, interpolation=name)
        rgba[name] = {"size": size, "values": np.asarray(picture).ravel().tolist()}
    with contextlib.redirect_stdout(io.StringIO()):
        trees = [tree(*case) for case in tree_cases()]
    found = {
        "trees": trees,
        "pixels": list(pixels()),
        "resize": list(resizes(tf.constant(x))),
        "functions": [*functions(tf.constant(x), False), *functions(tf.constant(unit), True)],
        "rgba": rgba,
    }
    lines = [f"{json.dumps(key)}: [\n" + ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":"))
             for case in cases) + "\n]" if isinstance(cases, list) else f"{json.dumps(key)}: {json.dumps(cases)}"
             for key, cases in found.items()]
    (HERE / "data.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
