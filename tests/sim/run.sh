#!/usr/bin/env bash
# Runs the simulator. Last line: N passed, N failed, N skipped (runs).
#   run.sh PROGRAM check           regression seeds, a dense federation-year, four sparse ones
#   run.sh PROGRAM soak MINUTES    new seeds until told; logs them in build/soak.log
# A failed run prints the one command that repeats it.
set -uo pipefail
program=$1 what=$2
jobs=$(nproc)
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

one() { # program, log, arguments...
    local program=$1 log=$2 out
    shift 2
    out=$(mktemp "$log/XXXXXX")
    if "$program" "$@" >"$out" 2>&1; then
        grep '^seed' "$out"
        mv "$out" "$out.ok"
    else
        echo "FAIL  $*"
        grep -v '^seed' "$out" | tail -n 60
        mv "$out" "$out.bad"
    fi
}
export -f one

# Runs the lines of standard input, each the arguments of one process.
each() {
    # shellcheck disable=SC2016 # the inner shell expands
    xargs -P "$jobs" -d '\n' -n 1 bash -c 'read -ra args <<<"$2"; one "$0" "$1" "${args[@]}"' \
        "$program" "$log"
}

# Faults that no run of the whole set has met: then the set proves nothing about them.
census() {
    cat "$log"/*.ok 2>/dev/null | awk '
        /^  [a-z-]+ +[0-9]+  / { struck[$1] += $2; if (!($1 in text)) { order[++n] = $1 }
            text[$1] = $0; sub(/^  [a-z-]+ +[0-9]+  /, "", text[$1]) }
        END { for (i = 1; i <= n; i++) {
            printf "  %-16s %8d  %s\n", order[i], struck[order[i]], text[order[i]]
            if (struck[order[i]] == 0) { print "FAIL  never struck: " order[i]; bad = 1 } }
            exit bad }'
}

total() {
    local passed failed
    passed=$(cat "$log"/*.ok 2>/dev/null | grep -c '^seed')
    failed=$(find "$log" -name '*.bad' | wc -l)
    if [[ ${1:-} == census ]] && ! census; then
        failed=$((failed + 1))
    fi
    cat "$log"/*.ok 2>/dev/null | awk '/^seed/ {
            for (i = 1; i <= NF; i++) if ($i ~ /^days/) days = $(i - 1)
            for (i = 1; i <= NF; i++) if ($i == "processor") cpu = $(i - 3)
            d[$3] += days; c[$3] += cpu
        } END { for (p in d) printf "%s %.1f federation-years, %.0f s of processor, %.0f x real time\n",
            p, d[p] / 365, c[p], (c[p] > 0 ? d[p] * 86400 / c[p] : 0) }'
    echo "$passed passed, $failed failed, 0 skipped"
    ((failed == 0))
}

case $what in
check)
    {
        grep -hv '^#' tests/sim/seeds/*.seed 2>/dev/null
        echo "--profile small --seed 1 --runs 40 --twice"
        echo "--profile members --seed 1 --runs 8 --twice"
        echo "--profile sparse --seed 1000 --days 3 --twice"
        for ((seed = 1; seed <= 12; seed++)); do
            echo "--profile dense --seed $seed --days 30"
        done
        echo "--profile dense --seed 13 --days 5"
        for ((seed = 1; seed <= 45; seed += 4)); do
            echo "--profile sparse --seed $seed --runs 4 --days 30"
        done
        echo "--profile sparse --seed 49 --days 20"
    } | each
    total census
    ;;
soak)
    minutes=$3
    end=$((SECONDS + minutes * 60))
    seed=$(($(date +%s) * 1000))
    mkdir -p build
    while ((SECONDS < end)); do
        lines=()
        for profile in small members dense sparse sparse; do
            for ((i = 0; i < jobs; i++)); do
                runs=$([[ $profile == small || $profile == members ]] && echo 50 || echo 1)
                lines+=("--profile $profile --seed $seed --runs $runs")
                seed=$((seed + 100))
            done
        done
        printf '%s\n' "${lines[@]}" | tee -a build/soak.log | each
        if compgen -G "$log/*.bad" >/dev/null; then
            break
        fi
    done
    total
    ;;
*)
    echo "run.sh PROGRAM check | soak MINUTES" >&2
    exit 2
    ;;
esac
