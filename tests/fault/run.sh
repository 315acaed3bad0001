#!/usr/bin/env bash
# Both kinds of sudden death: at every step of one daemon, and at random among four.
#
#   run.sh DIE_AT.SO ROUNDS
#
# Last line: N passed, N failed, N skipped.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
passed=0 failed=0 skipped=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

run() {
    local code last p f s
    "$@" 2>&1 | tee "$out"
    code=${PIPESTATUS[0]}
    last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$out" | tail -n 1)
    read -r p _ f _ s _ <<<"${last//,/}"
    passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
    if [[ $code != 0 && ${f:-0} == 0 ]]; then
        failed=$((failed + 1))
    fi
}

if nm -D "${BUILD:-build/release}/trisd" | grep -q '__[at]san_init'; then
    echo "the sweep is skipped: sanitizers do not take a preloaded library"
    skipped=1
else
    run bash tests/fault/die_sweep.sh "$1"
fi
run bash tests/fault/kill_loop.sh "$2"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
