#!/usr/bin/env bats
# Invitations: a house that is in no charter comes in by a line of text, gets the charter and gov
# logs, and no record travels in either direction.

load lib

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    federation_found "Haus Föderation" 1 2 koeln leipzig
    node_start koeln
    node_start leipzig
    connect leipzig koeln
    wait_for 20 connected koeln 1
    tris_at koeln partner add --listed --name "Kölner Markierung e. V." --sector Z --legal-form ev \
        --region 05315
    wait_equal 20 koeln leipzig
}

teardown_file() { world_end; }

invitation() { tris_at koeln peer invite --json "$@" | json 'd["line"]'; }
joiner() { # name: its port and configuration, without keys
    free_port >"$(node_dir "$1").port"
    printf 'listen = 127.0.0.1:%s\n' "$(node_port "$1")" >"$(node_dir "$1").conf"
}
join() { # name, invitation
    tris_at "$1" init --join "$2" --region 13003 --name "Haus $1" --slug "$1" \
        --address "127.0.0.1:$(node_port "$1")" --json
}
candidates() { tris_at koeln peer invite --list --json | json '[i.get("slug") for i in d["items"] if i["state"] == "used"]'; }
held() { # node, house, topic: entries of its log there
    tris_at "$1" peer show "$2" --json |
        json "[i['held'] for i in d['frontier'] if i['topic'] == '$3'][0]"
}
has_gov() { (($(held "$1" "$2" gov) >= 1)); }

