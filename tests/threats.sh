#!/usr/bin/env bash
# Every test that tests/THREATS.md names exists, and no row is missing or without a word.
# Last line: N passed, N failed, N skipped.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
table=${1:-tests/THREATS.md}
passed=0 failed=0

exists() { # name of a test
    local kind=${1%%/*} rest=${1#*/} file what
    file=${rest%%:*} what=${rest#*:}
    case $kind in
    unit) grep -qE "^(static )?void $what\(void \*\*" "tests/unit/$file" 2>/dev/null &&
        [[ $(grep -cw -- "$what" "tests/unit/$file") -ge 2 ]] ;; # written, and run
    e2e) grep -qF "@test \"$what\"" "tests/e2e/$file" 2>/dev/null ;;
    fuzz) [[ -s tests/fuzz/fuzz_$rest.c && -s tests/fuzz/corpus/$rest.hex ]] ;;
    sim) grep -qE "^ +X\([A-Z_]+, +\"$rest\"" tests/sim/census.h ;;
    vectors) [[ -e tests/vectors/$rest.c ]] ;;
    fault) [[ -e tests/fault/$rest ]] ;;
    *) false ;;
    esac
}

row() { # number
    local line cells names name good=1
    line=$(grep -E "^\| $1 \|" "$table")
    if [[ $(grep -cE "^\| $1 \|" "$table") != 1 ]]; then
        echo "FAIL  $1: it stands in the table once"
        failed=$((failed + 1))
        return
    fi
    cells=${line% |}
    cells=${cells##* | }
    # shellcheck disable=SC2016 # backticks of Markdown
    mapfile -t names < <(grep -oE '`[^`]+`' <<<"$cells" | tr -d '`')
    if ((${#names[@]} == 0)) && [[ $cells != open:* ]]; then
        echo "FAIL  $1: neither a test nor \"open:\" with a reason"
        good=0
    fi
    for name in "${names[@]}"; do
        exists "$name" || { echo "FAIL  $1: there is no test $name" && good=0; }
    done
    passed=$((passed + good)) failed=$((failed + 1 - good))
}

for number in P{1..23} N{1..8} H{1..16} O{1..9}; do
    row "$number"
done
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
