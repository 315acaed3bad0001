#!/usr/bin/env bats
# The overlay with real daemons: who is dialled, who is refused and told of others, and that entries
# travel through any member, also between houses that nobody can dial.

load lib

setup() { world_new; }
teardown() { world_end; }

peers_conf() { # node, lines of [peers]
    printf '[peers]\n' >"$(node_dir "$1").conf.d/peers.conf"
    printf '%s\n' "${@:2}" >>"$(node_dir "$1").conf.d/peers.conf"
}

inbound_of() { # node
    tris_at "$1" peer list --json | json '[p["inbound"] for p in d["items"] if p["state"] == "open"]'
}

has_logged() { grep -q "$2" "$(node_dir "$1").log"; }

@test "entries travel between two houses without an address, through one that has one" {
    node_new koeln 05315
    node_new leipzig 14713 --no-address
    node_new rostock 13003 --no-address
    federation_found "Overlay" 2 3 koeln leipzig rostock
    for node in koeln leipzig rostock; do node_start "$node"; done
    wait_for 20 connected koeln 2
    tris_at leipzig partner add --listed --name "Verein Leipzig" --sector Z --legal-form ev --region 14713
    tris_at rostock partner add --listed --name "Verein Rostock" --sector Z --legal-form ev --region 13003
    wait_equal 30 koeln leipzig rostock
    for node in koeln leipzig rostock; do wait_for 20 has_national "$node" 2; done
    # nobody has ever dialled the two
    [ "$(tris_at leipzig status --json | json 'd["sync"]["connected"]')" = 1 ]
    [ "$(tris_at rostock status --json | json 'd["sync"]["connected"]')" = 1 ]
}

@test "a house without room says who else may have some" {
    node_new koeln 05315
    node_new leipzig 14713
    node_new rostock 13003
    federation_found "Overlay" 2 3 koeln leipzig rostock
    peers_conf koeln 'dial = configured' 'inbound_max = 1'
    peers_conf leipzig 'dial = configured'
    peers_conf rostock 'dial = auto'
    node_start koeln
    node_start leipzig
    connect leipzig koeln
    wait_for 20 connected koeln 1
    node_start rostock
    connect rostock koeln
    wait_for 20 has_logged rostock 'peer_refer.*members=1'
    wait_for 20 connected rostock 1
    [ "$(tris_at koeln status --json | json 'd["sync"]["connected"]')" = 1 ]
    tris_at rostock partner add --listed --name "Verein" --sector Z --legal-form ev --region 13003
    for node in koeln leipzig rostock; do wait_for 20 has_national "$node" 1; done
}

@test "two houses that dial each other at once end with one session" {
    node_new koeln 05315
    node_new leipzig 14713
    federation_found "Overlay" 1 2 koeln leipzig
    node_start koeln
    node_start leipzig
    connect koeln leipzig &
    connect leipzig koeln
    wait $!
    wait_for 20 connected koeln 1
    wait_for 20 connected leipzig 1
    for round in 1 2 3; do
        tris_at koeln partner add --listed --name "Verein $round" --sector Z --legal-form ev --region 05315
        tris_at leipzig partner add --listed --name "Verein $round" --sector Z --legal-form ev --region 14713
    done
    wait_for 20 has_national koeln 6
    wait_for 20 has_national leipzig 6
    # the same session seen from both ends: dialled by one of them
    [ "$(inbound_of koeln)" != "$(inbound_of leipzig)" ]
}
