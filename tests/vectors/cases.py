"""The tables of single-layer cases: (class, arguments, input shapes, options). Read by layers.py.

Options: `range` (lo, hi) of the inputs; `weights` {name: (lo, hi)}; `extra` True for arguments that
lie outside the set this project promises.
"""

CASES = []


def case(cls, kwargs, *shapes, **options):
    CASES.append((cls, kwargs, [tuple(s) for s in shapes], options))


def conv2d():
    C = "Conv2D"
    kernels = [1, 2, 3, 4, 5, (3, 2), (1, 5), (7, 1)]
    for n, k in enumerate(kernels):
        for m, s in enumerate([1, 2, 3, (2, 1), (1, 3)]):
            for padding in ("valid", "same"):
                if (n + m) % 2 == 1 and padding == "valid":
                    continue
                size = [(7, 6), (8, 5), (9, 7)][(n + m) % 3]
                channels = [3, 1, 5][(n + 2 * m) % 3]
                case(C, dict(filters=[2, 3, 1][(n + m) % 3], kernel_size=k, strides=s, padding=padding), (1, *size, channels))
    for k, size in [(5, (2, 3)), (7, (1, 1)), (3, (1, 4)), (6, (3, 2)), ((4, 7), (2, 9)), (11, (5, 5))]:   # kernel over input
        case(C, dict(filters=3, kernel_size=k, padding="same"), (2, *size, 2))
        case(C, dict(filters=3, kernel_size=k, strides=2, padding="same"), (1, *size, 2))
    for k, s, size in [(1, 2, (7, 7)), (1, 3, (8, 9)), (2, 3, (9, 8)), (2, 5, (11, 10)), (3, 4, (9, 10)), ((1, 2), (3, 4), (7, 9))]:  # strides over kernel
        for padding in ("valid", "same"):
            case(C, dict(filters=2, kernel_size=k, strides=s, padding=padding), (1, *size, 3))
    for k, d, size in [(3, 2, (7, 8)), (3, 3, (9, 9)), (2, 2, (6, 5)), ((3, 2), (2, 3), (9, 8)), (3, (1, 2), (6, 7)), (5, 2, (6, 6)), (4, 3, (7, 7))]:
        if (k, d) not in ((5, 2), (4, 3)):
            case(C, dict(filters=2, kernel_size=k, dilation_rate=d), (1, *size, 3))
        case(C, dict(filters=2, kernel_size=k, dilation_rate=d, padding="same"), (2, *size, 2))
    for groups, cin, f, k, s, padding, d in [(2, 4, 4, 3, 1, "same", 1), (3, 6, 3, 3, 2, "same", 1), (5, 5, 10, 2, 1, "valid", 1), (2, 6, 8, 1, 1, "valid", 1),
                                             (4, 4, 4, 3, 3, "same", 1), (2, 2, 6, (3, 1), (2, 1), "valid", 1), (17, 17, 17, 3, 2, "same", 1), (2, 4, 2, 3, 1, "same", 2),
                                             (3, 3, 6, 2, 1, "valid", (2, 1))]:
        case(C, dict(filters=f, kernel_size=k, strides=s, padding=padding, groups=groups, dilation_rate=d), (1, 6, 5, cin))
    case(C, dict(filters=4, kernel_size=3, groups=2, use_bias=False, activation="relu"), (3, 5, 5, 4))
    acts = ["relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "sigmoid", "hard_sigmoid", "tanh", "softmax", "log_softmax", "silu", "hard_silu",
            "softplus", "softsign", "exponential", "mish", "linear"]
    for n, a in enumerate(acts):
        case(C, dict(filters=3, kernel_size=[3, 1, 2][n % 3], activation=a, use_bias=n % 4 != 1, padding=["valid", "same"][n % 2]), (1, 4, 4, [2, 5, 1][n % 3]))
    for cin, f, k, shape in [(17, 5, 3, (1, 5, 5)), (64, 3, 1, (1, 3, 3)), (64, 4, 3, (1, 4, 3)), (3, 17, 3, (1, 4, 4)), (3, 64, 2, (1, 3, 2)), (17, 17, 1, (2, 3, 3)),
                             (1, 1, 3, (5, 6, 4)), (64, 64, 1, (1, 1, 1)), (5, 3, 1, (4, 1, 1)), (3, 2, 3, (3, 13, 11)), (256, 2, 3, (1, 4, 4)), (1, 8, 7, (1, 9, 9))]:
        case(C, dict(filters=f, kernel_size=k, padding="same"), (*shape, cin))
    case(C, dict(filters=3, kernel_size=3, use_bias=False), (2, 5, 4, 3))
    case(C, dict(filters=3, kernel_size=3, strides=2, padding="same", use_bias=False), (2, 6, 6, 3))
    case(C, dict(filters=1, kernel_size=(5, 4)), (2, 5, 4, 3))


