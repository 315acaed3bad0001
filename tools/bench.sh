#!/usr/bin/env bash
# Prints the figures of DESIGN section 9 beside their targets and the machine's own limits, and
# writes build/bench.json. RECORDS=n, ROUNDS=n, BENCH=full: see bench.py.
set -euo pipefail
cd "$(dirname "$0")/.."
export BUILD=${BUILD:-build/release} PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3
[[ -x $python ]] || python=python3
exec "$python" tools/bench.py "$@"
