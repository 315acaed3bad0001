#!/usr/bin/env bash
# Wakes each seeded bug in turn and says which test finds it (`make bugs`).
#   BUGS="3 7"   only these
#   BUGS_SIM=1   also says which of them the simulator finds alone in 20 seconds
# One build of a planted copy of the tree. For each bug the stages of stages() run until something
# fails; several bugs at once. Ends with 1 if more than two bugs live.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
tree=build/bugs/tree
survivors_allowed=2
sim_alone_seconds=20
export TMPDIR=${TMPDIR:-$([[ -w /dev/shm ]] && echo /dev/shm || echo /tmp)}
export BUILD=build/release

# ---- one bug: TRIS_BUG is set, the folder is the planted tree ----

# Runs a command; if it fails, prints what says why, else returns 1.
fails() { # seconds, name, pattern, command...
    local seconds=$1 name=$2 pattern=$3 log code
    shift 3
    log=$(mktemp "$out/XXXXXX")
    timeout "$seconds" "$@" >"$log" 2>&1 </dev/null
    code=$?
    if ((code == 0)); then
        rm -f "$log"
        return 1
    fi
    echo "$name: $(grep -m 1 -oP "$pattern" "$log" || echo "exit $code")"
}

# The programs that link the room of the bug, the quick ones first. The baseline wrote the seconds
# that each needs; five times as long counts as hanging.
programs() { # room
    local pattern='.' seconds name
    case $1 in
    storage) pattern='^test_(store|daemon|tools)_' ;;
    daemon) pattern='^test_daemon_' ;;
    tools) pattern='^test_tools_' ;;
    esac
    while read -r seconds name; do
        fails $((20 + 5 * seconds)) "$name" '^\[  FAILED  \] \K[a-z_0-9]+$' "$BUILD/$name" && return
    done < <(awk -v p="$pattern" '$2 ~ p' "$out/times")
    return 1
}

# Fixed seeds: small federations with every fault, then one dense and one sparse run.
simulator() { # seconds
    local args log found
    for args in "small --seed 1 --runs 60" "sparse --seed 1000 --days 3" "dense --seed 13 --days 3" \
        "small --seed 61 --runs 2000"; do
        log=$(mktemp "$out/XXXXXX")
        # shellcheck disable=SC2086 # several arguments
        if timeout $((2 * $1)) "$BUILD/tris_sim" --seconds "$1" --profile $args >"$log" 2>&1; then
            continue
        fi
        found=$(grep -oP 'replay: \Kmake sim .*' "$log") ||
            found="died behind: $(grep '^seed' "$log" | tail -n 1 | cut -d : -f 1)"
        echo "simulator: $found ($(grep -oP 'VIOLATION[^:]*: \K.*' "$log" | cut -c 1-60))"
        return
    done
    return 1
}

daemons() { # files...
    local file
    for file in "$@"; do
        fails 240 "$file.bats" '^not ok [0-9]+ \K.{1,60}' \
            env -u TMPDIR bash tests/e2e/run.sh "$file" && return
    done
    return 1
}

stages() { # room, bats files
    local room=$1
    shift
    programs "$room" && return
    case $room in
    proto | storage)
        fails 120 vectors '(FAIL|FAILED|bad|wrong).{0,60}' bash tests/run_vectors.sh "$BUILD" && return
        simulator 10 && return
        ;;
    esac
    if [[ $room == storage ]]; then
        fails 200 test_store_order '^\[  FAILED  \] \K[a-z_0-9]+$' "$BUILD/test_store_order" && return
    fi
    daemons "$@" && return
    fails 240 die_sweep 'FAIL  \K.{1,60}' bash tests/fault/die_sweep.sh "$BUILD/die_at.so"
}

one_bug() { # number, room, files, name
    local number=$1 room=$2 files=${3//,/ } name=$4 started=$SECONDS found alone=""
    cd "$tree" || exit
    export TRIS_BUG=$number
    # shellcheck disable=SC2086 # several files
    found=$(stages "$room" $files) || found="NOT FOUND"
    if [[ -n ${BUGS_SIM:-} && $room =~ ^(proto|storage)$ ]]; then
        alone="; alone $(simulator "$sim_alone_seconds" || echo "the simulator does not find it")"
    fi
    printf '%3d  %-66s %s%s  %d s\n' "$number" "$name" "$found" "$alone" $((SECONDS - started))
}

if [[ ${1:-} == --one ]]; then
    out=$2
    shift 2
    one_bug "$@" | tee -a "$out/table"
    exit
fi

# ---- all of them ----

python3 tests/bugs/plant.py "$tree" || exit
echo "building the tree with bugs"
make --no-print-directory -s -C "$tree" -j"$(nproc)" CC=gcc WERROR=0 tests "$BUILD/die_at.so" \
    >build/bugs/build.log 2>&1 || {
    grep -m 10 error build/bugs/build.log
    exit 1
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Without a bug nothing may fail, else every bug would count as found. The seconds of each program.
baseline() {
    local source name started
    cd "$tree" || exit
    export TRIS_BUG=0
    for source in tests/unit/test_*.c; do
        name=$(basename "$source" .c)
        [[ $name == test_store_order ]] && continue # 900,000 orders: a stage of its own
        [[ -e tests/vectors/$name.c ]] && name=unit_$name
        started=${EPOCHREALTIME/[.,]/}
        "$BUILD/$name" >"$out/baseline.log" 2>&1 || {
            echo "without any bug this fails: $name"
            return 1
        }
        echo "$(((${EPOCHREALTIME/[.,]/} - started) / 1000)) $name" >>"$out/ms"
    done
    sort -n "$out/ms" | awk '{ print int($1 / 1000), $2 }' >"$out/times"
    if [[ -z ${BUGS:-} ]] && found=$(
        # shellcheck disable=SC2046 # several files
        simulator 10 || daemons $(python3 tests/bugs/plant.py --e2e)
    ); then
        echo "without any bug this fails: $found"
        return 1
    fi
}
(baseline) || exit
chosen() { # number, room, files, name
    [[ -z ${BUGS:-} || " $BUGS " == *" $1 "* ]]
}
python3 tests/bugs/plant.py --list | while IFS=$'\t' read -r number room files name; do
    if chosen "$number"; then
        printf '%s\0%s\0%s\0%s\0' "$number" "$room" "$files" "$name"
    fi
done | xargs -0 -n 4 -P "$(nproc)" bash tests/bugs/run.sh --one "$out"

total=$(wc -l <"$out/table")
alive=$(grep -oP '^ *\K[0-9]+(?=  .* NOT FOUND)' "$out/table" | sort -n | tr '\n' ' ')
lives=$(wc -w <<<"$alive")
for found in '(test|unit)_[a-z_]+:' 'vectors:' '(?<!alone )simulator:' '[a-z_]+\.bats:' 'die_sweep:'; do
    printf '%4d by %s\n' "$(grep -cP "^ *[0-9]+  .{66} $found" "$out/table")" "$found"
done
[[ -z ${BUGS_SIM:-} ]] || echo "the simulator alone: $(grep -c 'alone simulator:' "$out/table")"
echo "$((total - lives)) of $total bugs found in $SECONDS s; alive: ${alive:-none}"
((lives <= survivors_allowed))