def depthwise():
    C = "DepthwiseConv2D"
    for n, k in enumerate([1, 2, 3, 5, (3, 2), (1, 4)]):
        for m, s in enumerate([1, 2, 3]):
            for padding in ("valid", "same"):
                if (n + m) % 3 == 2 and padding == "valid":
                    continue
                case(C, dict(kernel_size=k, strides=s, padding=padding, depth_multiplier=[1, 2, 3][(n + m) % 3]), (1, *[(7, 6), (6, 5), (8, 9)][m], [3, 1, 2][n % 3]))
    case(C, dict(kernel_size=3, strides=(2, 1), padding="same"), (1, 6, 5, 3))
    case(C, dict(kernel_size=(2, 3), strides=(1, 2), depth_multiplier=2), (1, 6, 7, 2))
    for k, d, padding, mult in [(3, 2, "valid", 1), (3, 2, "same", 2), (2, 3, "same", 1), ((3, 2), (1, 3), "valid", 1), (5, 2, "same", 1)]:
        case(C, dict(kernel_size=k, dilation_rate=d, padding=padding, depth_multiplier=mult), (1, 7, 7, 3))
    for shape, k, kw in [((1, 4, 4, 17), 3, {}), ((1, 3, 3, 64), 3, {}), ((4, 3, 5, 5), 3, {}), ((1, 1, 1, 5), 3, {}), ((2, 2, 2, 3), 7, {}),
                         ((1, 5, 5, 3), 3, dict(use_bias=False)), ((1, 5, 5, 3), 3, dict(activation="relu6")), ((1, 4, 5, 2), 2, dict(activation="swish", use_bias=False, depth_multiplier=2)),
                         ((1, 9, 8, 3), 2, dict(strides=4))]:
        case(C, dict(kernel_size=k, padding="same", **kw), shape)


def separable():
    C = "SeparableConv2D"
    for n, k in enumerate([1, 2, 3, (3, 2), 5]):
        for m, s in enumerate([1, 2, 3]):
            case(C, dict(filters=[2, 4, 3][m], kernel_size=k, strides=s, padding=["valid", "same"][(n + m) % 2], depth_multiplier=[1, 2][(n + 2 * m) % 2]), (1, *[(6, 7), (7, 5), (8, 8)][m], [3, 1, 2][n % 3]))
    for kw, shape in [(dict(dilation_rate=2, padding="same"), (1, 6, 6, 3)), (dict(dilation_rate=(1, 3)), (1, 5, 9, 2)), (dict(use_bias=False), (2, 5, 5, 3)),
                      (dict(activation="relu", padding="same"), (1, 5, 4, 3)), (dict(activation="tanh", use_bias=False, depth_multiplier=3), (1, 5, 5, 2)),
                      (dict(padding="same"), (1, 4, 3, 17)), (dict(padding="same"), (1, 2, 2, 64)), (dict(padding="same"), (3, 1, 1, 5)), (dict(padding="same", strides=4), (1, 9, 7, 3)),
                      (dict(strides=(2, 1), padding="same"), (1, 6, 5, 2)), (dict(padding="same", activation="softmax"), (1, 3, 3, 3))]:
        case(C, dict(filters=4, kernel_size=3, **kw), shape)


