#!/usr/bin/env bash
# Three houses and a national observer on loopback, founded and run as operators would.
#
#   make demo             stays until Ctrl-C
#   DEMO_EXIT=1 make demo ends by itself: 0 only if every step was verified
#   YES=1 make demo       answers the question about missing packages
#
# Ends only what it started; its folder is removed at the end (KEEP=1 keeps it).
set -euo pipefail
cd "$(dirname "$0")/.."

PARTNERS=${PARTNERS:-1200}
BUILD=$PWD/build/${VARIANT:-release}
unset TRIS_DATA TRIS_CONFIG TRIS_SOCKET TRIS_LOG TRIS_LISTEN TRIS_HTTP TRIS_PASSPHRASE_FILE
houses=(koeln leipzig rostock)
nodes=(koeln leipzig rostock observer)
declare -A ags=([koeln]=05315 [leipzig]=14713 [rostock]=13003 [observer]=11000)
declare -A title=([koeln]="Haus Köln" [leipzig]="Haus Leipzig" [rostock]="Haus Rostock"
    [observer]="Bundesweite Beobachtung")
declare -A pid=() port=()
dir=''
exec 4>&1 # commands are shown here even where their output goes elsewhere

headline() { printf '\n== %s\n' "$*"; }
fail() {
    printf '\ndemo: FAILED: %s\n' "$*" >&2
    exit 1
}
# Shows the command as an operator would type it, and runs it.
show() {
    local word line=+
    for word in "$@"; do
        [[ $word == "$BUILD"/* ]] && word=${word##*/}
        if [[ $word == *[[:space:]\']* ]]; then
            line+=" '${word//\'/\'\\\'\'}'"
        else
            line+=" ${word:-\'\'}"
        fi
    done
    printf '%s\n' "${line//$dir\//}" >&4
    "$@"
}
tris() { "$BUILD/tris" --data "$dir/$1" "${@:2}"; }

# shellcheck disable=SC2317 # called by trap
end() {
    local code=$? node
    trap - EXIT INT TERM
    for node in "${!pid[@]}"; do kill -TERM "${pid[$node]}" 2>/dev/null || true; done
    for node in "${!pid[@]}"; do wait "${pid[$node]}" 2>/dev/null || true; done
    if [[ -n $dir && -z ${KEEP:-} ]]; then rm -rf "$dir"; fi
    exit "$code"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

packages() {
    local line answer
    line=$(tools/deps.sh missing build) && return
    if [[ $(id -u) == 0 ]]; then
        printf '+ %s\n' "$line" >&2
        tools/deps.sh install build
        return
    fi
    printf 'Packages are missing. As root:\n    %s\n' "$line" >&2
    answer=n
    if [[ ${YES:-} == 1 ]]; then
        answer=y
    elif [[ -t 0 ]]; then
        read -r -p "Run this with sudo now? [y/N] " answer
    fi
    [[ $answer == [yYjJ]* ]] || fail "install the packages, then: make demo"
    # shellcheck disable=SC2086 # a list of words
    sudo $line || fail "the packages were not installed"
}

free_port() {
    python3 - <<'PY'
import random, socket
while True:
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

json() { # KEY...: one value of the document on stdin
    python3 -c '
import json, sys
d = json.load(sys.stdin)
for key in sys.argv[1:]:
    d = d[key]
print(d)' "$@"
}

# The root, once everything of the house is sealed.
sealed_root() {
    python3 -c '
import json, sys
d = json.load(sys.stdin)
print(d["root"] if d["guard"]["unsealed"] == 0 else "unsealed " + d["house"]["slug"])'
}

start() {
    local node=$1 waited=0
    printf '+ trisd --data %s --listen 127.0.0.1:%s &\n' "$node" "${port[$node]}" >&4
    "$BUILD/trisd" --data "$dir/$node" --listen "127.0.0.1:${port[$node]}" >>"$dir/$node.log" 2>&1 &
    pid[$node]=$!
    until tris "$node" status --json >/dev/null 2>&1; do
        kill -0 "${pid[$node]}" 2>/dev/null || fail "$node did not start: $(tail -n 3 "$dir/$node.log")"
        ((waited++ < 200)) || fail "$node does not answer"
        sleep 0.05
    done
}

stop() {
    local node=$1 code=0
    printf '+ kill %s   # trisd of %s\n' "${pid[$node]}" "$node" >&4
    kill -TERM "${pid[$node]}"
    wait "${pid[$node]}" || code=$?
    unset "pid[$node]"
    [[ $code == 0 ]] || fail "trisd of $node ended with exit $code"
}

# Waits until the given nodes report one root, then prints one node a line.
equal_roots() {
    local node tries=0 root roots
    while :; do
        roots=''
        for node in "$@"; do
            root=$(tris "$node" status --json 2>/dev/null | sealed_root 2>/dev/null || true)
            roots+="$root"$'\n'
        done
        if [[ $(sort -u <<<"${roots%$'\n'}" | wc -l) == 1 && ${roots%%$'\n'*} =~ ^[0-9a-f]{64}$ ]]
        then
            break
        fi
        ((tries++ < 600)) || fail "the roots do not meet:"$'\n'"$roots"
        sleep 0.1
    done
    common_root=${roots%%$'\n'*}
    for node in "$@"; do printf '%-10s %s\n' "$node" "$common_root"; done
}

# Rows of a partners file that its scope column lets out of the house.
national_rows() {
    python3 -c '
import csv, sys
print(sum(1 for r in csv.DictReader(open(sys.argv[1], newline="")) if r["scope"] == "national"))' "$1"
}

check_partners() { # node, expected number of national partners
    local count
    count=$(tris "$1" national overview --json | json partners)
    [[ $count == "$2" ]] || fail "$1 counts $count partners, expected $2"
}

packages
headline "Build"
show make --no-print-directory -j"$(nproc)" all
dir=$(mktemp -d "${TMPDIR:-/tmp}/tris-demo.XXXXXX")
export XDG_CONFIG_HOME=$dir/config XDG_DATA_HOME=$dir/data
common_root=''

headline "Each node makes its keys and a house line"
declare -A line=()
for node in "${nodes[@]}"; do
    port[$node]=$(free_port)
    words=(--region "${ags[$node]}" --name "${title[$node]}" --address "127.0.0.1:${port[$node]}")
    [[ $node == observer ]] && words+=(--observer)
    show "$BUILD/tris" --data "$dir/$node" init "${words[@]}" >"$dir/$node.line"
    line[$node]=$(grep '^tris-house-1 ' "$dir/$node.line") || fail "no house line of $node"
    printf '%.100s...\n' "${line[$node]}"
done

headline "One of them writes the charter, each founder signs it"
words=()
for node in "${houses[@]}"; do words+=(--house "${line[$node]}"); done
printf "+ tris --data koeln charter new 'Trisektorale Zusammenarbeit' --house LINE --house LINE" >&4
printf ' --house LINE --observer LINE --admit 2 --revoke 3 -o charter.txt\n' >&4
tris koeln charter new "Trisektorale Zusammenarbeit" "${words[@]}" --observer "${line[observer]}" \
    --admit 2 --revoke 3 -o "$dir/charter.txt"
for node in "${houses[@]}"; do
    show "$BUILD/tris" --data "$dir/$node" charter sign "$dir/charter.txt"
done
for node in "${nodes[@]}"; do
    show "$BUILD/tris" --data "$dir/$node" init --charter "$dir/charter.txt" >/dev/null
done

headline "Four daemons"
for node in "${nodes[@]}"; do start "$node"; done

headline "Each house imports $PARTNERS partners"
show python3 tools/data/make_federation.py --out "$dir/fed" --ags 05315,14713,13003 \
    --partners "$PARTNERS"
national=0
for node in "${houses[@]}"; do
    file=$dir/fed/${ags[$node]}/partners.csv
    show "$BUILD/tris" --data "$dir/$node" import "$file" --listed -y
    listed=$(national_rows "$file")
    local_ones=$(tris "$node" status --json | json records partners_local)
    ((local_ones == PARTNERS - listed)) || fail "$node holds $local_ones local partners"
    printf '%s lists %d nationally; %d stay in the house\n' "${title[$node]}" "$listed" "$local_ones"
    national=$((national + listed))
done

headline "All four meet at one frontier root"
equal_roots "${nodes[@]}"
for node in "${nodes[@]}"; do check_partners "$node" "$national"; done

headline "The national view, at the observer"
show "$BUILD/tris" --data "$dir/observer" national overview

headline "Rostock is stopped; Köln and Leipzig go on"
before=$common_root
stop rostock
show "$BUILD/tris" --data "$dir/koeln" partner add --listed --name "Tafel Deutz e. V." --sector Z \
    --legal-form ev --region 05315
show "$BUILD/tris" --data "$dir/leipzig" partner add --listed --name "Druckerei Lindenau GmbH" \
    --sector W --legal-form gmbh --region 14713
equal_roots koeln leipzig observer
[[ $common_root != "$before" ]] || fail "new records did not change the root"

headline "Rostock starts again and catches up"
started=$(date +%s%3N)
start rostock
equal_roots "${nodes[@]}"
printf 'caught up %d ms after its start began\n' $(($(date +%s%3N) - started))
for node in "${nodes[@]}"; do check_partners "$node" $((national + 2)); done
show "$BUILD/tris" --data "$dir/rostock" sync status --wait 30s

headline "Done: every step was verified"
if [[ ${DEMO_EXIT:-} == 1 ]]; then
    exit 0
fi
printf '\nThe four nodes run on. Try, in another terminal:\n'
for node in "${nodes[@]}"; do printf '    %s --data %s status\n' "$BUILD/tris" "$dir/$node"; done
printf 'Ctrl-C ends them.\n'
trap 'exit 0' INT
wait -n "${pid[@]}" || true
fail "one of the daemons ended by itself"
