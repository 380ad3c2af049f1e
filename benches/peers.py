"""Times ResNet50 and MobileNetV2 (batch 1, 224x224, float32) in ours and in its peers, in turns, on one machine.

    pip install numpy onnx onnxruntime ncnn pnnx
    cargo build --release
    python3 benches/peers.py [--rounds N] [--runs N] [MODEL ...]

Every round runs each of them once in a process of its own, so that a change of the machine's load meets all alike. The
last lines are, for each runtime and model, the medians over the rounds: milliseconds of one run, and of the first with
all that it needs. The peers' models are built here with random weights and BatchNormalization folded, as each runtime would
fold it; nothing is downloaded. Ours is `cnn bench`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUNTIMES = ["cnn gpu", "cnn cpu", "ncnn vulkan", "ncnn cpu", "onnxruntime cpu"]
THREADS = os.cpu_count()


class Graph:
    """An ONNX graph in the making: each method adds a node and returns the name of its output."""

    def __init__(self):
        import numpy

        self.nodes, self.weights = [], []
        self.random = numpy.random.default_rng(1)

    def node(self, op, inputs, **attributes):
        import onnx

        name = f"v{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(op, inputs, [name], **attributes))
        return name

    def weight(self, *shape, scale):
        import onnx

        name = f"w{len(self.weights)}"
        values = (self.random.standard_normal(shape) * scale).astype("float32")
        self.weights.append(onnx.numpy_helper.from_array(values, name))
        return name

    def conv(self, x, channels, filters, size, stride=1, groups=1, activation=None):
        """A convolution with bias, padded by half its size, and its activation."""
        fan_in = channels // groups * size * size
        weights = [self.weight(filters, channels // groups, size, size, scale=(2 / fan_in) ** 0.5)]
        weights.append(self.weight(filters, scale=0.1))
        window = {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [size // 2] * 4}
        y = self.node("Conv", [x, *weights], group=groups, **window)
        return y if activation is None else self.activation(y, activation)

    def activation(self, x, activation):
        if activation == "relu":
            return self.node("Relu", [x])
        low = self.constant(0.0)
        return self.node("Clip", [x, low, self.constant(6.0)])

    def constant(self, value):
        import numpy
        import onnx

        name = f"c{len(self.weights)}"
        self.weights.append(onnx.numpy_helper.from_array(numpy.float32(value), name))
        return name

    def top(self, x, channels):
        x = self.node("Flatten", [self.node("GlobalAveragePool", [x])])
        weights = [self.weight(1000, channels, scale=channels**-0.5), self.weight(1000, scale=0.1)]
        x = self.node("Gemm", [x, *weights], transB=1)
        return self.node("Softmax", [x], axis=1)

    def save(self, output, path):
        import onnx

        value = onnx.helper.make_tensor_value_info
        self.nodes[-1].output[0] = "out0"
        assert output == f"v{len(self.nodes) - 1}"
        inputs = [value("in0", onnx.TensorProto.FLOAT, [1, 3, 224, 224])]
        outputs = [value("out0", onnx.TensorProto.FLOAT, [1, 1000])]
        graph = onnx.helper.make_graph(self.nodes, "model", inputs, outputs, self.weights)
        opset = [onnx.helper.make_opsetid("", 13)]
        onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def resnet50(graph):
    """He et al., arXiv 1512.03385; strides in the first 1x1 convolution, as in Keras."""
    x = graph.conv("in0", 3, 64, 7, 2, activation="relu")
    x = graph.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for filters, blocks, first_stride in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            shortcut = graph.conv(x, channels, 4 * filters, 1, stride) if block == 0 else x
            y = graph.conv(x, channels, filters, 1, stride, activation="relu")
            y = graph.conv(y, filters, filters, 3, activation="relu")
            y = graph.conv(y, filters, 4 * filters, 1)
            x = graph.activation(graph.node("Add", [y, shortcut]), "relu")
            channels = 4 * filters
    return graph.top(x, channels)


def mobilenet_v2(graph):
    """Sandler et al., arXiv 1801.04381."""
    x = graph.conv("in0", 3, 32, 3, 2, activation="relu6")
    channels = 32
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, filters, blocks, first_stride in rows:
        for block in range(blocks):
            wide = expansion * channels
            y = graph.conv(x, channels, wide, 1, activation="relu6") if expansion > 1 else x
            y = graph.conv(y, wide, wide, 3, first_stride if block == 0 else 1, wide, activation="relu6")
            y = graph.conv(y, wide, filters, 1)
            x = graph.node("Add", [x, y]) if block > 0 else y
            channels = filters
    return graph.top(graph.conv(x, channels, 1280, 1, activation="relu6"), 1280)


MODELS = {"ResNet50": resnet50, "MobileNetV2": mobilenet_v2}


def build(model, folder):
    """Writes `model`.onnx, and for ncnn `model`.ncnn.param and `model`.ncnn.bin."""
    graph = Graph()
    graph.save(MODELS[model](graph), os.path.join(folder, f"{model}.onnx"))
    convert = ["pnnx", f"{model}.onnx", "inputshape=[1,3,224,224]", "fp16=0"]
    subprocess.run(convert, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def onnxruntime_cpu(model):
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(f"{model}.onnx", options, providers=["CPUExecutionProvider"])
    x = numpy.full((1, 3, 224, 224), 0.5, numpy.float32)
    return lambda: session.run(None, {"in0": x})


def ncnn(model, device):
    """`device` is the Vulkan adapter's name; without one it is the CPU."""
    import ncnn
    import numpy

    net = ncnn.Net()
    net.opt.use_vulkan_compute = device is not None
    net.opt.num_threads = THREADS
    for option in ["use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_bf16_packed"]:
        if hasattr(net.opt, option):
            setattr(net.opt, option, False)
    if device is not None:
        ncnn.create_gpu_instance()
        names = [ncnn.get_gpu_info(i).device_name() for i in range(ncnn.get_gpu_count())]
        if device not in names:
            sys.exit(f"ncnn has no adapter {device}, on which ours ran; it has {', '.join(names) or 'none'}")
        net.set_vulkan_device(names.index(device))
    net.load_param(f"{model}.ncnn.param")
    net.load_model(f"{model}.ncnn.bin")
    x = ncnn.Mat(numpy.full((3, 224, 224), 0.5, numpy.float32))

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", x)
        return numpy.array(extractor.extract("out0")[1])

    return run


