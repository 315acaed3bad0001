#!/usr/bin/env bats
# Houses that no line connects exchange their logs in files: they end with equal roots, with the
# proofs that a session gives; damaged, foreign and contradicting files do no harm.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    node_new leipzig 14713 --no-address
    # these two are neither started nor connected before the test that says so
    node_new dresden 14612 --no-address
    node_new hof 09464 --no-address
    federation_found "Insel" 1 2 koeln leipzig dresden hof
    # with nobody there to say what they hold, they seal after a moment
    for node in koeln leipzig dresden hof; do guard_wait "$node" 100 300; done
    for node in koeln leipzig; do node_start "$node"; done
}

teardown_file() { world_end; }

add() { # node, name
    tris_at "$1" partner add --listed --name "$2" --sector Z --legal-form ev --region 05315
}
is_sealed() { [[ $(tris_at "$1" status --json | json 'd["guard"]["unsealed"]') == 0 ]]; }
export_log() { # node, file, options...
    local node=$1 file=$2
    shift 2
    wait_for 20 is_sealed "$node"
    tris_at "$node" export log -o "$WORLD/$file" "$@"
}
import_log() { tris_at "$1" import "$WORLD/$2" --json; }
taken() { json 'd["entries"]'; }
state_of() { # house, topic: of the answer on stdin
    json "[i['state'] for i in d['items'] if i['house'] == '$1' and i['topic'] == '$2'][0]"
}
entries_in() { tris_at koeln verify "$WORLD/$1" --json | json 'd["items"][0]["entries"]'; }
has_partner() { tris_at "$1" partner list | grep -q "$2"; }
some_arrived() { [[ $(held klein koeln) -gt 100 ]]; }
held() { tris_at "$1" house show "$2" --json | json 'd["data"]'; }

@test "two houses that never connect exchange files both ways and end with equal roots" {
    add koeln "Kölner Verein"
    tris_at koeln partner add --name "Nur im Haus" --sector Z --legal-form ev --region 05315
    add leipzig "Leipziger Verein"
    export_log koeln koeln.logs
    export_log leipzig leipzig.logs
    [ "$(import_log leipzig koeln.logs | taken)" -gt 0 ]
    [ "$(import_log koeln leipzig.logs | taken)" -gt 0 ]
    wait_equal 10 koeln leipzig
    same_views koeln leipzig
    has_national koeln 2
    audit_clean koeln
    audit_clean leipzig
    not grep -a "Nur im Haus" "$WORLD/koeln.logs"
    not connected koeln 1
    # the second implementation reads the file, too
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/tests/vectors "$PYTHON" -c '
import sys, verify_logfile
file = verify_logfile.LogFile(open(sys.argv[1], "rb").read())
assert len(file.logs) == 2 and file.rows, file.logs' "$WORLD/koeln.logs"
}

@test "the same file twice changes nothing, and the one that comes back has nothing new" {
    root=$(root_of koeln)
    before=$(tris_at koeln audit --json | json 'd["entries"]')
    [ "$(import_log koeln leipzig.logs | taken)" = 0 ]
    [ "$(import_log koeln koeln.logs | taken)" = 0 ]
    [ "$(root_of koeln)" = "$root" ]
    [ "$(tris_at koeln audit --json | json 'd["entries"]')" = "$before" ]
    export_log koeln both.logs
    export_log leipzig both.other
    [ "$(import_log leipzig both.logs | taken)" = 0 ]
    [ "$(tris_at koeln verify "$WORLD/both.logs" --json | json 'd["items"][0]["root"]')" = \
        "$(tris_at koeln verify "$WORLD/both.other" --json | json 'd["items"][0]["root"]')" ]
}

@test "--since leaves out what the other house holds: a frontier file, its log file, a day" {
    add koeln "Noch einer"
    tris_at leipzig export frontier -o "$WORLD/leipzig.frontier"
    export_log koeln rest.logs --since "$WORLD/leipzig.frontier"
    [ "$(entries_in rest.logs)" = 1 ]
    export_log koeln rest2.logs --since "$WORLD/leipzig.logs" # older: its own logs alone
    [ "$(entries_in rest2.logs)" -gt 1 ]
    export_log koeln tomorrow.logs --since 2999-01-01
    [ "$(entries_in tomorrow.logs)" = 0 ]
    export_log koeln today.logs --since "$(date -u +%Y-%m-%d)"
    [ "$(entries_in today.logs)" -gt 1 ]
    export_log koeln leipzig-only.logs --house leipzig
    tris_at koeln verify "$WORLD/leipzig-only.logs" | not grep koeln.data
    [ "$(import_log leipzig rest.logs | taken)" = 1 ]
    wait_equal 10 koeln leipzig
    export_log koeln nothing.logs --since "$WORLD/leipzig.frontier" --house leipzig
    [ "$(entries_in nothing.logs)" = 0 ]
    run_code 2 tris_at koeln export log -o "$WORLD/x" --since "$WORLD/koeln.conf"
    [[ $output == *"does not say what a house holds"* ]]
    run_code 4 tris_at koeln export log -o "$WORLD/x" --since "$WORLD/missing"
    run_code 2 tris_at koeln export log
    [ ! -e "$WORLD/x" ]
}

