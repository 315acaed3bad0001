#!/usr/bin/env bats
# Ten houses without a centre: three found, seven are admitted; keys are lost, backups put back, a
# directory is cloned, an address changes, two can be reached by nobody, one house is revoked while
# some are away. At the end all honest houses hold and show the same, and people were told.

load lib

FOUNDERS="koeln leipzig rostock"
ADMITTED="bonn trier kiel ulm hof jena essen"
HONEST="koeln leipzig rostock bonn trier kiel ulm hof jena"
WAIT=60

setup_file() { world_new; }
teardown_file() { world_end; }
teardown() { # what the daemons said last, if it failed
    [[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 6 "$WORLD"/*.log || true
}

region_of() {
    case $1 in
    koeln) echo 05315 ;; leipzig) echo 14713 ;; rostock) echo 13003 ;; bonn) echo 05314 ;;
    trier) echo 07211 ;; kiel) echo 01002 ;; ulm) echo 08421 ;; hof) echo 09464 ;;
    jena) echo 16053 ;; essen) echo 05113 ;;
    esac
}
add() { # node, name: prints the id
    tris_at "$1" partner add --listed --name "$2" --sector Z --legal-form ev \
        --region "$(region_of "$1")"
}
has_partner() { tris_at "$1" partner list --json | grep -q "$2"; }
log_has() { grep -qE "$2" "$(node_dir "$1").log"; }
all_sealed() { [ "$(tris_at "$1" status --json | json 'd["guard"]["unsealed"]')" = 0 ]; }
guard_is() { [ "$(tris_at "$1" status --json | json 'd["guard"]["state"]')" = "$2" ]; }
is_confirmed() { [ "$(tris_at "$1" status --json | json 'd["guard"]["confirmed"]')" = true ]; }
listed() { # node: who is what, for comparing
    tris_at "$1" member list --json |
        json 'sorted((m["id"], m["slug"], m["state"], m["epoch"]) for m in d["items"])'
}
member_is() { # node, house, state, epoch
    listed "$1" | grep -qF "\"$2\", \"$3\", $4]"
}
asks_at() { # node, house, epoch: its key waits there to be vouched for
    tris_at "$1" member candidates --json |
        json "any(m['slug'] == '$2' and ($3 in [m['epoch']] + [o['epoch'] for o in m.get('openings', [])])
            for m in d['items'])" | grep -qx true
}
# What changed is asked for every second, not every fifteen.
fast() {
    mkdir -p "$(node_dir "$1").conf.d"
    printf '[sync]\nheartbeat_ms = 1000\n' >"$(node_dir "$1").conf.d/sync.conf"
}
# A new directory by an invitation; with a third word nobody can reach it.
join() { # name, invitation, [hidden]
    local port address
    port=$(free_port)
    printf '%s' "$port" >"$(node_dir "$1").port"
    printf 'listen = 127.0.0.1:%s\n' "$port" >"$(node_dir "$1").conf"
    [[ -z ${3:-} ]] || printf 'listen =\n' >"$(node_dir "$1").conf"
    address=(--address "127.0.0.1:$port")
    [[ -z ${3:-} ]] || address=()
    fast "$1"
    guard_wait "$1" 300
    tris_at "$1" init --join "$2" --region "$(region_of "$1")" --name "Haus $1" --slug "$1" \
        "${address[@]}" >/dev/null
}
endorse() { # house, epoch, nodes...
    local house=$1 epoch=$2 node
    shift 2
    for node in "$@"; do
        wait_for $WAIT asks_at "$node" "$house" "$epoch"
        tris_at "$node" member endorse "$house" -y >/dev/null
    done
}
alike() { # nodes...: roots, members, records and figures
    local first=$1 node
    wait_equal $WAIT "$@"
    for node in "$@"; do [ "$(listed "$node")" = "$(listed "$first")" ]; done
    same_views "$@"
}

@test "three found, seven are admitted by two endorsements each" {
    local node inviter=koeln
    for node in $FOUNDERS; do
        node_new "$node" "$(region_of "$node")"
        fast "$node"
    done
    # shellcheck disable=SC2086 # names
    federation_found "Zehn Häuser" 2 3 $FOUNDERS
    for node in $FOUNDERS; do node_start "$node"; done
    wait_for $WAIT connected koeln 2
    for node in $ADMITTED; do
        local hidden=
        [[ $node != hof && $node != jena ]] || hidden=hidden
        join "$node" "$(tris_at "$inviter" peer invite --json | json 'd["line"]')" $hidden
        node_start "$node"
        endorse "$node" 0 koeln leipzig
        wait_for $WAIT member_is "$node" "$node" active 0
    done
    for node in $FOUNDERS $ADMITTED; do add "$node" "Verein $node" >/dev/null; done
    # shellcheck disable=SC2086
    alike $FOUNDERS $ADMITTED
    [ "$(national_partners hof)" = 10 ]
    [ "$(tris_at jena member list --json | json 'd["active"]')" = 10 ]
}

addresses_at() { tris_at "$1" house show "$2" --json | json '",".join(d["addresses"])'; }
knows_address() { [ "$(addresses_at "$1" "$2")" = "$3" ]; }
talks_to() { [ "$(tris_at "$1" peer show "$2" --json | json 'd["state"]')" = open ]; }
@test "one moves: the others learn its new address and reach it there" {
    local node former address line
    former=127.0.0.1:$(node_port kiel)
    free_port >"$(node_dir kiel).port"
    address=127.0.0.1:$(node_port kiel)
    line=$(cat "$(node_dir kiel)/house.line")
    # what is refused leaves the line as it was
    run_code 2 tris_at kiel house edit --address "$address" --phone 1
    [[ $output == *"addresses are changed alone"* ]]
    run_code 2 tris_at kiel house edit --address "$address" --no-address
    [[ $output == *"addresses are changed alone"* ]]
    run_code 2 tris_at kiel house edit --address "no port"
    [[ $output == *HOST:PORT* ]]
    tris_at kiel house edit --address "$address" --dry-run 2>&1 | grep -F "nothing written"
    [ "$(cat "$(node_dir kiel)/house.line")" = "$line" ]
    tris_at kiel house edit --address "$address" 2>&1 | grep -F "when trisd starts again"
    not test "$(cat "$(node_dir kiel)/house.line")" = "$line"
    node_stop kiel
    printf 'listen = %s\n' "$address" >"$(node_dir kiel).conf"
    node_start kiel
    for node in $FOUNDERS $ADMITTED; do
        wait_for $WAIT knows_address "$node" kiel "$address"
        not knows_address "$node" kiel "$former"
    done
    # kiel dials nobody now: who talks to it has found it there
    printf '[peers]\ndial = configured\n' >"$(node_dir kiel).conf.d/peers.conf"
    node_stop kiel
    node_start kiel
    wait_for $WAIT talks_to koeln kiel
    [ "$(tris_at koeln peer show kiel --json | json 'd["address"]')" = "$address" ]
    [ "$(tris_at koeln peer show kiel --json | json 'd["inbound"]')" = false ]
    rm "$(node_dir kiel).conf.d/peers.conf"
    add kiel "Nach dem Umzug e. V." >/dev/null
    # shellcheck disable=SC2086
    alike $FOUNDERS $ADMITTED
}
