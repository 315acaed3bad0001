#!/usr/bin/env bash
# Prints the figures of DESIGN section 9 beside their targets and the machine's own limits, and
# writes build/bench.json. RECORDS=n sets the size of the cold sync (default 100,000).
set -euo pipefail
cd "$(dirname "$0")/.."
export BUILD=${BUILD:-build/release} RECORDS=${RECORDS:-100000}
python=/usr/bin/python3
[[ -x $python ]] || python=python3
exec "$python" tools/bench.py "$@"
