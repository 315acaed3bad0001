#!/usr/bin/env bats
# Sync that explains itself: what is said of houses that are equal, far, refused, paused, limited.

load lib

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new rostock 13003 --no-address
    federation_found "Explained" 1 2 koeln leipzig rostock
    node_start koeln
    node_start leipzig
    node_start rostock
    for node in koeln leipzig rostock; do
        connect rostock koeln
        connect rostock leipzig
    done
    wait_equal 60 koeln leipzig rostock
}
teardown_file() { world_end; }

add_listed() { # node, name
    tris_at "$1" partner add --listed "$2" --sector Z --legal-form ev --region 05315 >/dev/null
}
standing() { # at, of
    tris_at "$1" sync status --json | json "[i['standing'] for i in d['items'] if i['slug'] == '$2'][0]"
}
stands() { [[ $(standing "$1" "$2") == "$3" ]]; }
step() { # at, of: the step that is named, whatever the exit code
    { tris_at "$1" why "$2" --json || true; } | json 'd["step"]'
}
steps_to() { [[ $(step "$1" "$2") == "$3" ]]; }
no_session() { # at, of
    tris_at "$1" peer list --json | json "[p['state'] for p in d['items'] if p['slug'] == '$2'] != ['open']" | grep -q true
}
session() { not no_session "$@"; }

@test "equal houses: nothing blocks, exit 0, and since when" {
    run_code 0 tris_at koeln why leipzig --json
    [ "$(json 'd["schema"]' <<<"$output")" = tris.why.1 ]
    [ "$(json 'd["step"]' <<<"$output")" = nothing ]
    [ "$(json 'd["equal_since_ms"] > 1700000000000' <<<"$output")" = true ]
    [ "$(json 'd["next"]' <<<"$output")" = "" ]
    run_code 0 tris_at koeln sync status --json
    [ "$(json 'd["schema"]' <<<"$output")" = tris.sync.status.1 ]
    [ "$(json 'sorted(i["slug"] for i in d["items"])' <<<"$output")" = '["leipzig", "rostock"]' ]
    [ "$(json 'all(i["standing"] == "equal" and i["behind"] == 0 for i in d["items"])' <<<"$output")" = true ]
    [ "$(json 'all(i["entry_ms"] > 0 and i["sealed_ms"] > 0 and i["last_heard_ms"] > 0 for i in d["items"])' <<<"$output")" = true ]
    tris_at koeln why leipzig --lang de | grep -qF "nichts hält etwas auf"
    run_code 0 tris_at koeln why koeln
}

@test "a key that is no member's is not admitted; a name that nobody has is a typo" {
    run_code 21 tris_at koeln why "$(printf '0%.0s' {1..64})" --json
    [ "$(json 'd["step"]' <<<"$output")" = not_admitted ]
    [ -n "$(json 'd["next"]' <<<"$output")" ]
    run_code 4 tris_at koeln why nobody
}

@test "the list of peers says version, and what is behind and ahead" {
    run_code 0 tris_at rostock peer list --json
    [ "$(json 'd["schema"]' <<<"$output")" = tris.peer.list.1 ]
    [ "$(json 'all(p["version"] == 1 and p["behind"] == 0 and p["ahead"] == 0 for p in d["items"])' <<<"$output")" = true ]
    run_code 0 tris_at rostock peer list
    run_code 0 tris_at rostock peer show koeln
}

@test "ping says how long and which way" {
    run_code 0 tris_at rostock peer ping koeln --json
    [ "$(json 'd["schema"]' <<<"$output")" = tris.peer.ping.1 ]
    [ "$(json 'd["dialled_by"]' <<<"$output")" = us ]
    run_code 0 tris_at koeln peer ping rostock --json
    [ "$(json 'd["dialled_by"]' <<<"$output")" = them ]
    tris_at koeln peer ping rostock | grep -q "over the connection it made"
}

@test "compare: equal is exit 0; a node that cannot store is behind, with the first difference" {
    run_code 0 tris_at koeln sync compare leipzig --json
    [ "$(json 'd["schema"]' <<<"$output")" = tris.sync.compare.1 ]
    [ "$(json 'd["items"]' <<<"$output")" = '[]' ]
    run_code 0 tris_at koeln sync compare leipzig --all --json
    [ "$(json 'len(d["items"]) == 6 and all(i["state"] == "equal" and i["theirs"] == i["held"] for i in d["items"])' <<<"$output")" = true ]
    run_code 2 tris_at koeln sync compare
    run_code 21 tris_at koeln sync compare koeln
}

