#!/usr/bin/env bats
# Real lists: foreign columns through map files, encodings, repetition, interruption, taking an
# import back, and files that are no list at all.

load lib

MEMORY_KIB_MAX=65536

setup_file() {
    world_new
    house koeln
    cp "$ROOT"/tools/data/maps/*.map "$WORLD/"
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

house() { # name: a founded house of Köln that runs
    tris_at "$1" init --region 05315 --name "Haus Köln" --found "Real lists" >/dev/null
    printf '%s' "$(free_port)" >"$(node_dir "$1").port"
    printf 'listen = 127.0.0.1:%s\n' "$(node_port "$1")" >"$(node_dir "$1").conf"
    node_start "$1"
}

import() { tris_at koeln import "$@"; }
records() { tris_at "${1:-koeln}" status --json |
    json 'd["records"]["partners"] + d["records"]["partners_local"]'; }
last_import() { tris_at "${1:-koeln}" import list --json | json 'd["items"][-1]["import"]'; }
by_name() { # name, field
    tris_at koeln export partner --format ndjson | "$PYTHON" -c '
import json, sys
for line in sys.stdin:
    d = json.loads(line)
    if d["name"] == sys.argv[1]:
        print(d.get(sys.argv[2], ""))' "$1" "$2"
}
public_list() { # file name: a copy of a list of the folder with public data, or skip
    local file=${TRIS_TEST_DATA:-}/$1
    [ -e "$file" ] || skip "TRIS_TEST_DATA names no folder with $1"
    cp "$file" "$1"
    chmod u+w "$1"
}
# At least 95 % of the rows go in, every other one is explained, a repetition changes nothing.
goes_in() { # file, map
    run tris_at koeln import "$1" --map "$2" --region 05315 -y --json
    [[ $status == 0 || $status == 3 ]]
    tris_at koeln import "$1" --map "$2" --region 05315 -n --json >again.json 2>/dev/null || true
    "$PYTHON" - <<'PY'
import json
d = json.load(open("again.json"))
assert d["new"] == d["changed"] == 0, d
assert d["unchanged"] >= 0.95 * d["rows"], d
assert d["unchanged"] + d["rejected"] == d["rows"], d
assert all(i["line"] and i["column"] and i["reason"] for i in d["items"]), d["items"]
assert len(d["items"]) == d["rejected"]
PY
}

many() { # file, rows
    "$PYTHON" - "$1" "$2" <<'PY'
import sys
with open(sys.argv[1], "w", newline="") as f:
    f.write("id,name,sector,legal_form,region\r\n")
    for i in range(int(sys.argv[2])):
        f.write("%d,Werk Nummer %d GmbH,W,gmbh,05315\r\n" % (i, i))
PY
}

# ---- map files ----

@test "organisations of all sectors: at least 95 % of the rows go in" {
    public_list orgs_de_datenanfragen.csv
    goes_in orgs_de_datenanfragen.csv orgs_de_datenanfragen.map
    [ "$(by_name '1&1 Internet SE' sector)" = W ]
    [ "$(by_name '1&1 Internet SE' source)" = datenanfragen.de ]
}

@test "public bodies with line breaks in quotes: at least 95 % of the rows go in" {
    public_list public_bodies_de.csv
    goes_in public_bodies_de.csv public_bodies_de.map
    [ "$(by_name 'ABC- und Selbstschutzschule des Heeres' sector)" = S ]
}

@test "names out of OpenStreetMap: at least 95 % of the rows go in" {
    public_list osm_organisation_names.csv
    goes_in osm_organisation_names.csv osm_organisation_names.map
}

@test "a map: columns, alternatives, values, the rest, constants" {
    printf 'Titel;Art;Gruppe;Nr\nKirchspiel;;church;1\nWerk;GmbH;trade;2\nRest;?;?;3\n' >foreign.csv
    cat >foreign.map <<'INI'
[values sector]
church = Z
trade = W
* = S
[columns]
name = Titel
legal_form = Art | Gruppe
sector = Gruppe
source_id = Nr
[values legal_form]
church = kdoer_rel
GmbH = gmbh
* = other
[constants]
region = 05315
city = Köln
[import]
source = foreign
kind = partner
scope = national
INI
    run_code 0 import foreign.csv --map foreign.map -y
    [ "$(by_name Kirchspiel legal_form)" = kdoer_rel ]
    [ "$(by_name Werk legal_form)" = gmbh ]
    [ "$(by_name Werk scope)" = national ]
    [ "$(by_name Rest sector)" = S ]
    [ "$(by_name Rest city)" = Köln ]
    [ "$(by_name Rest source)" = foreign ]
}

@test "a map that is wrong is refused with file and line" {
    local cases=(
        '[import]\nsauce = x|2:'
        '[import]\nkind = partnr|2:'
        '[columns]\nnaem = x|2:'
        '[columns]\nname = x\nname = y|3:'
        '[values sector]\nchurch = Q|2:'
        '[values sektr]\nchurch = Z|2:'
        '[constants]\nregion = 99999|2:'
        '[colums]\nname = x|2:'
        'no section\n|1:'
    )
    printf 'x;y\na;b\n' >two.csv
    local case
    for case in "${cases[@]}"; do
        printf '%b' "${case%|*}" >wrong.map
        run_code 2 import two.csv --map wrong.map -n
        [[ $output == *"wrong.map:${case##*|}"* ]]
    done
    printf '[columns]\nname = %0300d\n' 1 >wrong.map
    run_code 2 import two.csv --map wrong.map -n
    [[ $output == *"wrong.map:2:"* ]]
    printf '[columns]\nname = missing\n' >wrong.map
    run_code 2 import two.csv --map wrong.map -n
    [[ $output == *missing* ]]
}

# ---- encodings ----

@test "Windows-1252 with semicolons, German labels, dates and a lost zero" {
    printf 'Name;Sektor;Rechtsform;Kreis des Sitzes;gelistet seit;Postleitzahl\r\n' >ansi.csv
    printf '"Stra\xdfe \x84f\xfcr\x93 alle";Zivilgesellschaft;e.V.;5315;1.3.2024;1067\r\n' >>ansi.csv
    run_code 0 import ansi.csv -y
    [[ $output == *"Windows-1252"* ]]
    [ "$(by_name 'Straße „für“ alle' listed_since)" = 2024-03-01 ]
    [ "$(by_name 'Straße „für“ alle' postcode)" = 01067 ]
    [ "$(by_name 'Straße „für“ alle' region)" = 05315 ]
}

@test "a capital letter before a closing quotation mark is still Windows-1252" {
    printf 'name;sector;legal_form\n"\x84GR\xdc\x93 und Spa\xdf\x93";Z;ev\n' >quote.csv
    run_code 0 import quote.csv -n
    [[ $output == *"Windows-1252"* ]]
}

@test "two encodings in one file, UTF-16 and undefined bytes are refused with their place" {
    printf 'name;sector;legal_form\nG\xc3\xbct;Z;ev\nGe\xdf;Z;ev\n' >mixed.csv
    run_code 1 import mixed.csv -y
    [[ $output == *"line 3, column 1, byte 35"* ]]
    printf '\xff\xfen\0a\0m\0e\0;\0' >utf16.csv
    run_code 1 import utf16.csv -y
    [[ $output == *"line 1, column 1, byte 0"*UTF-16* ]]
    printf 'name;sector;legal_form\nGut;Z\x81;ev\n' >undefined.csv
    run_code 1 import undefined.csv -y
    [[ $output == *"line 2, column 2, byte 28"* ]]
    printf '\xef\xbb\xbfname;sector;legal_form\nGe\xdf;Z;ev\n' >marked.csv
    run_code 1 import marked.csv -y
    [[ $output == *"line 2, column 1"* ]]
    [ "$(by_name Gut name)" = "" ]
}

# ---- one record, several rows ----

@test "a second row for one record is left out and explained; repeating changes nothing" {
    printf 'name,sector,legal_form,city\nDoppelt e.V.,Z,ev,A\nDoppelt e. V.,Z,ev,B\n' >twice.csv
    run_code 3 import twice.csv -y
    grep -q 'line 2' twice.rejected.csv
    [ "$(by_name 'Doppelt e.V.' city)" = A ]
    run_code 3 import twice.csv -y
    [[ $output == *"new 0   changed 0   unchanged 1   rejected 1"* ]]
}

@test "what a list does not speak of stays as it is; an empty cell empties" {
    tris_at koeln partner add --name "Von Hand e.V." --sector Z --legal-form ev --region 05315 \
        --street "Weg 1" --city Köln --topics diversity
    printf 'name,sector,legal_form,city,web\nVon Hand e.V.,Z,ev,,https://hand.example\n' >hand.csv
    run_code 0 import hand.csv -y
    [[ $output == *"new 0   changed 1"* ]]
    [ "$(by_name 'Von Hand e.V.' street)" = "Weg 1" ]
    [ "$(by_name 'Von Hand e.V.' city)" = "" ]
    [ "$(by_name 'Von Hand e.V.' web)" = https://hand.example ]
    run_code 0 import hand.csv -y
    [[ $output == *"new 0   changed 0   unchanged 1"* ]]
}

@test "a dry run names what new rows look like" {
    printf 'id,name,sector,legal_form\n1,Ahorn GmbH,W,gmbh\n2,Ahorn gmbh,W,gmbh\n' >alike.csv
    run_code 0 import alike.csv -n
    [[ $output == *"line 3: Ahorn gmbh: like line 2"* ]]
    run_code 0 import alike.csv -y
    printf 'id,name,sector,legal_form\n3,Ahorn AG,W,ag\n' >alike.csv
    run_code 0 import alike.csv -n
    [[ $output == *"line 2: Ahorn GmbH: like koeln-"* ]]
}

@test "every list of the generator, with near duplicates, comes in" {
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out fed --ags 05315 --partners 500 \
        --agreements 0 --listings 0 --consultations 0 --checks 0 --dirty 0.02 2>/dev/null
    run_code 0 import fed/05315/partners.csv -y
    run_code 0 import fed/05315/partners.csv -y
    [[ $output == *"new 0   changed 0   unchanged 510"* ]]
    run_code 0 import fed/houses.csv --kind house -n
    not grep -q 'is not known' <<<"$output"
}

# ---- taking an import back ----

@test "an import is listed and taken back: created ones end, changed ones are as they were" {
    printf 'id,name,sector,legal_form,city\n1,Eins,Z,ev,alt\n2,Zwei,Z,ev,alt\n' >back.csv
    run_code 0 import back.csv -y --listed
    printf 'id,name,sector,legal_form,city\n1,Eins,Z,ev,neu\n2,Zwei,Z,ev,alt\n3,Drei,Z,ev,neu\n' >back.csv
    run_code 0 import back.csv -y --listed
    [[ $output == *"tris import undo"* ]]
    local id
    id=$(last_import)
    run_code 5 tris_at koeln import undo "$id"
    [ "$(by_name Drei city)" = neu ]
    run_code 0 tris_at koeln import undo "$id" -n
    [[ $output == *"ended 1   put back 1"* ]]
    run_code 0 tris_at koeln import undo "$id" -y
    [ "$(by_name Drei city)" = "" ]
    [ "$(by_name Eins city)" = alt ]
    [ "$(by_name Zwei city)" = alt ]
    run_code 5 tris_at koeln import undo "$id" -y
    run_code 0 import back.csv -y --listed
    [[ $output == *"new 1   changed 1   unchanged 1"* ]]
    audit_clean koeln
}

@test "imports are taken back one after the other" {
    printf 'id,name,sector,legal_form,city\n1,Kette,Z,ev,alt\n' >chain.csv
    run_code 0 import chain.csv -y
    local first second
    first=$(last_import)
    sed -i 's/alt/neu/' chain.csv
    run_code 0 import chain.csv -y
    second=$(last_import)
    run_code 0 tris_at koeln import undo "$second" -y
    [ "$(by_name Kette city)" = alt ]
    run_code 0 tris_at koeln import undo "$first" -y
    [[ $output == *"ended 1   put back 0"* ]]
    [ "$(by_name Kette city)" = "" ]
}

@test "what somebody changed since stays, and is named with its reason" {
    printf 'name,sector,legal_form,city\nBleibt so,Z,ev,A\nGeht fort,Z,ev,A\nWird bekannt,Z,ev,A\n' >kept.csv
    run_code 0 import kept.csv -y
    local id record
    id=$(last_import)
    record=$(by_name 'Bleibt so' record)
    tris_at koeln partner edit "$record" --city B
    tris_at koeln partner publish -y "$(by_name 'Wird bekannt' record)"
    run_code 3 tris_at koeln import undo "$id" -y
    [[ $output == *"ended 1   put back 0   gone already 0   kept 2"* ]]
    [[ $output == *"$record: the record was changed since"* ]]
    [[ $output == *"published since"* ]]
    [ "$(by_name 'Bleibt so' city)" = B ]
    [ "$(by_name 'Geht fort' city)" = "" ]
    [ "$(by_name 'Wird bekannt' city)" = A ]
}

@test "what others write meanwhile is not the import's" {
    house meanwhile
    many many.csv 40000
    "$TRIS" --data "$(node_dir meanwhile)" import many.csv -y --listed >meanwhile.out 2>&1 3>&- &
    local pid=$! i
    for i in $(seq 1 20); do
        tris_at meanwhile partner add --listed --name "Einzeln $i e.V." --sector Z --legal-form ev \
            --region 05315 >/dev/null
    done
    wait "$pid"
    [ "$(records meanwhile)" -eq 40020 ]
    run_code 0 tris_at meanwhile import undo "$(last_import meanwhile)" -y
    [ "$(records meanwhile)" -eq 20 ]
    audit_clean meanwhile
    node_stop meanwhile
}

@test "an unknown import: exit 4; a word: exit 2" {
    run_code 4 tris_at koeln import undo 4000000 -y
    run_code 2 tris_at koeln import undo x -y
}

# ---- interruption ----

@test "an import that is cut off goes on where it was, and all of it can be taken back" {
    house broken
    many many.csv 60000
    local pid code written
    # Ctrl-C: what is under way is counted
    "$TRIS" --data "$(node_dir broken)" import many.csv -y >first.out 2>&1 3>&- &
    pid=$!
    sleep 0.12
    kill -INT "$pid" 2>/dev/null || true
    code=0
    wait "$pid" || code=$?
    [[ $code == 130 || $code == 0 ]]
    [[ $code == 0 ]] || grep -q 'Interrupted' first.out
    # kill -9 of the tool, then of the daemon
    "$TRIS" --data "$(node_dir broken)" import many.csv -y >second.out 2>&1 3>&- &
    pid=$!
    sleep 0.12
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" || true
    "$TRIS" --data "$(node_dir broken)" import many.csv -y >third.out 2>&1 3>&- &
    pid=$!
    sleep 0.1
    node_kill broken
    wait "$pid" || true
    node_start broken
    written=$(records broken)
    run_code 0 tris_at broken import many.csv -y
    [ "$(records broken)" -eq 60000 ]
    say "60000 rows, $written of them before the last run"
    local id
    for id in $(tris_at broken import list --json | json '" ".join(str(i["import"]) for i in d["items"])'); do
        run_code 0 tris_at broken import undo "$id" -y
    done
    [ "$(records broken)" -eq 0 ]
    audit_clean broken
    node_stop broken
}

@test "taking back can be cut off and repeated" {
    house undone
    many many.csv 20000
    run_code 0 tris_at undone import many.csv -y
    local id pid
    id=$(last_import undone)
    "$TRIS" --data "$(node_dir undone)" import undo "$id" -y >undo.out 2>&1 3>&- &
    pid=$!
    sleep 0.1
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" || true
    run tris_at undone import undo "$id" -y
    [[ $status == 0 || $output == *"taken back already"* ]]
    [ "$(records undone)" -eq 0 ]
    node_stop undone
}

@test "on a terminal: counts, the question, a bar for long work" {
    house asked
    printf 'name,sector,legal_form\nGefragt,Z,ev\n' >asked.csv
    # whoever answers: a terminal that types $1 after the question
    cat >terminal.py <<'PY'
import os, pty, sys
answer, seen = sys.argv[1].encode() + b"\n", b""
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    if not got:
        break
    seen += got
    if answer and b"Write this?" in seen:
        os.write(fd, answer)
        answer = b""
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
    run_code 5 "$PYTHON" terminal.py n "$TRIS" --data "$(node_dir asked)" import asked.csv
    [[ $output == *"new 1"*"Write this?"* ]]
    [ "$(records asked)" -eq 0 ]
    run_code 0 "$PYTHON" terminal.py y "$TRIS" --data "$(node_dir asked)" import asked.csv
    [ "$(records asked)" -eq 1 ]
    many bar.csv 400000
    local begun
    begun=$(now_ms)
    run_code 0 "$PYTHON" terminal.py y "$TRIS" --data "$(node_dir asked)" import bar.csv -n
    if (($(now_ms) - begun > 2000)); then [[ $output == *"[#"*" %"* ]]; fi
    begun=$(now_ms)
    run "$TRIS" --data "$(node_dir asked)" import bar.csv -n
    # lines are for work of more than a second
    if (($(now_ms) - begun > 2000)); then [[ $output == *"90 %"* ]]; fi
    node_stop asked
}

# ---- files that are no list ----

# Refused or explained, nothing written, little memory.
hostile() { # file, words...
    local file=$1 before code=0 peak
    shift
    before=$(records)
    /usr/bin/env "$PYTHON" - "$TRIS" --data "$(node_dir koeln)" import "$file" -y "$@" >hostile.out 2>&1 <<'PY' || code=$?
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
PY
    [ "$code" -ne 0 ]
    [ "$(records)" -eq "$before" ]
    peak=$(sed -nE 's/^peak ([0-9]+)$/\1/p' hostile.out)
    # a sanitizer's own memory is not the program's
    if [[ $BUILD != *san* ]]; then [ "$peak" -lt "$MEMORY_KIB_MAX" ]; fi
}

@test "hostile lists are refused with their place; memory stays small; nothing changes" {
    # ragged: more cells than the header, fewer than it needs
    printf 'name,sector,legal_form\nA,Z,ev,x,y\nB\n,,,\n' >ragged.csv
    hostile ragged.csv
    grep -q 'line 2' hostile.out
    grep -q 'line 3: sector' hostile.out
    # a quotation mark that never ends
    printf 'name,sector,legal_form\n"A,Z,ev\nB,Z,ev\n' >quote.csv
    hostile quote.csv
    grep -q 'line 2, column 1' hostile.out
    # one field of 20 MiB
    { printf 'name,sector,legal_form\n"' && head -c 20971520 /dev/zero | tr '\0' x &&
        printf '",Z,ev\n'; } >field.csv
    hostile field.csv
    grep -q 'field.csv: line 2, column 1,' hostile.out
    { printf 'name,sector,legal_form\n"A,1",Z,"' && head -c 20971520 /dev/zero | tr '\0' x; } >third.csv
    hostile third.csv
    grep -q 'third.csv: line 2, column 3,' hostile.out
    { printf 'name,sector,legal_form\nA,Z,ev' && yes ',x' | tr -d '\n' | head -c 2000; } >cells.csv
    hostile cells.csv
    grep -q 'cells.csv: line 2, column 513,' hostile.out
    : >empty.csv
    hostile empty.csv
    grep -q 'the list is empty' hostile.out
    # the same with line breaks
    { printf 'name,sector,legal_form\n"' && yes 'x' | head -c 20971520 && printf '",Z,ev\n'; } >lines.csv
    hostile lines.csv
    grep -q 'line 2, column 1' hostile.out
    # no text at all
    head -c 1048576 "$TRIS" >binary.csv
    hostile binary.csv
    grep -q 'line 1, column 1' hostile.out
    tr -d '\0' <binary.csv >nonul.csv
    hostile nonul.csv
    # another kind of list
    printf 'opened,closed,type\n2024-01-01,,advice\n' >kind.csv
    hostile kind.csv
    grep -q 'name' hostile.out
    # NDJSON: a line without end, nesting, a wrong type
    head -c 20971520 /dev/zero | tr '\0' '[' >nested.ndjson
    hostile nested.ndjson
    { printf '{"name":"' && head -c 20971520 /dev/zero | tr '\0' x && printf '"}\n'; } >long.ndjson
    hostile long.ndjson
    printf '{"name":{"a":1},"sector":"Z","legal_form":"ev"}\n7\n' >types.ndjson
    hostile types.ndjson
    grep -q 'line 1' hostile.out
    # too many columns, too many rejected rows
    { seq -s , 1 600 && printf 'a\n'; } >wide.csv
    hostile wide.csv
    { printf 'name,sector,legal_form\n' && yes 'A,Q,ev' | head -n 300000; } >bad.csv
    hostile bad.csv
}

@test "a header alone and an empty file change nothing" {
    local before
    before=$(records)
    printf 'name,sector,legal_form\n' >header.csv
    run_code 0 import header.csv -y
    : >empty.csv
    run_code 2 import empty.csv -y
    [ "$(records)" -eq "$before" ]
}
