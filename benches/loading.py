"""How long Keras and ours take to load a weight file, and what memory that needs.

    cargo build --release -p cnn-benches
    python3 benches/loading.py --keras PYTHON FOLDER [ARCH ...]

PYTHON has Keras; FOLDER holds ARCH.weights.h5, as tests/vectors/zoo_weights.py writes it. In turns, each in a process of
its own: Keras builds the model and loads the file, ours opens the file and puts it on the device that CNN_BENCH_ADAPTER
names. Times are of the loading alone, with the file in the system's cache; medians of the rounds.
"""

import argparse
import json
import os
import statistics
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KERAS = """
import json, os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import keras

def memory(name):
    for line in open("/proc/self/status"):
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024

model = getattr(keras.applications, sys.argv[1])(weights=None)
open("/proc/self/clear_refs", "w").write("5")
before, start = memory("VmRSS"), time.perf_counter()
model.load_weights(sys.argv[2])
seconds = time.perf_counter() - start
print(json.dumps({"loaded_s": seconds, "added_mib": memory("VmHWM") - before}))
"""


def run(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("archs", nargs="*", metavar="ARCH", default=["ResNet152"])
    parser.add_argument("--keras", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for arch in arguments.archs:
        weights = os.path.join(arguments.folder, arch + ".weights.h5")
        program = os.path.join(ROOT, "target/release/loading")
        rounds = [(run([arguments.keras, "-c", KERAS, arch, weights]), run([program, arch, weights])) for _ in range(arguments.rounds)]
        for name, results in zip(["keras", "ours"], zip(*rounds)):
            numbers = {key: round(statistics.median(one[key] for one in results), 3) for key, value in results[0].items() if not isinstance(value, str)}
            print(json.dumps({"model": arch, "by": name, "device": results[0].get("device", "CPU"), "rounds": arguments.rounds} | numbers), flush=True)


if __name__ == "__main__":
    main()