def time_peer(runtime, model, runs, device):
    """Prints a peer's line: the child's part of a round."""
    device = device if runtime == "ncnn vulkan" else None
    start = time.perf_counter()
    run = onnxruntime_cpu(model) if runtime == "onnxruntime cpu" else ncnn(model, device)
    run()
    first = time.perf_counter() - start
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    result = {"runtime": runtime, "model": model, "device": device or "CPU", "runs": runs, "first_ms": 1e3 * first}
    print(json.dumps(result | {"median_ms": 1e3 * statistics.median(times), "min_ms": 1e3 * min(times)}))


def measure(runtime, model, runs, folder, device):
    """One runtime's part of a round: its line. `device` is the adapter that ours ran on, once it is known."""
    command = [sys.executable, os.path.abspath(__file__), "--child", runtime, "--runs", str(runs), model]
    command += ["--on", device] if device else []
    if runtime.startswith("cnn"):
        program, device = os.path.join(ROOT, "target/release/cnn"), runtime.removeprefix("cnn ")
        command = [program, "bench", model, "--device", device, "--runs", str(runs), "--json", "-"]
    # Compilation counts in the first run of all: no driver's cache of shaders on disk.
    environment = os.environ | {"MESA_SHADER_CACHE_DISABLE": "true"}
    output = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    if runtime.startswith("cnn"):
        return {"runtime": runtime} | json.loads(output)["results"][0]
    return json.loads(output.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--child", choices=RUNTIMES, help=argparse.SUPPRESS)
    parser.add_argument("--on", help=argparse.SUPPRESS)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    arguments = parser.parse_args()
    if arguments.child:
        return time_peer(arguments.child, arguments.models[0], arguments.runs, arguments.on)
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            build(model, folder)
            rounds = []
            for _ in range(arguments.rounds):
                rounds.append([])
                for runtime in RUNTIMES:
                    device = rounds[-1][0]["device"].removesuffix(" (vulkan)") if rounds[-1] else None
                    rounds[-1].append(measure(runtime, model, arguments.runs, folder, device))
                    print(json.dumps(rounds[-1][-1]), flush=True)
            for lines in zip(*rounds):
                keys = ["median_ms", "min_ms", "first_ms"]
                medians = {key: round(statistics.median(line[key] for line in lines), 1) for key in keys}
                print(json.dumps({"runtime": lines[0]["runtime"], "model": model, "rounds": arguments.rounds} | medians))


if __name__ == "__main__":
    main()
