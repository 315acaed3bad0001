#!/usr/bin/env bats
# tris export: the SQLite database for analysts says what CSV and the national view say, and CSV and
# NDJSON bring every field back.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    tris_at koeln init --found "Föderation; DROP TABLE meta"
    node_start koeln
    tris_at koeln partner add --listed --name "Robert'); DROP TABLE partner;--" --sector W \
        --legal-form gmbh --region 05315 --topics "diversity|other" --intermediary yes
    tris_at koeln partner add --listed --name 'Café "Süd" e. V.' --sector Z --legal-form ev \
        --region 05111 --description $'zwei\nZeilen; mit "Zeichen"' --languages "de|tr" \
        --listed-since 2026-01-31 --web https://example.org/
    tris_at koeln partner add --listed --name "Bezirksamt" --sector S --legal-form kommune \
        --region 11000 --status inactive
    tris_at koeln partner add --name "Nur im Haus" --sector Z --legal-form nev --region 05315
    tris_at koeln export all --format sqlite -o "$WORLD/all.sqlite"
}

teardown_file() { world_end; }

sql() { # statement: rows as text
    "$PYTHON" - "$WORLD/all.sqlite" "$1" <<'PY'
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
    print("|".join("-" if v is None else str(v) for v in row))
PY
}

@test "every cell of the tables is that of the CSV file" {
    tris_at koeln export partner -o "$WORLD/partner.csv"
    "$PYTHON" - "$WORLD/all.sqlite" "$WORLD/partner.csv" <<'PY'
import csv, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.row_factory = sqlite3.Row
rows = list(csv.DictReader(open(sys.argv[2], newline="", encoding="utf-8-sig")))
assert len(rows) == 4 == db.execute("SELECT count(*) FROM partner").fetchone()[0]
for row in rows:
    there = db.execute("SELECT * FROM partner WHERE record = ?", (row["record"],)).fetchone()
    for name, text in row.items():
        value = there[name]
        if name == "intermediary":
            assert isinstance(value, int)
            value = "yes" if value else "no"
        text = text[1:] if text[:1] == "'" and text[1:2] in "=+-@" else text
        assert (value or "") == text, (name, value, text)
PY
}

@test "texts of others stay texts, and lists have a table of their own" {
    [ "$(sql "SELECT name FROM partner WHERE sector = 'W'")" = "Robert'); DROP TABLE partner;--" ]
    [ "$(sql "SELECT value FROM meta WHERE key = 'federation'")" = "Föderation; DROP TABLE meta" ]
    [ "$(sql "SELECT group_concat(value) FROM partner_topics")" = "diversity,other" ]
    [ "$(sql "SELECT group_concat(value) FROM partner_languages")" = "de,tr" ]
    [ "$(sql "SELECT date(listed_since, '+1 day') FROM partner WHERE listed_since IS NOT NULL")" = \
        2026-02-01 ]
    [ "$(sql "PRAGMA integrity_check")" = ok ]
}

@test "the view of partners has labels in both languages, district and state" {
    [ "$(sql "SELECT sector_de, sector_en, legal_form_de, region_name, region_state_name, topics_en
        FROM v_partner WHERE sector = 'W'")" = \
        "Wirtschaft|business|GmbH|$(sql "SELECT name FROM district WHERE ags = '05315'")|Nordrhein-Westfalen|societal diversity, other" ]
    [ "$(sql "SELECT count(*) FROM v_partner")" -eq 4 ]
    [ "$(sql "SELECT count(*) FROM v_house")" -eq "$(sql "SELECT count(*) FROM house")" ]
}

@test "the counting views say what the national view says" {
    local want
    want=$(tris_at koeln national sectors --json |
        json '" ".join("%s=%s/%s" % (i["sector"], i["partners"], i["active"]) for i in sorted(d["items"], key=lambda i: i["sector"]))')
    [ "$(sql "SELECT group_concat(sector || '=' || partners || '/' || active, ' ')
        FROM (SELECT * FROM v_partners_by_sector ORDER BY sector)")" = "$want" ]
    [ "$(sql "SELECT sum(partners), sum(W), sum(S), sum(Z) FROM v_partners_by_region")" = "3|1|1|1" ]
    [ "$(sql "SELECT sum(partners), count(*) FROM v_partners_by_state")" = "3|16" ]
    [ "$(sql "SELECT count(*) FROM v_partners_by_region")" -eq 400 ]
    [ "$(sql "SELECT partners FROM v_partners_by_state WHERE state = '11'")" -eq 1 ]
}

@test "the file is replaced as a whole or not at all" {
    local before
    before=$(sha256sum <"$WORLD/all.sqlite")
    run_code 10 tris_at nobody export all --format sqlite -o "$WORLD/all.sqlite"
    [ "$(sha256sum <"$WORLD/all.sqlite")" = "$before" ]
    run_code 2 tris_at koeln export all --format sqlite
    run_code 2 tris_at koeln export all --format sqlite -o -
    run_code 1 tris_at koeln export all --format sqlite -o "$WORLD/no/where.sqlite"
    tris_at koeln export partner -o "$WORLD/all.sqlite" # the ending says the format
    [ "$(sql "SELECT count(*) FROM v_partners_by_sector")" -eq 3 ]
    [ -z "$(find "$WORLD" -name 'all.sqlite.*')" ]
}

@test "CSV and NDJSON bring every field of every kind back" {
    local format
    tris_at koeln export partner --scope national --format csv | without_column record >"$WORLD/a.csv"
    for format in csv ndjson; do
        node_new "twin$format" 05315 --no-address
        tris_at "twin$format" init --found "Zwilling"
        node_start "twin$format"
        tris_at koeln export partner --scope national --format "$format" -o "$WORLD/out.$format"
        tris_at "twin$format" import -y --listed "$WORLD/out.$format"
        tris_at "twin$format" export partner --scope national --format csv |
            without_column record >"$WORLD/b.csv"
        diff <(sort "$WORLD/a.csv") <(sort "$WORLD/b.csv")
    done
}

@test "a file that cannot be written whole leaves the older one as it was" {
    cd "$WORLD" || return
    local format
    for format in csv ndjson; do
        echo "last year's" >"old.$format"
        chmod 640 "old.$format"
        run_code 1 bash -c 'trap "" XFSZ; ulimit -f 0; exec "$@"' - \
            "$TRIS" --data "$(node_dir koeln)" export partner -o "old.$format"
        [[ $output == *"an older one is there as it was"* ]]
        [ "$(cat "old.$format")" = "last year's" ]
        [ -z "$(compgen -G "old.$format.partial*")" ]
        run_code 0 tris_at koeln export partner -o "old.$format"
        [ "$(stat -c %a "old.$format")" = 640 ]
        grep -q Bezirksamt "old.$format"
    done
    ln -s old.csv link.csv
    tris_at koeln export partner -o link.csv
    [ -L link.csv ]
    [ "$(tris_at koeln export partner -o /dev/stdout | wc -l)" -gt 4 ]
}

@test "an export that a signal ends leaves no half file" {
    cd "$WORLD" || return
    "$PYTHON" - >many.csv <<'PY'
print("name,sector,legal_form")
for i in range(30000):
    print(f"Verein {i},Z,ev")
PY
    tris_at koeln import many.csv -y
    local format
    for format in csv sqlite; do
        # the signal is there before the first page: it waits until the file is open, and is heeded
        run "$PYTHON" - "$TRIS" --data "$(node_dir koeln)" export partner -o "cut.$format" <<'PY'
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
PY
        [ "$status" -eq 130 ]
        [ -z "$(compgen -G "cut.$format*")" ]
    done
}
