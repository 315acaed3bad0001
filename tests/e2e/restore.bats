#!/usr/bin/env bats
# Data directories put back from an older state, and copies that run beside the original: what a
# house has said once it never says differently.

load lib

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new rostock 13003
    node_new zeuge DE --observer --no-address
    federation_found "Restore" 1 2 koeln leipzig rostock @zeuge
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
    not grep -hE 'reason=fork|segment_refused' "$WORLD"/*.log
    # the second implementation reads what each holds of each, leaf by leaf
    for node in koeln leipzig rostock; do
        PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$ROOT/tests/vectors/verify.py" logs \
            "$WORLD/charter.txt" "$(node_dir zeuge)/transport.key" "$(house_id "$node")" \
            "127.0.0.1:$(node_port "$node")" "$(node_dir "$node")/trisd.sock" |
            tail -n 1 | grep ' passed, 0 failed, 0 skipped$'
    done
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
    [[ $(<"$WORLD/draft.id") == *'?' ]] # its number is not confirmed
    [ "$(tris_at koeln partner show "$(<"$WORLD/draft.id")" --json | json 'd["confirmed"]')" = false ]
    tris_at koeln partner list | grep -q "^$(sed 's/?/[?]/' "$WORLD/draft.id")"
    sed -i 's/?$//' "$WORLD/draft.id"
    tris_at koeln partner edit "$(<"$WORLD/draft.id")?" --name "Im Dunkeln geschrieben e. V."
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

@test "a copy that runs beside the original: both notice, both stop sealing, until a person has decided" {
    local before node
    cp -r "$(node_dir koeln)" "$WORLD/twin"
    rm -f "$WORLD/twin/trisd.sock" "$WORLD/twin/lock"
    printf 'listen = 127.0.0.1:%s\n' "$(free_port)" >"$WORLD/twin.conf"
    node_start twin
    wait_for 30 state_is koeln clone
    wait_for 30 state_is twin clone
    before=$(root_of leipzig)
    add koeln "Original e. V." >/dev/null
    add twin "Zwilling e. V." >/dev/null
    for node in koeln twin; do
        [ "$(guard_of "$node" '["unsealed"]')" -ge 1 ]
        run_code 14 tris_at "$node" doctor
        [[ $output == *FAIL* && $output == *"doctor --end-alarm"* ]]
        tris_at "$node" partner list --json | grep -qE 'Original|Zwilling' # it works at home
    done
    sleep 1
    [ "$(root_of leipzig)" = "$before" ]
    # a restart is no decision
    node_stop twin
    node_stop koeln
    node_start koeln
    wait_for 20 connected koeln 2
    state_is koeln clone
    [ "$(root_of leipzig)" = "$before" ]
    tris_at koeln doctor --end-alarm -y
    wait_for 30 is_confirmed koeln
    wait_for 30 has_partner leipzig "Original e. V."
    not has_partner leipzig "Zwilling"
    nothing_sealed_twice
}

@test "a backup put back: the tail returns, what does not fit it waits for a person" {
    local id
    id=$(add koeln "Beständig e. V.")
    tris_at koeln backup create --with-keys "$WORLD/backup"
    tris_at koeln partner edit "$id" --name "Geändert nach der Sicherung e. V."
    add koeln "Neu nach der Sicherung e. V." >/dev/null
    wait_equal 60 koeln leipzig rostock
    node_stop koeln
    mv "$(node_dir koeln)" "$WORLD/lost"
    node_stop leipzig
    node_stop rostock
    tris_at koeln backup restore "$WORLD/backup"
    node_start koeln
    tris_at koeln partner edit "$id" --name "Geändert ohne die Sicherung e. V."
    add koeln "Neu nach der Sicherung e. V." >/dev/null # typed in again
    add koeln "Ganz neu e. V." >"$WORLD/new.id"
    tris_at koeln status --json | grep -q 'put back from a backup of 2'
    tris_at koeln doctor --accept-loss -y # early: it still waits for the others
    [ "$(guard_of koeln '["confirmed"]')" = false ]
    node_start leipzig
    sleep 1
    [ "$(guard_of koeln '["confirmed"]')" = false ] # one is not enough with such a mark
    node_start rostock
    wait_for 30 is_confirmed koeln
    wait_equal 60 koeln leipzig rostock
    tris_at koeln partner show "$id" --json | grep -q "Geändert nach der Sicherung"
    has_partner leipzig "Ganz neu"
    [ "$(guard_of koeln '["drafts"]["decision"]')" = 2 ]
    run_code 3 tris_at koeln doctor
    [[ $output == *"tris draft list"* ]]
    tris_at koeln draft list --state decision --json >"$WORLD/open.json"
    [ "$(json '[i["reason"] for i in d["items"]]' <"$WORLD/open.json")" = '["not_ready", "exists"]' ]
    local change twice
    change=$(json 'd["items"][0]["draft"]' <"$WORLD/open.json")
    twice=$(json 'd["items"][1]["draft"]' <"$WORLD/open.json")
    tris_at koeln draft show "$change" | grep -q "Geändert ohne die Sicherung"
    run_code 5 tris_at koeln draft apply "$change" </dev/null
    tris_at koeln draft apply "$change" -y
    tris_at koeln draft drop "$twice" -y
    run_code 2 tris_at koeln draft drop "$twice" -y
    wait_equal 60 koeln leipzig rostock
    tris_at leipzig partner show "$id" --json | grep -q "Geändert ohne die Sicherung"
    [ "$(guard_of koeln '["drafts"]["decision"]')" = 0 ]
    nothing_sealed_twice
}

@test "a store behind its own mark: sealing waits for exactly that tip, then goes on by itself" {
    wait_equal 60 koeln leipzig rostock
    node_stop koeln
    cp "$(node_dir koeln)/store/data.mdb" "$WORLD/data.older"
    node_start koeln
    add koeln "Vor dem Absturz e. V." >/dev/null
    wait_equal 60 koeln leipzig rostock
    node_stop koeln
    # over the same file: device and inode stay, the mark is ahead
    cat "$WORLD/data.older" >"$(node_dir koeln)/store/data.mdb"
    run_code 14 tris_at koeln doctor # offline
    [[ $output == *"the mark knows"* ]]
    node_stop leipzig
    node_stop rostock
    node_start koeln
    add koeln "Nach dem Absturz e. V." >/dev/null
    # more than one seal covers, and more drafts than one step writes
    { echo "name;sector;legal_form;region"; for i in {1..1500}; do echo "Betrieb $i;W;gmbh;05315"; done; } \
        >"$WORLD/many.csv"
    tris_at koeln import -y --listed "$WORLD/many.csv"
    sleep 1
    [ "$(guard_of koeln '["unsealed"]')" = 1501 ]
    node_start leipzig
    node_start rostock
    wait_for 30 is_confirmed koeln
    wait_for 30 has_partner rostock "Vor dem Absturz"
    wait_for 30 has_partner rostock "Nach dem Absturz"
    wait_equal 60 koeln leipzig rostock
    has_partner rostock "Betrieb 1500"
    [ "$(guard_of koeln '["drafts"]["waiting"]')" = 0 ]
    tris_at koeln import -y --listed "$WORLD/many.csv" | grep -qE 'unchanged 1.?500'
    tris_at koeln doctor --accept-loss -y 2>&1 | grep -q "Nothing to accept"
    nothing_sealed_twice
}
