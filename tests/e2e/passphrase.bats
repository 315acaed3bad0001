#!/usr/bin/env bats
# A passphrase that protects the identity key: set, changed and taken off; what opens it, what does
# not, and that neither it nor the key is ever said.

load lib

MARK=planted-word-of-a-passphrase

setup() {
    world_new
    node_new koeln 05315 --no-address
    word_file one "$MARK one"
    export TRIS_PASSPHRASE_FILE=$WORLD/one
}

teardown() { world_end; }

word_file() { # name, passphrase
    printf '%s\n' "$2" >"$WORLD/$1"
    chmod 600 "$WORLD/$1"
}

# A daemon that must not come up: its exit code, and its words in $output; no terminal to ask at.
start_fails() { # node, expected exit code
    local dir
    dir=$(node_dir "$1")
    run_code "$2" timeout -k 5 20 "$TRISD" --config "$dir.conf" --data "$dir" </dev/null
    [[ $output == *"unchanged: "* && $output == *"next: "* ]]
}

@test "a protected key founds, starts and seals with its passphrase; others exit with 13" {
    tris_at koeln key protect
    [ "$(stat -c %a "$(key_file koeln)")" = 600 ]
    grep -q '^tris-sealed-1 argon2id ' "$(key_file koeln)"
    tris_at koeln init --found Alone
    local before
    before=$(cksum <"$(key_file koeln)")

    word_file two "$MARK two"
    TRIS_PASSPHRASE_FILE=$WORLD/two start_fails koeln 13
    TRIS_PASSPHRASE_FILE=$WORLD/none start_fails koeln 13
    TRIS_PASSPHRASE_FILE='' start_fails koeln 13
    [[ $output == *"nobody gives it"* ]]
    chmod 644 "$WORLD/one"
    start_fails koeln 13
    [[ $output == *"chmod 600 $WORLD/one"* ]]
    chmod 600 "$WORLD/one"
    [ "$before" = "$(cksum <"$(key_file koeln)")" ]

    node_start koeln
    tris_at koeln partner add --listed --name Tafel --sector Z --legal-form ev --region 05315
    wait_for 10 sealed_all koeln
    node_stop koeln
    # as systemd gives it
    mkdir "$WORLD/credentials"
    cp "$WORLD/one" "$WORLD/credentials/tris-passphrase"
    chmod 400 "$WORLD/credentials/tris-passphrase"
    TRIS_PASSPHRASE_FILE='' CREDENTIALS_DIRECTORY=$WORLD/credentials node_start koeln
    node_stop koeln
}

sealed_all() { [[ $(tris_at "$1" status --json | json 'd["guard"]["unsealed"]') == 0 ]]; }

@test "neither passphrase nor key stands in log, report, status or error" {
    local seed
    seed=$(cut -d ' ' -f 2 "$(key_file koeln)")
    tris_at koeln key protect >"$WORLD/said" 2>&1
    tris_at koeln init --found Alone >>"$WORLD/said" 2>&1
    word_file two "$MARK two"
    TRIS_PASSPHRASE_FILE=$WORLD/two start_fails koeln 13
    printf '%s\n' "$output" >>"$WORLD/said"
    TRIS_LOG=debug node_start koeln
    tris_at koeln partner add --listed --name Tafel --sector Z --legal-form ev --region 05315
    wait_for 10 sealed_all koeln
    tris_at koeln report -o "$WORLD/bundle"
    tris_at koeln status --json >>"$WORLD/said"
    tris_at koeln key show >>"$WORLD/said"
    run tris_at koeln doctor
    [[ $output == *"a passphrase protects the identity key"* ]]
    printf '%s\n' "$output" >>"$WORLD/said"
    # nor in the memory of its arguments
    tr '\0' '\n' <"/proc/$(node_pid koeln)/cmdline" >>"$WORLD/said"
    node_stop koeln
    [ -s "$(node_dir koeln).log" ] && [ -s "$WORLD/bundle" ]
    not grep -aFe "$MARK" "$WORLD/said" "$WORLD/bundle" "$(node_dir koeln).log"
    not grep -raFe "$MARK" "$(node_dir koeln)"
    not grep -raFe "$seed" "$WORLD/said" "$WORLD/bundle" "$(node_dir koeln).log" "$(node_dir koeln)"
    # the search itself finds what is there
    grep -aqFe "$MARK" "$WORLD/one"
}

