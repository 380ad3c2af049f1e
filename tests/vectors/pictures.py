"""Writes tests/vectors/pictures/: small files, and what Keras's load_img and img_to_array make of them.

    python tests/vectors/pictures.py        ("pillow<13", numpy, keras and a backend of it)

Pillow resizes along the rows first; from 13 on it sometimes begins with the columns, which gives other numbers (by up to 3
grey levels in these pictures, Lanczos to 5x51).

`keras_array` does what Keras 3's `load_img` does with an opened file: convert to `color_mode`, then resize. Before it, where
this project differs on purpose, files are turned as EXIF says, and 16 bits are scaled to 8 by round(x / 257).

What is named `keep` or `keras` comes from `load_img` and `img_to_array` themselves: with keep_aspect_ratio, and of pictures
that this project by default takes otherwise.

An expected array is uint8 [height, width, channels], in expected/FILE.MODE.INTERPOLATION.HEIGHTxWIDTH.npy (`own` for a
picture that is not resized), with `.keep` or `.keras` before `.npy` for these.
"""
import pathlib
import struct
import zlib

import keras
import numpy as np
from PIL import Image, ImageOps

OUT = pathlib.Path(__file__).parent / "pictures"
(OUT / "expected").mkdir(parents=True, exist_ok=True)
HEIGHT, WIDTH = 17, 23
FILTERS = {
    "nearest": Image.NEAREST,
    "bilinear": Image.BILINEAR,
    "bicubic": Image.BICUBIC,
    "lanczos": Image.LANCZOS,
    "hamming": Image.HAMMING,
}
MODES = {"rgb": "RGB", "grey": "L"}


def scene(bits=8):
    """Slopes, a disc and a bar in three colours, so that every edge and every corner is told from the others."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    red, green = x / (WIDTH - 1), y / (HEIGHT - 1)
    blue = 0.5 + 0.5 * np.sin(0.7 * x + 0.4 * y)
    colours = np.stack([red, green, blue], -1)
    colours[(x - 15) ** 2 + (y - 6) ** 2 < 16] = [0.9, 0.8, 0.1]
    colours[(y > 11) & (y < 15) & (x > 2) & (x < 9)] = [0.05, 0.1, 0.6]
    return np.round(colours * (2**bits - 1)).astype(np.uint16 if bits == 16 else np.uint8)


def write_png(path, rows, bits, colour):
    """A PNG file of what PIL cannot write; `rows` holds the packed bytes of each row."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, colour, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def keras_array(picture, mode, size, interpolation):
    picture = ImageOps.exif_transpose(picture)
    if mode == "grey":
        if picture.mode != "L":
            picture = picture.convert("L")
    elif picture.mode != "RGB":
        picture = picture.convert("RGB")
    if size and picture.size != size[::-1]:
        picture = picture.resize(size[::-1], FILTERS[interpolation])
    array = np.asarray(picture)
    return array if array.ndim == 3 else array[..., None]


def expect(name, modes=("rgb",), sizes=((11, 14),), interpolations=("bilinear",), picture=None):
    """Stores what comes of a file at its own size and at each of the others."""
    for mode in modes:
        for size in [None, *sizes]:
            for interpolation in interpolations if size else ["nearest"]:
                opened = picture or Image.open(OUT / name)
                array = keras_array(opened, mode, size, interpolation)
                what = "{}x{}".format(*size) if size else "own"
                np.save(OUT / "expected" / f"{name}.{mode}.{interpolation}.{what}.npy", array)


def expect_of_keras(name, variant, modes=("rgb",), sizes=(None,), interpolations=("nearest",)):
    """Stores what Keras itself makes of a file."""
    for mode in modes:
        for size in sizes:
            for interpolation in interpolations:
                picture = keras.utils.load_img(
                    OUT / name,
                    color_mode={"rgb": "rgb", "grey": "grayscale"}[mode],
                    target_size=size,
                    interpolation=interpolation,
                    keep_aspect_ratio=variant == "keep",
                )
                array = keras.utils.img_to_array(picture).astype(np.uint8)
                what = "{}x{}".format(*size) if size else "own"
                np.save(OUT / "expected" / f"{name}.{mode}.{interpolation}.{what}.{variant}.npy", array)


ALL_SIZES = [(11, 14), (30, 27), (17, 9), (5, 51)]
rgb = Image.fromarray(scene())
grey = rgb.convert("L")
alpha = Image.fromarray(np.linspace(0, 255, HEIGHT * WIDTH).astype(np.uint8).reshape(HEIGHT, WIDTH))