def transpose():
    C = "Conv2DTranspose"
    for n, k in enumerate([1, 2, 3, 4, (3, 2), 5]):
        for m, s in enumerate([1, 2, 3]):
            for padding in ("valid", "same"):
                if (n + m) % 4 == 3 and padding == "same":
                    continue
                case(C, dict(filters=[2, 1, 3][(n + m) % 3], kernel_size=k, strides=s, padding=padding), (1, *[(4, 5), (3, 4), (3, 2)][m], [3, 2, 1][n % 3]))
    for k, s, padding, op in [(3, 2, "same", 1), (3, 2, "same", 0), (3, 2, "valid", 1), (4, 3, "same", 2), (4, 3, "valid", 1), (2, 3, "valid", 2), (3, (2, 3), "same", (1, 2)), (5, 2, "valid", 0), (3, (3, 2), "valid", (0, 1))]:
        case(C, dict(filters=2, kernel_size=k, strides=s, padding=padding, output_padding=op), (1, 3, 4, 2))
    for k, d, padding in [(3, 2, "valid"), (3, 2, "same"), (2, 3, "valid"), ((3, 2), (2, 1), "same"), (2, 2, "same")]:
        case(C, dict(filters=2, kernel_size=k, dilation_rate=d, padding=padding), (1, 4, 3, 2))
    for kw, shape in [(dict(use_bias=False), (1, 3, 3, 3)), (dict(strides=2, padding="same", activation="relu"), (1, 3, 3, 3)), (dict(strides=2, padding="same"), (3, 2, 3, 5)),
                      (dict(strides=2), (1, 1, 1, 3)), (dict(strides=(1, 2), padding="same"), (1, 3, 4, 2)), (dict(padding="same"), (1, 3, 3, 17)), (dict(strides=2, padding="same"), (1, 2, 2, 64)),
                      (dict(strides=5), (1, 3, 2, 2)), (dict(strides=4, padding="same"), (1, 2, 3, 2)), (dict(strides=2, padding="same", activation="sigmoid", use_bias=False), (2, 2, 2, 1))]:
        case(C, dict(filters=3, kernel_size=3, **kw), shape)


def dense():
    C = "Dense"
    for units, shape, kw in [(3, (1, 5), {}), (4, (3, 17), {}), (1, (2, 3), {}), (10, (1, 64), {}), (2, (5, 1), {}), (3, (2, 4, 5), {}), (2, (1, 7, 3), dict(use_bias=False)),
                             (4, (2, 3, 2, 5), {}), (1, (1, 2, 2, 17), dict(use_bias=False)), (5, (1, 1, 1, 3), dict(activation="relu")), (17, (2, 5), dict(activation="relu")),
                             (6, (2, 5), dict(activation="softmax")), (6, (1, 3, 5), dict(activation="softmax", use_bias=False)), (5, (1, 3, 2, 4), dict(activation="softmax")),
                             (4, (2, 5), dict(activation="sigmoid")), (4, (2, 5), dict(activation="tanh")), (4, (2, 5), dict(activation="gelu")), (4, (2, 5), dict(activation="selu")),
                             (100, (1, 33), {}), (3, (1, 1000), {}), (64, (4, 64), {}), (5, (2, 5), dict(activation="log_softmax")), (4, (2, 3, 3), dict(activation="hard_swish"))]:
        case(C, dict(units=units, **kw), shape)


