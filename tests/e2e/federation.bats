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
# A new directory by an invitation; with a third word nobody can reach it.
join() { # name, invitation, [hidden]
    local port address
    port=$(free_port)
    printf '%s' "$port" >"$(node_dir "$1").port"
    printf 'listen = 127.0.0.1:%s\n' "$port" >"$(node_dir "$1").conf"
    [[ -z ${3:-} ]] || printf 'listen =\n' >"$(node_dir "$1").conf"
    address=(--address "127.0.0.1:$port")
    [[ -z ${3:-} ]] || address=()
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
    for node in $FOUNDERS; do node_new "$node" "$(region_of "$node")"; done
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