# Lossless. Every interpolation on one of grey and one of colour.
rgb.save(OUT / "rgb.png")
expect("rgb.png", ["rgb"], ALL_SIZES, FILTERS)
expect("rgb.png", ["grey"])
grey.save(OUT / "grey.png")
expect("grey.png", ["grey"], ALL_SIZES, FILTERS)
expect("grey.png", ["rgb"])
both = ["rgb", "grey"]
Image.merge("RGBA", [*rgb.split(), alpha]).save(OUT / "rgba.png")
expect("rgba.png", both)
Image.merge("LA", [grey, alpha]).save(OUT / "grey_alpha.png")
expect("grey_alpha.png", both)
palette = rgb.quantize(13)
palette.save(OUT / "palette.png")
expect("palette.png", both)
palette.save(OUT / "palette_transparent.png", transparency=3)
expect("palette_transparent.png", both)
rgb.save(OUT / "rgb_transparent.png", transparency=tuple(map(int, scene()[0, 0])))
expect("rgb_transparent.png", both)
grey.point(lambda value: 255 * (value > 120), "1").save(OUT / "bits1.png")
expect("bits1.png", both)
nibbles = np.pad(np.asarray(grey) >> 4, ((0, 0), (0, 1)))
write_png(OUT / "bits4.png", nibbles[:, 0::2] << 4 | nibbles[:, 1::2], 4, 0)
expect("bits4.png", both)

# 16 bits, which PIL would cut: the expectation is what 8 bits of the same picture give.
deep = scene(16)
deep = deep ^ (np.arange(deep.size).reshape(deep.shape) % 251).astype(np.uint16)
write_png(OUT / "rgb16.png", deep.astype(">u2").reshape(HEIGHT, -1).view(np.uint8), 16, 2)
write_png(OUT / "grey16.png", deep[..., 1].astype(">u2").view(np.uint8), 16, 0)
eight = np.round(deep / 257).astype(np.uint8)
expect("rgb16.png", both, picture=Image.fromarray(eight))
expect("grey16.png", both, picture=Image.fromarray(eight[..., 1]))

pixels = np.concatenate([deep, deep[::-1, :, :1]], -1)
write_png(OUT / "rgba16.png", pixels.astype(">u2").reshape(HEIGHT, -1).view(np.uint8), 16, 6)
write_png(OUT / "grey_alpha16.png", pixels[..., 1:3].astype(">u2").reshape(HEIGHT, -1).view(np.uint8), 16, 4)
expect("rgba16.png", both, picture=Image.fromarray(eight))
expect("grey_alpha16.png", both, picture=Image.fromarray(eight[..., 1]))

# JPEG. What decoders may round in their own way stays small on slopes.
rgb.save(OUT / "rgb.jpg", quality=90)
expect("rgb.jpg", both, [(11, 14), (30, 27)], ["nearest", "bilinear"])
rgb.save(OUT / "rgb_444.jpg", quality=95, subsampling=0)
expect("rgb_444.jpg")
rgb.save(OUT / "progressive.jpg", quality=90, progressive=True)
expect("progressive.jpg")
rgb.save(OUT / "restarts.jpg", quality=90, restart_marker_blocks=1)
expect("restarts.jpg")
grey.save(OUT / "grey.jpg", quality=90)
expect("grey.jpg", both)
rgb.convert("CMYK").save(OUT / "cmyk.jpg", quality=95)
expect("cmyk.jpg")

# Turned by EXIF, each of the eight ways.
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    rgb.save(OUT / f"turned{orientation}.jpg", quality=90, exif=exif)
    expect(f"turned{orientation}.jpg", sizes=[])
exif[0x0112] = 6
rgb.save(OUT / "turned6.png", exif=exif)
expect("turned6.png")

# GIF: the first frame, in rows of any order, with a colour that is transparent, with a margin.
palette.save(OUT / "palette.gif", interlace=0)
expect("palette.gif", both)
palette.save(OUT / "interlaced.gif", interlace=1)
expect("interlaced.gif")
palette.save(OUT / "transparent.gif", transparency=3)
expect("transparent.gif", both)
palette.save(OUT / "animated.gif", save_all=True, append_images=[rgb.rotate(180).quantize(13)], duration=100)
expect("animated.gif")
# The canvas is 5 columns wider and 3 rows higher, the picture begins 2 and 1 from its corner.
whole = bytearray((OUT / "palette.gif").read_bytes())
whole[6:10] = struct.pack("<HH", WIDTH + 5, HEIGHT + 3)
frame = whole.index(b"," + struct.pack("<HHHH", 0, 0, WIDTH, HEIGHT))
whole[frame + 1 : frame + 5] = struct.pack("<HH", 2, 1)
(OUT / "margin.gif").write_bytes(whole)
canvas = Image.new("RGB", (WIDTH + 5, HEIGHT + 3))
canvas.paste(palette.convert("RGB"), (2, 1))
expect("margin.gif", both, picture=canvas)

# BMP: 24, 8, 4 and 1 bits, 32 bits with alpha and without, 16 bits, rows from the top, run lengths, the oldest header.
rgb.save(OUT / "rgb.bmp")
expect("rgb.bmp", both)
palette.save(OUT / "palette.bmp")
expect("palette.bmp", both)
grey.save(OUT / "grey.bmp")
expect("grey.bmp", both)
grey.point(lambda value: 255 * (value > 120), "1").save(OUT / "bits1.bmp")
expect("bits1.bmp", both)


