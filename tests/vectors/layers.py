"""Single-layer cases by real Keras in float64: writes layers.json and layers.safetensors.

Each case runs on Keras's TensorFlow backend and on its JAX backend (both float64). The stored output is
TensorFlow's, or JAX's where TensorFlow on the CPU refuses the combination or is float32 inside
(`backend` in the JSON says which); where both run they have to agree.
usage: layers.py            (starts itself once per backend; four minutes)
"""
import json
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if os.environ.get("KERAS_BACKEND") == "jax":   # compile fast: each case is its own program
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import numpy as np
import cases
import definition
import rng

SHORT = {"kernel_size": "k", "strides": "s", "padding": "", "filters": "f", "dilation_rate": "d", "groups": "g", "depth_multiplier": "m", "pool_size": "k",
         "output_padding": "op", "activation": "", "units": "", "interpolation": "", "target_shape": "to", "epsilon": "eps", "crop_to_aspect_ratio": "crop",
         "pad_to_aspect_ratio": "pad", "fill_value": "fill", "cropping": "", "dims": "", "size": "x"}
RANGES = {"kernel": (-1.0, 1.0), "depthwise_kernel": (-1.0, 1.0), "pointwise_kernel": (-1.0, 1.0), "bias": (-1.0, 1.0), "gamma": (0.5, 1.5), "beta": (-1.0, 1.0),
          "moving_mean": (-1.0, 1.0), "moving_variance": (0.5, 2.0), "mean": (-1.0, 1.0), "variance": (0.5, 2.0), "alpha": (0.0, 0.5), "count": (0.0, 0.0)}


def compact(v):
    if isinstance(v, (list, tuple)):
        return "x".join(compact(x) for x in v)
    return f"{v:g}" if isinstance(v, float) else str(v)


def case_name(cls, kwargs, shapes, taken):
    parts = [cls]
    for k, v in kwargs.items():
        short = SHORT.get(k, k)
        if isinstance(v, bool):
            parts.append(short if v else "no_" + short)
        else:
            parts.append(short + compact(v))
    name = "-".join(parts + ["in" + "_".join(compact(s) for s in shapes)])
    while name in taken:
        name += "b"
    return name


def named_cases():
    taken = set()
    for cls, kwargs, shapes, options in cases.CASES:
        name = case_name(cls, kwargs, shapes, taken)
        taken.add(name)
        yield name, cls, kwargs, shapes, options


def plain(v):
    """A configuration value as JSON, without names of modules and packages."""
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items() if k not in ("module", "registered_name", "build_config", "compile_config")}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if isinstance(v, np.ndarray):
        return v.tolist()
    return v.item() if isinstance(v, np.generic) else v


def run_one(keras, name, cls, kwargs, shapes, options):
    """(configuration, weights table, output) of one case on the backend at hand."""
    xs = case_inputs(name, shapes, options)
    if cls[0].islower():   # a bare function of keras.activations
        return dict(kwargs), [], np.array(getattr(keras.activations, cls)(keras.ops.convert_to_tensor(xs[0]), **kwargs))
    layer = getattr(keras.layers, cls)(name="layer", **kwargs)
    layer.build(shapes if len(shapes) > 1 else shapes[0])
    weights = []
    for w in layer.weights:
        key = w.path.split("/")[-1]
        if key == "seed_generator_state":
            continue
        a, b = options.get("weights", {}).get(key, RANGES[key])
        value = rng.uniform(f"{name}/{key}", tuple(w.shape), a, b)
        w.assign(value.astype(np.float64) if key != "count" else 0)
        weights.append({"name": key, "key": f"{name}/{key}", "shape": list(w.shape), "lo": a, "hi": b})
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
    y = np.array(layer(xs if len(xs) > 1 else xs[0], training=False) if cls in ("Dropout", "BatchNormalization") else layer(xs if len(xs) > 1 else xs[0]))
    config = layer.get_config()
    config = {k: v for k, v in config.items() if k not in ("name", "dtype", "trainable")}
    want = layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    assert tuple(want) == y.shape, (name, want, y.shape)
    return plain(config), weights, y


def run_backend(out):
    import keras
    keras.backend.set_floatx("float64")
    table, outputs, refused = {}, {}, {}
    for n, (name, cls, kwargs, shapes, options) in enumerate(named_cases()):
        if n % 50 == 0:
            keras.backend.clear_session()
            print(keras.backend.backend(), n, flush=True)
        try:
            config, weights, y = run_one(keras, name, cls, kwargs, shapes, options)
        except Exception as e:
            refused[name] = f"{type(e).__name__}: {str(e).strip().splitlines()[0][:200]}"
            continue
        assert y.dtype in (np.float64, np.float32), (name, y.dtype)
        outputs[str(n)] = y
        table[name] = {"n": n, "config": config, "weights": weights, "dtype": str(y.dtype)}
    import importlib.metadata as md
    version = {p: md.version(p) for p in ("keras", "tensorflow", "jax", "numpy")}
    np.savez(out + ".npz", **outputs)
    json.dump({"table": table, "refused": refused, "version": version}, open(out + ".json", "w"))