def pooling():
    for C in ("MaxPooling2D", "AveragePooling2D"):
        for n, (k, s) in enumerate([(2, None), (3, None), (2, 1), (3, 2), (3, 1), (2, 3), ((3, 2), (1, 2)), ((1, 4), None), (5, 2), (1, 2), ((2, 3), (2, 1)), (4, 3)]):
            for padding in ("valid", "same"):
                case(C, dict(pool_size=k, strides=s, padding=padding), (1, *[(7, 6), (8, 5), (9, 9), (6, 7)][n % 4], [3, 1, 2, 5][(n // 2) % 4]))
        case(C, dict(pool_size=(2, 2)) if C[0] == "A" else {}, (2, 5, 7, 3))
        case(C, dict(pool_size=5, strides=1, padding="same"), (2, 2, 3, 2), range=(-3.0, -1.0))
        case(C, dict(pool_size=3, strides=2, padding="same"), (1, 6, 5, 3), range=(-3.0, -1.0))
        case(C, dict(pool_size=3, strides=2, padding="same"), (1, 1, 1, 5), range=(1.0, 3.0))
        case(C, dict(pool_size=2), (1, 4, 4, 17))
        case(C, dict(pool_size=3, padding="same", strides=2), (1, 5, 4, 64))
    for C in ("GlobalMaxPooling2D", "GlobalAveragePooling2D"):
        for shape in [(2, 5, 4, 3), (1, 1, 1, 5), (3, 7, 7, 1), (1, 3, 9, 17), (1, 2, 2, 64)]:
            case(C, {}, shape)
        case(C, dict(keepdims=True), (2, 3, 5, 3))
        case(C, {}, (2, 4, 4, 3), range=(-2.0, -1.0))


def movement():
    for p, shape in [(1, (1, 3, 4, 2)), ((2, 1), (2, 3, 3, 1)), (((1, 0), (2, 3)), (1, 2, 3, 3)), (((0, 1), (0, 1)), (1, 4, 4, 5)), ((0, 3), (1, 1, 1, 17)), (((3, 3), (3, 3)), (1, 2, 2, 3))]:
        case("ZeroPadding2D", dict(padding=p), shape)
    case("ZeroPadding2D", {}, (1, 2, 3, 2))
    for p, shape in [(1, (1, 5, 6, 2)), ((2, 1), (2, 6, 4, 1)), (((1, 0), (2, 1)), (1, 4, 5, 3)), (((0, 3), (1, 0)), (1, 4, 4, 5)), ((0, 1), (1, 2, 3, 17)), ((0, 0), (1, 2, 2, 3))]:
        case("Cropping2D", dict(cropping=p), shape)
    for shape in [(2, 5), (2, 3, 4), (2, 3, 2, 5), (1, 1, 1, 1), (3, 2, 3, 1)]:
        case("Flatten", {}, shape)
    for target, shape in [((6, 2), (2, 12)), ((-1, 3), (2, 12)), ((2, -1, 3), (1, 4, 6)), ((-1,), (2, 3, 2, 2)), ((4, 3, 2), (2, 2, 3, 4)), ((1, 1, 5), (3, 5)), ((2, 2, -1), (1, 16)), ((12,), (2, 3, 4))]:
        case("Reshape", dict(target_shape=target), shape)
    for dims, shape in [((2, 1), (2, 3, 4)), ((3, 1, 2), (2, 2, 3, 4)), ((1, 3, 2), (1, 2, 3, 4)), ((2, 1, 3), (2, 3, 2, 5)), ((3, 2, 1), (1, 4, 3, 2)), ((2, 3, 1), (1, 2, 3, 5)), ((1, 2), (1, 3, 2)), ((1, 2, 3), (1, 2, 3, 2))]:
        case("Permute", dict(dims=dims), shape)
    for rate, shape in [(0.5, (2, 7)), (0.0, (1, 3, 3, 2)), (0.9, (2, 3, 4))]:
        case("Dropout", dict(rate=rate), shape)
    case("Dropout", dict(rate=0.3, seed=7, noise_shape=(2, 1, 4)), (2, 3, 4))


def normalisation():
    C = "BatchNormalization"
    for kw, shape in [({}, (2, 3, 4, 5)), ({}, (3, 7)), ({}, (2, 4, 3)), (dict(epsilon=0.1), (1, 3, 3, 3)), (dict(epsilon=1e-5), (1, 3, 3, 17)), (dict(center=False), (1, 4, 3, 2)),
                      (dict(scale=False), (1, 4, 3, 2)), (dict(center=False, scale=False), (2, 2, 2, 3)), (dict(axis=1), (2, 3, 4, 2)), (dict(axis=2), (1, 3, 4, 2)), (dict(axis=3), (1, 3, 4, 2)),
                      (dict(axis=-2), (1, 3, 5, 2)), (dict(axis=1), (2, 3, 4)), (dict(axis=-1, momentum=0.5), (1, 2, 2, 64)), (dict(axis=1, epsilon=0.01, scale=False), (3, 5)), ({}, (1, 1, 1, 1))]:
        case(C, kw, shape)
    case(C, dict(epsilon=1e-3), (1, 3, 3, 3), weights=dict(moving_variance=(0.0, 0.001)))
    case(C, {}, (1, 3, 3, 5), weights=dict(moving_mean=(50.0, 100.0), moving_variance=(100.0, 1000.0), gamma=(-2.0, 2.0)), range=(0.0, 200.0))
    C = "LayerNormalization"
    for kw, shape in [({}, (2, 5)), ({}, (2, 3, 4)), ({}, (2, 3, 2, 5)), (dict(axis=1), (2, 3, 4)), (dict(axis=2), (1, 3, 4, 2)), (dict(axis=[1, 2]), (2, 3, 4)), (dict(axis=[1, 2]), (1, 3, 4, 2)),
                      (dict(axis=[1, 2, 3]), (2, 3, 2, 2)), (dict(axis=[2, 3]), (2, 3, 2, 4)), (dict(axis=[-1, -2]), (1, 2, 3, 4)), (dict(axis=[1, 3]), (2, 3, 2, 2)), (dict(axis=-2), (1, 3, 4, 2)),
                      (dict(axis=[1]), (3, 7)), (dict(epsilon=0.1), (2, 7)), (dict(epsilon=1e-6), (1, 2, 2, 17)), (dict(center=False), (2, 5)), (dict(scale=False), (2, 3, 5)),
                      (dict(center=False, scale=False, epsilon=0.01), (1, 3, 3, 4)), ({}, (1, 2, 2, 64)), ({}, (3, 300)), ({}, (2, 1, 1))]:
        case(C, kw, shape)
    case(C, {}, (2, 3, 8), range=(1000.0, 1001.0))
    C = "Normalization"
    case(C, dict(axis=-1, mean=[0.5, -1.0, 2.0], variance=[0.25, 4.0, 1.5]), (2, 3, 2, 3))
    case(C, dict(axis=-1, mean=[0.485, 0.456, 0.406], variance=[0.229**2, 0.224**2, 0.225**2]), (1, 4, 4, 3), range=(0.0, 1.0))
    case(C, dict(axis=None, mean=0.5, variance=2.0), (2, 5))
    case(C, dict(axis=None, mean=-3.0, variance=0.01, invert=True), (1, 2, 3, 2))
    case(C, dict(axis=-1, mean=[0.5, -1.0], variance=[0.25, 4.0], invert=True), (2, 3, 2))
    case(C, dict(axis=1, mean=[0.5, -1.0, 3.0], variance=[0.25, 4.0, 1.0]), (2, 3, 2, 2))
    case(C, dict(axis=-1, mean=1.5, variance=2.5), (2, 3, 4))
    case(C, dict(axis=-1, mean=[0.5, 1.0, 2.0], variance=[0.0, 1.0, 0.0]), (2, 3), range=(0.5, 0.5000001))
    for kw, shape in [({}, (3, 4)), ({}, (2, 3, 2, 3)), (dict(axis=None), (2, 3, 4)), (dict(axis=(1,)), (2, 3, 4)), (dict(axis=(1, 3)), (2, 3, 2, 2)), (dict(axis=(1, 2, 3)), (2, 2, 3, 2)),
                      (dict(axis=-1, invert=True), (1, 3, 3, 5)), (dict(axis=(-1, -2)), (2, 2, 3, 2)), (dict(axis=None, invert=True), (2, 5))]:
        case(C, kw, shape)


def resampling():
    C = "Resizing"
    sizes = [((3, 4), (6, 8)), ((5, 7), (3, 4)), ((4, 4), (7, 3)), ((6, 5), (6, 5)), ((1, 1), (3, 2)), ((7, 6), (1, 1)), ((8, 8), (4, 4)), ((3, 5), (10, 4)), ((9, 7), (5, 6)), ((2, 3), (9, 11))]
    for n, (a, b) in enumerate(sizes):
        for interpolation in ("nearest", "bilinear"):
            case(C, dict(height=b[0], width=b[1], interpolation=interpolation), ([1, 2][n % 2], *a, [3, 1, 2][n % 3]))
    for a, b in [((4, 8), (4, 4)), ((8, 4), (4, 4)), ((5, 8), (6, 3)), ((7, 5), (4, 6)), ((3, 9), (5, 7))]:
        for interpolation in ("nearest", "bilinear"):
            case(C, dict(height=b[0], width=b[1], interpolation=interpolation, crop_to_aspect_ratio=True), (1, *a, 2))
    for a, b, v in [((4, 8), (4, 4), 0.0), ((8, 4), (4, 4), 2.5), ((5, 8), (6, 3), -1.0), ((7, 5), (4, 6), 0.5), ((4, 6), (3, 3), 1.0), ((3, 9), (5, 7), 7.0)]:
        for interpolation in ("nearest", "bilinear"):
            case(C, dict(height=b[0], width=b[1], interpolation=interpolation, pad_to_aspect_ratio=True, fill_value=v), (1, *a, 2))
    case(C, dict(height=2, width=3, interpolation="bilinear"), (1, 4, 9, 17), range=(0.0, 255.0))
    case(C, dict(height=3, width=3, interpolation="bilinear", antialias=True), (1, 7, 8, 2), extra=True)
    case(C, dict(height=5, width=9, interpolation="bilinear", antialias=True), (1, 4, 5, 2), extra=True)
    for size, shape in [(2, (1, 3, 4, 2)), ((2, 3), (2, 2, 3, 1)), ((1, 2), (1, 3, 3, 5)), (3, (1, 1, 1, 3)), (4, (1, 3, 2, 1)), ((3, 1), (1, 2, 2, 17))]:
        for interpolation in ("nearest", "bilinear"):
            case("UpSampling2D", dict(size=size, interpolation=interpolation), shape)
    case("UpSampling2D", {}, (1, 2, 3, 64))
    for scale, offset, shape, r in [(1 / 255, 0.0, (1, 3, 3, 3), (0, 255)), (1 / 127.5, -1.0, (2, 3, 2, 3), (0, 255)), ([0.5, 2.0, -1.0], 0.0, (1, 3, 2, 3), (-1, 1)), ([0.5, 2.0, -1.0], [1.0, 0.0, 0.25], (2, 2, 2, 3), (-1, 1)),
                                    (2.0, [1.0, -2.0], (3, 2), (-1, 1)), (-3.0, 0.1, (2, 3, 4), (-1, 1)), ([[1.0], [2.0], [3.0]], 0.0, (2, 3, 4), (-1, 1))]:
        case("Rescaling", dict(scale=scale, offset=offset), shape, range=tuple(map(float, r)))


def activations():
    names = ["relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "sigmoid", "hard_sigmoid", "tanh", "softmax", "log_softmax", "silu", "swish", "hard_silu", "hard_swish", "softplus", "softsign", "exponential", "mish", "linear"]
    for name in names:
        case("Activation", dict(activation=name), (2, 40), range=(-8.0, 8.0))
        case("Activation", dict(activation=name), (1, 3, 3, 4), range=(-2.0, 2.0))
        wide = 80.0 if name == "exponential" else 1000.0
        if name != "linear":
            case("Activation", dict(activation=name), (2, 2, 9), range=(-wide, wide))
        if name not in ("relu", "relu6", "leaky_relu", "linear"):
            case("Activation", dict(activation=name), (1, 24), range=(-0.01, 0.01))
    for shape, r in [((2, 40), 8.0), ((1, 3, 3, 4), 2.0), ((2, 2, 9), 1000.0), ((1, 24), 0.01)]:
        case("gelu", dict(approximate=True), shape, range=(-r, r))
        case("gelu", dict(approximate=False), shape, range=(-r / 2, r / 2))
    case("leaky_relu", dict(negative_slope=0.5), (2, 20), range=(-4.0, 4.0))
    case("elu", dict(alpha=0.5), (2, 20), range=(-4.0, 4.0))
    case("relu", dict(negative_slope=0.25, max_value=2.0, threshold=-0.5), (2, 20), range=(-4.0, 4.0))
    case("softmax", dict(axis=1), (2, 5, 3), range=(-4.0, 4.0))
    case("log_softmax", dict(axis=1), (2, 5, 3), range=(-4.0, 4.0))
    for kw in [{}, dict(max_value=6.0), dict(negative_slope=0.1), dict(threshold=1.0), dict(max_value=2.0, threshold=0.5), dict(max_value=3.0, negative_slope=0.25, threshold=1.5),
               dict(negative_slope=0.5, threshold=2.0), dict(max_value=0.0), dict(max_value=6.0, negative_slope=0.2)]:
        case("ReLU", kw, (2, 30), range=(-8.0, 8.0))
    case("ReLU", dict(max_value=6.0), (1, 3, 3, 5), range=(-8.0, 8.0))
    for kw in [{}, dict(negative_slope=0.01), dict(negative_slope=0.0), dict(negative_slope=1.5)]:
        case("LeakyReLU", kw, (2, 20), range=(-4.0, 4.0))
    case("LeakyReLU", dict(negative_slope=0.125), (1, 3, 3, 4), range=(-4.0, 4.0))
    for kw, shape in [({}, (2, 9)), ({}, (2, 3, 4)), ({}, (2, 2, 3, 4)), (dict(shared_axes=[1, 2]), (2, 3, 3, 5)), (dict(shared_axes=[1]), (2, 3, 4)), (dict(shared_axes=[3]), (1, 3, 2, 4)), (dict(shared_axes=[1, 2, 3]), (1, 3, 2, 4)), (dict(shared_axes=[1]), (2, 6))]:
        case("PReLU", kw, shape, range=(-4.0, 4.0))
    for kw, shape in [({}, (2, 20)), (dict(alpha=0.3), (2, 20)), (dict(alpha=2.0), (1, 3, 3, 4))]:
        case("ELU", kw, shape, range=(-8.0, 8.0))
    for kw, shape in [({}, (2, 10)), ({}, (2, 3, 5)), ({}, (1, 2, 3, 4)), (dict(axis=1), (2, 5, 3)), (dict(axis=1), (1, 4, 2, 3)), (dict(axis=2), (1, 2, 5, 3)), (dict(axis=-2), (1, 2, 3, 4)), (dict(axis=[1, 2]), (2, 3, 4)),
                      (dict(axis=[1, 2]), (1, 3, 2, 3)), (dict(axis=[-1, 1]), (2, 3, 2, 2)), ({}, (1, 1)), ({}, (3, 300))]:
        case("Softmax", kw, shape, range=(-6.0, 6.0))
    case("Softmax", {}, (2, 7), range=(500.0, 1500.0))


def merging():
    two = [[(3, 5), (3, 5)], [(2, 3, 4), (2, 3, 4)], [(2, 3, 2, 5), (2, 3, 2, 5)], [(2, 3, 4, 5), (2, 1, 1, 5)], [(2, 3, 1, 2), (2, 1, 4, 2)], [(1, 3, 3, 1), (1, 3, 3, 4)]]
    for n, C in enumerate(["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]):
        for m, shapes in enumerate(two):
            case(C, {}, *(shapes if (n + m) % 2 else shapes[::-1]))
        case(C, {}, (2, 5), (2, 3, 5))                     # ranks differ: Keras inserts axes after the batch
        case(C, {}, (2, 3, 2, 4), (2, 4))
        if C != "Subtract":
            case(C, {}, (2, 4), (2, 4), (2, 4))
            case(C, {}, (1, 3, 2, 2), (1, 1, 1, 2), (1, 3, 1, 1))
            case(C, {}, (2, 3), (2, 2, 3), (2, 2, 1, 3))
    C = "Concatenate"
    for axis, shapes in [(-1, [(2, 3), (2, 5)]), (1, [(2, 3), (2, 1), (2, 4)]), (-1, [(2, 3, 2), (2, 3, 5)]), (1, [(2, 3, 2), (2, 4, 2)]), (-1, [(1, 3, 2, 3), (1, 3, 2, 1)]), (3, [(1, 2, 2, 17), (1, 2, 2, 3), (1, 2, 2, 5)]),
                         (1, [(2, 1, 3, 2), (2, 4, 3, 2)]), (2, [(1, 3, 2, 2), (1, 3, 5, 2), (1, 3, 1, 2)]), (-2, [(1, 3, 2, 2), (1, 3, 4, 2)]), (-3, [(1, 2, 2, 2), (1, 3, 2, 2)]), (-2, [(2, 3, 2), (2, 1, 2)])]:
        case(C, dict(axis=axis), *shapes)
    case(C, {}, (1, 2, 2, 3), (1, 2, 2, 3))


def outside():
    """Arguments outside the promised set: a loader may refuse them, but must not get them wrong."""
    case("MaxPooling2D", dict(pool_size=2, data_format="channels_first"), (1, 3, 4, 6), extra=True)
    case("AveragePooling2D", dict(pool_size=2, padding="same", data_format="channels_first"), (1, 3, 5, 5), extra=True)
    case("GlobalAveragePooling2D", dict(data_format="channels_first"), (2, 3, 4, 5), extra=True)
    case("ZeroPadding2D", dict(padding=((1, 0), (2, 1)), data_format="channels_first"), (1, 2, 3, 3), extra=True)
    case("Conv2D", dict(filters=3, kernel_size=3, padding="same", data_format="channels_first"), (1, 2, 5, 4), extra=True)
    case("Flatten", dict(data_format="channels_first"), (2, 3, 2, 2), extra=True)
    case("LayerNormalization", dict(rms_scaling=True), (2, 7), extra=True)
    case("UpSampling2D", dict(size=2, interpolation="bicubic"), (1, 3, 3, 2), extra=True)
    # strided and dilated at once: Keras refuses strides > 1 with dilation_rate > 1 in Conv2D itself


for table in (conv2d, depthwise, separable, transpose, dense, pooling, movement, normalisation, resampling, activations, merging, outside):
    table()
