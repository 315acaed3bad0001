#!/usr/bin/env bats
# The wrong file, an old one, swapped columns: an import that would change too much of what came
# from the same source is refused before it writes anything.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    tris_at koeln init --found "Guard"
    node_start koeln
    "$PYTHON" - "$WORLD" <<'PY'
import csv, os, sys
os.chdir(sys.argv[1])
head = ["id", "name", "sector", "legal_form", "city"]
rows = [[f"K-{i}", f"Verein Nummer {i}", "Z", "ev", f"Ort {i}"] for i in range(60)]
def write(path, head, rows):
    with open(path, "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([head] + rows)
write("members.csv", head, rows)
# the same keys, other people
write("wrong.csv", head, [[r[0], "Firma " + r[0], "W", "gmbh", "Anderswo"] for r in rows])
# as of last year: half of them lived elsewhere
write("old.csv", head, [r[:4] + ["früher"] if i % 2 else r for i, r in enumerate(rows)])
# name and town
write("swapped.csv", [head[0], "city", "sector", "legal_form", "name"], rows)
# keys of another program: each would be there twice
write("rekeyed.csv", head, [["N" + r[0]] + r[1:] for r in rows])
# keys and everything else is new
write("alien.csv", head, [["A" + r[0], "Anders " + r[1]] + r[2:] for r in rows])
# one column more
write("more.csv", head + ["web"], [r + [f"https://v{i}.example"] for i, r in enumerate(rows)])
# another list, without keys: the same names under other towns
write("second.csv", head[1:], [r[1:4] + ["anderswo"] for r in rows[:25]])
many = [[f"M-{i}", f"Gruppe {i}", "Z", "ev", f"Ort {i}"] for i in range(60)]
write("many people.csv", head, many)
# what a year brings
write("newer.csv", head, [r[:4] + ["umgezogen"] if i < 18 else r for i, r in enumerate(rows)] +
      [["K-99", "Neu e. V.", "Z", "ev", "Ort 99"]])
PY
    tris_at koeln import "$WORLD/members.csv" -y
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

partners() { tris_at koeln export partner | sha256sum; }

refused() { # file
    before=$(partners)
    run_code 5 tris_at koeln import "$1" --source members -y
    [[ $output == *"Nothing was written"* ]]
    [[ $output == *"Is it the right file"* ]]
    [ "$(partners)" = "$before" ]
}

@test "another list with the same keys is refused" {
    refused wrong.csv
    [[ $output == *"60 of the 60 records that came from \"members\""* ]]
}

@test "an old copy of the list is refused" {
    refused old.csv
    [[ $output == *"30 of the 60"* ]]
}

@test "two swapped columns are refused" { refused swapped.csv; }

@test "keys of another program, under which all would be there twice, are refused" {
    refused rekeyed.csv
}

@test "a list that knows none of the source's records is refused" {
    refused alien.csv
    [[ $output == *"none of the 60 records"* ]]
}

@test "a dry run says it too, and programs get a name for it" {
    run_code 0 tris_at koeln import wrong.csv --source members -n
    [[ $output == *"may change unasked"* ]]
    run_code 5 tris_at koeln import wrong.csv --source members -y --json
    [ "$(json 'd["exit"]' <<<"$output")" -eq 5 ]
    TRIS_LANG=de run_code 5 tris_at koeln import wrong.csv --source members -y
    [[ $output == *"Ist es die richtige Datei"* ]]
}

@test "a list that comes for the first time is measured by what is here, and said so" {
    run_code 5 tris_at koeln import second.csv -y
    [[ $output == *"25 of the 60 records that are here, none of which came from \"second\""* ]]
    tris_at koeln import "many people.csv" -y
    run_code 0 tris_at koeln import second.csv -y --json # 25 of 120
    [ "$(json 'd["changed"]' <<<"$output")" -eq 25 ]
    tris_at koeln import undo -y "$(json 'd["import"]' <<<"$output")"
}

@test "the next command has the options that were given, quoted" {
    cp wrong.csv "it's wrong.csv"
    run_code 5 tris_at koeln import "it's wrong.csv" --source members --region 05315 -y
    [[ $output == *"tris import -y --force 'it'\\''s wrong.csv' --source members --region 05315"* ]]
    run_code 0 tris_at koeln import "it's wrong.csv" --source members -n
    [[ $output == *"Next: tris import -y 'it'\\''s wrong.csv' --source members"* ]]
}

@test "a list of which no row goes in is explained" {
    printf 'name;sector;legal_form\n' >header.csv
    run_code 0 tris_at koeln import header.csv -y
    [[ $output == *"a header and no rows"* ]]
    printf 'name;sector;legal_form\na;Q;ev\n' >foreign.csv
    run_code 3 tris_at koeln import foreign.csv -y
    [[ $output == *"man 5 tris-import"* ]]
}

@test "a list of another kind is told from its header" {
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out gen --ags 05315 --partners 5 >/dev/null
    run_code 2 tris_at koeln import gen/05315/listings.csv --listed -y
    [[ $output == *"Next: tris import --kind listing gen/05315/listings.csv --listed"* ]]
    run_code 2 tris_at koeln import gen/rollout.csv -y
    [[ $output == *"Next: tris import --kind rollout gen/rollout.csv"* ]]
    run_code 2 tris_at koeln import gen/peers.csv -y
    [[ $output == *"no column for name "*"Next: man 5 tris-import"* ]]
}

@test "a pipe is a list, a device is none" {
    run_code 0 tris_at koeln import <(cat members.csv) --source members -n --json
    [ "$(json 'd["rows"]' <<<"$output")" -eq 60 ]
    run_code 4 tris_at koeln import /dev/zero -y
    [[ $output == *"neither a file nor a pipe"* ]]
    run_code 4 tris_at koeln import . -y
    [[ $output == *"irectory"* ]]
}

@test "a list that says more of each goes in: nothing is lost by it" {
    run_code 0 tris_at koeln import more.csv --source members -y --json
    [ "$(json 'd["changed"]' <<<"$output")" -eq 60 ]
}

@test "what a year brings goes in, and a small list of corrections too" {
    run_code 0 tris_at koeln import newer.csv --source members -y
    head -n 16 wrong.csv >few.csv
    run_code 0 tris_at koeln import few.csv --source members -y --json
    [ "$(json 'd["changed"]' <<<"$output")" -eq 15 ]
    tris_at koeln import members.csv --source members -y --force
}

@test "whoever says so may change everything" {
    run_code 2 tris_at koeln import wrong.csv --source members -y --max-change 101
    run_code 2 tris_at koeln import wrong.csv --source members -y --max-change many
    run_code 5 tris_at koeln import old.csv --source members -y --max-change 40
    run_code 0 tris_at koeln import old.csv --source members -y --max-change 50%
    run_code 0 tris_at koeln import wrong.csv --source members -y --force --max-change 0
}

@test "the limit is in the configuration" {
    printf '[import]\nmax_change = 100\n' >>"$(node_dir koeln).conf"
    kill -HUP "$(node_pid koeln)"
    wait_for 10 grep -q reloaded "$(node_dir koeln).log"
    run_code 0 tris_at koeln import members.csv --source members -y --json
    [ "$(json 'd["changed"]' <<<"$output")" -ge 60 ]
}

@test "a first import is not counted twice" {
    node_new bonn 05314 --no-address
    tris_at bonn init --found "First"
    node_start bonn
    run_code 0 tris_at bonn import members.csv --max-change 0 -y --json
    [ "$(json 'd["new"]' <<<"$output")" -eq 60 ]
    run_code 5 tris_at bonn import wrong.csv --source members --max-change 0 -y
}
