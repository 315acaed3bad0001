#!/usr/bin/env bats
# Backups of a running daemon: under load, checked, put back; what a restored directory may do.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    tris_at koeln init --found "Allein"
    node_start koeln
    tris_at koeln partner add --listed --name "Tafel Deutz e. V." --sector Z --legal-form ev --region 05315
    tris_at koeln partner add --name "Nur im Haus GmbH" --sector W --legal-form gmbh --region 05315
}

teardown_file() { world_end; }

partners() { tris_at "$1" partner list --json | json 'len(d["items"])'; }

# Adds partners one by one and counts the acknowledged ones in a file, until it is removed.
write_load() {
    local n=0
    while [[ -e $WORLD/load ]]; do
        n=$((n + 1))
        tris_at koeln partner add --listed --name "Verein $n" --sector Z --legal-form ev --region 05315 \
            >/dev/null || return
        printf '%s' "$n" >"$WORLD/acknowledged.new"
        mv "$WORLD/acknowledged.new" "$WORLD/acknowledged"
    done
}

@test "a backup made while writes run holds every acknowledged write before it, and verifies" {
    local writer before after count
    : >"$WORLD/load"
    echo 0 >"$WORLD/acknowledged"
    write_load 3>&- &
    writer=$!
    sleep 0.5
    before=$(<"$WORLD/acknowledged")
    tris_at koeln backup create "$WORLD/b1"
    after=$(<"$WORLD/acknowledged")
    sleep 0.2
    rm "$WORLD/load"
    wait "$writer"
    [ "$before" -gt 0 ]
    [ "$after" -gt 0 ]
    tris_at koeln backup verify "$WORLD/b1"
    # a data directory of its own, so that the records can be counted
    tris_at back1 backup restore "$WORLD/b1"
    cp "$(key_file koeln)" "$(node_dir koeln)/transport.key" "$(node_dir back1)/"
    tris_at back1 doctor --accept-loss -y
    printf 'listen = 127.0.0.1:%s\n' "$(free_port)" >"$(node_dir back1).conf"
    node_start back1
    count=$(partners back1)
    echo "acknowledged before $before, after $after, in the backup $((count - 2))"
    [ "$count" -ge $((before + 2)) ]
    [ "$count" -le $((after + 3)) ]
    audit_clean back1
    tris_at back1 partner list --json | grep -q "Nur im Haus"
    node_stop back1
    audit_clean koeln
}

@test "many backups during an import each verify" {
    local i
    { echo "name;sector;legal_form;region;status"; for i in {1..20000}; do echo "Betrieb $i;W;gmbh;05315;active"; done; } \
        >"$WORLD/many.csv"
    tris_at koeln import -y --listed "$WORLD/many.csv" >"$WORLD/import.out" 2>&1 3>&- &
    local importer=$!
    for i in 1 2 3 4; do
        tris_at koeln backup create "$WORLD/load$i"
        tris_at koeln backup verify "$WORLD/load$i"
    done
    wait "$importer"
    tris_at koeln backup create "$WORLD/load5"
    [ "$(tris_at koeln backup verify --json "$WORLD/load5" | json 'd["entries"]')" -ge 20000 ]
}

@test "on a terminal create asks how far it is, and prints what it prints elsewhere" {
    run_code 0 "$PYTHON" - "$TRIS" "$(node_dir koeln)" "$WORLD/tty" <<'PY'
import os, pty, sys
for words in (["create", sys.argv[3]], ["verify", sys.argv[3]]):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], ["tris", "--data", sys.argv[2], "backup"] + words)
    out = b""
    while True:
        try:
            part = os.read(fd, 4096)
        except OSError:
            break
        if not part:
            break
        out += part
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, (status, out)
    assert (sys.argv[3].encode() if words[0] == "create" else b"OK") in out, out
pid, fd = pty.fork() # a refusal comes through the same way
if pid == 0:
    os.execv(sys.argv[1], ["tris", "--data", sys.argv[2], "backup", "create", "/proc/no/such"])
try:
    while os.read(fd, 4096):
        pass
except OSError:
    pass
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0
PY
}

@test "the private keys and the mark are not in it, unless the keys are asked for" {
    local secret
    secret=$(cut -d ' ' -f 2 "$(key_file koeln)")
    tris_at koeln backup create "$WORLD/b2"
    not grep -rqaF "$secret" "$WORLD/b2"
    not test -e "$WORLD/b2/mark"
    [ "$(stat -c %a "$WORLD/b2")" = 700 ]
    [ -z "$(find "$WORLD/b2" -type f -not -perm 600)" ]
    run tris_at koeln backup create --with-keys "$WORLD/b3"
    [ "$status" -eq 0 ]
    [[ $output == *"keep it as safe as the keys"* ]]
    cmp "$WORLD/b3/identity.key" "$(key_file koeln)"
}

@test "status shows the last backup, and an existing directory gets one with a name of its own" {
    mkdir "$WORLD/all"
    tris_at koeln backup create "$WORLD/all" >"$WORLD/name"
    [[ $(<"$WORLD/name") == "$WORLD"/all/koeln-2*Z ]]
    tris_at koeln backup verify "$(<"$WORLD/name")"
    [ "$(tris_at koeln status --json | json 'd["store"]["backup_path"]')" = "$(<"$WORLD/name")" ]
    tris_at koeln status | grep -q 'last backup 2'
    # relative to where the person is, not to where the daemon is
    (cd "$WORLD" && tris_at koeln backup create rel)
    test -e "$WORLD/rel/manifest"
}

