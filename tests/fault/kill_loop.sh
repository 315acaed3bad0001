#!/usr/bin/env bash
# kill -9 of a random daemon, again and again, while houses import and sync.
#
#   kill_loop.sh [ROUNDS]     default 50; SEED=n repeats a run's choices
#
# Afterwards: every record that a command acknowledged is there, at home and (if it is listed)
# everywhere; the roots meet; the audits are clean. Last line: N passed, N failed, N skipped.
set -uo pipefail
# shellcheck source=tests/e2e/lib.bash
source "$(dirname "$0")/../e2e/lib.bash"

ROUNDS=${1:-50}
SEED=${SEED:-$(($(date +%s) % 100000))}
RANDOM=$SEED
HOUSES=(koeln leipzig rostock)
NODES=(koeln leipzig rostock observer)
declare -A AGS=([koeln]=05315 [leipzig]=14713 [rostock]=13003 [observer]=11000)
IMPORT_ROWS=3000
passed=0 failed=0

world_new
trap world_end EXIT
trap 'exit 130' INT TERM
echo "seed $SEED, $ROUNDS rounds"

verdict() { # what, exit code
    if [[ $2 == 0 ]]; then
        echo "ok    $1"
        passed=$((passed + 1))
    else
        echo "FAIL  $1"
        failed=$((failed + 1))
    fi
}

# Writes one by one; a name is noted only once its command has returned 0.
writer() { # house, round
    local i name
    for i in $(seq 1 40); do
        name="Single $1 $2 $i e. V."
        if ((i % 4)); then
            tris_at "$1" partner add --listed --name "$name" --sector Z --legal-form ev \
                --region "${AGS[$1]}" >/dev/null 2>&1 && echo "$name" >>"$WORLD/$1.listed"
        else
            tris_at "$1" partner add --name "$name" --sector Z --legal-form ev \
                --region "${AGS[$1]}" >/dev/null 2>&1 && echo "$name" >>"$WORLD/$1.local"
        fi
    done
}

# Imports a file of new names; all of them are noted if the command returned 0 (in a file of their
# own: two appending processes would cut each other's lines).
importer() { # house, round
    local file=$WORLD/$1.$2.csv
    awk -v house="$1" -v round="$2" -v rows="$IMPORT_ROWS" -v ags="${AGS[$1]}" 'BEGIN {
        printf "name,sector,legal_form,region\r\n"
        for (i = 1; i <= rows; i++)
            printf "Import %s %d %d GmbH,W,gmbh,%s\r\n", house, round, i, ags
    }' >"$file"
    if tris_at "$1" import "$file" --listed -y >/dev/null 2>&1; then
        sed -nE 's/^(Import [^,]*),.*/\1/p' "$file" >>"$WORLD/$1.imported"
    else
        echo "$1 $2" >>"$WORLD/interrupted"
    fi
    rm -f "$file"
}

for node in "${NODES[@]}"; do
    if [[ $node == observer ]]; then
        node_new "$node" "${AGS[$node]}" --observer
    else
        node_new "$node" "${AGS[$node]}"
    fi 2>"$WORLD/founding.err" >/dev/null || exit 1
    conf_add "$node" $'[sync]\nheartbeat_ms = 500'
done
federation_found "Kill loop" 2 3 koeln leipzig rostock @observer >/dev/null 2>&1 || exit 1
for node in "${NODES[@]}"; do node_start "$node" || exit 1; done
for house in "${HOUSES[@]}"; do
    : >"$WORLD/$house.listed"
    : >"$WORLD/$house.imported"
    : >"$WORLD/$house.local"
done

: >"$WORLD/interrupted"
for ((round = 1; round <= ROUNDS; round++)); do
    writing=${HOUSES[RANDOM % ${#HOUSES[@]}]}
    importing=${HOUSES[RANDOM % ${#HOUSES[@]}]}
    victim=$importing # every other time whoever imports, else any
    ((RANDOM % 2)) && victim=${NODES[RANDOM % ${#NODES[@]}]}
    writer "$writing" "$round" &
    w=$!
    importer "$importing" "$round" &
    i=$!
    sleep "0.$(printf "%03d" $((RANDOM % 70)))" # an import of this size takes about as long
    node_kill "$victim"
    if ! node_start "$victim"; then
        verdict "round $round: $victim starts again after kill -9" 1
        break
    fi
    wait "$w" "$i"
done
verdict "$ROUNDS kills, each daemon started again" $((round <= ROUNDS))

wait_equal 120 "${NODES[@]}"
verdict "the roots meet" $?
same_views "${NODES[@]}"
verdict "the views are the same" $?
for node in "${NODES[@]}"; do
    audit_clean "$node"
    verdict "audit of $node" $?
done

names_of() { # node: all partner names that it holds
    tris_at "$1" export partner --format csv 2>/dev/null | "$PYTHON" -c '
import csv, sys
for row in csv.DictReader(sys.stdin):
    print(row["name"])' | LC_ALL=C sort -u
}
for node in "${NODES[@]}"; do names_of "$node" >"$WORLD/$node.names"; done
total=0
for house in "${HOUSES[@]}"; do
    cat "$WORLD/$house.imported" >>"$WORLD/$house.listed"
    acknowledged=$(cat "$WORLD/$house.listed" "$WORLD/$house.local" | wc -l)
    total=$((total + acknowledged))
    for node in "${NODES[@]}"; do
        lost=$(LC_ALL=C sort -u "$WORLD/$house.listed" | LC_ALL=C comm -23 - "$WORLD/$node.names" |
            tee "$WORLD/lost" | wc -l)
        head -n 5 "$WORLD/lost"
        verdict "listed records that $house acknowledged are at $node ($lost lost)" $((lost > 0))
    done
    lost=$(LC_ALL=C sort -u "$WORLD/$house.local" | LC_ALL=C comm -23 - "$WORLD/$house.names" |
        tee "$WORLD/lost" | wc -l)
    head -n 5 "$WORLD/lost"
    verdict "local records that $house acknowledged are at home ($lost lost)" $((lost > 0))
done
echo "$total acknowledged records, $(wc -l <"$WORLD/interrupted") imports cut off by a kill"
verdict "the loop did acknowledge records" $((total == 0))
if ((failed)) && [[ -n ${KEEP_LOGS:-} ]]; then cp "$WORLD"/*.log "$KEEP_LOGS"; fi
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
