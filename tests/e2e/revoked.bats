#!/usr/bin/env bats
# A house that was revoked: whoever asks for it is told so, by whom and when, and nobody counts it
# among the members any more.

load lib

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new rostock 13003
    federation_found "Ausschluss" 1 2 koeln leipzig rostock
    local node
    for node in koeln leipzig rostock; do node_start "$node"; done
    wait_equal 60 koeln leipzig rostock
    tris_at koeln member revoke rostock -y
    wait_for 20 stated leipzig
    tris_at leipzig member revoke rostock -y
    for node in koeln leipzig; do wait_for 40 revoked "$node"; done
}

teardown_file() { world_end; }

stated() { # node
    tris_at "$1" member show rostock --json | json 'len(d["revocations"])' | grep -qx 1
}
revoked() { # node
    tris_at "$1" member show rostock --json | json 'd["state"]' | grep -qx revoked
}

@test "why names the revocation, who stated it and when, in both languages" {
    run_code 21 tris_at koeln why rostock --json
    [ "$(json 'd["schema"], d["step"], d["next"]' <<<"$output")" = \
        "('tris.why.1', 'revoked', 'tris member show rostock')" ]
    [ "$(json 'sorted(b["house"] for r in d["revocations"] for b in r["by"] if b["counts"])' <<<"$output")" = \
        '["koeln", "leipzig"]' ]
    [ "$(json 'all(b["time_ms"] > 1700000000000 for r in d["revocations"] for b in r["by"])' <<<"$output")" = true ]
    run_code 21 tris_at leipzig why rostock
    [[ $output == *"has been revoked"* ]]
    [ "$(grep -cE '^Revoked by +(koeln|leipzig) on [0-9]{4}-' <<<"$output")" -eq 2 ]
    run_code 21 tris_at leipzig why rostock --lang de
    [[ $output == *"wurde ausgeschlossen"* ]]
    [ "$(grep -cE '^Ausgeschlossen durch +(koeln|leipzig) am ' <<<"$output")" -eq 2 ]
    run_code 0 tris_at koeln why leipzig --json
    [ "$(json '"revocations" in d' <<<"$output")" = false ]
}

@test "the doctor counts members alone" {
    [ "$(tris_at koeln status --json | json 'd["sync"]["members"], d["sync"]["others"]')" = "(2, 1)" ]
    tris_at koeln doctor --json >"$WORLD/doctor" || [ $? -eq 3 ]
    [ "$(json '[i["text"] for i in d["items"] if i["check"] == "peers"]' <"$WORLD/doctor")" = \
        '["connected to 1 of 1 other members"]' ]
}