@test "a house joins, its daemon gets gov logs, and data stays on both sides" {
    joiner rostock
    local line result
    line=$(invitation)
    [[ $line =~ ^TRIS-INVITE-1:[A-Z2-7]+$ ]]
    result=$(join rostock "$line")
    [ "$(json 'd["federation"]["name"]' <<<"$result")" = "Haus Föderation" ]
    [[ $(json 'd["fingerprint"]' <<<"$result") =~ ^([0-9]{5}\ ){7}[0-9]{5}$ ]]
    [ "$(json 'd["invited_by"]["house"]' <<<"$result")" = "$(house_id koeln)" ]
    cmp "$(node_dir rostock)/charter" "$(node_dir koeln)/charter"
    wait_for 5 test "$(candidates)" = '["rostock"]'
    # the house keeps keys and line: they are those that it has told
    [ "$(tris_at koeln peer invite --list --json | json 'd["items"][0]["used_by"]')" = \
        "$(tris_at rostock key show --json | json 'd["id"]')" ]

    node_start rostock
    wait_for 20 has_gov rostock koeln
    wait_for 20 has_gov rostock leipzig
    tris_at rostock partner add --listed --name "Rostocker Markierung e. V." --sector Z \
        --legal-form ev --region 13003
    tris_at koeln partner add --listed --name "Zweite Kölner Markierung" --sector W \
        --legal-form gmbh --region 05315
    wait_equal 20 koeln leipzig
    # a change of a gov log comes, so that what would come with it had its time
    tris_at rostock sync now >/dev/null
    sleep 1
    [ "$(national_partners koeln)" = 2 ]
    [ "$(national_partners rostock)" = 1 ] # its own, here alone
    [ "$(held koeln leipzig data)" -ge 1 ]
    [ "$(held rostock koeln data)" = 0 ]
    [ "$(held rostock leipzig data)" = 0 ]
    run not grep -l "Kölner Markierung" "$(node_dir rostock)"/store/*
    [ "$status" -eq 0 ]
    run not grep -l "Rostocker Markierung" "$(node_dir koeln)"/store/* "$(node_dir leipzig)"/store/*
    [ "$status" -eq 0 ]
    # the marker is there where it belongs: the search above can find it
    grep -l "Rostocker Markierung" "$(node_dir rostock)"/store/*
    [ "$(tris_at rostock peer list --json | json '[i["state"] for i in d["items"] if i["slug"] == "koeln"][0]')" = open ]
    node_stop rostock
}

@test "joining again is safe; the same invitation lets no second house in" {
    local line
    line=$(invitation)
    joiner berlin
    join berlin "$line" >/dev/null
    cp "$(node_dir berlin)/charter" "$WORLD/charter.before"
    join berlin "$line" >/dev/null # known as a candidate now
    tris_at berlin peer join "$line" --json | json 'd["line"]' >/dev/null
    cmp "$(node_dir berlin)/charter" "$WORLD/charter.before"
    joiner hamburg
    run_code 21 join hamburg "$line"
    [[ $output == *used* ]]
    [ ! -e "$(node_dir hamburg)/charter" ]
    [ -e "$(key_file hamburg)" ] # and with a new invitation the same house comes in
    local before
    before=$(tris_at hamburg key show --json | json 'd["id"]')
    tris_at hamburg peer join "$(invitation)" >/dev/null
    [ "$(tris_at hamburg key show --json | json 'd["id"]')" = "$before" ]
}

@test "expired, cancelled, of another federation, mistyped, of ourselves" {
    local line id
    joiner essen
    line=$(invitation)
    id=$(tris_at koeln peer invite --list --json | json 'd["items"][-1]["invite"]')
    tris_at koeln peer invite --cancel "${id:0:8}"
    run_code 21 join essen "$line"
    [[ $output == *cancelled* ]]
    run_code 2 join essen "${line:0:60}A${line:61}B"
    [[ $output == *typo* ]]
    run_code 2 join essen "tris-house-1"
    run_code 21 join essen "TRIS-INVITE-2:${line:14}"
    # by the inviter's clock it is open, by ours it is over
    run_code 21 "$PYTHON" "$ROOT/tests/e2e/expire.py" "$line" "$TRIS" --data "$(node_dir essen)" init \
        --region 05113 --name Essen
    [[ $output == *expired* ]]
    # this house belongs to another federation
    tris_at bremen init --region 04011 --name "Haus Bremen" --found "Andere" >/dev/null
    run_code 5 tris_at bremen peer join "$(invitation)"
    [[ $output == *Andere* ]]
    run_code 21 tris_at koeln peer join "$(invitation)"
    # nobody listens there
    run_code 20 join essen "$(invitation --address 127.0.0.1:9)"
    [[ $output == *"cannot be reached"* ]]
    # and without keys there is nothing to join with
    run_code 10 tris_at nowhere peer join "$line"
}

@test "at most eight are open; they outlive the daemon; a QR code fits the terminal" {
    local before i line
    for i in 1 2 3 4 5 6 7 8; do tris_at koeln peer invite --expires 1h --json >/dev/null || break; done
    run tris_at koeln peer invite
    [ "$status" -ne 0 ]
    [[ $output == *"8 invitations are open"* ]]
    for i in $(tris_at koeln peer invite --list --json |
        json '" ".join(i["invite"] for i in d["items"] if i["state"] == "open")'); do
        tris_at koeln peer invite --cancel "$i" >/dev/null
    done
    line=$(invitation)
    node_stop koeln
    node_start koeln
    joiner ulm
    join ulm "$line" >/dev/null
    node_stop koeln
    node_start koeln
    joiner trier
    run_code 21 join trier "$line"
    run tris_at koeln peer invite --qr
    [ "$status" -eq 0 ]
    [ "$(grep -c '█' <<<"$output")" -ge 25 ]
    [ "$(grep '█' <<<"$output" | head -n 1 | wc -m)" -le 80 ]
}

@test "a candidate invites nobody; a stranger gets no answer" {
    node_start rostock
    run tris_at rostock peer invite
    [ "$status" -ne 0 ]
    [[ $output == *"no member yet"* ]]
    node_stop rostock
    # a house that has the charter as a file and no invitation is a stranger still
    node_new kiel 01002
    run tris_at kiel init --charter "$(node_dir koeln)/charter"
    [ "$status" -ne 0 ]
}
