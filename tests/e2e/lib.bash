# Helpers for the end-to-end tests: nodes in temporary folders, founded by the commands that
# operators use, on free loopback ports; everything that is started is stopped by its pid.
#
# Two runs at once do not disturb each other: no fixed port, path or name.
# shellcheck shell=bash disable=SC2034 # used by the files that load this

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-build/release}
[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
TRIS=$BUILD/tris
TRISD=$BUILD/trisd
INJECT=$BUILD/e2e_inject
PYTHON=/usr/bin/python3
[[ -x $PYTHON ]] || PYTHON=python3
START_SECONDS=10
STOP_SECONDS=15

unset TRIS_DATA TRIS_CONFIG TRIS_SOCKET TRIS_LOG TRIS_LISTEN TRIS_HTTP TRIS_PASSPHRASE_FILE
export TRIS_LANG=en NO_COLOR=1 LC_ALL=C.UTF-8

# The zone whose day is "today" where TZ is not set, for programs that need to be told.
GERMANY=CET-1CEST,M3.5.0,M10.5.0/3

# A remark that bats shows also when the test passes.
say() { { printf '# %s\n' "$*" >&3; } 2>/dev/null || printf '# %s\n' "$*" >&2; }
die() {
    printf 'FAIL: %s\n' "$*" >&2
    return 1
}

# ---- world: one temporary folder with all nodes of a test file ----

world_new() {
    WORLD=$(mktemp -d "${TMPDIR:-/tmp}/tris-e2e.XXXXXX")
    export WORLD XDG_CONFIG_HOME=$WORLD/xdg XDG_DATA_HOME=$WORLD/xdg-data
    mkdir -p "$WORLD/pid" "$XDG_CONFIG_HOME"
}

world_end() {
    [[ -n ${WORLD:-} && -d $WORLD ]] || return 0
    local file pid
    for file in "$WORLD"/pid/*; do
        [[ -e $file ]] || continue
        pid=$(<"$file")
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    # what a sanitizer or an assertion said counts, whichever test was running
    local code=0
    if grep -lE 'Sanitizer|runtime error:|assertion' "$WORLD"/*.log 2>/dev/null; then
        grep -hE -A 30 'Sanitizer|runtime error:|assertion' "$WORLD"/*.log | head -n 80 >&2
        code=1
    fi
    if [[ -n ${KEEP_WORLD:-} ]]; then
        say "kept $WORLD"
    else
        rm -rf "$WORLD"
    fi
    return $code
}

# A port below the range that the kernel hands out by itself, so that nobody takes it meanwhile.
free_port() {
    "$PYTHON" - <<'PY'
import random, socket
for _ in range(200):
    port = random.randint(15000, 31999)
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(port)
        break
PY
}

# json EXPRESSION: evaluates a Python expression over the document `d` on stdin
json() {
    "$PYTHON" -IS -c '
import json, sys
d = json.load(sys.stdin)
v = eval(sys.argv[1])
print(json.dumps(v) if isinstance(v, (dict, list, bool)) else v)' "$1"
}

# CSV on stdin: the same without a column; the number of rows with a value in a column
without_column() {
    "$PYTHON" -c '
import csv, sys
rows = csv.DictReader(sys.stdin)
names = [n for n in rows.fieldnames if n != sys.argv[1]]
out = csv.DictWriter(sys.stdout, names, extrasaction="ignore", lineterminator="\r\n")
out.writeheader()
out.writerows(rows)' "$1"
}
with_value() {
    "$PYTHON" -c '
import csv, sys
print(sum(1 for r in csv.DictReader(sys.stdin) if r[sys.argv[1]] == sys.argv[2]))' "$1" "$2"
}

# bats does not see a failed `! command` in the middle of a test; it does see this one.
not() { ! "$@"; }

now_ms() { date +%s%3N; }

# ---- nodes ----

node_dir() { printf '%s/%s' "$WORLD" "$1"; }
node_port() { cat "$(node_dir "$1").port"; }
node_pid() { cat "$WORLD/pid/$1"; }
tris_at() { # node, words...
    local node=$1
    shift
    "$TRIS" --data "$(node_dir "$node")" "$@"
}

# Keys and house line. With dial=no the line carries no address, so that nobody dials by itself.
node_new() { # name, ags, [--observer] [--no-address]
    local name=$1 ags=$2 port words=()
    shift 2
    port=$(free_port)
    printf '%s' "$port" >"$(node_dir "$name").port"
    local address=(--address "127.0.0.1:$port")
    while (($#)); do
        case $1 in
        --no-address) address=() ;;
        *) words+=("$1") ;;
        esac
        shift
    done
    printf 'listen = 127.0.0.1:%s\n' "$port" >"$(node_dir "$name").conf"
    guard_wait "$name" 300
    tris_at "$name" init --region "$ags" --name "Haus $name" "${address[@]}" "${words[@]}" \
        >"$(node_dir "$name").line"
    grep '^tris-house-1 ' "$(node_dir "$name").line" >/dev/null
}

# How long a house waits for a second one to say what it holds, in ms; and, if said, after which it
# seals without any: only for tests in which the others are meant to be down.
guard_wait() { # name, wait_ms, [alone_ms]
    mkdir -p "$(node_dir "$1").conf.d"
    printf '[guard]\nwait_ms = %s\nalone_ms = %s\n' "$2" "${3:-0}" \
        >"$(node_dir "$1").conf.d/guard.conf"
}

house_line() { grep '^tris-house-1 ' "$(node_dir "$1").line"; }
house_id() { house_line "$1" | sed -E 's/.* id=([0-9a-f]{64}).*/\1/'; }
key_file() { printf '%s/identity.key' "$(node_dir "$1")"; }
is_effective() { [[ $1 == ok || $1 == yes || $1 == true ]]; }
conf_add() { printf '%s\n' "$2" >>"$(node_dir "$1").conf"; }

# All nodes of one federation; a name with a leading @ is an observer.
federation_found() { # federation name, admit, revoke, nodes...
    local fed=$1 admit=$2 revoke=$3 words=() node file=$WORLD/charter.txt
    shift 3
    for node in "$@"; do
        if [[ $node == @* ]]; then
            words+=(--observer "$(house_line "${node#@}")")
        else
            words+=(--house "$(house_line "$node")")
        fi
    done
    tris_at "${1#@}" charter new "$fed" "${words[@]}" --admit "$admit" --revoke "$revoke" \
        -o "$file" || return
    for node in "$@"; do
        [[ $node == @* ]] || tris_at "$node" charter sign "$file" || return
    done
    for node in "$@"; do
        tris_at "${node#@}" init --charter "$file" || return
    done
}

node_start() { # name, [extra flags of trisd]
    local name=$1 dir pid deadline
    shift
    dir=$(node_dir "$name")
    "$TRISD" --config "$dir.conf" --data "$dir" "$@" >>"$dir.log" 2>&1 3>&- &
    pid=$!
    printf '%s' "$pid" >"$WORLD/pid/$name"
    deadline=$((SECONDS + START_SECONDS))
    until tris_at "$name" status --json >/dev/null 2>&1; do
        if ! kill -0 "$pid" 2>/dev/null; then
            tail -n 20 "$dir.log" >&2
            die "$name did not start"
            return
        fi
        if ((SECONDS > deadline)); then
            tail -n 20 "$dir.log" >&2
            die "$name does not answer"
            return
        fi
        sleep 0.05
    done
}

# TERM; the daemon has to end by itself with exit code 0.
node_stop() {
    local name=$1 pid deadline code=0
    pid=$(node_pid "$name")
    kill -TERM "$pid"
    deadline=$((SECONDS + STOP_SECONDS))
    while kill -0 "$pid" 2>/dev/null; do
        if ((SECONDS > deadline)); then
            die "$name does not end after TERM"
            return
        fi
        sleep 0.02
    done
    wait "$pid" 2>/dev/null || code=$?
    rm -f "$WORLD/pid/$name"
    # 127: started by another shell (setup_file), whose exit code is not ours to ask
    if [[ $code != 0 && $code != 127 ]]; then
        die "$name ended with exit $code"
    fi
}

node_kill() {
    local name=$1 pid
    pid=$(node_pid "$name")
    kill -KILL "$pid"
    while kill -0 "$pid" 2>/dev/null; do
        wait "$pid" 2>/dev/null || true
        sleep 0.01
    done
    rm -f "$WORLD/pid/$name"
}

# The root, once everything of the house is sealed.
root_of() {
    tris_at "$1" status --json |
        json 'd["root"] if d["guard"]["unsealed"] == 0 else "unsealed-" + d["house"]["slug"]'
}

# Equal frontier roots at all nodes (64 hex digits each), within the given seconds.
wait_equal() { # seconds, nodes...
    local deadline=$((SECONDS + $1)) roots node
    shift
    while :; do
        roots=$(for node in "$@"; do root_of "$node" || echo "none-$node"; done 2>/dev/null |
            sort -u)
        if [[ $roots =~ ^[0-9a-f]{64}$ ]]; then
            return 0
        fi
        if ((SECONDS > deadline)); then
            die "roots differ: $roots"
            return
        fi
        sleep 0.1
    done
}

wait_for() { # seconds, command...: until it succeeds
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        if ((SECONDS > deadline)); then
            die "not within time: $*"
            return
        fi
        sleep 0.05
    done
}

connected() { # node, how many peers at least
    (($(tris_at "$1" status --json 2>/dev/null | json 'd["sync"]["connected"]' 2>/dev/null || echo 0) >= $2))
}

national_partners() { tris_at "$1" national overview --json | json 'd["partners"]'; }
has_national() { [[ $(national_partners "$1") == "$2" ]]; }

# A recording proxy in front of a node; its port is in NAME.port, its files in $WORLD/NAME/.
proxy_start() { # name, node
    local name=$1 port
    port=$(free_port)
    mkdir -p "$WORLD/$name"
    printf '%s' "$port" >"$WORLD/$name.port"
    "$PYTHON" "$ROOT/tests/e2e/proxy.py" "$port" "$(node_port "$2")" "$WORLD/$name" \
        >"$WORLD/$name.log" 2>&1 3>&- &
    printf '%s' "$!" >"$WORLD/pid/$name"
    wait_for 5 test -e "$WORLD/$name/ready"
}

# Makes A dial B (through a proxy if its name is given), by configuration of peers.
connect() { # A, B, [proxy]
    local port
    port=$(node_port "${3:-$2}")
    tris_at "$1" peer add "$(house_id "$2")" "127.0.0.1:$port"
}

# What a node shows of all houses, in an order that does not depend on arrival: national records,
# and the counters without when they were asked for.
views_of() {
    tris_at "$1" export all --scope national --format ndjson | LC_ALL=C sort
    local what
    for what in overview "regions --level state" "regions --level district" sectors; do
        # shellcheck disable=SC2086 # two words
        tris_at "$1" national $what --json |
            json '{k: v for k, v in d.items() if k not in
                ("as_of", "oldest_heard", "oldest_heard_ms", "fresh", "stale")}'
    done
}
same_views() { # nodes...: equal, and not empty
    local first=$1 node
    views_of "$first" >"$WORLD/views.first"
    grep -q '"scope": *"national"' "$WORLD/views.first" || return
    shift
    for node in "$@"; do
        views_of "$node" >"$WORLD/views.other"
        cmp "$WORLD/views.first" "$WORLD/views.other" || return
    done
}

audit_clean() { tris_at "$1" audit --json | json '0 if d["problems"] == 0 else d' | grep -qx 0; }

# run_code EXPECTED command...: bats `run` with the exit code checked and shown
run_code() {
    local want=$1
    shift
    run "$@"
    # shellcheck disable=SC2154 # set by bats
    if [[ $status != "$want" ]]; then
        printf 'exit %s, not %s, of: %s\n%s\n' "$status" "$want" "$*" "$output" >&2
        return 1
    fi
}
