#!/usr/bin/env bats
# Ten houses without a centre: three found, seven are admitted; keys are lost, backups put back, a
# directory is cloned, an address changes, two can be reached by nobody, one house is revoked while
# some are away. At the end all honest houses hold and show the same, and people were told.

load lib

FOUNDERS="koeln leipzig rostock"
ADMITTED="bonn trier kiel ulm hof jena essen"
HONEST="koeln leipzig rostock bonn trier kiel ulm hof jena"
WAIT=40

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
waits_as() { tris_at "$1" member candidates | grep -qE "$2"; } # node, what a line says
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
peer_of() { tris_at "$1" peer show "$2" --json | json "$3"; } # node, house, expression
talks_to() { [ "$(peer_of "$1" "$2" 'd["state"]')" = open ]; }
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
    for node in leipzig bonn; do # koeln it knows by its invitation
        wait_for $WAIT talks_to "$node" kiel
        [ "$(peer_of "$node" kiel 'd["address"], d["inbound"]')" = "('$address', False)" ]
        tris_at "$node" why kiel | grep -F "nothing blocks"
    done
    rm "$(node_dir kiel).conf.d/peers.conf"
    add kiel "Nach dem Umzug e. V." >/dev/null
    # shellcheck disable=SC2086
    wait_equal $WAIT $FOUNDERS $ADMITTED
}

@test "two are reached by nobody: what they write is everywhere, and who asks is told how" {
    local node
    for node in hof jena; do
        [ "$(addresses_at koeln "$node")" = "" ]
        wait_for $WAIT talks_to "$node" koeln
        [ "$(peer_of koeln "$node" 'd["state"], d["inbound"]')" = "('open', True)" ]
        tris_at koeln why "$node" | grep -F "nothing blocks"
        tris_at "$node" house show | grep -E '^Address' && return 1
        tris_at "$node" doctor | grep -E '^OK .*connected to [1-9]'
        has_partner ulm "Verein $node"
    done
    # one is away: a house that cannot dial it says nothing worse than that it is away
    node_stop jena
    [ "$(peer_of koeln jena 'd["state"]')" != open ] || wait_for $WAIT not talks_to koeln jena
    run tris_at koeln why jena
    [[ $output != *unreachable* ]]
    node_start jena
    wait_for $WAIT talks_to jena koeln
}

@test "one is put back from an old backup: its tail comes back, nothing is sealed twice, it is told" {
    local id now
    tris_at bonn backup create --with-keys "$WORLD/backup" >/dev/null
    id=$(add bonn "Nach der Sicherung e. V.")
    wait_equal $WAIT bonn koeln leipzig
    node_stop bonn
    rm -r "$(node_dir bonn)"
    tris_at bonn backup restore "$WORLD/backup" 2>&1 | grep -F "written again behind it"
    node_start bonn
    now=$(add bonn "Nach dem Zurückspielen e. V.")
    tris_at bonn status | grep -F "put back from a backup of 2"
    wait_for $WAIT has_partner bonn "Nach der Sicherung"
    wait_for $WAIT guard_is bonn accept
    log_has bonn 'warn own_log_behind .*they_hold=.*we_hold='
    log_has bonn 'error guard state=accept .*next="tris doctor --accept-loss"'
    run_code 3 tris_at bonn doctor
    [[ $output == *"put back from a backup"* && $output == *"tris doctor --accept-loss"* ]]
    not has_partner koeln "Nach dem Zurückspielen" # not before a person has decided
    tris_at bonn doctor --accept-loss -y
    log_has bonn loss_accepted
    wait_for $WAIT is_confirmed bonn
    wait_for $WAIT has_partner koeln "Nach dem Zurückspielen"
    has_partner koeln "Nach der Sicherung"
    run_code 0 tris_at bonn doctor
    # where a number has gone whose holder wrote before the tail was back
    if [[ ${now%\?} == "$id" ]]; then
        tris_at bonn draft list | grep -E "$id .*written again"
    fi
    # shellcheck disable=SC2086
    wait_equal $WAIT $FOUNDERS $ADMITTED
}

@test "one loses its key and comes back as the same house with a new one, and is told at each step" {
    local node before
    before=$(tris_at koeln member list --json | json '[m["id"] for m in d["items"] if m["slug"] == "rostock"][0]')
    node_stop rostock
    rm -r "$(node_dir rostock)"
    join rostock "$(tris_at trier peer invite --house rostock --json | json 'd["line"]')"
    node_start rostock
    wait_for $WAIT asks_at trier rostock 1
    tris_at trier member candidates | grep -E '^rostock\.1 .*candidate'
    endorse rostock 1 trier
    wait_for $WAIT asks_at leipzig rostock 1
    wait_for $WAIT waits_as leipzig '^rostock\.1 .* candidate .*trier .*1 more needed'
    member_is koeln rostock active 0
    endorse rostock 1 leipzig
    for node in $FOUNDERS $ADMITTED; do
        wait_for $WAIT member_is "$node" rostock active 1
        wait_for $WAIT log_has "$node" 'member_changed house=rostock epoch=1'
    done
    wait_for $WAIT has_partner rostock "Verein rostock"
    wait_for $WAIT is_confirmed rostock
    tris_at koeln member list | grep -E '^rostock\.1 .* member .*trier, leipzig|^rostock\.1 .* member .*leipzig, trier'
    listed koeln | grep -F "$before" # the same house
    run_code 0 tris_at rostock doctor
    tris_at rostock partner edit rostock-1 --name "Nach dem Brand e. V."
    add rostock "Neu nach dem Brand e. V." >/dev/null
    # shellcheck disable=SC2086
    wait_equal $WAIT $FOUNDERS $ADMITTED
    has_partner hof "Neu nach dem Brand"
    not has_partner hof "Verein rostock"
}

