#!/usr/bin/env bash
# Branches of proto/ and storage/ that the unit tests, the vectors, the corpora of the fuzz targets
# and two runs of the simulator take. Needs gcovr.
#
#   coverage.sh BUILD      BUILD: build/cov, where everything is built with --coverage
#
# What does not count: the failing side of tris_assert (a bug of ours, never input). Prints the files
# below 90 % with their uncovered branches by line, then the total; build/coverage/index.html has it
# all. Exit 1 if a room is below FLOOR. WRITE=1 writes the figures into tests/COVERAGE.md.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
build=$1
floor=${FLOOR:-0}
out=build/coverage
command -v gcovr >/dev/null || { echo "coverage.sh: gcovr is missing: apt-get install gcovr" >&2 && exit 2; }
mkdir -p "$out"
find "$build" -name '*.gcda' -delete

failed=0
run() { # what, command...
    local what=$1
    shift
    "$@" >"$out/$what.log" 2>&1 || { echo "failed: $what, see $out/$what.log" && failed=1; }
}
unit=()
for program in "$build"/test_* "$build"/unit_test_*; do
    name=$(basename "$program")
    [[ -x $program && (-e tests/unit/$name.c || $name == unit_*) ]] && unit+=("$program")
done
run unit bash tests/run_unit.sh "${unit[@]}"
run vectors bash tests/run_vectors.sh "$build"
corpora=$(mktemp -d)
trap 'rm -rf "$corpora"' EXIT
for file in tests/fuzz/corpus/*.hex; do
    name=$(basename "$file" .hex)
    bash tests/fuzz/run.sh corpus "$name" "$corpora/$name"
    run "fuzz_$name" "$build/fuzz_$name" "$corpora/$name"
done
# small runs meet no fork and take nothing back; the dense one does
run sim_small "$build/tris_sim" --seed 1 --profile small
run sim_dense "$build/tris_sim" --seed 1 --profile dense --houses 7 --days 2

gcovr -r . --object-directory "$build/obj" --filter 'proto/' --filter 'storage/' \
    --exclude-branches-by-pattern '.*tris_assert\(.*' --exclude-unreachable-branches \
    --json "$out/lines.json" --html-details "$out/index.html" \
    "$build/obj/proto" "$build/obj/storage" >"$out/gcovr.log" 2>&1 ||
    { tail -n 20 "$out/gcovr.log" && exit 2; }
python=/usr/bin/python3
[[ -x $python ]] || python=python3
"$python" tests/coverage.py "$out/lines.json" "$floor" ${WRITE:+tests/COVERAGE.md} || failed=1
exit "$failed"