@test "-n says what a file would bring, and a frontier file that it brings nothing" {
    add koeln "Probeweise"
    export_log koeln probe.logs
    run_code 0 tris_at leipzig import -n "$WORLD/probe.logs"
    [[ $output == *"1 new entries of 1 logs; nothing was taken"* ]]
    [ "$(tris_at leipzig import -n "$WORLD/probe.logs" --json | json 'd["written"]')" = false ]
    [ "$(import_log leipzig probe.logs | taken)" = 1 ]
    wait_equal 10 koeln leipzig
    run_code 0 tris_at koeln import "$WORLD/leipzig.frontier"
    [[ $output == *"no entries"* ]]
    run_code 2 tris_at koeln import --kind partner "$WORLD/probe.logs"
    tris_at koeln import - <"$WORLD/probe.logs" | grep "0 new entries"
}

@test "a damaged file: what is before the damage is taken and stays, its place is named" {
    add koeln "Vor dem Schaden"
    export_log koeln whole.logs --since "$WORLD/leipzig.logs"
    size=$(stat -c %s "$WORLD/whole.logs")
    before=$(held leipzig koeln)
    for cut in 0 1 12 100 $((size / 2)) $((size - 20)); do
        head -c "$cut" "$WORLD/whole.logs" >"$WORLD/cut.logs"
        if ((cut >= 10)); then
            run_code 14 tris_at leipzig verify "$WORLD/cut.logs"
            run_code 14 tris_at leipzig import -n "$WORLD/cut.logs"
            [[ $output == *"damaged at byte"* ]]
        fi
    done
    [ "$(held leipzig koeln)" = "$before" ]
    # the last entry is whole; only the end is missing
    run_code 14 tris_at leipzig import "$WORLD/cut.logs"
    [[ $output == *"What was taken before stays: 1 entries."* ]]
    [ "$(held leipzig koeln)" = $((before + 1)) ]
    wait_equal 10 koeln leipzig
    audit_clean leipzig
    # one byte in the middle of the entries
    "$PYTHON" - "$WORLD/whole.logs" "$WORLD/flipped.logs" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[data.index(b"Vor dem Schaden")] ^= 1
open(sys.argv[2], "wb").write(data)
PY
    run_code 14 tris_at leipzig import "$WORLD/flipped.logs"
    run_code 14 tris_at leipzig verify "$WORLD/flipped.logs"
    sed '1s/tris-logs-1/tris-logs-9/' "$WORLD/whole.logs" >"$WORLD/later.logs"
    run_code 21 tris_at leipzig import "$WORLD/later.logs"
}

@test "a gap is named, not filled; a file of another federation is refused" {
    tris_at koeln export frontier -o "$WORLD/koeln.frontier"
    add koeln "Nach der Lücke"
    export_log koeln gap.logs --since "$WORLD/koeln.frontier"
    node_start dresden
    run_code 3 tris_at dresden import "$WORLD/gap.logs"
    [[ $output == *"koeln data: not taken: entries "*" are missing"* ]]
    [ "$(import_log dresden gap.logs | state_of koeln data)" = gap ] || [ "$status" -ne 0 ]
    export_log koeln full.logs
    run_code 0 tris_at dresden import "$WORLD/full.logs"
    run_code 0 tris_at dresden import "$WORLD/gap.logs"
    node_stop dresden
    node_new fremd 05315 --no-address
    rm "$WORLD/charter.txt"
    federation_found "Anderswo" 1 2 fremd
    node_start fremd
    run_code 21 tris_at fremd import "$WORLD/full.logs"
    [[ $output == *"another federation"* ]]
    run_code 21 tris_at fremd export log -o "$WORLD/x" --since "$WORLD/full.logs"
    tris_at fremd verify "$WORLD/full.logs"
    node_stop fremd
}

