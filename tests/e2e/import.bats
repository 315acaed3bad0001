#!/usr/bin/env bats
# Importing CSV files: counts first, good rows in, bad rows named, the same file again changes
# nothing.

load lib

setup_file() {
    world_new
    tris_at koeln init --region 05315 --name "Haus Köln" --found "Import"
    printf '%s' "$(free_port)" >"$(node_dir koeln).port"
    printf 'listen = 127.0.0.1:%s\n' "$(node_port koeln)" >"$(node_dir koeln).conf"
    node_start koeln
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out "$WORLD/fed" --ags 05315 --partners 500 \
        --agreements 0 --listings 0 --consultations 0 --checks 0 2>/dev/null
    # without the scope column, which would keep some rows at home whatever --listed says
    without_column scope <"$WORLD/fed/05315/partners.csv" >"$WORLD/good.csv"
    cp "$WORLD/fed/05315/partners.csv" "$WORLD/scoped.csv"
    {
        printf 'name,sector,legal_form,region\r\n'
        printf 'Good one e. V.,Z,ev,05315\r\n'
        printf 'Bad sector e. V.,Q,ev,05315\r\n'
        printf 'Bad region e. V.,Z,ev,05999\r\n'
        printf ',Z,ev,05315\r\n'
        printf 'Good two GmbH,W,gmbh,5315\r\n'
    } >"$WORLD/mixed.csv"
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

partners() { tris_at koeln status --json | json 'd["records"]["partners"] + d["records"]["partners_local"]'; }

@test "a dry run counts and writes nothing" {
    run_code 0 tris_at koeln import good.csv --listed -n
    [[ $output == *500* ]]
    [ "$(partners)" -eq 0 ]
}

@test "off a terminal without -y it is a dry run with exit 5" {
    run_code 5 tris_at koeln import good.csv --listed
    [ "$(partners)" -eq 0 ]
}

@test "--strict writes nothing if a row is rejected" {
    run tris_at koeln import mixed.csv --listed --strict -y
    [ "$status" -ne 0 ]
    [ "$(partners)" -eq 0 ]
}

@test "-y imports; the same file again changes nothing" {
    run_code 0 tris_at koeln import good.csv --listed -y
    [ "$(partners)" -eq 500 ]
    has_national koeln 500
    local root
    root=$(root_of koeln)
    run_code 0 tris_at koeln import good.csv --listed -y
    [ "$(partners)" -eq 500 ]
    [ "$(root_of koeln)" = "$root" ]
}

@test "good rows go in, rejected ones go to a file with line and reason, exit 3" {
    run_code 3 tris_at koeln import mixed.csv -y
    [ "$(partners)" -eq 502 ]
    [ -s mixed.rejected.csv ]
    grep -q 'Bad sector' mixed.rejected.csv
    grep -q 'Bad region' mixed.rejected.csv
    not grep -q 'Good one' mixed.rejected.csv
}

@test "without --listed rows stay at home" {
    has_national koeln 500
}

@test "a scope column keeps rows at home, even with --listed" {
    tris_at scoped init --region 05315 --name "Haus Köln" --found "Scoped"
    free_port >"$(node_dir scoped).port"
    printf 'listen = 127.0.0.1:%s\n' "$(node_port scoped)" >"$(node_dir scoped).conf"
    node_start scoped
    tris_at scoped import scoped.csv --listed -y
    local national
    national=$(with_value scope national <scoped.csv)
    [ "$national" -lt 500 ]
    has_national scoped "$national"
    tris_at scoped status --json | json 'd["records"]["partners_local"]' | grep -qx $((500 - national))
    node_stop scoped
}

@test "a header alone is not an order to delete" {
    printf 'name,sector,legal_form,region\r\n' >empty.csv
    run tris_at koeln import empty.csv -y
    [ "$(partners)" -eq 502 ]
}

@test "an unknown file: exit 4 or 2, with its name" {
    run tris_at koeln import no-such-file.csv -y
    [ "$status" -ne 0 ]
    [[ $output == *no-such-file.csv* ]]
}

@test "what was imported comes out again" {
    tris_at koeln export partner --format csv -o out.csv
    "$PYTHON" - good.csv out.csv <<'PY'
import csv, sys
want = {r["name"] for r in csv.DictReader(open(sys.argv[1], encoding="utf-8", newline=""))}
have = {r["name"] for r in csv.DictReader(open(sys.argv[2], encoding="utf-8", newline=""))}
missing = want - have
assert not missing, sorted(missing)[:5]
PY
}

@test "awkward public texts go through import and export unharmed" {
    local file=${TRIS_TEST_DATA:-}/public_bodies_de.csv
    [ -e "$file" ] || skip "TRIS_TEST_DATA names no folder with public_bodies_de.csv"
    "$PYTHON" - "$file" bodies.csv <<'PY'
import csv, sys
out = csv.writer(open(sys.argv[2], "w", encoding="utf-8", newline=""), lineterminator="\r\n")
out.writerow(["source_id", "name", "sector", "legal_form", "region", "description"])
for i, r in enumerate(csv.DictReader(open(sys.argv[1], encoding="utf-8", newline=""))):
    text = r["description"].replace("\r", "")
    if len(r["name"]) <= 160 and len(text) <= 500:
        out.writerow(["body-%d" % i, r["name"], "S", "behoerde", "11000", text])
PY
    run tris_at koeln import bodies.csv -y
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ]
    tris_at koeln export partner --format csv -o bodies.out.csv
    "$PYTHON" - bodies.csv bodies.out.csv mixed.rejected.csv <<'PY'
import csv, sys, unicodedata
def rows(path):
    return list(csv.DictReader(open(path, encoding="utf-8", newline="")))
have = {(r["name"], r["description"]) for r in rows(sys.argv[2])}
lost = [r["name"] for r in rows(sys.argv[1])
        if (unicodedata.normalize("NFC", r["name"]), unicodedata.normalize("NFC", r["description"])) not in have]
share = len(lost) / max(1, len(rows(sys.argv[1])))
assert share < 0.05, (share, lost[:5])
PY
}