@test "paused: the session ends and says so on both sides, across a restart; resumed, it comes back" {
    run_code 0 tris_at koeln peer pause rostock --json
    [ "$(json 'd["schema"]' <<<"$output")" = tris.peer.pause.1 ]
    [ "$(json 'd["limits"]["paused"]' <<<"$output")" = true ]
    wait_for 10 no_session koeln rostock
    run_code 5 tris_at koeln why rostock --json
    [ "$(json 'd["step"]' <<<"$output")" = paused ]
    [ "$(json 'd["next"]' <<<"$output")" = "tris peer resume rostock" ]
    # the other side is told, with code and sentence
    wait_for 20 steps_to rostock koeln refused
    run_code 21 tris_at rostock why koeln --json
    [ "$(json 'd["refused"]["code"]' <<<"$output")" -eq 40 ]
    [[ $(json 'd["refused"]["text"]' <<<"$output") == *paused* ]]
    run_code 21 tris_at rostock peer ping koeln
    node_stop koeln
    node_start koeln
    steps_to koeln rostock paused
    run_code 3 tris_at koeln doctor
    [[ $output == *"why rostock"* ]]
    # what koeln writes comes by way of leipzig
    add_listed koeln "By another way e. V."
    wait_for 60 has_national rostock 1
    run_code 0 tris_at koeln peer resume rostock --json
    [ "$(json 'd["schema"]' <<<"$output")" = tris.peer.resume.1 ]
    tris_at rostock sync now koeln
    wait_for 90 session koeln rostock
    wait_equal 60 koeln leipzig rostock
}

@test "limits: strict, shown, kept, and off again" {
    run_code 0 tris_at koeln peer limits rostock --json
    [ "$(json 'd["schema"]' <<<"$output")" = tris.peer.limits.1 ]
    [ "$(json 'd["limits"]' <<<"$output")" = '{"rate": 0, "hours": "", "paused": false}' ]
    run_code 0 tris_at koeln peer limits rostock --rate 8192
    run_code 2 tris_at koeln peer limits rostock --rate 8191
    run_code 2 tris_at koeln peer limits rostock --rate fast
    run_code 0 tris_at koeln peer limits rostock --rate 1024M
    run_code 2 tris_at koeln peer limits rostock --rate 1025M
    run_code 2 tris_at koeln peer limits rostock --hours 25-6
    run_code 2 tris_at koeln peer limits rostock --hours night
    run_code 2 tris_at koeln -n peer limits rostock --rate 64k
    [ "$(tris_at koeln peer limits rostock --json | json 'd["limits"]["rate"]')" = 1073741824 ]
    run_code 0 tris_at koeln peer limits rostock --rate 64k --hours 0-24
    [ "$(tris_at koeln peer show rostock --json | json 'd["limits"]["rate"]')" = 65536 ]
    run_code 0 tris_at koeln peer limits rostock --rate 0
    run_code 4 tris_at koeln peer limits nobody
    run_code 21 tris_at koeln peer limits koeln
}