@test "checksums are those of b2sum" {
    tris_at koeln backup create "$WORLD/b4"
    grep -E '^file ' "$WORLD/b4/manifest" | while read -r _ name bytes sum; do
        [ "$(stat -c %s "$WORLD/b4/$name")" = "$bytes" ]
        [ "$(b2sum -l 256 "$WORLD/b4/$name" | cut -d ' ' -f 1)" = "$sum" ]
    done
}

@test "a changed byte, a missing file and a directory that is no backup: exit 14 or 4, and no restore" {
    tris_at koeln backup create "$WORLD/b5"
    printf x | dd of="$WORLD/b5/store/data.mdb" bs=1 seek=20000 conv=notrunc status=none
    run_code 14 tris_at koeln backup verify "$WORLD/b5"
    run_code 14 tris_at back5 backup restore "$WORLD/b5"
    not test -e "$(node_dir back5)"
    rm "$WORLD/b5/charter"
    run_code 14 tris_at koeln backup verify "$WORLD/b5"
    mkdir -p "$WORLD/none"
    run_code 4 tris_at koeln backup verify "$WORLD/none"
}

@test "neither a backup nor a data directory is ever replaced: exit 5" {
    tris_at koeln backup create "$WORLD/b6"
    mkdir "$WORLD/full"
    echo kept >"$WORLD/full/file"
    run_code 5 tris_at full backup restore "$WORLD/b6"
    [ "$(<"$WORLD/full/file")" = kept ]
    run_code 5 tris_at koeln backup restore "$WORLD/b6"
    echo kept >"$WORLD/plain"
    run_code 5 tris_at koeln backup create "$WORLD/plain"
    [ "$(<"$WORLD/plain")" = kept ]
}

@test "a place that cannot be written is refused, and nothing is left behind" {
    run tris_at koeln backup create "$WORLD/not/there/backup"
    [ "$status" -ne 0 ]
    [[ $output == *"No backup was made"* ]]
    not test -e "$WORLD/not"
    [ -z "$(find "$WORLD" -name '*.partial-*')" ]
}

@test "a restored house seals nothing before the loss is accepted, and is told why" {
    tris_at koeln backup create --with-keys "$WORLD/b7"
    tris_at koeln partner add --listed --name "Danach e. V." --sector Z --legal-form ev --region 05315
    run tris_at back7 backup restore "$WORLD/b7"
    [ "$status" -eq 0 ]
    [[ $output == *"other houses may hold it"* && $output == *"--accept-loss"* ]]
    printf 'listen = 127.0.0.1:%s\n' "$(free_port)" >"$(node_dir back7).conf"
    node_start back7
    # it works, but what it writes stays unsealed
    tris_at back7 partner add --listed --name "Davor e. V." --sector Z --legal-form ev --region 05315
    [ "$(tris_at back7 status --json | json 'd["guard"]["state"]')" = accept ]
    [ "$(tris_at back7 status --json | json 'd["guard"]["unsealed"]')" -ge 1 ]
    run tris_at back7 doctor
    [[ $output == *"put back from a backup of 2"* && $output == *"--accept-loss"* ]]
    node_stop back7
    node_start back7 # and a restart does not make it forget
    [ "$(tris_at back7 status --json | json 'd["guard"]["state"]')" = accept ]
    run_code 5 tris_at back7 doctor --accept-loss </dev/null
    [ "$(tris_at back7 status --json | json 'd["guard"]["confirmed"]')" = false ]
    tris_at back7 doctor --accept-loss -y
    is_confirmed() { tris_at back7 status --json | json 'd["guard"]' | grep -q '"confirmed": true, "unsealed": 0'; }
    wait_for 10 is_confirmed
    node_stop back7
    node_start back7 # the mark speaks of this store now
    is_confirmed
    tris_at back7 doctor --accept-loss -y 2>&1 | grep -q "Nothing to accept"
    audit_clean back7
    not grep -q "Danach" <(tris_at back7 partner list --json)
    node_stop back7
}

@test "in German too, and with the next command: what is no place to restore to, what is no backup" {
    export TRIS_LANG=de
    run_code 5 tris_at koeln backup restore "$WORLD/b1"
    [[ $output == *"$(node_dir koeln): das Verzeichnis gibt es schon, und es ist nicht leer"* ]]
    [[ $output == *"Weiter: tris backup restore BACKUP --data NEW-DIRECTORY"* ]]
    mkdir -p "$WORLD/nothing"
    run_code 4 tris_at nowhere backup verify "$WORLD/nothing"
    [[ $output == *"/nothing: das ist keine Sicherung"* ]]
    run_code 0 tris_at koeln backup verify "$WORLD/b1"
}

@test "a restored directory asks for the keys of its house, not for new ones" {
    tris_at keyless backup restore "$WORLD/b1"
    run_code 10 tris_at keyless status
    [[ $output == *"Next: tris key restore FILE"* ]]
    run_code 10 "$TRISD" --data "$(node_dir keyless)"
    [[ $output == *"next: tris key restore FILE --data "* ]]
    run_code 10 tris_at nothere status
    [[ $output == *"Next: tris init --region"* ]]
}
