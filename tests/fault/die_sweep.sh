#!/usr/bin/env bash
# A daemon dies at each step that outlives it, one after the other: before each write, sync and
# rename from its first start on, and before each answer.
#
#   die_sweep.sh DIE_AT.SO
#
# Afterwards it starts again without help, has all that was acknowledged, and its audit is clean.
# And no answer leaves before its record is synced: data first, then the meta page that names it.
# Last line: N passed, N failed, N skipped.
set -uo pipefail
so=$(realpath "$1")
# shellcheck source=tests/e2e/lib.bash
source "$(dirname "$0")/../e2e/lib.bash"
passed=0 failed=0

world_new
exec 2>"$WORLD/remarks" # the shell names each of the killed
trap world_end EXIT
trap 'exit 130' INT TERM

verdict() { # what, exit code
    if [[ $2 == 0 ]]; then
        passed=$((passed + 1))
    else
        echo "FAIL  $1"
        failed=$((failed + 1))
    fi
}

# Founded and configured once; every daemon begins with a copy of it.
node_new first 05315
federation_found "Sweep" 1 2 first >/dev/null
printf 'listen = 127.0.0.1:%s\n' "$(node_port first)" >"$WORLD/node.conf"

# Writes until the daemon is dead or all is written; notes what was acknowledged.
scenario() { # [VARIABLE=VALUE...]
    local dir=$WORLD/node i scope words pid tries=0
    rm -rf "$dir" "$WORLD/acknowledged"
    cp -a "$WORLD/first" "$dir"
    : >"$WORLD/acknowledged"
    env LD_PRELOAD="$so" "$@" "$TRISD" --config "$WORLD/node.conf" --data "$dir" \
        2>>"$WORLD/node.log" 3>&- &
    pid=$!
    printf '%s' "$pid" >"$WORLD/pid/node"
    until [[ -S $dir/trisd.sock ]] || ! kill -0 "$pid" 2>/dev/null || ((tries++ > 500)); do
        sleep 0.01
    done
    for i in 1 2 3 4; do
        scope=(--listed)
        ((i % 2)) || scope=()
        [[ -z ${LOG:-} ]] || printf '%s' "|" >>"$LOG"
        words=(--name "Sweep $i e. V." --sector Z --legal-form ev --region 05315)
        tris_at node partner add "${scope[@]}" "${words[@]}" >/dev/null 2>&1 || break
        echo "Sweep $i e. V." >>"$WORLD/acknowledged"
    done
    [[ -z ${LOG:-} ]] || printf '%s' "|" >>"$LOG"
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    rm -f "$WORLD/pid/node"
}

survived() {
    node_start node 2>"$WORLD/start.err" || return
    tris_at node partner list --json | json '"\n".join(r["fields"]["name"] for r in d["items"])' |
        LC_ALL=C sort >"$WORLD/names"
    [[ -z $(LC_ALL=C sort "$WORLD/acknowledged" | LC_ALL=C comm -23 - "$WORLD/names") ]] || return
    audit_clean node || return
    node_kill node
}


LOG=$WORLD/steps scenario STEP_LOG="$WORLD/steps"
# the first part is the start; then one part a command
IFS='|' read -r -a parts <"$WORLD/steps"
verdict "the scenario writes all (${#parts[@]} parts)" $(($(wc -l <"$WORLD/acknowledged") != 4))
for i in 1 2 3 4; do
    # words of the search index may follow behind the answer
    [[ ${parts[i]} =~ w+s+M.*A ]]
    verdict "written, synced, then answered: ${parts[i]}" $?
done
steps=$(tr -d '|' <"$WORLD/steps" | wc -c)
for ((n = 1; n <= steps; n++)); do
    scenario DIE_AT="$n"
    survived
    code=$?
    ((code == 0)) || cat "$WORLD/start.err" "$WORLD/remarks"
    verdict "death before step $n of $steps, $(wc -l <"$WORLD/acknowledged") acknowledged" $code
done
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
