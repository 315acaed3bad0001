#!/usr/bin/env bats
# Entries of an unknown kind, verb or field, and payloads that break their schema, are stored,
# forwarded, shown as such, and have no effect on views: the same roots everywhere.

load lib

NODES="koeln leipzig observer"

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new observer 11000 --observer
    federation_found "Unknown" 1 2 koeln leipzig @observer
    local node
    for node in $NODES; do node_start "$node"; done
    tris_at koeln partner add --listed --name "Ordinary e. V." --sector Z --legal-form ev \
        --region 05315
    wait_for 20 has_national observer 1
    wait_equal 30 koeln leipzig observer
    root_of koeln >"$WORLD/root.before"
    node_stop koeln
    "$INJECT" "$(node_dir koeln)" "$(key_file koeln)" >"$WORLD/injected"
    node_start koeln
}

teardown_file() { world_end; }

@test "the entries reach everybody and the roots are the same, and new" {
    wait_equal 30 koeln leipzig observer
    [ "$(root_of koeln)" != "$(cat "$WORLD/root.before")" ]
}

@test "only what is extended in an ignorable way counts: a field, a header element" {
    wait_equal 30 koeln leipzig observer
    local node
    for node in $NODES; do
        has_national "$node" 3
        tris_at "$node" partner list --json | json '[r["fields"]["name"] for r in d["items"]]' >"$WORLD/names"
        grep -q 'Ordinary e. V.' "$WORLD/names"
        grep -q 'Injected partner with an extension' "$WORLD/names"
        grep -q 'Injected partner with a longer header' "$WORLD/names"
        not grep -q 'without\|unknown\|trailing\|xxxx' "$WORLD/names"
    done
}

@test "the views are the same everywhere" {
    wait_equal 30 koeln leipzig observer
    same_views koeln leipzig observer
}

@test "tris log show names each with the reason why it has no effect" {
    wait_equal 30 koeln leipzig observer
    local node seq what effect
    for node in $NODES; do
        while read -r seq what; do
            run tris_at "$node" log show koeln "$seq" --json
            [ "$status" -eq 0 ]
            effect=$(printf '%s' "$output" | json 'd["effect"]')
            if [[ $what == extension || $what == longer-header || $what == later-codes ]]; then
                is_effective "$effect"
            else
                not is_effective "$effect"
            fi
            run tris_at "$node" log show koeln "$seq"
            [ "$status" -eq 0 ]
        done <"$WORLD/injected"
    done
}

@test "they are counted as inert, at every node alike" {
    local inert node
    inert=$(tris_at koeln status --json | json 'd["store"]["inert"]')
    [ "$inert" -eq $(($(wc -l <"$WORLD/injected") - 3)) ]
    for node in leipzig observer; do
        [ "$(tris_at "$node" status --json | json 'd["store"]["inert"]')" = "$inert" ]
    done
}

@test "an offer with codes of a later version is listed, and meets its own house alone" {
    local node add
    add=(--topics diversity --contribution rooms --radius national)
    add+=(--valid-from "$(date -d -2days +%F)" --valid-to "$(date -d +90days +%F)")
    for node in koeln leipzig; do
        tris_at "$node" offer list --json | json '"|".join(d["items"][0]["fields"][f]
            for f in ("title", "topics", "contribution", "radius"))' |
            grep -qx 'Injected offer with later codes|diversity|250|250|250'
        tris_at "$node" offer list | grep -q 'Injected offer'
        need=$(tris_at "$node" need add "Gesucht" "${add[@]}")
        tris_at "$node" need match "$need" --json | json 'len(d["items"])' | grep -qx 0
        tris_at "$node" need match "$need" --any-contribution --json |
            json 'str(len(d["items"])) + " of '"$node"'"' >>"$WORLD/matched"
    done
    grep -qx '1 of koeln' "$WORLD/matched"
    grep -qx '0 of leipzig' "$WORLD/matched"
    # from the offer's side: nothing of this version has its contribution
    id=$(tris_at koeln offer list --json | json 'd["items"][0]["id"]')
    run_code 0 tris_at leipzig offer match "$id"
    run_code 0 tris_at koeln offer match "$id" --any-contribution
    [[ $output == *Gesucht* ]]
}

@test "they travel on: a node that syncs from zero through Leipzig has the same root" {
    node_stop observer
    node_stop koeln
    rm -rf "$(node_dir observer)"/store "$(node_dir observer)"/mark
    run tris_at observer init --charter "$WORLD/charter.txt"
    [ "$status" -eq 0 ]
    node_start observer
    wait_for 30 has_national observer 3
    node_start koeln
    wait_equal 30 koeln leipzig observer
}

@test "audits find nothing to complain about" {
    local node
    for node in $NODES; do audit_clean "$node"; done
}
