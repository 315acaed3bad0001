#!/usr/bin/env bash
# Runs cmocka programs one after the other, all of them even if one fails.
# Last line: N passed, N failed, N skipped. A program that dies without a report counts as a failure.
set -uo pipefail

passed=0 failed=0 skipped=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
number() { sed -nE "s/^\[  $1 +\] ([0-9]+) test.*/\1/p" "$out" | tail -n 1; }

for program in "$@"; do
    echo "== $program"
    "$program" 2>&1 | tee "$out" | grep -vE '^\[ RUN |^\[       OK'
    code=${PIPESTATUS[0]}
    p=$(number PASSED) f=$(number FAILED) s=$(number SKIPPED)
    if [[ $code != 0 && ${f:-0} == 0 ]] || [[ $code == 0 && ${p:-0} == 0 && ${s:-0} == 0 ]]; then
        echo "$program: exit $code without a report of a failed test"
        f=1
    fi
    ((passed += ${p:-0})) || true
    ((failed += ${f:-0})) || true
    ((skipped += ${s:-0})) || true
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
