#!/usr/bin/env bats
# Founding a federation by the commands alone: keys, house lines, charter, signatures.

load lib

setup() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new rostock 13003
}

teardown() { world_end; }

charter_new() {
    tris_at koeln charter new "Founding" --house "$(house_line koeln)" \
        --house "$(house_line leipzig)" --house "$(house_line rostock)" --admit 2 --revoke 3 \
        -o "$WORLD/charter.txt"
}

@test "init is safe to repeat: the same keys, the same house" {
    local before
    before=$(house_id koeln)
    cp "$(key_file koeln)" "$WORLD/key.before"
    run tris_at koeln init --region 05315 --name "Haus koeln" --address "127.0.0.1:$(node_port koeln)"
    [ "$status" -eq 0 ]
    cmp "$(key_file koeln)" "$WORLD/key.before"
    [[ $output == *"id=$before"* ]]
}

@test "keys are readable by their owner only, and stdout has the house line alone" {
    [ "$(stat -c %a "$(key_file koeln)")" = 600 ]
    [ "$(wc -l <"$(node_dir koeln).line")" -eq 1 ]
}

@test "init refuses a district that does not exist, and says so" {
    run_code 2 tris_at nowhere init --region 05999 --name "Nowhere"
    [[ $output == *05999* ]]
}

@test "an unsigned and a partly signed charter found nothing" {
    charter_new
    run tris_at koeln init --charter "$WORLD/charter.txt"
    [ "$status" -ne 0 ]
    tris_at koeln charter sign "$WORLD/charter.txt"
    run tris_at koeln init --charter "$WORLD/charter.txt"
    [ "$status" -ne 0 ]
    run "$TRISD" --config "$(node_dir koeln).conf" --data "$(node_dir koeln)"
    [ "$status" -eq 10 ]
}

@test "signing twice changes nothing; the complete charter founds" {
    charter_new
    local node
    for node in koeln leipzig rostock; do tris_at "$node" charter sign "$WORLD/charter.txt"; done
    cp "$WORLD/charter.txt" "$WORLD/charter.before"
    tris_at koeln charter sign "$WORLD/charter.txt"
    cmp "$WORLD/charter.txt" "$WORLD/charter.before"
    for node in koeln leipzig rostock; do
        tris_at "$node" init --charter "$WORLD/charter.txt"
        node_start "$node"
    done
    wait_equal 30 koeln leipzig rostock
    [ "$(tris_at koeln house list --json | json 'len(d["items"])')" -eq 3 ]
}

@test "a house that is no founder cannot sign, a changed charter is refused" {
    charter_new
    node_new stranger 09162
    cp "$WORLD/charter.txt" "$WORLD/charter.before"
    run tris_at stranger charter sign "$WORLD/charter.txt"
    [ "$status" -ne 0 ]
    cmp "$WORLD/charter.txt" "$WORLD/charter.before"
    local node
    for node in koeln leipzig rostock; do tris_at "$node" charter sign "$WORLD/charter.txt"; done
    sed 's/^admit 2$/admit 1/' "$WORLD/charter.txt" >"$WORLD/charter.changed"
    not cmp -s "$WORLD/charter.txt" "$WORLD/charter.changed"
    run tris_at koeln init --charter "$WORLD/charter.changed"
    [ "$status" -ne 0 ]
}

@test "alone, to begin: init --found, and the daemon runs" {
    tris_at alone init --region 09162 --name "Haus München" --found "Alone"
    printf '%s' "$(free_port)" >"$(node_dir alone).port"
    printf 'listen = 127.0.0.1:%s\n' "$(node_port alone)" >"$(node_dir alone).conf"
    node_start alone
    tris_at alone status --json | json 'd["house"]["slug"]' | grep -qx muenchen
    node_stop alone
}

@test "people read German where they ask for it; JSON is never translated" {
    command -v msgfmt >/dev/null || skip "no gettext: built without the German texts"
    TRIS_LANG=de run tris_at koeln help
    [[ $output == *Befehle:* ]]
    run_code 10 env TRIS_LANG=de "$TRIS" --data "$(node_dir koeln)" status --json
    [[ $output == *'"status"'* || $output == *'"title"'* ]]
}

@test "a typo gets a suggestion and exit 2" {
    run_code 2 tris_at koeln statsu
    [[ $output == *status* ]]
}
