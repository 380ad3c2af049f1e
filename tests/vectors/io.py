"""Writes tests/vectors/io/: arrays by NumPy and safetensors, in every element type, order and version that is read.

    python tests/vectors/io.py        (numpy, safetensors, ml_dtypes)

Element i of an array of shape (2, 3, 4), row-major, is (i - 5) / 4 where the type holds it, else i.
"""
import pathlib

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).parent / "io"
OUT.mkdir(exist_ok=True)
quarters = (np.arange(24).reshape(2, 3, 4) - 5) / 4
counts = np.arange(24).reshape(2, 3, 4)

for code in ["f2", "f4", "f8"]:
    for order, mark in [("<", "le"), (">", "be")]:
        np.save(OUT / f"{code}_{mark}.npy", quarters.astype(order + code))
for code in ["u1", "i1", "<u2", "<i2", ">i2", "<u4", "<i4", "<u8", "<i8", ">i8"]:
    name = code.replace("<", "").replace(">", "be_")
    np.save(OUT / f"{name}.npy", counts.astype(code))
np.save(OUT / "b1.npy", counts % 3 == 0)
np.save(OUT / "fortran.npy", np.asfortranarray(quarters.astype("f4")))
np.save(OUT / "scalar.npy", np.float32(1.25))
np.save(OUT / "empty.npy", np.zeros((0, 3), np.float32))
np.save(OUT / "vector.npy", np.arange(3, dtype=np.float32))
for version in [(2, 0), (3, 0)]:
    with open(OUT / f"version{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, quarters.astype("<f4"), version=version)
np.save(OUT / "complex.npy", counts.astype("c8"))
np.save(OUT / "text.npy", np.array(["a", "b"]))
np.save(OUT / "record.npy", np.zeros(2, [("x", "f4"), ("y", "i4")]))

save_file({
    "f32": quarters.astype(np.float32),
    "f16": quarters.astype(np.float16),
    "bf16": quarters.astype(ml_dtypes.bfloat16),
    "f64": quarters.astype(np.float64),
    "scalar": np.array(1.25, np.float32),
    "empty": np.zeros((0, 3), np.float32),
}, OUT / "floats.safetensors", metadata={"made by": "safetensors"})
save_file({"i64": counts.astype(np.int64)}, OUT / "int64.safetensors")
