#!/usr/bin/env bats
# The coordination is an ordinary house whose own records release an instrument or confirm a rollout
# by naming it; what other houses write of that kind has no say.

load lib

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new bund DE
    federation_found Coordination 1 2 koeln leipzig bund
    node_start koeln
    node_start leipzig
    node_start bund
    wait_for 30 connected koeln 2
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

shown() { # node, noun, id, key: "by" and who says so, joined by commas; nothing if it is not there
    tris_at "$1" "$2" show "$3" --json | json "'by ' + ','.join(d.get('$4', []))"
}
says() { [[ $(shown "$1" "$2" "$3" "$4") == "by $5" ]]; }

@test "an instrument is released, withdrawn and released again; every house sees by whom" {
    id=$(tris_at koeln instrument add "Praxischeck" --slug praxis-check --type practice_check)
    wait_for 20 says bund instrument "$id" released_by ""
    tris_at bund instrument release "$id" --note "bewährt in drei Regionen"
    wait_for 20 says leipzig instrument "$id" released_by bund
    wait_for 20 says koeln instrument "$id" released_by bund
    # the record itself is still its house's
    [ "$(tris_at koeln instrument show "$id" --json | json 'd["fields"]["status"]')" = draft ]
    tris_at koeln instrument show "$id" | grep -q 'Coordination  *released by bund'
    TRIS_LANG=de tris_at koeln instrument list | grep -q "$id.*Entwurf.*freigegeben von bund"
    [ "$(tris_at leipzig instrument list --json |
        json '[i["released_by"] for i in d["items"] if i["id"] == "'"$id"'"][0]')" = '["bund"]' ]
    [ "$(tris_at leipzig find Praxischeck --json | json 'len(d["items"])')" = 1 ]

    tris_at bund instrument release "$id" --withdraw
    wait_for 20 says leipzig instrument "$id" withdrawn_by bund
    says leipzig instrument "$id" released_by ""
    run tris_at leipzig instrument list
    [[ $output == *"withdrawn by bund"* && $output != *"released by"* ]]
    tris_at bund instrument release "$id"
    wait_for 20 says leipzig instrument "$id" released_by bund
    says leipzig instrument "$id" withdrawn_by ""
}

@test "a rollout is confirmed or rejected; another one is not touched by it" {
    one=$(tris_at koeln rollout add --step 2 --status planned --from 2026-01-01)
    two=$(tris_at koeln rollout add --step 1 --status planned --from 2026-01-01)
    wait_for 20 says bund rollout "$two" confirmed_by ""
    tris_at bund rollout confirm "$one"
    tris_at bund rollout confirm "$two" --reject --note "noch nicht"
    wait_for 20 says leipzig rollout "$one" confirmed_by bund
    wait_for 20 says leipzig rollout "$two" rejected_by bund
    says leipzig rollout "$two" confirmed_by ""
    TRIS_LANG=de tris_at leipzig rollout show "$one" | grep -q 'Koordination  *bestätigt von bund'
}

@test "no other house writes one: exit 13 in three parts, by command and by list; nothing is written" {
    id=$(tris_at koeln instrument add "Leitfaden" --slug leit-faden --type guide)
    before=$(tris_at koeln status --json | json 'd["store"]["entries"]')
    run_code 13 tris_at koeln instrument release "$id"
    [[ $output == *"role coordination"*"Nothing was written"*"tris house list"* ]]
    TRIS_LANG=de run_code 13 tris_at koeln instrument release "$id"
    [[ $output == *"Rolle Koordination"* ]]
    printf '%s\n' 'id,subject,verdict,date' "A,$id,released,2026-01-01" >list.csv
    run_code 3 tris_at koeln import --kind release list.csv -y --json
    [ "$(json '[d["new"], len(d["items"])]' <<<"$output")" = '[0, 1]' ]
    [ "$before" = "$(tris_at koeln status --json | json 'd["store"]["entries"]')" ]
    says koeln instrument "$id" released_by ""
}

@test "what does not fit is refused and named" {
    id=$(tris_at koeln instrument add "Muster" --slug ein-muster --type pattern)
    wait_for 20 says bund instrument "$id" released_by ""
    run_code 2 tris_at bund rollout confirm "$id"
    [[ $output == *"another kind"* ]]
    run_code 4 tris_at bund instrument release koeln-99999
    run_code 1 tris_at bund instrument release "$id" --note "$(printf 'x%.0s' {1..301})"
    run_code 0 tris_at bund instrument release "$id" --note "$(printf 'x%.0s' {1..300})"
}
