#!/usr/bin/env bash
# What a GPU seen for the first time is asked: the probes (crates/cnn-wgpu/examples/probes), every agreement case, and the
# four models of the zoo. All answers go to one folder.
#
#   benches/gpu.sh [FOLDER]            run; FOLDER is benches/results/<date> where it is not given
#   benches/gpu.sh --build BINARIES    build what a machine without a toolchain needs, and copy it there
#
#   CNN_BIN_DIR   folder of such binaries, instead of cargo
#   CNN_SECONDS   seconds that one probe may take (2)
#   CNN_LARGEST   largest side of a matrix product (8192)
#   CNN_MODELS    models to time (ResNet50 VGG16 MobileNetV2 InceptionV3)
#   CNN_BATCHES   batch sizes (1,8,32)
#   CNN_DEVICE    the device as `cnn bench --device` takes it (gpu)
#   CNN_FAMILIES  which agreement families, as a test filter (all)
#
# Every step runs even if one before it failed; the status is 1 if any did.
set -uo pipefail
cd "$(dirname "$0")/.."

# The path of the agreement test's binary, which cargo names by a hash.
agreement_binary() {
    cargo test --release -p cnn-tests --test agreement --no-run --message-format json \
        | grep -o '"executable":"[^"]*agreement-[^"]*"' | tail -n 1 | cut -d '"' -f 4
}

if [ "${1:-}" = --build ]; then
    folder=${2:?--build needs a folder}
    mkdir -p "$folder" || exit 1
    cargo build --release -p cnn-cli -p cnn-wgpu --bin cnn --example probes || exit 1
    cp target/release/cnn target/release/examples/probes "$folder/" || exit 1
    cp "$(agreement_binary)" "$folder/agreement" || exit 1
    exit 0
fi

out=${1:-benches/results/$(date +%F)}
mkdir -p "$out" || exit 1
out=$(cd "$out" && pwd)
status=0

# step NAME COMMAND...: runs it, keeps what it prints beside the answers, and says how it ended.
step() {
    local name=$1
    shift
    echo "== $name"
    if "$@" 2>&1 | tee "$out/$name.txt"; then
        echo "== $name: done"
    else
        echo "== $name: FAILED" | tee -a "$out/$name.txt"
        status=1
    fi
}

probes=(cargo run --release --quiet -p cnn-wgpu --example probes --)
agreement=(cargo test --release --quiet -p cnn-tests --test agreement --)
cnn=(cargo run --release --quiet -p cnn-cli --bin cnn --)
if [ -n "${CNN_BIN_DIR:-}" ]; then
    probes=("$CNN_BIN_DIR/probes")
    agreement=("$CNN_BIN_DIR/agreement")
    cnn=("$CNN_BIN_DIR/cnn")
fi

step probes "${probes[@]}" --seconds "${CNN_SECONDS:-2}" --largest "${CNN_LARGEST:-8192}" --out "$out/probes.json"

# A line for each family and device: cases run, passed, left out and why.
report=$(mktemp -d)
export CNN_TEST_REPORT=$report
step agreement "${agreement[@]}" --test-threads 1 ${CNN_FAMILIES:-}
cat "$report"/*.jsonl > "$out/agreement.jsonl" 2> /dev/null || echo "no agreement case was reported"
rm -r "$report"

read -ra models <<< "${CNN_MODELS:-ResNet50 VGG16 MobileNetV2 InceptionV3}"
step bench "${cnn[@]}" bench "${models[@]}" --device "${CNN_DEVICE:-gpu}" --batch "${CNN_BATCHES:-1,8,32}" \
    --json "$out/bench.json"

echo "answers: $out"
exit $status
