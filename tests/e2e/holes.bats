#!/usr/bin/env bats
# A sealed run that is too large for one segment travels without payloads; they are asked for, and
# everybody has the same in the end.

load lib

NODES="koeln leipzig observer"
SEGMENT_BYTES=327680

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new observer 11000 --observer
    federation_found "Holes" 1 2 koeln leipzig @observer
    local node
    for node in koeln leipzig; do node_start "$node"; done
    wait_equal 30 koeln leipzig
    node_stop koeln
    "$INJECT" "$(node_dir koeln)" "$(key_file koeln)" large >"$WORLD/injected"
    node_start koeln
}

teardown_file() { world_end; }

@test "the run is larger than a segment, and its payloads arrive" {
    [ "$(cat "$WORLD/injected")" -gt $SEGMENT_BYTES ]
    wait_equal 60 koeln leipzig
    wait_for 20 has_national leipzig 900
    is_effective "$(tris_at leipzig log show koeln 450 --json | json 'd["effect"]')"
    tris_at leipzig log show koeln 450 --json | json 'len(d["payload"]) > 1000' | grep -qi true
}

@test "who syncs from a house that had to ask has everything too" {
    wait_equal 60 koeln leipzig
    node_stop koeln
    node_start observer
    wait_for 60 has_national observer 900
    node_start koeln
    wait_equal 60 koeln leipzig observer
    same_views koeln leipzig observer
}

@test "the audits find nothing" {
    wait_equal 60 koeln leipzig
    local node
    for node in koeln leipzig; do audit_clean "$node"; done
}
