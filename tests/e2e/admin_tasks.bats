#!/usr/bin/env bats
# The 25 tasks of whoever administers the peers of a house, as tris-peers(7) lists them: each by its
# commands, with exit code and JSON. A task whose commands this version does not have is skipped by
# `needs` and runs as soon as they are there.

load lib

PAGE=$ROOT/tools/man/tris-peers.7.scd
# Commands of INTERFACES that the page names and that are still to come.
PENDING="erase"

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new rostock 13003
    federation_found "Tasks" 1 2 koeln leipzig rostock
    node_start koeln
    node_start leipzig
    node_start rostock
    wait_equal 60 koeln leipzig rostock
    add_listed koeln "Aufgabe e. V."
    wait_equal 60 koeln leipzig rostock
}
teardown_file() { world_end; }

add_listed() { # node, name
    tris_at "$1" partner add --listed "$2" --sector Z --legal-form ev --region 05315 >/dev/null
}
exists() { # noun [verb]
    "$TRIS" help --json | json "any(i['noun'] == '$1' and (i.get('verb') or '') == '${2:-}' for i in d['items'])" |
        grep -qx true
}
needs() { exists "$@" || skip "no tris $* yet"; }
# gives SCHEMA EXIT words...: what koeln answers, as JSON in $output
gives() {
    local schema=$1 code=$2
    shift 2
    run_code "$code" tris_at koeln "$@" --json || return
    [ "$(json 'd["schema"]' <<<"$output")" = "$schema" ]
}
peers_connected() { [ "$(tris_at koeln peer list --json | json "sum(p['state'] == 'open' for p in d['items'])")" -ge "$1" ]; }

@test "the manual page has all tasks, with commands that exist or are announced" {
    for i in $(seq 25); do grep -q "^\*$i\. " "$PAGE" || die "task $i"; done
    not grep -q '^\*26\. ' "$PAGE"
    run "$PYTHON" - "$PAGE" "$PENDING" <(tris_at koeln help --json) <<'PY'
import json, re, sys
page, pending = open(sys.argv[1]).read(), {" ".join(w.split()) for w in sys.argv[2].split(",")}
have = {" ".join(filter(None, (i["noun"], i.get("verb")))): i["options"]
        for i in json.load(open(sys.argv[3]))["items"]}
every = {"data", "json", "lang", "help"} # of every command
named, tasks = set(), {}
for number, text in re.findall(r"^\*(\d+)\. .*?\*\n(.*?)(?=^[*#])", page, re.M | re.S):
    tasks[int(number)] = lines = re.findall(r"^\t?(trisd? .*?)(?:\+\+)?$", text, re.M)
    assert lines, f"task {number} has no command"
    for line in lines:
        if line.startswith("trisd "):
            continue
        words = [w for w in line.split()[1:] if not w.startswith("-") and not w.startswith("_")]
        name = " ".join(words[:2])
        name = name if name in have or name in pending else words[0]
        named.add(name)
        unknown = set(re.findall(r" --([a-z-]+)", line)) - set(have.get(name, [])) - every
        assert not unknown or name in pending, f"{line}: no option {unknown}"
assert sorted(tasks) == list(range(1, 26)), sorted(tasks)
assert len(named) > 30, named
for number, words in {7: "peer invite,init --join,member candidates,member endorse", 8: "member revoke",
                      9: "key rotate,key restore,member endorse,peer invite --house,member revoke",
                      19: "house edit --address,peer ping"}.items():
    for command in words.split(","):
        assert any(line.startswith(f"tris {command}") for line in tasks[number]), f"{number}: {command}"
missing = named - have.keys() - pending
assert not missing, missing
PY
    [ "$status" -eq 0 ] || die "$output"
}

@test "1 make keys; a key that others may read is refused with its name" {
    tris_at fresh init --region 11000 --name "Haus Fresh" --found "Fresh" >/dev/null
    chmod 644 "$(key_file fresh)"
    run_code 13 timeout 20 "$TRISD" --listen "127.0.0.1:$(free_port)" --data "$(node_dir fresh)"
    [[ $output == *identity.key* ]]
    run_code 0 tris_at fresh init --region 11000 --name "Haus Fresh" --found "Fresh" || run_code 13 tris_at fresh key show
}

@test "2 show the own fingerprint" {
    run_code 0 tris_at koeln key show
    gives tris.key.show.1 0 key show
}