@test "what came in a file goes on to peers like anything else" {
    export_log koeln full.logs
    tris_at leipzig import "$WORLD/full.logs"
    wait_equal 10 koeln leipzig
    add koeln "Weiter"
    export_log koeln on.logs
    node_start dresden
    connect dresden leipzig
    wait_for 20 connected leipzig 1
    [ "$(import_log leipzig on.logs | taken)" = 1 ]
    wait_equal 20 leipzig dresden
    tris_at dresden partner list | grep "Weiter"
    node_stop dresden
    export_log leipzig back.logs --since "$WORLD/on.logs"
    import_log koeln back.logs # what dresden has written
    wait_equal 10 koeln leipzig
}

@test "an export that is interrupted or has no room leaves the old file" {
    printf 'old' >"$WORLD/kept"
    (
        ulimit -f 0
        trap '' XFSZ
        run_code 1 tris_at koeln export log -o "$WORLD/kept"
    )
    [ "$(cat "$WORLD/kept")" = old ]
    mkdir "$WORLD/closed"
    run_code 1 tris_at koeln export log -o "$WORLD/closed"
    [ -z "$(find "$WORLD" -name '*.partial-*')" ]
    tris_at koeln export log -o - >"$WORLD/piped"
    tris_at koeln verify "$WORLD/piped"
}

@test "a house put back from a copy gets its tail from a file, and seals nothing differently" {
    wait_for 20 is_sealed koeln
    node_stop koeln
    cp "$(node_dir koeln)/store/data.mdb" "$WORLD/older.mdb"
    node_start koeln
    for i in 1 2 3; do add koeln "Nach der Kopie $i"; done
    export_log koeln tail.logs
    tris_at leipzig import "$WORLD/tail.logs"
    wait_equal 10 koeln leipzig
    node_stop koeln
    cp "$WORLD/older.mdb" "$(node_dir koeln)/store/data.mdb" # the mark knows of more
    guard_wait koeln 100 0                                    # never by itself
    node_start koeln
    add koeln "Im Dunkeln"
    run_code 0 tris_at koeln import "$WORLD/tail.logs"
    tris_at koeln partner list | grep "Nach der Kopie 3"
    wait_for 10 has_partner koeln "Im Dunkeln" # written again behind the tail
    [ "$(tris_at koeln status --json | json 'd["guard"]["state"]')" = claims ]
    [ "$(tris_at koeln status --json | json 'd["guard"]["unsealed"]')" = 1 ] # nobody has spoken
    node_stop koeln
    guard_wait koeln 100 300
    node_start koeln
    wait_for 20 is_sealed koeln
    export_log koeln again.logs
    run_code 0 tris_at leipzig import "$WORLD/again.logs"
    wait_equal 10 koeln leipzig
    tris_at leipzig partner list | grep "Im Dunkeln"
    [ "$(tris_at leipzig log forks --json | json 'len(d["items"])')" = 0 ]
    audit_clean koeln
}

@test "a larger own log in a file, shown to a house that has sealed meanwhile, is an alarm" {
    wait_for 20 is_sealed koeln
    node_stop koeln
    cp -r "$(node_dir koeln)" "$(node_dir clone)"
    cp "$(node_dir koeln).conf" "$(node_dir clone).conf"
    cp -r "$(node_dir koeln).conf.d" "$(node_dir clone).conf.d"
    "$INJECT" "$(node_dir clone)" "$(key_file clone)" >/dev/null
    node_start clone
    tris_at clone export log -o "$WORLD/clone.logs"
    node_stop clone
    cp "$(node_dir koeln)/store/data.mdb" "$WORLD/before.mdb"
    cp "$(node_dir koeln)/mark" "$WORLD/before.mark"
    node_start koeln
    add koeln "Selbst versiegelt"
    wait_for 20 is_sealed koeln
    tris_at koeln import "$WORLD/clone.logs" || true
    [ "$(tris_at koeln status --json | json 'd["guard"]["confirmed"]')" = false ]
    [[ $(tris_at koeln status --json | json 'd["guard"]["state"]') =~ ^(clone|fork)$ ]]
    tris_at koeln doctor | grep -i "key"
    node_stop koeln # nothing of that has left it
    cp "$WORLD/before.mdb" "$(node_dir koeln)/store/data.mdb"
    cp "$WORLD/before.mark" "$(node_dir koeln)/mark"
    node_start koeln
    wait_for 20 is_sealed koeln
}

