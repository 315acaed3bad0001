#!/usr/bin/env bash
# Runs the vector programs: the public files of $TRIS_TEST_VECTORS and the golden ones of
# tests/vectors/. Without the folder the public ones count as skipped.
# Last line: N passed, N failed, N skipped.
set -uo pipefail
build=$1
public=${TRIS_TEST_VECTORS:-}

declare -A files=(
    [test_noise]="noise-cacophony.json"
    [test_ed25519]="wycheproof-ed25519.json"
    [test_x25519]="wycheproof-x25519.json"
    [test_aead]="wycheproof-chacha20_poly1305.json"
    [test_msgpack]="msgpack-test-suite.json"
    [test_utf8]="utf8-stress-kuhn.json blns.json"
    [test_csv]="csv-spectrum.json"
)
passed=0 failed=0 skipped=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

run() { # program file...
    echo "== $*"
    "$@" 2>&1 | tee "$out"
    local code=${PIPESTATUS[0]} last
    last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$out" | tail -n 1)
    if [[ -z $last ]]; then
        echo "$1: exit $code without a report"
        failed=$((failed + 1))
        return
    fi
    local p f s
    read -r p _ f _ s _ <<<"${last//,/}"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    if [[ $code != 0 && $f == 0 ]]; then
        failed=$((failed + 1))
    fi
}

for source in tests/vectors/test_*.c; do
    [[ -e $source ]] || continue
    name=$(basename "$source" .c)
    golden=()
    for file in tests/vectors/"${name#test_}".json tests/vectors/"${name#test_}"-*.json; do
        [[ -e $file ]] && golden+=("$file")
    done
    if ((${#golden[@]})); then
        run "$build/$name" "${golden[@]}"
    fi
    if [[ -z ${files[$name]:-} ]]; then
        ((${#golden[@]})) || run "$build/$name"
        continue
    fi
    for file in ${files[$name]}; do
        if [[ -n $public && -e $public/$file ]]; then
            run "$build/$name" "$public/$file"
        else
            echo "== $build/$name: $file skipped, TRIS_TEST_VECTORS names no folder with it"
            skipped=$((skipped + 1))
        fi
    done
done
# The second implementation; the packages of Debian are those of Debian's python.
python=/usr/bin/python3
[[ -x $python ]] || python=python3
PYTHONDONTWRITEBYTECODE=1 run "$python" tests/vectors/verify.py tests/vectors

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