@test "3 add a peer; one that answers with another key is named" {
    gives tris.peer.add.1 0 peer add "$(house_id leipzig)" "127.0.0.1:$(node_port leipzig)"
    run_code 2 tris_at koeln peer add leipzig nowhere
    gives tris.peer.add.1 0 peer add "$(house_id rostock)" "127.0.0.1:$(node_port leipzig)" # not rostock
    tris_at rostock peer pause koeln # or it comes by itself
    tris_at koeln sync now rostock
    names_it() {
        run tris_at koeln why rostock --json
        [[ $(json 'd["step"] in ("fault", "unreachable", "refused")' <<<"$output") == true ]]
    }
    wait_for 20 names_it
    [ "$(json 'd["addresses"][0]["address"]' <<<"$output")" = "127.0.0.1:$(node_port leipzig)" ]
    tris_at koeln peer remove -y rostock
    tris_at rostock peer resume koeln
    tris_at koeln sync now rostock
    wait_for 90 peers_connected 2
}

@test "4 list peers" {
    gives tris.peer.list.1 0 peer list
    [ "$(json 'all(k in p for p in d["items"] for k in ("state", "last_heard_ms", "behind", "ahead", "rtt_ms", "version", "features"))' <<<"$output")" = true ]
    gives tris.peer.show.1 0 peer show leipzig
}

@test "5 stop, start and limit the exchange with one peer" {
    gives tris.peer.limits.1 0 peer limits leipzig --rate 1M --hours 0-24
    gives tris.peer.pause.1 0 peer pause leipzig
    gives tris.peer.resume.1 0 peer resume leipzig
    gives tris.peer.limits.1 0 peer limits leipzig --rate 0
    [ "$(json 'd["limits"]' <<<"$output")" = '{"rate": 0, "hours": "", "paused": false}' ]
    tris_at leipzig sync now koeln
    tris_at koeln sync now leipzig
    wait_for 90 peers_connected 2
}

@test "5 forget an address, ask for news" {
    gives tris.peer.add.1 0 peer add "$(house_id leipzig)" "127.0.0.1:$(node_port leipzig)"
    run_code 5 tris_at koeln peer remove leipzig </dev/null
    gives tris.peer.remove.1 0 peer remove -y leipzig
    [ "$(json 'd["removed"]' <<<"$output")" = true ]
    gives tris.peer.remove.1 0 peer remove -y leipzig
    [ "$(json 'd["removed"]' <<<"$output")" = false ]
    run_code 4 tris_at koeln peer remove -y nobody
    gives tris.sync.now.1 0 sync now
    gives tris.sync.now.1 0 sync now leipzig
    wait_for 90 peers_connected 2
}

@test "6 why a house does not get an entry" {
    gives tris.why.1 0 why leipzig
    gives tris.sync.status.1 0 sync status
    gives tris.log.show.1 0 log show koeln 0
    run_code 4 tris_at koeln log show koeln 1000000
}

@test "7 admit a new house" {
    run_code 0 tris_at koeln member candidates --json
}

@test "8 expel a house" {
    run_code 4 tris_at koeln member revoke nobody -y
}

@test "9 replace the own keys, and keep them" {
    printf 'long and dull words\n' >"$WORLD/passphrase"
    chmod 600 "$WORLD/passphrase"
    TRIS_PASSPHRASE_FILE=$WORLD/passphrase run_code 0 tris_at koeln key backup -o "$WORLD/keys.saved"
    run_code 2 tris_at koeln key rotate nonsense nonsense nonsense
}

@test "10 a log with two histories: none here" {
    gives tris.log.forks.1 0 log forks
    [ "$(json 'd["items"]' <<<"$output")" = '[]' ]
    run_code 4 tris_at koeln log forks leipzig
}

@test "11 check the own store, with and without the daemon" {
    gives tris.audit.1 0 audit
    run tris_at koeln doctor --json
    [[ $status == 0 || $status == 3 ]]
    [ "$(json 'd["schema"]' <<<"$output")" = tris.doctor.1 ]
    [ "$(json 'all(i["next"] for i in d["items"])' <<<"$output")" = true ]
    node_stop koeln
    gives tris.audit.1 0 audit --offline
    node_start koeln
}

@test "12 the entries of a house from one on" {
    gives tris.log.tail.1 0 log tail leipzig --topic gov --from 0 --count 1
    [ "$(json 'd["items"][0]["seq"]' <<<"$output")" = 0 ]
    run_code 0 tris_at koeln log tail koeln --from 0
}

@test "13 sync anew from nothing" {
    printf 'long and dull words\n' >"$WORLD/passphrase"
    chmod 600 "$WORLD/passphrase"
    TRIS_PASSPHRASE_FILE=$WORLD/passphrase tris_at rostock key backup -o "$WORLD/rostock.keys"
    node_stop rostock
    rm -r "$(node_dir rostock)/store"
    run_code 14 tris_at rostock doctor # the mark says that there was one
    [[ $output == *"tris backup restore"* ]]
    # the disk is lost altogether: keys and charter are enough
    rm -r "$(node_dir rostock)"
    TRIS_PASSPHRASE_FILE=$WORLD/passphrase tris_at rostock key restore "$WORLD/rostock.keys"
    run_code 0 tris_at rostock init --charter "$WORLD/charter.txt" \
        --region 13003 --name "Haus rostock" --address "127.0.0.1:$(node_port rostock)"
    node_start rostock
    wait_equal 90 koeln leipzig rostock
    run_code 0 tris_at rostock sync status --wait 30s
}

