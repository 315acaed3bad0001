#!/usr/bin/env bats
# Rollouts, evaluations and instruments as commands, and the rule between rollouts: one region is
# not running in two steps at once.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    tris_at koeln init --found "Rollout"
    node_start koeln
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

step() { # step, status, more options: the id
    tris_at koeln rollout add --step "$1" --status "$2" --from 2026-01-01 "${@:3}"
}

field() { tris_at koeln rollout show "$1" --json | json "d['fields']['$2']"; }

@test "a rollout is entered, listed by district and step, changed, told and ended" {
    id=$(step Modellregion planned --goal "Zwei Häuser")
    [ "$(field "$id" region)" = 05315 ]
    [ "$(field "$id" step)" = 2 ]
    TRIS_LANG=de tris_at koeln rollout list | grep -q "$id.*Köln.*Modellregion.*bundesweit.*geplant"
    run_code 0 tris_at koeln rollout edit "$id" --status completed --to 2026-06-30
    tris_at koeln rollout history "$id" | grep -q 'planned -> completed'
    run_code 0 tris_at koeln rollout end "$id" -y
    not grep -q "$id" <(tris_at koeln rollout list)
    run_code 2 tris_at koeln rollout add --step 2 --from 2026-02-01 --to 2026-01-01
    run_code 2 tris_at koeln rollout add --from 2026-02-01 -y
    [[ $output == *step* ]]
}

@test "the lead is said by the name of its house, in a list too" {
    id=$(step 1 planned --lead koeln)
    [ "$(field "$id" lead)" = koeln-0 ]
    run step 1 planned --lead nowhere
    [ "$status" -eq 4 ]
    printf '%s\n' 'id,region,step,from,lead' L1,05315,1,2026-01-01,koeln \
        L2,05315,1,2026-01-01,koel L3,05315,1,2026-01-01,0 L4,05315,1,2026-01-01,koeln-0 >lead.csv
    run_code 3 tris_at koeln import --kind rollout lead.csv -y --json
    [ "$(json '[d["new"], [i["line"] for i in d["items"]]]' <<<"$output")" = '[2, [3, 4]]' ]
}

@test "one region is not running in two steps at once; the other record is named" {
    first=$(step 1 running)
    run_code 5 step 2 running
    [[ $output == *"running in another step already"* ]]
    [[ $output == *"tris rollout show $first"* ]]
    TRIS_LANG=de run_code 5 step 2 running
    [[ $output == *"läuft schon in einem anderen Schritt"* ]]
    run_code 0 step 1 running # the same step, said twice
    run_code 0 step 2 running --region 14713
    second=$(step 2 planned)
    run_code 5 tris_at koeln rollout edit "$second" --status running
    [[ $output == *"Nothing was written"* ]]
    [ "$(field "$second" status)" = planned ]
    for id in $(tris_at koeln rollout list --region 05315 --json |
        json '" ".join(i["id"] for i in d["items"] if i["fields"]["status"] == "running")'); do
        tris_at koeln rollout edit "$id" --status completed
    done
    run_code 0 tris_at koeln rollout edit "$second" --status running
    run_code 0 tris_at koeln rollout edit "$second" --goal "Weiter" # it is not in its own way
    tris_at koeln rollout edit "$second" --status completed
}

@test "an import keeps to the rule, also between its own rows" {
    here=$(step 1 running --region 05111)
    printf '%s\n' 'id,region,step,status,from' A,05111,2,running,2026-01-01 \
        B,05112,1,running,2026-01-01 C,05112,2,running,2026-01-01 D,05113,2,running,2026-01-01 \
        >rows.csv
    run_code 3 tris_at koeln import --kind rollout rows.csv -n
    run_code 3 tris_at koeln import --kind rollout rows.csv -y --json
    "$PYTHON" - "$here" <(printf '%s' "$output") <<'PY'
import json, sys
d = json.load(open(sys.argv[2]))
assert d["new"] == 2, d
assert [i["line"] for i in d["items"]] == [2, 4], d
assert all("running in another step" in i["reason"] for i in d["items"]), d
assert sys.argv[1] in d["items"][0]["reason"], d
PY
}

@test "step 3 without an evaluation of step 2 is warned of, with one it is not" {
    two=$(step 2 completed --region 05314)
    run_code 0 step 3 planned --region 05314
    [[ $output == *"the step before has no evaluation"* ]]
    evaluation=(--from 2026-01-01 --to 2026-06-30 --method peer --criteria "reach:4|cost:2"
        --verdict adopt --summary "Trägt" --author-org "Haus Bonn")
    id=$(tris_at koeln evaluation add --subject "$two" "${evaluation[@]}")
    run_code 0 step 3 planned --region 05314
    [[ $output != *"the step before"* ]]
    run_code 0 step 4 planned --region 05314
    [[ $output == *"the step before has no evaluation"* ]]
    TRIS_LANG=de run_code 0 step 3 planned --region 05315
    [[ $output == *"der Schritt davor ist in diesem Kreis nicht bewertet"* ]]
    tris_at koeln evaluation list | grep -q "$id.*$two.*adopt"
    tris_at koeln evaluation edit "$id" --verdict adapt
    [ "$(tris_at koeln evaluation show "$id" --json | json 'd["fields"]["verdict"]')" = adapt ]
    run tris_at koeln evaluation add --subject koeln-99999 "${evaluation[@]}"
    [ "$status" -eq 4 ]
    run_code 0 tris_at koeln evaluation end "$id" -y
    tris_at koeln evaluation history "$id" | grep -q 'adopt -> adapt'
}

@test "an instrument is changed, told and ended" {
    id=$(tris_at koeln instrument add "Praxischeck" --slug praxis-check --type practice_check)
    run_code 0 tris_at koeln instrument edit "$id" --status tested --tested-in "05315|14713"
    tris_at koeln instrument history "$id" | grep -q 'draft -> tested'
    run_code 5 tris_at koeln instrument add "Praxischeck" --slug praxis-zwei --type practice_check
    run_code 0 tris_at koeln instrument add "Praxischeck" --slug praxis-zwei --version 2 \
        --type practice_check
    run_code 0 tris_at koeln instrument end "$id" --reason superseded -y
    [ "$(tris_at koeln instrument show "$id" --json | json 'd["end_reason"]')" = superseded ]
}