@test "two histories in files are found as a fork, and the proof travels in a file" {
    wait_for 20 is_sealed koeln
    node_stop koeln
    for copy in one two; do
        cp -r "$(node_dir koeln)" "$(node_dir "$copy")"
        cp "$(node_dir koeln).conf" "$(node_dir "$copy").conf"
        cp -r "$(node_dir koeln).conf.d" "$(node_dir "$copy").conf.d"
    done
    common=$(held leipzig koeln)
    "$INJECT" "$(node_dir one)" "$(key_file one)" >/dev/null
    "$INJECT" "$(node_dir two)" "$(key_file two)" >/dev/null
    "$INJECT" "$(node_dir two)" "$(key_file two)" >/dev/null
    for copy in one two; do
        node_start "$copy"
        tris_at "$copy" export log -o "$WORLD/$copy.logs"
        node_stop "$copy"
    done
    run_code 0 tris_at leipzig import "$WORLD/one.logs"
    run_code 0 tris_at leipzig import "$WORLD/two.logs"
    [[ $output == *"koeln data: signed in two histories; the log ends at $common"* ]]
    [ "$(tris_at leipzig log forks --json | json '[(i["house"], i["end"], i["held"]) for i in d["items"]]')" = \
        "[[\"koeln\", $common, $common]]" ]
    audit_clean leipzig
    # to a house that holds the other branch, and to one that holds neither
    export_log leipzig forked.logs
    tris_at leipzig verify "$WORLD/forked.logs" | grep "two histories"
    node_start dresden
    run_code 0 tris_at dresden import "$WORLD/two.logs"
    run_code 0 tris_at dresden import "$WORLD/forked.logs"
    [ "$(tris_at dresden log forks --json | json 'd["items"][0]["end"]')" = "$common" ]
    wait_for 20 is_sealed dresden
    export_log dresden dresden.logs
    tris_at leipzig import "$WORLD/dresden.logs"
    wait_equal 10 leipzig dresden
    same_views leipzig dresden
    node_start hof
    run_code 0 tris_at hof import "$WORLD/dresden.logs"
    [ "$(held hof koeln)" = "$common" ]
    [ "$(tris_at hof log forks --json | json 'd["items"][0]["held"]')" = "$common" ]
    run_code 0 tris_at hof import "$WORLD/one.logs"
    [ "$(held hof koeln)" = "$common" ]
    audit_clean hof
    node_stop hof
    # a third time nothing changes any more
    run_code 0 tris_at leipzig import "$WORLD/two.logs"
    run_code 0 tris_at leipzig import "$WORLD/one.logs"
    wait_equal 10 leipzig dresden
    audit_clean dresden
    node_stop dresden
}

@test "a long file: an import that is cut short goes on, an export that is cut short leaves nothing" {
    node_new gross 05315 --no-address
    node_new klein 14713 --no-address
    rm "$WORLD/charter.txt"
    federation_found "Lang" 1 1 gross klein
    for node in gross klein; do guard_wait "$node" 100 300 && node_start "$node"; done
    "$PYTHON" - >"$WORLD/many.csv" <<'PY'
print("source_id,name,sector,legal_form,region,scope")
for i in range(30000):
    print(f"{i},Verein Nummer {i} zur Förderung des langen Namens,Z,ev,05315,national")
PY
    tris_at gross import -y -q "$WORLD/many.csv"
    export_log gross long.logs
    (($(stat -c %s "$WORLD/long.logs") > 2500000)) # several pages
    # the command ends by itself, the daemon is killed
    tris_at klein import "$WORLD/long.logs" >/dev/null 2>&1 3>&- &
    pid=$!
    wait_for 20 some_arrived
    kill -INT "$pid" 2>/dev/null || true
    wait "$pid" || true
    tris_at klein import "$WORLD/long.logs" >/dev/null 2>&1 3>&- &
    pid=$!
    node_kill klein
    wait "$pid" || true
    node_start klein
    tris_at klein import "$WORLD/long.logs"
    [ "$(held klein koeln)" = "$(held gross koeln)" ]
    wait_for 20 is_sealed klein
    export_log klein back.logs --since "$WORLD/long.logs"
    [ "$(entries_in back.logs)" = 2 ] # its own
    tris_at gross import "$WORLD/back.logs"
    wait_equal 10 gross klein
    audit_clean klein
    # a delta that begins in the middle of a log
    tris_at klein export frontier -o "$WORLD/klein.frontier"
    add gross "Einer mehr"
    export_log gross more.logs --since "$WORLD/klein.frontier"
    [ "$(import_log klein more.logs | taken)" = 1 ]
    wait_equal 10 gross klein
    "$TRIS" --data "$(node_dir gross)" export log -o "$WORLD/cut-short" >/dev/null 2>&1 3>&- &
    pid=$!
    kill -TERM "$pid"
    wait "$pid" || true
    [ ! -e "$WORLD/cut-short" ] || tris_at gross verify "$WORLD/cut-short" # it was faster
    [ -z "$(find "$WORLD" -name '*.partial-*')" ]
}