@test "14 watch" {
    gives tris.status.1 0 status
    run timeout -s INT 3 "$TRIS" --data "$(node_dir koeln)" status --watch --json
    [ "$(head -n 1 <<<"$output" | json 'd["schema"]')" = tris.status.1 ]
}

@test "15 and 16 back up while running, try the backup, go on elsewhere" {
    run_code 0 tris_at koeln backup create "$WORLD/saved"
    run_code 0 tris_at koeln backup verify "$WORLD/saved"
    run_code 0 "$TRIS" --data "$WORLD/elsewhere" backup restore "$WORLD/saved"
    gives tris.config.show.1 0 config show
    [ "$(json 'any(i["key"] == "store.map_bytes" for i in d["items"])' <<<"$output")" = true ]
}

@test "17 and 18 versions here and of peers" {
    gives tris.version.1 0 version
    gives tris.peer.list.1 0 peer list
    [ "$(json 'all(p["version"] == 1 for p in d["items"] if p["state"] == "open")' <<<"$output")" = true ]
    run_code 0 "$TRISD" --check --config "$(node_dir koeln).conf" --data "$(node_dir koeln)"
}

@test "19 reachability from both sides" {
    wait_for 60 peers_connected 1
    run_code 0 tris_at koeln peer ping leipzig --json
    [[ $(json 'd["dialled_by"]' <<<"$output") == us || $(json 'd["dialled_by"]' <<<"$output") == them ]]
    run_code 0 tris_at leipzig peer ping koeln
    run_code 4 tris_at koeln peer ping nobody
    run_code 21 tris_at koeln peer ping koeln
}

@test "20 see and check limits" {
    gives tris.config.show.1 0 config show --origin
    [ "$(json 'all(i["origin"] for i in d["items"])' <<<"$output")" = true ]
    run_code 0 tris_at koeln config check "$(node_dir koeln).conf"
}

@test "21 erase" {
    needs erase
    run_code 4 tris_at koeln erase koeln-999999 -y
}

@test "22 raise the log level of the running daemon" {
    gives tris.log.level.1 0 log level
    [ "$(json 'd["level"]' <<<"$output")" = info ]
    gives tris.log.level.1 0 log level debug
    [ "$(tris_at koeln log level)" = debug ]
    run_code 2 tris_at koeln log level loud
    run_code 2 tris_at koeln -n log level info
    tris_at koeln log level info
}

@test "23 several houses on one machine" {
    gives tris.config.path.1 0 config path
    [ "$(json 'd["data"]' <<<"$output")" = "$(node_dir koeln)" ]
    [ "$(tris_at leipzig status --json | json 'd["house"]["slug"]')" = leipzig ]
}

@test "24 all of it in scripts" {
    gives tris.help.1 0 help
    run_code 2 tris_at koeln peer lsit
    [[ $output == *"peer list"* ]]
    run_code 11 tris_at fresh peer list
    run_code 0 tris_at koeln report -o "$WORLD/task.json"
    [ "$(json 'd["schema"]' <"$WORLD/task.json")" = tris.report.1 ]
}

@test "25 compare two nodes" {
    wait_equal 60 koeln leipzig rostock
    gives tris.sync.compare.1 0 sync compare leipzig
    gives tris.sync.compare.1 0 sync compare leipzig --all
    [ "$(json 'all(len(i["root"]) == 64 for i in d["items"]) and len(d["items"]) == 6' <<<"$output")" = true ]
    run_code 0 tris_at koeln sync status --wait 30s
}

@test "every text of the commands has its German" {
    command -v xgettext >/dev/null || skip "no xgettext"
    (cd "$ROOT" && xgettext -k_ -kN_ --from-code=UTF-8 -o "$WORLD/all.pot" tools/*.c 2>/dev/null)
    msgcat --use-first "$ROOT"/tools/po/de*.po -o "$WORLD/have.po"
    run_code 0 msgcmp -N "$WORLD/have.po" "$WORLD/all.pot"
    # the sentences of the steps are the daemon's
    sed -n '/^static const struct why_row rows/,/^};/p' "$ROOT/daemon/why.c" >"$WORLD/rows"
    "$PYTHON" - "$WORLD/rows" "$WORLD/have.po" <<'PY'
import re, sys
rows, have = open(sys.argv[1]).read(), re.sub(r'"\n"', "", open(sys.argv[2]).read())
texts = [t for t in re.findall(r'"((?:[^"\\]|\\.)*)"', rows) if " " in t and not t.startswith("tris ")]
assert len(texts) >= 18, texts
missing = [t for t in texts if f'msgid "{t}"' not in have]
assert not missing, missing
PY
}
