#!/usr/bin/env bats
# What an operator does with single records, and how the commands answer.

load lib

setup_file() {
    world_new
    tris_at koeln init --region 05315 --name "Haus Köln" --found "Partners"
    printf '%s' "$(free_port)" >"$(node_dir koeln).port"
    printf 'listen = 127.0.0.1:%s\n' "$(node_port koeln)" >"$(node_dir koeln).conf"
    node_start koeln
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

add() { tris_at koeln partner add --sector Z --legal-form ev "$@"; }
field() { tris_at koeln partner show "$1" --json | json "d['fields'].get('$2', '')"; }

@test "add is local, --listed national, and the id says so" {
    run_code 0 add "Im Haus e. V."
    [[ $output == koeln-L* ]]
    run_code 0 add --listed "Draußen e. V."
    [[ $output =~ ^koeln-[0-9]+$ ]]
    [ "$(tris_at koeln partner list --scope local --json | json 'len(d["items"])')" -eq 1 ]
    [ "$(tris_at koeln partner list --scope national --json | json 'len(d["items"])')" -eq 1 ]
}

@test "the district is the house's own unless another is given" {
    id=$(add "Ohne Kreis e. V.")
    [ "$(field "$id" region)" = 05315 ]
    id=$(add "Anderer Kreis e. V." --region Leipzig)
    [ "$(field "$id" region)" = 14713 ]
}

@test "an id may be given without the slug and in any case" {
    id=$(add "Kurz e. V.")
    short=${id#koeln-}
    tris_at koeln partner show "${short,,}" | grep -q 'Kurz e. V.'
    tris_at koeln partner show "KOELN-$short" | grep -q 'Kurz e. V.'
}

@test "a possible duplicate is exit 5 and names the record; --force enters it" {
    id=$(add "Doppelt e. V.")
    run_code 5 add "Doppelt eV"
    [[ $output == *"$id"* ]]
    run_code 0 add "Doppelt eV" --force
}

@test "edit changes, edit again changes nothing, an empty text removes" {
    id=$(add "Ändern e. V.")
    run_code 0 tris_at koeln partner edit "$id" --web https://a.example --city Köln
    [ "$(field "$id" city)" = Köln ]
    before=$(tris_at koeln partner show "$id" --json | json 'd["changes"]')
    run_code 0 tris_at koeln partner edit "$id" --web https://a.example
    [[ $output == *unchanged* ]]
    [ "$(tris_at koeln partner show "$id" --json | json 'd["changes"]')" -eq "$before" ]
    tris_at koeln partner edit "$id" --web ""
    [ -z "$(field "$id" web)" ]
}

@test "a refused value names field, value and what is allowed, and writes nothing" {
    run_code 2 tris_at koeln partner add "Falsch e. V." --sector Q --legal-form ev
    [[ $output == *sector* && $output == *Q* && $output == *"W S Z"* ]]
    [ "$(tris_at koeln partner list --json | json 'sum(i["fields"]["name"] == "Falsch e. V." for i in d["items"])')" -eq 0 ]
}

@test "a refused value is explained in German on a German system, with labels" {
    run_code 2 tris_at koeln partner add "Falsch e. V." --sector Q --legal-form ev --lang de
    [[ $output == *"Sektor „Q“ ist unbekannt; erlaubt: W S Z (Wirtschaft;"* ]]
    run_code 2 tris_at koeln partner add "Falsch e. V." --lang de
    [[ $output == *"es fehlt: Sektor (--sector): W S Z"*"Rechtsform (--legal-form): ev (e.V.)"* ]]
}

@test "the sector follows from the legal form; words of the screens are taken" {
    id=$(add "Folgt GmbH" --sector "" --legal-form gmbh)
    [ "$(field "$id" sector)" = W ]
    id=$(add "Amt für Folgen" --sector Staat --legal-form other)
    [ "$(field "$id" sector)" = S ]
}

@test "on a terminal, what is missing is asked for, again after an answer that does not fit" {
    run_code 0 "$PYTHON" - "$TRIS" "$(node_dir koeln)" <<'PY'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], ["tris", "--data", sys.argv[2], "partner", "add"])
os.write(fd, "Am Telefon e. V.\nKneipe\nev\n".encode())
out = b""
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    out += part
print(out.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
    [[ $output == *'"Kneipe" unknown'* ]]
    tris_at koeln partner list --json | json '[i["fields"]["sector"] for i in d["items"] if i["fields"]["name"] == "Am Telefon e. V."]' | grep -qxF '["Z"]'
}

@test "a natural person is not listed without consent" {
    run tris_at koeln partner add --listed "K. Muster e. K." --sector W --legal-form ek
    [ "$status" -ne 0 ]
    run_code 0 tris_at koeln partner add "K. Muster e. K." --sector W --legal-form ek
}

@test "publish makes a national record and ends the local one; end needs -y off a terminal" {
    id=$(add "Wird bekannt e. V.")
    run_code 5 tris_at koeln partner publish "$id" </dev/null
    run_code 0 tris_at koeln partner publish "$id" -y
    [[ $output =~ ^koeln-[0-9]+$ ]]
    new=$output
    [ "$(tris_at koeln partner show "$id" --json | json 'd["ended"]')" = true ]
    [ "$(field "$new" name)" = "Wird bekannt e. V." ]
    run_code 5 tris_at koeln partner end "$new" </dev/null
    run_code 0 tris_at koeln partner end "$new" -y --reason duplicate
    [ "$(tris_at koeln partner show "$new" --json | json 'd["end_reason"]')" = duplicate ]
    run tris_at koeln partner edit "$new" --city Köln
    [ "$status" -ne 0 ]
}

@test "history shows every change, newest first" {
    id=$(add "Mit Geschichte e. V.")
    tris_at koeln partner edit "$id" --city Köln
    tris_at koeln partner end "$id" -y
    [ "$(tris_at koeln partner history "$id" --json | json '[i["verb"] for i in d["items"]]')" = \
        '["end", "put", "put"]' ]
}

@test "words find records without case and umlauts" {
    add "Förderkreis Müßiggang e. V."
    found() { tris_at koeln partner list mussig --json | json 'len(d["items"]) == 1' | grep -q true; }
    wait_for 5 found
}

@test "an unknown record is exit 4, an unknown verb exit 2 with a suggestion" {
    run_code 4 tris_at koeln partner show koeln-4711
    run_code 2 tris_at koeln partner shwo x
    [[ $output == *"partner show"* ]]
}

@test "every list has --json with its schema; errors are problem documents" {
    for words in "house list" "partner list" "peer list" "log tail" "config show" "sync status" \
        "national overview" "national regions" "national sectors" "status" "doctor"; do
        # shellcheck disable=SC2086
        tris_at koeln $words --json >list.json 2>/dev/null || true # doctor warns with exit 3
        [[ $(json 'd["schema"]' <list.json) == "tris.${words// /.}.1" ]]
    done
    not tris_at koeln partner show koeln-4711 --json 2>problem.json
    [ "$(json 'd["exit"]' <problem.json)" -eq 4 ]
    [[ $(json 'd["type"]' <problem.json) == urn:tris:error:* ]]
}

@test "the daemon down: exit 11 and the command that starts it" {
    tris_at nobody init --region 09162 --name "Haus München" --found "Alone"
    run_code 11 tris_at nobody status
    [[ $output == *trisd* ]]
}

@test "without keys or charter: exit 10 and the step of founding that is missing" {
    run_code 10 tris_at newcomer status
    [[ $output == *"Next: tris init --region"* ]]
    tris_at newcomer init --region 09162 --name "Haus München"
    run_code 10 tris_at newcomer partner list
    [[ $output == *"Next: tris init --charter"* ]]
}

@test "a table fits the terminal, and what is cut ends with an ellipsis" {
    add "Ein Verein mit einem Namen, der auf keinem Bildschirm Platz hat e. V."
    run_code 0 "$PYTHON" - "$TRIS" "$(node_dir koeln)" <<'PY'
import fcntl, os, pty, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    while os.get_terminal_size().columns != 80:
        time.sleep(0.01)
    os.execv(sys.argv[1], ["tris", "--data", sys.argv[2], "partner", "list"])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
out = b""
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    out += part
lines = out.decode().splitlines()
assert all(len(line) <= 80 for line in lines), lines
assert any("Ein Verein" in line and "\u2026" in line for line in lines), lines
PY
}

@test "a watched status is one JSON document a line" {
    run timeout -s INT 3 "$TRIS" --data "$(node_dir koeln)" status --watch --json
    [ "$(head -n 1 <<<"$output" | json 'd["schema"]')" = tris.status.1 ]
    [ "${#lines[@]}" -ge 2 ]
}

@test "regions are asked for by key, without its zero, or by name; others are not found" {
    run_code 0 tris_at koeln national regions 5
    run_code 0 tris_at koeln national regions hessen
    run_code 4 tris_at koeln national regions xx
    run_code 4 tris_at koeln national regions 99
}

@test "people read districts, sectors and fields by name, in their language" {
    command -v msgfmt >/dev/null || skip "no gettext: built without the German texts"
    id=$(add "Namen e. V.")
    tris_at koeln partner edit "$id" --status inactive
    tris_at koeln partner list --lang de | grep -qE "Namen e. V. +Zivilges\. +e.V. +Köln +im Haus"
    tris_at koeln partner show "$id" --lang de | grep -qE "^Kreis des Sitzes +05315 Köln, Stadt$"
    tris_at koeln partner history "$id" --lang de | grep -qF "Status: aktiv -> inaktiv"
}

@test "terminal control characters of others are shown escaped" {
    run tris_at koeln partner add $'Bell\a e. V.' --sector Z --legal-form ev
    [[ $output != *$'\a'* ]]
}

@test "the house's own record can be edited and shown" {
    run_code 0 tris_at koeln house edit --phone "0221 123" --hours "Mo bis Fr"
    tris_at koeln house show --json | json 'd["record"]["fields"]["phone"]' | grep -q '0221 123'
}

@test "-n where nothing can be tried out is refused, and nothing is written" {
    run_code 2 add -n "Nicht da e. V."
    [ "$(tris_at koeln partner list --json | json 'sum(i["fields"]["name"] == "Nicht da e. V." for i in d["items"])')" -eq 0 ]
}

@test "points in time are milliseconds and RFC 3339 in UTC" {
    id=$(add "Zeit e. V.")
    tris_at koeln partner show "$id" --json >time.json
    [[ $(json 'd["created"]' <time.json) =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z$ ]]
    [ "$(json 'd["created_ms"] > 1700000000000' <time.json)" = true ]
}
