#!/usr/bin/env bats
# Offers, needs and what else the schema alone defines: lists of the generator go in, come out, and
# go in again without a change.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    tris_at koeln init --found "Kinds"
    node_start koeln
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out "$WORLD/fed" --ags 05315 --partners 50 \
        --agreements 0 --listings 200 --consultations 0 --checks 0 2>/dev/null
    cp "$WORLD/fed/05315/listings.csv" "$WORLD/listings.csv"
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

root() { tris_at koeln status --json | json 'd["root"]'; }

@test "the generator's list of offers and needs goes in whole; again it changes nothing" {
    run_code 0 tris_at koeln import --kind listing listings.csv -y
    run_code 0 tris_at koeln import --kind listing listings.csv -y --json
    [ "$(json 'd["unchanged"]' <<<"$output")" -eq 200 ]
    [ "$(json 'd["rejected"]' <<<"$output")" -eq 0 ]
}

@test "every cell of the list is in the export" {
    tris_at koeln export listing -o out.csv
    "$PYTHON" - listings.csv out.csv "$(TZ=$GERMANY date +%F)" <<'PY'
import csv, sys
today = sys.argv[3]
given = {r["id"]: r for r in csv.DictReader(open(sys.argv[1], encoding="utf-8-sig"))}
rows = list(csv.DictReader(open(sys.argv[2], newline="", encoding="utf-8-sig"), delimiter=","))
assert len(rows) == len(given) == 200, (len(rows), len(given))
names = {"kind": "type", "contribution_kind": "contribution", "partner_id": "partner_key"}
for row in rows:
    there = given[row["source_id"]]
    for name in there:
        if name == "status" and there[name] == "open" and there["valid_to"] < today:
            there[name] = "expired"  # it follows from the last day
        if name not in ("id", "house_ags"):
            assert there[name] == row[names.get(name, name)], (name, there, row)
PY
}

@test "an export goes in again without a change, as CSV and as NDJSON" {
    for format in csv ndjson; do
        tris_at koeln export listing --format "$format" -o "again.$format"
        run_code 0 tris_at koeln import --kind listing "again.$format" -y --json
        [ "$(json 'd["unchanged"]' <<<"$output")" -eq 200 ]
    done
}

@test "what leaves the house names no partner of the house's own list" {
    node_new bonn 05314 --no-address
    tris_at bonn init --found "National"
    node_start bonn
    run_code 0 tris_at bonn import --kind listing listings.csv --listed -y
    tris_at bonn export listing -o national.csv
    not grep -q '019' <(cut -d, -f1-3 national.csv)
    "$PYTHON" - national.csv <<'PY'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8-sig")))
assert len(rows) == 200 and all(r["scope"] == "national" for r in rows)
assert all(r["partner_key"] == "" for r in rows)
PY
}

@test "instruments, rollouts and evaluations go through a list and back" {
    house=$(house_id koeln)
    printf 'slug,type,title\npraxischeck-kmu,Praxischeck,Praxischeck KMU\n' >instrument.csv
    printf 'region;Schritt;von;bis\nKöln;Modellregion;1.1.2026;31.12.2026\n' >rollout.csv
    {
        printf 'subject,from,to,method,criteria,verdict,summary,author_org\n'
        printf '%s-1,2026-01-01,2026-06-30,peer,reach:4|cost:2,anpassen,Gut,Haus Bonn\n' "$house"
    } >evaluation.csv
    for kind in instrument rollout evaluation; do
        run_code 0 tris_at koeln import --kind "$kind" "$kind.csv" -y
        tris_at koeln export "$kind" --format ndjson -o "$kind.1"
        tris_at koeln export "$kind" -o "$kind.2.csv"
        [ "$(wc -l <"$kind.1")" -eq 1 ]
        grep -q national "$kind.1"
    done
    grep -q 'reach:4|cost:2' evaluation.2.csv
    grep -q "$house-1" evaluation.2.csv
    tris_at koeln export all --format sqlite -o all.sqlite
}