@test "one is revoked while it is cut off: what it wrote since counts nowhere, and it is told" {
    local node
    add essen "Vor dem Ausschluss e. V." >/dev/null
    # shellcheck disable=SC2086
    wait_equal $WAIT $FOUNDERS $ADMITTED
    # the partition: it dials nobody, and is not where the others look for it
    tris_at essen peer pause koeln >/dev/null
    node_stop essen
    cp "$(node_dir essen).conf" "$WORLD/essen.former"
    printf 'listen = 127.0.0.1:%s\n' "$(free_port)" >"$(node_dir essen).conf"
    printf '[peers]\ndial = configured\n' >"$(node_dir essen).conf.d/peers.conf"
    guard_wait essen 300 300
    node_start essen
    add essen "Hinter dem Schnitt e. V." >/dev/null
    wait_for $WAIT all_sealed essen
    not connected essen 1
    # and two more are away while it happens
    node_stop hof
    node_stop kiel
    for node in koeln leipzig trier; do
        wait_equal $WAIT koeln leipzig trier
        tris_at "$node" member revoke essen -y >"$WORLD/revoke"
    done
    grep -F "It is complete." "$WORLD/revoke"
    wait_for $WAIT log_has koeln 'log_ends house=essen topic=data epoch=0 ends_at=3'
    wait_for $WAIT log_has koeln 'member_revoked house=essen epoch=0 own=false'
    member_is essen essen active 0 # it does not know
    # back: who was away, and the house itself
    node_stop essen
    cp "$WORLD/essen.former" "$(node_dir essen).conf"
    rm "$(node_dir essen).conf.d/peers.conf"
    node_start hof
    node_start kiel
    node_start essen
    for node in $HONEST essen; do wait_for $WAIT member_is "$node" essen revoked 0; done
    wait_for $WAIT log_has essen 'error member_revoked house=essen epoch=0 own=true'
    log_has essen 'warn log_ends house=essen topic=data epoch=0 ends_at=3 next="tris draft list"'
    # not lost where it was written, and not said to be on its way
    tris_at essen draft list | grep -E 'essen-3 .*its log has ended .*this house was revoked.*tris draft drop'
    tris_at essen status | grep -F "this house was revoked"
    TRIS_LANG=de tris_at essen status | grep -F "dieses Haus wurde ausgeschlossen"
    run_code 3 tris_at essen doctor
    [[ $output == *"WARN  this house was revoked"* ]]
    for node in essen koeln hof; do
        run_code 21 tris_at "$node" why essen
        [[ $output == *"has been revoked"* && $output == *"tris member show essen"* ]]
    done
    # shellcheck disable=SC2086
    wait_equal $WAIT $HONEST
    for node in $HONEST; do
        has_partner "$node" "Vor dem Ausschluss"
        not has_partner "$node" "Hinter dem Schnitt"
        tris_at "$node" member list | grep -E '^essen .* revoked '
    done
}

@test "one runs twice: both notice and seal nothing, until a person has decided" {
    local node before
    # shellcheck disable=SC2086
    wait_equal $WAIT $HONEST
    cp -r "$(node_dir ulm)" "$WORLD/twin"
    cp -r "$(node_dir ulm).conf.d" "$WORLD/twin.conf.d"
    rm -f "$WORLD/twin/trisd.sock" "$WORLD/twin/lock"
    printf 'listen = 127.0.0.1:%s\n' "$(free_port)" >"$WORLD/twin.conf"
    node_start twin
    for node in ulm twin; do
        wait_for $WAIT guard_is "$node" clone
        log_has "$node" 'error guard state=clone .*next="end the other one'
        run_code 14 tris_at "$node" doctor
        [[ $output == *FAIL* && $output == *"doctor --end-alarm"* ]]
        TRIS_LANG=de tris_at "$node" status | grep -F "arbeitet mit dem Schlüssel dieses Hauses"
    done
    tris_at ulm partner add --listed --name "Original e. V." --sector Z --legal-form ev --region 08421
    tris_at twin partner add --listed --name "Zwilling e. V." --sector Z --legal-form ev --region 08421
    for node in ulm twin; do
        run_code 3 tris_at "$node" why ulm
        [[ $output == *seal* ]]
        not all_sealed "$node"
    done
    # others are told that there were two
    wait_for $WAIT log_has koeln 'two_processes house=ulm'
    # two rounds of heartbeats with a third house bring nothing of it there
    add trier "Während des Alarms e. V." >/dev/null
    wait_for $WAIT has_partner jena "Während des Alarms"
    wait_for $WAIT has_partner ulm "Während des Alarms"
    not has_partner jena "Original e. V."
    not has_partner jena "Zwilling"
    node_stop twin
    tris_at ulm doctor --end-alarm -y
    log_has ulm alarm_ended
    wait_for $WAIT is_confirmed ulm
    for node in $HONEST; do wait_for $WAIT has_partner "$node" "Original e. V."; done
    run_code 0 tris_at ulm doctor
}

@test "in the end all nine hold and show the same, every log is whole, nothing was signed twice" {
    local node
    for node in $HONEST; do add "$node" "Danach $node" >/dev/null; done
    # shellcheck disable=SC2086
    alike $HONEST
    [ "$(tris_at hof member list --json | json 'd["active"]')" = 9 ]
    for node in $HONEST; do
        audit_clean "$node"
        [ "$(tris_at "$node" log forks --json | json 'd["items"]')" = "[]" ]
        run_code 0 tris_at "$node" sync status
        [[ $output == "OK equal"* ]]
    done
    not grep -hE 'fork_proven|reason=fork|segment_refused' "$WORLD"/*.log
}
