#!/usr/bin/env bash
# Wakes each seeded bug in turn and says which test finds it (`make bugs`; BUGS="3 7" only these).
# One build of a planted copy of the tree; what runs then: unit tests, vectors, the simulator, the
# daemon under faults, each until something fails. Ends with 1 if more than two bugs live.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
tree=build/bugs/tree
jobs=$(nproc)
survivors_allowed=2
seconds_each=120

python3 tests/bugs/plant.py "$tree" || exit
echo "building the tree with bugs"
make --no-print-directory -s -C "$tree" -j"$jobs" CC=gcc WERROR=0 tests >build/bugs/build.log 2>&1 || {
    tail -n 40 build/bugs/build.log
    exit 1
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Unit tests, side by side; prints the first that failed, 1 if none did.
programs() {
    # shellcheck disable=SC2016 # the inner shell expands
    for source in tests/unit/test_*.c; do
        name=$(basename "$source" .c)
        [[ -e tests/vectors/$name.c ]] && name=unit_$name
        echo "build/release/$name"
    done |
        xargs -P "$jobs" -I{} bash -c '
            [[ -e $0/found ]] && exit 0
            cd "$1" && timeout 60 {} >"$0/$(basename {}).log" 2>&1 || {
                code=$?
                test=$(sed -nE "s/^\[  FAILED  \] ([a-z_0-9]+)$/\1/p" "$0/$(basename {}).log" | head -n 1)
                echo "$(basename {}): ${test:-exit $code}" >>"$0/found"
            }' "$out" "$tree"
    [[ -e $out/found ]] && head -n 1 "$out/found"
}

stage() { # name, command...: prints the name if the command fails
    local name=$1
    shift
    (cd "$tree" && timeout "$seconds_each" "$@" >"$out/stage.log" 2>&1) && return 1
    echo "$name: $(grep -m 1 -E '^not ok|FAILED|violation|replay' "$out/stage.log" | cut -c 1-80)"
}

find_it() {
    rm -f "$out/found"
    programs ||
        stage vectors make --no-print-directory CC=gcc vectors ||
        stage simulator bash -c "[[ ! -e tests/sim ]] || make --no-print-directory sim" ||
        stage faults env BUILD=build/release bash tests/e2e/run.sh faults
}

if [[ -z ${BUGS:-} ]]; then # without a bug nothing may fail: else every bug would count as found
    if found=$(TRIS_BUG=0 find_it); then
        echo "without any bug this fails: $found"
        exit 1
    fi
fi
total=0 caught=0 alive=()
while read -r number name; do
    [[ -n ${BUGS:-} && " $BUGS " != *" $number "* ]] && continue
    total=$((total + 1))
    started=$SECONDS
    if found=$(TRIS_BUG=$number find_it); then
        caught=$((caught + 1))
    else
        found="NOT FOUND"
        alive+=("$number")
    fi
    printf '%3d  %-52s %-50s %4d s\n' "$number" "$name" "$found" $((SECONDS - started))
done < <(python3 tests/bugs/plant.py --list)
echo "$caught of $total bugs found in $SECONDS s; alive: ${alive[*]:-none}"
((total - caught <= survivors_allowed))