@test "the keys of a list of instruments are their short names, if it gives no others" {
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out "$WORLD/few" --ags 05315 --partners 0 \
        --agreements 0 --listings 0 --consultations 0 --checks 0 2>/dev/null
    run_code 0 tris_at koeln import --kind instrument few/instruments.csv -y
    tris_at koeln export instrument --format ndjson | grep -q '"slug":"praxischeck-kmu"'
    run_code 0 tris_at koeln import --kind instrument few/instruments.csv -y -q --json
    [ "$(json '[d["new"], d["changed"], d["written"]]' <<<"$output")" = '[0, 0, true]' ]
    printf 'id,type,title\nA B,guide,Kein Kurzname\n' >unslug.csv
    run_code 3 tris_at koeln import --kind instrument unslug.csv -y
}

@test "a period the wrong way round is refused with its row" {
    printf 'region,step,from,to\n05315,1,2026-02-01,2026-01-31\n' >bad.csv
    run_code 3 tris_at koeln import --kind rollout bad.csv -y
    grep -q 'to is before from' bad.rejected.csv
}

@test "equal titles are alike only with the same partner, type and title" {
    head='id,partner_id,kind,title,topics,contribution_kind,valid_from,valid_to'
    tail='other,rooms,2026-01-01,2026-02-01'
    printf '%s\n' "$head" "A1,P1,offer,Saal,$tail" "A2,P2,offer,Saal,$tail" \
        "A3,P1,need,Saal,$tail" >titles.csv
    run tris_at koeln import --kind listing titles.csv -n --json
    [ "$(json '[d["new"], d["similar"]]' <<<"$output")" = '[3, 0]' ]
    printf '%s\n' "A4,P1,offer,SAAL,$tail" >>titles.csv
    run tris_at koeln import --kind listing titles.csv -n --json
    [ "$(json '[d["new"], d["similar"], d["similar_items"][0]["like_line"]]' <<<"$output")" = \
        '[4, 1, 2]' ]
    run_code 0 tris_at koeln import --kind listing titles.csv --source other -y
    run tris_at koeln import --kind listing titles.csv -n --json --source third
    [ "$(json 'd["changed"] + d["unchanged"] + d["rejected"]' <<<"$output")" -eq 4 ]
}

@test "an offer and a need are entered, listed apart, changed and ended" {
    add=(--topics other --contribution rooms --valid-from 2026-01-01 --valid-to 2026-03-01)
    run_code 0 tris_at koeln offer add "Saal frei" "${add[@]}" --listed
    offer=${lines[0]}
    run_code 0 tris_at koeln need add "Saal gesucht" "${add[@]}"
    need=${lines[0]}
    [[ $need == koeln-L* ]]
    tris_at koeln offer list --scope national | grep -q 'Saal frei'
    not grep -q 'Saal gesucht' <(tris_at koeln offer list)
    tris_at koeln need list | grep -q 'Saal gesucht'
    [ "$(tris_at koeln need list --limit 3 --json | json 'len(d["items"])')" -eq 3 ]
    run_code 0 tris_at koeln offer edit "$offer" --status matched
    tris_at koeln offer show "$offer" --json | json 'd["fields"]["status"]' | grep -qx matched
    run_code 0 tris_at koeln need end "$need" -y
    not grep -q 'Saal gesucht' <(tris_at koeln need list)
}

@test "a reference is shown by the house's name; one to a local record is refused" {
    org=(--sector Z --legal-form ev)
    national=$(tris_at koeln partner add "Bundesweit e. V." "${org[@]}" --listed)
    at_home=$(tris_at koeln partner add "Daheim e. V." "${org[@]}")
    add=(--topics other --contribution rooms --valid-from 2026-01-01 --valid-to 2026-03-01)
    id=$(tris_at koeln offer add "Mit Partner" "${add[@]}" --partner "$national" --listed)
    [ "$(tris_at koeln offer show "$id" --json | json 'd["fields"]["partner"]')" = "$national" ]
    run tris_at koeln offer add "Mit Hauspartner" "${add[@]}" --partner "$at_home"
    [ "$status" -ne 0 ]
    [[ $output == *"local record"* ]]
    run tris_at koeln offer add "Mit sich selbst" "${add[@]}" --partner "$id"
    [ "$status" -ne 0 ]
    [[ $output == *"another kind"* ]]
}

@test "an instrument is national and needs little to be said" {
    id=$(tris_at koeln instrument add "Leitfaden Ehrenamt" --slug leitfaden-ehrenamt --type guide)
    [[ $id =~ ^koeln-[0-9]+$ ]]
    tris_at koeln instrument list | grep -q 'Leitfaden Ehrenamt'
    tris_at koeln instrument show "$id" | grep -q 'CC-BY-4.0'
}
