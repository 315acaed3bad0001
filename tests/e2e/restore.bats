#!/usr/bin/env bats
# Data directories put back from an older state, and copies that run beside the original: what a
# house has said once it never says differently.

load lib

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new rostock 13003
    federation_found "Restore" 1 2 koeln leipzig rostock
    for node in koeln leipzig rostock; do node_start "$node"; done
    wait_for 20 connected koeln 2
    add koeln "Vor der Kopie e. V."
    wait_equal 60 koeln leipzig rostock
}

teardown_file() { world_end; }

add() { # node, name: prints the id
    tris_at "$1" partner add --listed --name "$2" --sector Z --legal-form ev --region 05315
}
guard_of() { tris_at "$1" status --json | json "d['guard']$2"; }
state_is() { [[ $(guard_of "$1" '["state"]') == "$2" ]]; }
is_confirmed() { [[ $(guard_of "$1" '["confirmed"]') == true ]]; }
has_partner() { tris_at "$1" partner list --json | grep -q "$2"; }

# Every house's log as it was sealed, read by the second implementation.
nothing_sealed_twice() {
    local node
    wait_equal 60 koeln leipzig rostock
    same_views koeln leipzig rostock
    for node in koeln leipzig rostock; do audit_clean "$node"; done
    not grep -hE '"?reason"?=?"?fork|other_root|segment_refused' "$WORLD"/*.log
}

@test "an older copy of the whole directory: its tail comes back, what was written since is written again" {
    node_stop koeln
    cp -r "$(node_dir koeln)" "$WORLD/koeln.older"
    node_start koeln
    wait_for 20 connected koeln 2
    add koeln "Nach der Kopie e. V." >"$WORLD/tail.id"
    wait_equal 60 koeln leipzig rostock
    node_stop koeln
    rm -r "$(node_dir koeln)"
    mv "$WORLD/koeln.older" "$(node_dir koeln)"
    # alone, it works and seals nothing
    node_stop leipzig
    node_stop rostock
    node_start koeln
    add koeln "Im Dunkeln e. V." >"$WORLD/draft.id"
    tris_at koeln partner edit "$(<"$WORLD/draft.id")" --name "Im Dunkeln geschrieben e. V."
    cmp "$WORLD/tail.id" "$WORLD/draft.id" # the same number twice, but never two seals
    state_is koeln claims
    [ "$(guard_of koeln '["unsealed"]')" = 2 ]
    # contact
    node_start leipzig
    node_start rostock
    wait_for 30 has_partner koeln "Nach der Kopie"
    wait_for 30 has_partner koeln "Im Dunkeln geschrieben"
    # the mark is of another copy: a person decides
    wait_for 30 state_is koeln accept
    not has_partner leipzig "Im Dunkeln"
    tris_at koeln doctor --accept-loss -y
    wait_for 30 is_confirmed koeln
    wait_for 30 has_partner leipzig "Im Dunkeln geschrieben"
    has_partner koeln "Nach der Kopie"
    # people are told where it is now
    tris_at koeln draft list --json >"$WORLD/drafts.json"
    [ "$(json 'len(d["items"])' <"$WORLD/drafts.json")" = 2 ]
    [ "$(json 'd["items"][0]["was"]' <"$WORLD/drafts.json")" = "$(<"$WORLD/draft.id")" ]
    tris_at koeln partner show "$(json 'd["items"][0]["id"]' <"$WORLD/drafts.json")" --json |
        grep -q "Im Dunkeln geschrieben"
    nothing_sealed_twice
}
