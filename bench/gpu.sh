#!/usr/bin/env bash
# Training on the GPU of this machine, measured: bench/gpu.sh [options of gpu.py]
# Ten minutes at the most, no network, no installation: torch, numpy, scipy and safetensors are all it needs.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export PYTHONPATH="$here/../src${PYTHONPATH:+:$PYTHONPATH}"
exec timeout --signal=INT --kill-after=10 595 "${PYTHON:-python3}" "$here/gpu.py" "$@"