@test "the passphrase is changed with the old one and taken off with it; a wrong one changes nothing" {
    tris_at koeln key protect
    word_file two "$MARK two"
    word_file short short
    cp "$(key_file koeln)" "$WORLD/before"
    TRIS_PASSPHRASE_FILE=$WORLD/two run_code 13 tris_at koeln key protect --new "$WORLD/one"
    run_code 13 tris_at koeln key protect --new "$WORLD/short"
    chmod 640 "$WORLD/two"
    run_code 13 tris_at koeln key protect --new "$WORLD/two"
    chmod 600 "$WORLD/two"
    TRIS_PASSPHRASE_FILE=$WORLD/two run_code 13 tris_at koeln key protect --remove -y
    run_code 5 tris_at koeln key protect --remove </dev/null
    run_code 2 tris_at koeln key protect --remove --new "$WORLD/two"
    run_code 0 tris_at koeln key protect -n --new "$WORLD/two"
    cmp "$WORLD/before" "$(key_file koeln)"

    tris_at koeln key protect --new "$WORLD/two"
    run_code 13 tris_at koeln key backup -o "$WORLD/keys"
    export TRIS_PASSPHRASE_FILE=$WORLD/two
    tris_at koeln key backup -o "$WORLD/keys"
    tris_at koeln key protect --remove -y
    grep -q '^tris-identity-1 ' "$(key_file koeln)"
    # the backup of a protected key holds the key itself
    tris_at twin key restore "$WORLD/keys"
    cmp "$(key_file koeln)" "$(key_file twin)"
}

# A program on a terminal of its own, which is given one line at each prompt; what it said, then its
# exit code.
on_terminal() { # lines (separated by |), command...
    "$PYTHON" - "$@" <<'PY'
import os, pty, select, sys
lines = [l.encode() for l in sys.argv[1].split("|")]
pid, fd = pty.fork()
if pid == 0:
    os.environ.pop("TRIS_PASSPHRASE_FILE", None)
    os.execv(sys.argv[2], sys.argv[2:])
said = b""
while select.select([fd], [], [], 20)[0]:
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    if not got:
        break
    said += got
    if said.endswith(b": ") and lines:
        line = lines.pop(0)
        os.write(fd, line if line == b"\x03" else line + b"\n")
print(said.decode(errors="replace"))
print("exit", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}

@test "on a terminal it is asked for, unseen; Ctrl-C gives none" {
    tris_at koeln init --found Alone
    run on_terminal "$MARK|$MARK but another" "$TRIS" --data "$(node_dir koeln)" key protect
    [[ $output == *"the two passphrases differ"*"exit 13"* && $output != *"$MARK"* ]]
    grep -q '^tris-identity-1 ' "$(key_file koeln)"
    run on_terminal "$MARK|$MARK" "$TRIS" --data "$(node_dir koeln)" key protect
    [[ $output == *"exit 0"* && $output != *"$MARK"* ]]
    grep -q '^tris-sealed-1 ' "$(key_file koeln)"
    local check=("$TRISD" --check --config "$(node_dir koeln).conf" --data "$(node_dir koeln)")
    run on_terminal "$MARK" "${check[@]}"
    [[ $output == *"are good"*"exit 0"* && $output != *"$MARK"* ]]
    run on_terminal "$MARK but another" "${check[@]}"
    [[ $output == *"does not open"*"exit 13"* && $output != *"$MARK"* ]]
    run on_terminal $'\x03' "${check[@]}"
    [[ $output == *"no passphrase was given"*"exit 13"* ]]
}

@test "a charter is signed with a protected key, and without its passphrase it is not" {
    node_new leipzig 14713 --no-address
    tris_at koeln key protect
    tris_at koeln charter new Fed --house "$(house_line koeln)" --house "$(house_line leipzig)" \
        --admit 1 --revoke 2 -o "$WORLD/charter"
    cp "$WORLD/charter" "$WORLD/before"
    word_file two "$MARK two"
    TRIS_PASSPHRASE_FILE=$WORLD/two run_code 13 tris_at koeln charter sign "$WORLD/charter"
    cmp "$WORLD/before" "$WORLD/charter"
    tris_at koeln charter sign "$WORLD/charter"
    tris_at leipzig charter sign "$WORLD/charter"
    tris_at koeln init --charter "$WORLD/charter"
}

@test "a new key is protected as the old one, and the daemon takes it without asking again" {
    local node
    for node in essen leipzig; do
        node_new "$node" "$([[ $node == essen ]] && echo 05113 || echo 14713)"
    done
    tris_at essen key protect
    federation_found Fed 1 2 essen leipzig
    node_start essen
    node_start leipzig
    wait_for 20 connected essen 1
    wait_for 20 sealed_all essen
    tris_at essen key rotate -y
    grep -q '^tris-sealed-1 ' "$(node_dir essen)/next/identity.key"
    # gone for good: what the daemon needs it has in memory
    mv "$WORLD/one" "$WORLD/away"
    wait_for 20 endorsed leipzig essen
    wait_for 30 epoch_is essen 1
    sealed_all essen || wait_for 20 sealed_all essen
    not test -d "$(node_dir essen)/next"
    mv "$WORLD/away" "$WORLD/one"
    node_stop essen
    node_start essen
    node_stop essen
    node_stop leipzig
}

endorsed() { tris_at "$1" member endorse "$2" -y >/dev/null 2>&1; }
epoch_is() { grep -q " epoch=$2 " "$(node_dir "$1")/house.line" && tris_at "$1" status --json >/dev/null 2>&1; }
