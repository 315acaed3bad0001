#!/usr/bin/env bash
# Runs the fuzz targets.
#
#   run.sh smoke               all of them, for the executions of the table below; part of make check
#   run.sh go NAME [MINUTES]   one of them, until it finds something or the time is over
#   run.sh minimise [NAME...]  what go has found (and the seeds), minimised, becomes the corpus
#   run.sh check               every target stands in the table and has a corpus
#   run.sh corpus NAME DIR     unpacks a corpus
#
# BUILD is the folder of the programs (build/fuzz-clang). No input may take more than 100 ms or
# 64 MiB (harness.c), nor leak. The smoke run is the same every time: fixed seed, fixed executions.
# A failing input lies in $BUILD/fuzz/crash-*; after mending, its line goes into the corpus
# (tests/fuzz/corpus/NAME.hex) with a "# why".
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
build=${BUILD:-build/fuzz-clang}
work=$build/fuzz
python=/usr/bin/python3
[[ -x $python ]] || python=python3
executions_min=20000
executions_all=3000000

# target, executions of a smoke run, longest input
table='
msgpack     350000 4096
message     250000 4096
entry       350000 4096
seal         40000 2048
fork        200000 4100
logfile     150000 4096
charter     100000 8192
house_line  350000 2304
invite      200000 2400
statement   200000 3072
noise        25000 512
frame       250000 4096
key         200000 300
sealed       30000 1500
tree        200000 2200
control     200000 4096
record      350000 2048
record_text 100000 512
text        200000 1024
csv          25000 2048
config      100000 2048
map          40000 4096
manifest    350000 1024
mark        100000 1024
json        200000 2048
session      25000 2048
'
targets=$(awk 'NF { print $1 }' <<<"$table")

row() { # target: executions and longest input
    awk -v name="$1" '$1 == name { print $2, $3 }' <<<"$table"
}

export ASAN_OPTIONS=quarantine_size_mb=16:detect_stack_use_after_return=0:symbolize=1
export UBSAN_OPTIONS=print_stacktrace=1

# The options of every run; timeout is the net below the 100 ms that harness.c measures.
options() { # target
    local dict=tests/fuzz/dict/$1.dict
    printf '%s\n' -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=64 -print_final_stats=1 \
        "-artifact_prefix=$work/crash-$1-"
    [[ ! -e $dict ]] || echo "-dict=$dict"
}

check_table() {
    local file name bad=0
    for file in tests/fuzz/fuzz_*.c; do
        name=$(basename "$file" .c)
        name=${name#fuzz_}
        [[ -n $(row "$name") ]] || { echo "$name: not in the table of tests/fuzz/run.sh" && bad=1; }
        [[ -s tests/fuzz/corpus/$name.hex ]] || { echo "$name: no corpus" && bad=1; }
    done
    for name in $targets; do
        [[ -e tests/fuzz/fuzz_$name.c ]] || { echo "$name: in the table, but no target" && bad=1; }
    done
    return $bad
}

unpack() { # target, folder
    "$python" tests/fuzz/corpus.py unpack "tests/fuzz/corpus/$1.hex" "$2"
}

smoke_one() { # target: one line of the table of results; the output is kept for failures
    local name=$1 runs longest code started=$EPOCHREALTIME done_runs seconds
    local log=$work/$name.log corpus=$work/smoke/$name
    read -r runs longest <<<"$(row "$name")"
    rm -rf "$corpus"
    unpack "$name" "$corpus"
    mapfile -t opts < <(options "$name")
    "$build/fuzz_$name" "${opts[@]}" -seed=1 -runs="$runs" -max_len="$longest" "$corpus" \
        >"$log" 2>&1
    code=$?
    done_runs=$(sed -nE 's/^stat::number_of_executed_units: +//p' "$log" | tail -n 1)
    seconds=$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    if [[ $code == 0 ]] && ((${done_runs:-0} >= executions_min)); then
        printf 'ok   %-12s %8s executions %6s s\n' "$name" "$done_runs" "$seconds"
    else
        printf 'FAIL %-12s %8s executions %6s s, exit %s, %s\n' "$name" "${done_runs:-0}" "$seconds" \
            "$code" "$log"
        grep -vE '^#[0-9]+' "$log" | tail -n 40
    fi
}

smoke() {
    local passed failed all
    check_table || { echo "0 passed, 1 failed, 0 skipped" && return 1; }
    mkdir -p "$work"
    export -f smoke_one row unpack options
    export work build python table executions_min
    # the slowest first, so that none is left over alone
    sort -k 2,2n <<<"$table" | awk 'NF { print $1 }' |
        xargs -P "${JOBS:-$(nproc)}" -I '{}' bash -c 'smoke_one {}' | tee "$work/smoke.txt"
    passed=$(grep -c '^ok ' "$work/smoke.txt")
    failed=$(grep -c '^FAIL ' "$work/smoke.txt")
    all=$(awk '/^(ok|FAIL) / { sum += $3 } END { print sum + 0 }' "$work/smoke.txt")
    echo "all          $all executions"
    if ((all < executions_all)); then
        echo "FAIL: fewer than $executions_all executions in all"
        failed=$((failed + 1))
    fi
    echo "$passed passed, $failed failed, 0 skipped"
    ((failed == 0 && passed == $(wc -w <<<"$targets")))
}

go() { # target, minutes
    local name=$1 minutes=${2:-0} longest
    [[ -n $(row "$name") ]] || { echo "there is no target $name: ${targets//$'\n'/ }" && return 2; }
    read -r _ longest <<<"$(row "$name")"
    unpack "$name" "$work/corpus/$name"
    mapfile -t opts < <(options "$name")
    exec "$build/fuzz_$name" "${opts[@]}" -max_total_time=$((minutes * 60)) -max_len="$longest" \
        "$work/corpus/$name"
}

minimise() { # targets
    local name longest from
    "$python" tests/fuzz/corpus.py seeds "$work/seeds" || return
    for name in "$@"; do
        read -r _ longest <<<"$(row "$name")"
        rm -rf "$work/minimal/$name"
        mkdir -p "$work/minimal/$name" "$work/corpus/$name"
        unpack "$name" "$work/corpus/$name"
        from=("$work/seeds/$name" "$work/corpus/$name")
        "$build/fuzz_$name" -merge=1 -use_counters=0 -timeout=10 -max_len="$longest" \
            "$work/minimal/$name" "${from[@]}" >"$work/$name.log" 2>&1 || return
        "$python" tests/fuzz/corpus.py pack "$work/minimal/$name" "tests/fuzz/corpus/$name.hex"
        printf '%-12s %5s inputs %8s bytes\n' "$name" "$(wc -l <"tests/fuzz/corpus/$name.hex")" \
            "$(wc -c <"tests/fuzz/corpus/$name.hex")"
    done
}

case ${1:-} in
smoke) smoke ;;
check) check_table ;;
go) mkdir -p "$work" && go "${2:?a target}" "${3:-0}" ;;
minimise)
    shift
    # shellcheck disable=SC2086 # a list of words
    if (($# > 0)); then minimise "$@"; else minimise $targets; fi
    ;;
corpus) unpack "${2:?a target}" "${3:?a folder}" ;;
*)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