@test "outside the hours: no session, and nobody is dialled; inside again it comes back" {
    local hour
    hour=$((10#$(TZ=$GERMANY date +%H)))
    # an hour that is neither this one nor the next
    run_code 0 tris_at rostock peer limits koeln --hours "$(((hour + 3) % 24))-$(((hour + 4) % 24))"
    wait_for 10 no_session rostock koeln
    run_code 5 tris_at rostock why koeln --json
    [ "$(json 'd["step"]' <<<"$output")" = hours ]
    wait_for 10 steps_to koeln rostock refused
    [ "$({ tris_at koeln why rostock --json || true; } | json 'd["refused"]["code"]')" -eq 41 ]
    [ "$(tris_at rostock peer list --json | json "[p['limited'] for p in d['items'] if p['slug'] == 'koeln'][0]")" = hours ]
    run_code 0 tris_at rostock peer limits koeln --hours 0-24
    wait_for 30 session rostock koeln
    wait_equal 60 koeln leipzig rostock
}

@test "a rate is kept to: what has to pass takes at least its time" {
    local start bytes
    tris_at koeln peer pause rostock
    tris_at leipzig peer pause rostock
    wait_for 10 no_session koeln rostock
    wait_for 10 no_session leipzig rostock
    for i in $(seq 400); do
        printf 'p%s,%s,Z,ev,05315,%s\n' "$i" "Langsam $i e. V." "$(head -c 3000 /dev/zero | tr '\0' "$((i % 10))" | head -c 400)"
    done >"$WORLD/rows"
    { printf 'source_id,name,sector,legal_form,ags,description\n' && cat "$WORLD/rows"; } >"$WORLD/slow.csv"
    tris_at koeln import "$WORLD/slow.csv" --listed -y >/dev/null
    wait_equal 60 koeln leipzig
    run_code 0 tris_at rostock peer limits koeln --rate 24k
    bytes=$(tris_at rostock peer show koeln --json | json 'd["bytes_in"]')
    start=$(now_ms)
    tris_at koeln peer resume rostock
    tris_at rostock sync now koeln
    wait_for 60 steps_to rostock koeln limit
    run_code 3 tris_at rostock why koeln --json
    [ "$(json 'd["behind"] > 0 and d["claimants"] == 1 and d["standing"] == "behind"' <<<"$output")" = true ]
    run_code 3 tris_at rostock sync compare koeln --json
    [ "$(json '[(i["house"], i["state"], i["first"] == i["held"]) for i in d["items"]]' <<<"$output")" = '[["koeln", "behind", true]]' ]
    wait_for 120 has_national rostock "$(national_partners koeln)"
    # one read at once and a second of burst are free
    bytes=$(($(tris_at rostock peer show koeln --json | json 'd["bytes_in"]') - bytes))
    (($(now_ms) - start >= (bytes - 65536 - 24576) * 1000 / 24576))
    ((bytes > 150000))
    tris_at rostock peer limits koeln --rate 0
    tris_at leipzig peer resume rostock
    wait_equal 90 koeln leipzig rostock
}

@test "a house that is down: unreachable, with the error of its address; others bring what it wrote" {
    tris_at rostock sync now leipzig # it may still wait after having been refused
    wait_for 90 session rostock leipzig
    node_stop leipzig
    wait_for 30 stands rostock leipzig unreachable
    run_code 20 tris_at rostock why leipzig --json
    [ "$(json 'd["step"]' <<<"$output")" = unreachable ]
    [[ $(json 'd["addresses"][0]["detail"]' <<<"$output") == *refused* ]]
    [ "$(json 'd["addresses"][0]["address"]' <<<"$output")" = "127.0.0.1:$(node_port leipzig)" ]
    run_code 20 tris_at rostock peer ping leipzig
    [[ $output == *"tris why leipzig"* ]]
    run_code 20 tris_at rostock sync compare leipzig
    run_code 3 tris_at rostock doctor --json
    [ "$(json 'all(i["next"] for i in d["items"])' <<<"$output")" = true ]
    [ "$(json '[i["next"] for i in d["items"] if i["check"] == "unreachable"]' <<<"$output")" = '["tris why leipzig"]' ]
    node_start leipzig
    wait_equal 90 koeln leipzig rostock
}

@test "all others down: nobody to compare with" {
    tris_at rostock sync now
    wait_for 90 session rostock koeln
    wait_for 90 session rostock leipzig
    node_stop leipzig
    node_stop koeln
    wait_for 10 no_session rostock koeln
    wait_for 10 no_session rostock leipzig
    wait_for 30 stands rostock koeln unreachable
    tris_at rostock peer remove -y koeln
    tris_at rostock peer remove -y leipzig
    run_code 0 tris_at rostock sync status
    node_start koeln
    node_start leipzig
    wait_equal 90 koeln leipzig rostock
}

@test "the report holds what helps, and nothing that somebody wrote" {
    local marks=(MARKPARTNER MARKSTREET MARKCITY MARKMAIL MARKWORDS MARKPHONE MARKLISTED MARKPATH)
    local mark key
    tris_at koeln partner add "MARKPARTNER e. K." --sector W --legal-form ek --street MARKSTREET \
        --city MARKCITY --mailbox "MARKMAIL@example.org" --description MARKWORDS >/dev/null
    add_listed koeln "MARKLISTED e. V."
    tris_at koeln house edit --phone "0221 MARKPHONE" >/dev/null
    tris_at koeln backup create "$WORLD/MARKPATH" >/dev/null
    tris_at koeln partner list --json >"$WORLD/planted"
    grep -q MARKSTREET "$WORLD/planted"
    grep -q MARKLISTED "$WORLD/planted"
    run_code 0 tris_at koeln report -o "$WORLD/report.json"
    [ "$(stat -c %a "$WORLD/report.json")" = 600 ]
    [ "$(json 'd["schema"]' <"$WORLD/report.json")" = tris.report.1 ]
    [ "$(json 'all(d[k] for k in ("versions", "config", "status", "houses", "peers", "doctor", "events"))' <"$WORLD/report.json")" = true ]
    [ "$(json 'all(i["next"] for i in d["doctor"])' <"$WORLD/report.json")" = true ]
    [ "$(json 'any(e["event"] == "peer_open" for e in d["events"])' <"$WORLD/report.json")" = true ]
    [ "$(json 'all("origin" in c for c in d["config"])' <"$WORLD/report.json")" = true ]
    for mark in "${marks[@]}"; do not grep -q "$mark" "$WORLD/report.json" || die "$mark"; done
    # the secret of each key file as hex, as bytes and as base64
    for key in "$(node_dir koeln)"/*.key; do
        "$PYTHON" - "$key" "$WORLD/report.json" <<'PY'
import base64, sys
secret = open(sys.argv[1]).read().split()[1]
report = open(sys.argv[2], "rb").read()
raw = bytes.fromhex(secret)
assert len(raw) == 32
for form in (secret[:32].encode(), raw, base64.b64encode(raw)[:32]):
    assert form not in report, "key material"
PY
    done
    not grep -qF "$WORLD" <(json '{k: d[k] for k in ("status", "doctor", "houses", "peers", "events")}' <"$WORLD/report.json")
    not grep -qF "$(node_dir koeln)/" "$WORLD/report.json"
    run_code 5 tris_at koeln report -o "$WORLD/report.json" # an old one stays
    run_code 0 tris_at koeln report
    [ "$(json 'd["schema"]' <<<"$output")" = tris.report.1 ]
    run_code 0 tris_at koeln report --json -o "$WORLD/report2.json"
    [ "$(json 'd["schema"]' <<<"$output")" = tris.report.written.1 ]
}

@test "the report without a daemon says that, and what the doctor finds" {
    node_stop rostock
    run_code 0 tris_at rostock report
    [ "$(json 'd["daemon"]' <<<"$output")" != answers ]
    [ "$(json 'len(d["doctor"]) > 2' <<<"$output")" = true ]
    node_start rostock
}

@test "the log of a house from an entry on, as text and JSON" {
    run_code 0 tris_at rostock log tail koeln --from 1 --count 2 --json
    [ "$(json '[i["seq"] for i in d["items"]]' <<<"$output")" = '[1, 2]' ]
    [ "$(json 'd["after"]' <<<"$output")" = 3 ]
    run_code 0 tris_at rostock log tail koeln --from 0 --count 1
    run_code 0 tris_at rostock log tail koeln --from 1000000 --json
    [ "$(json 'd["items"]' <<<"$output")" = '[]' ]
    run_code 2 tris_at rostock log tail koeln --from x
    run_code 0 tris_at rostock log show koeln 0
}

@test "one district set up twice: the doctor names both houses" {
    mv "$WORLD/charter.txt" "$WORLD/first.txt"
    node_new eins 05315
    node_new zwei 05315
    federation_found "Twice" 1 2 eins zwei
    node_start eins
    run tris_at eins doctor --json
    [[ $(json '[i["text"] for i in d["items"] if i["check"] == "region"][0]' <<<"$output") == *05315*koeln~*koeln~* ]]
    [ "$(json '[i["next"] for i in d["items"] if i["check"] == "region"]' <<<"$output")" = '["tris house list"]' ]
    node_stop eins
    run tris_at koeln doctor --json
    [ "$(json '[i for i in d["items"] if i["check"] == "region"]' <<<"$output")" = '[]' ]
}