def write_bmp(name, bits, rows, compression=0, masks=b"", colours=b"", down=False):
    """A BMP file of what PIL cannot write; `rows` are the packed bytes of each row from the bottom, or all run lengths."""
    pixels = rows if isinstance(rows, bytes) else b"".join(bytes(row) + b"\0" * (-len(row) % 4) for row in rows)
    height = -HEIGHT if down else HEIGHT
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, len(pixels), 0, 0, len(colours) // 4, 0)
    behind = 14 + len(header) + len(masks) + len(colours)
    start = struct.pack("<2sIHHI", b"BM", behind + len(pixels), 0, 0, behind)
    (OUT / name).write_bytes(start + header + masks + colours + pixels)


bgr = scene()[..., ::-1]
write_bmp("down.bmp", 24, [row.tobytes() for row in bgr], down=True)
expect("down.bmp")
padded = np.concatenate([bgr, np.full((HEIGHT, WIDTH, 1), 7, np.uint8)], -1)
write_bmp("rgbx.bmp", 32, [row.tobytes() for row in padded[::-1]])
expect("rgbx.bmp", both)
# PIL scales 5 and 6 bits to 8 by x * 255 // 31, where x * 255 / 31 is rounded here.
five = (bgr >> 3).astype("<u2")
write_bmp("bits16.bmp", 16, [row.tobytes() for row in (five[..., 0] | five[..., 1] << 5 | five[..., 2] << 10)[::-1]])
rounded = np.round(five * (255 / 31)).astype(np.uint8)[..., ::-1]
expect("bits16.bmp", picture=Image.fromarray(rounded))
six = bgr[..., 1].astype("<u2") >> 2
masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
write_bmp("bits565.bmp", 16, [row.tobytes() for row in (five[..., 0] | six << 5 | five[..., 2] << 11)[::-1]], 3, masks)
rounded[..., 1] = np.round(six * (255 / 63))
expect("bits565.bmp", picture=Image.fromarray(rounded))
indices = np.asarray(palette)
colours = np.array(palette.getpalette()[:39], np.uint8).reshape(13, 3)[:, ::-1]
colours = np.pad(colours, ((0, 0), (0, 1))).tobytes()
nibbles = np.pad(indices, ((0, 0), (0, 1)))
write_bmp("bits4.bmp", 4, [row.tobytes() for row in (nibbles[:, 0::2] << 4 | nibbles[:, 1::2])[::-1]], colours=colours)
expect("bits4.bmp")
runs = b"".join(bytes(b for index in row for b in (1, index)) + b"\0\0" for row in indices[::-1]) + b"\0\1"
write_bmp("runs.bmp", 8, runs, 1, colours=colours)
expect("runs.bmp")
core = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 24)
(OUT / "core.bmp").write_bytes(core + b"".join(row.tobytes() + b"\0" * (-3 * WIDTH % 4) for row in bgr[::-1]))
expect("core.bmp")
Image.merge("RGBA", [*rgb.split(), alpha]).save(OUT / "rgba.bmp")
expect("rgba.bmp", both)

# WebP: lossless and lossy, with alpha, animated, turned.
rgba = Image.merge("RGBA", [*rgb.split(), alpha.point(lambda value: max(value, 1))])
rgb.save(OUT / "lossless.webp", lossless=True)
expect("lossless.webp", both)
rgba.save(OUT / "lossless_alpha.webp", lossless=True, exact=True)
expect("lossless_alpha.webp", both)
rgb.save(OUT / "lossy.webp", quality=90)
expect("lossy.webp", both)
rgba.save(OUT / "lossy_alpha.webp", quality=90, exact=True)
expect("lossy_alpha.webp", both)
rgb.save(OUT / "animated.webp", save_all=True, append_images=[rgb.rotate(180)], duration=100, lossless=True)
expect("animated.webp")
rgb.save(OUT / "turned6.webp", lossless=True, exif=exif)
expect("turned6.webp")

# The middle of a picture, in the wanted aspect ratio: (17, 23) and its double need no cut.
KEPT = [*ALL_SIZES, (9, 9), (34, 46), (17, 17)]
expect_of_keras("rgb.png", "keep", ["rgb"], KEPT, ["nearest", "bilinear", "bicubic", "lanczos"])
expect_of_keras("grey.png", "keep", ["grey"], KEPT, ["nearest", "bilinear"])
expect_of_keras("rgb.jpg", "keep", ["rgb"], [(11, 14), (30, 27)], ["nearest", "bilinear"])

# What Keras takes otherwise. (Grey of 16 bits in grey it leaves at 0 to 65535, which is no picture of 8 bits.)
for turned in ["turned6.jpg", "turned6.png"]:
    expect_of_keras(turned, "keras", ["rgb"], [None, (11, 14)])
for name in ["rgb16.png", "rgba16.png", "grey_alpha16.png"]:
    expect_of_keras(name, "keras", both)
expect_of_keras("grey16.png", "keras")

# Formats that are not read.
for extension in ["tiff", "ico", "avif", "jp2"]:
    rgb.save(OUT / f"other.{extension}")
