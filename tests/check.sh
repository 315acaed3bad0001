#!/usr/bin/env bash
# All that CI runs, step by step; a failed step does not hide the others.
# Logs lie in build/check/. Last line: N passed, N failed, N skipped, over all cases of all steps.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
mkdir -p build/check
jobs=$(nproc)
passed=0 failed=0 skipped=0

step() { # name, command...
    local name=$1 started=$SECONDS code last p=0 f=0 s=0
    shift
    printf '%-16s ' "$name"
    "$@" >"build/check/$name.log" 2>&1
    code=$?
    last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "build/check/$name.log" |
        tail -n 1)
    if [[ -n $last ]]; then
        read -r p _ f _ s _ <<<"${last//,/}"
    elif [[ $code == 0 ]]; then
        p=1
    fi
    if [[ $code != 0 && $f == 0 ]]; then
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '%4d passed %3d failed %3d skipped  %4d s\n' "$p" "$f" "$s" $((SECONDS - started))
    if ((s > 0)); then
        grep -iE '^ok .*# skip|skipped, TRIS|SKIPPED \]' "build/check/$name.log" | head -n 10 |
            sed 's/^/    /'
    fi
    if ((f > 0)); then
        echo "---- build/check/$name.log"
        grep -vE '^(  CC|  LINK|ok )' "build/check/$name.log" | tail -n 60
        echo "----"
    fi
}

quiet_make() { make --no-print-directory "$@"; }

step build-gcc quiet_make -j"$jobs" CC=gcc WERROR=1 tests
step unit quiet_make CC=gcc unit
step vectors quiet_make CC=gcc vectors
step layers quiet_make CC=gcc layers
step build-clang quiet_make -j"$jobs" CC=clang WERROR=1 tests
step unit-clang quiet_make CC=clang unit
step vectors-clang quiet_make CC=clang vectors
step build-asan quiet_make -j"$jobs" CC=gcc VARIANT=asan tests
step unit-asan quiet_make CC=gcc VARIANT=asan unit
step vectors-asan quiet_make CC=gcc VARIANT=asan vectors
step lint quiet_make lint
step threats bash tests/threats.sh
step e2e quiet_make CC=gcc e2e
step e2e-asan quiet_make VARIANT=asan e2e T="line unknown faults hostile"
step build-tsan quiet_make -j"$jobs" CC=gcc VARIANT=tsan all build/tsan/e2e_inject
if build/tsan/tris version >/dev/null 2>&1; then
    step e2e-tsan quiet_make VARIANT=tsan e2e T="line unknown faults import"
else # its shadow memory and a kernel with much address randomisation do not go together
    echo "e2e-tsan         skipped: ThreadSanitizer does not run on this kernel"
    skipped=$((skipped + 1))
fi
step fault quiet_make CC=gcc fault
step sim quiet_make CC=gcc sim
step trials quiet_make CC=gcc trials RUNS=5000
step scale quiet_make CC=gcc scale SCALE=60
step fuzz-build quiet_make -j"$jobs" VARIANT=fuzz CC=clang fuzz_all
step fuzz-smoke quiet_make fuzz-smoke
step bug-places python3 tests/bugs/plant.py --check
step man quiet_make CC=gcc man

echo "time: $SECONDS s on $jobs processors"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
