#!/usr/bin/env bats
# Lists as they come: delimiters, labels, corrections, refusals, NDJSON, export and back.

load lib

setup_file() {
    world_new
    tris_at koeln init --region 05315 --name "Haus Köln" --found "Lists"
    printf '%s' "$(free_port)" >"$(node_dir koeln).port"
    printf 'listen = 127.0.0.1:%s\n' "$(node_port koeln)" >"$(node_dir koeln).conf"
    node_start koeln
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

import() { tris_at koeln import "$@"; }
value() { import "$@" --json 2>/dev/null | json "$KEY"; }
by_name() { # name, field
    tris_at koeln export partner --format ndjson |
        "$PYTHON" -c '
import json, sys
for line in sys.stdin:
    d = json.loads(line)
    if d["name"] == sys.argv[1]:
        print(d.get(sys.argv[2], ""))' "$1" "$2"
}

@test "the generator's list comes in completely, by its own scope column" {
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out "$WORLD/fed" --ags 05315 --partners 600 \
        --agreements 0 --listings 0 --consultations 0 --checks 0 2>/dev/null
    cp fed/05315/partners.csv partners.csv
    local national
    national=$(grep -c ',national,' partners.csv)
    run_code 0 import partners.csv -y
    tris_at koeln status --json >status.json
    [ "$(json 'd["records"]["partners"]' <status.json)" -eq "$national" ]
    [ "$(json 'd["records"]["partners_local"]' <status.json)" -eq $((600 - national)) ]
}

@test "the same list again changes nothing" {
    KEY='[d["new"], d["changed"], d["unchanged"]]'
    [ "$(value partners.csv -y)" = '[0, 0, 600]' ]
}

@test "a changed row changes one record" {
    mkdir -p changed
    awk 'NR == 2 { sub(/,active\r?$/, ",dissolved\r") } { print }' partners.csv >changed/partners.csv
    not cmp -s partners.csv changed/partners.csv
    KEY='[d["new"], d["changed"], d["unchanged"]]'
    [ "$(value changed/partners.csv -y)" = '[0, 1, 599]' ]
}

@test "semicolon, byte order mark, German labels, Ja/Nein, dates and lost zeros" {
    printf '\xef\xbb\xbfName;Sektor;Rechtsform;Kreis;PLZ;Ort;intermediär;gelistet seit\r\n' >de.csv
    printf 'Deutscher Verein;Zivilgesellschaft;e.V.;5315;1067;Köln;Ja;01.02.2025\r\n' >>de.csv
    run_code 0 import de.csv -y
    [[ $output == *corrected* ]]
    [ "$(by_name 'Deutscher Verein' region)" = 05315 ]
    [ "$(by_name 'Deutscher Verein' postcode)" = 01067 ]
    [ "$(by_name 'Deutscher Verein' intermediary)" = yes ]
    [ "$(by_name 'Deutscher Verein' listed_since)" = 2025-02-01 ]
}

@test "a tab between cells, a line break inside one" {
    printf 'name\tsector\tlegal_form\tregion\tdescription\nTab e. V.\tZ\tev\t05315\t"one\ntwo"\n' >tab.csv
    run_code 0 import tab.csv -y
    [ "$(by_name 'Tab e. V.' description)" = $'one\ntwo' ]
}

@test "a list without a column for the district is one of this house's district" {
    printf 'name,sector,legal_form\nOhne Spalte e. V.,Z,ev\n' >nodistrict.csv
    run_code 0 import nodistrict.csv -y
    [ "$(by_name 'Ohne Spalte e. V.' region)" = 05315 ]
}

@test "mixed encodings and UTF-16 are refused with their place, and nothing is written" {
    printf 'name,sector,legal_form\nG\xc3\xbcte e. V.,Z,ev\nStra\xdfe e. V.,Z,ev\n' >latin.csv
    run import latin.csv -n
    [ "$status" -eq 1 ]
    [[ $output == *"line 3"* && $output == *"column 1"* ]]
    printf '\xff\xfen\0a\0m\0e\0' >utf16.csv
    run import utf16.csv -y
    [ "$status" -ne 0 ]
    [[ $output == *UTF-16* ]]
}

@test "a header that names nothing known is refused" {
    printf 'foo,bar\n1,2\n' >foreign.csv
    run_code 2 import foreign.csv -y
}

@test "an unknown column is named and left out" {
    printf 'name,sector,legal_form,Lieblingsfarbe\nBunt e. V.,Z,ev,blau\n' >extra.csv
    run_code 0 import extra.csv -y
    [[ $output == *Lieblingsfarbe* ]]
}

@test "the file of rejected rows can be corrected and imported as it is" {
    printf 'name;sector;legal_form\n"A; e. V.";Z;ev\nB e. V.;X;ev\n' >repair.csv
    run_code 3 import repair.csv -y
    sed 's/;X;/;Z;/' repair.rejected.csv >repaired.csv
    run_code 0 import repaired.csv -y
    [ "$(by_name 'B e. V.' sector)" = Z ]
}

@test "NDJSON: lists, booleans, broken lines" {
    {
        printf '{"name":"ND e. V.","sector":"Z","legal_form":"ev","topics":["other","diversity"],"intermediary":true}\n'
        printf 'broken\n'
    } >list.ndjson
    run_code 3 import list.ndjson -y
    [ "$(by_name 'ND e. V.' topics)" = 'diversity|other' ]
}

@test "standard input is a list as well" {
    printf 'name,sector,legal_form\nStdin e. V.,Z,ev\n' | tris_at koeln import - -y
    [ "$(by_name 'Stdin e. V.' sector)" = Z ]
}

@test "what a spreadsheet would calculate is guarded in CSV and comes back as it was" {
    printf 'name,sector,legal_form\n"=1+1 e. V.",Z,ev\n"+49 e. V.",Z,ev\n' >formula.csv
    run_code 0 import formula.csv -y
    tris_at koeln export partner -o out.csv
    grep -q "'=1+1 e. V." out.csv
    not grep -qE '(^|,)[=+@-]' out.csv
}

@test "what goes out comes back unchanged, as CSV and as NDJSON" {
    tris_at koeln export partner -o all.csv
    tris_at koeln export partner --format ndjson -o all.ndjson
    KEY='d["new"] + d["changed"] + d["rejected"]'
    [ "$(value all.csv -y)" -eq 0 ]
    [ "$(value all.ndjson -y)" -eq 0 ]
}

@test "a row that calls itself local stays at home with --listed" {
    printf 'name,sector,legal_form,scope\nBleibt e. V.,Z,ev,local\nGeht e. V.,Z,ev,\n' >scopes.csv
    run_code 0 import scopes.csv -y --listed
    [ "$(by_name 'Bleibt e. V.' scope)" = local ]
    [ "$(by_name 'Geht e. V.' scope)" = national ]
}