def case_inputs(name, shapes, options):
    lo, hi = options.get("range", (-1.0, 1.0))
    return [rng.uniform(f"{name}/input{i}", s, lo, hi).astype(np.float64) for i, s in enumerate(shapes)]


def case_weights(rows):
    return {r["name"]: rng.uniform(r["key"], tuple(r["shape"]), r["lo"], r["hi"]).astype(np.float64) for r in rows}


def choose(name, cls, tensorflow, have):
    """The backend whose float64 is float64 all through. TensorFlow rounds scalar constants (scale, slope, gelu's
    square root, bilinear weights) to float32; JAX's Keras makes means and tanh float32."""
    if "jax" not in have:
        return "tensorflow"
    rounded = cls in ("Rescaling", "Normalization", "LeakyReLU", "ReLU", "relu", "leaky_relu", "gelu")
    if not tensorflow or rounded or "gelu" in name or "leaky_relu" in name or "-bilinear" in name or "-bicubic" in name:
        return "jax"
    return "tensorflow"


def merge(tmp):
    from safetensors.numpy import save_file
    done = {}
    for b in ("tensorflow", "jax"):
        if not os.path.exists(f"{tmp}/{b}.json"):
            subprocess.run([sys.executable, os.path.abspath(__file__), "--run", f"{tmp}/{b}"], check=True, env={**os.environ, "KERAS_BACKEND": b})
        done[b] = (json.load(open(f"{tmp}/{b}.json")), np.load(f"{tmp}/{b}.npz"))
    rows, outputs, count, worst = [], {}, {"tensorflow": 0, "jax": 0}, []
    for name, cls, kwargs, shapes, options in named_cases():
        have = {b: (t["table"][name], z[str(t["table"][name]["n"])]) for b, (t, z) in done.items() if name in t["table"]}
        if not have:
            print("LEFT OUT", name, *(t["refused"][name] for t, _ in done.values()))
            continue
        backend = choose(name, cls, row0 := have.get("tensorflow"), have)
        row, y = have[backend]
        if len(have) == 2:
            other = have["jax" if backend == "tensorflow" else "tensorflow"][1]
            assert y.shape == other.shape and row["config"] == have["jax"][0]["config"] == row0[0]["config"], name
            error = np.abs(y - other).max() / max(1.0, np.abs(y).max())
            worst.append((float(error), name))
            limit = 1e-13
            if error > limit:   # one backend computed in float32: the stored one has to be the float64 formula
                limit = 4e-4 if "LayerNormalization" in name else 1e-6
                proved = definition.expected(cls, row["config"], case_inputs(name, shapes, options), case_weights(row["weights"]))
                if proved is not None:
                    assert np.abs(y - proved).max() <= 1e-12 * max(1.0, np.abs(y).max()), (name, np.abs(y - proved).max())
                else:
                    print(f"float32 in one backend, {error:.1e}, taken from {backend} without a formula: {name}")
            assert error <= limit, (name, error)
        elif backend == "jax":
            print("JAX alone:", name)
        lo, hi = options.get("range", (-1.0, 1.0))
        entry = {"name": name, "class": cls, "config": row["config"], "backend": backend,
                 "inputs": [{"key": f"{name}/input{i}", "shape": list(s), "lo": lo, "hi": hi} for i, s in enumerate(shapes)],
                 "weights": row["weights"], "output_shape": list(y.shape)}
        if options.get("extra"):
            entry["extra"] = True
        assert np.isfinite(y).all() or "exponential" in name or cls == "Normalization", name
        rows.append(entry)
        outputs[name] = np.ascontiguousarray(y.astype(np.float64))
        count[backend] += 1
    with open(os.path.join(HERE, "layers.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
    save_file(outputs, os.path.join(HERE, "layers.safetensors"), metadata={k: v for k, v in done["jax"][0]["version"].items()})
    by_class = {}
    for r in rows:
        by_class[r["class"]] = by_class.get(r["class"], 0) + 1
    print(len(rows), "cases;", count, by_class)
    print("largest disagreement of the two backends:", sorted(worst)[-5:])


if __name__ == "__main__":
    if "--run" in sys.argv:
        run_backend(sys.argv[-1])
    elif "--merge" in sys.argv:   # with what two --run have left in a folder
        merge(sys.argv[-1])
    else:
        with tempfile.TemporaryDirectory() as tmp:
            merge(tmp)
