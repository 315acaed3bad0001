#!/usr/bin/env bats
# Hasty operators: what they break is named, with exit code and a way out, and nothing is lost.

load lib

setup_file() {
    world_new
    node_alone house
    node_start house
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out "$WORLD/fed" --ags 05315 --partners 20000 \
        --agreements 0 --listings 0 --consultations 0 --checks 0 2>/dev/null
    without_column scope <"$WORLD/fed/05315/partners.csv" >"$WORLD/partners.csv"
    tris_at house partner add --listed --name "First e. V." --sector Z --legal-form ev --region 05315
    node_stop house
}

teardown_file() { world_end; }

node_alone() { # name: a federation of one
    tris_at "$1" init --region 05315 --name "Alone $1" --found "Alone $1" >/dev/null
    free_port >"$(node_dir "$1").port"
    printf 'listen = 127.0.0.1:%s\n' "$(node_port "$1")" >"$(node_dir "$1").conf"
}
refused() { # exit code, words that the output has
    local code=$1 word
    shift
    run_code "$code" timeout 20 "$TRISD" --config "$(node_dir house).conf" --data "$(node_dir house)"
    for word in "$@"; do
        [[ $output == *"$word"* ]] || die "no \"$word\" in: $output"
    done
}

@test "a directory that everybody may write: exit 13" {
    chmod 0777 "$(node_dir house)"
    refused 13 "$(node_dir house)" "chmod 700"
    chmod 0700 "$(node_dir house)"
}

@test "a charter edited by one letter, and that of another federation" {
    local charter
    charter=$(node_dir house)/charter
    cp "$charter" "$WORLD/charter.saved"
    sed -i 's/Alone/Alome/' "$charter"
    refused 13 charter signature
    node_alone other
    cp "$(node_dir other)/charter" "$charter"
    refused 2 "another federation"
    cp "$WORLD/charter.saved" "$charter"
}

# The daemon runs, takes writes and seals none of them; its doctor names all these words.
seals_nothing() { # node, words...
    local node=$1 word
    shift
    node_start "$node" || return
    tris_at "$node" partner add --listed --name "Ungesiegelt e. V." --sector Z --legal-form ev \
        --region 05315 --force >/dev/null || return
    (($(tris_at "$node" status --json | json 'd["guard"]["unsealed"]') >= 1)) || die "it sealed" || return
    run_code 3 tris_at "$node" doctor || return
    for word in "$@"; do
        [[ $output == *"$word"* ]] || die "no \"$word\" in: $output" || return
    done
    node_stop "$node"
}

@test "a copy of the data directory seals nothing" {
    cp -a "$(node_dir house)" "$(node_dir copy)"
    printf 'listen = 127.0.0.1:%s\n' "$(free_port)" >"$(node_dir copy).conf"
    seals_nothing copy "another copy" "doctor --accept-loss"
}

@test "a mark that is gone, empty or longer: nothing is sealed, and a way out" {
    local mark
    mark=$(node_dir house)/mark
    cp "$mark" "$WORLD/mark.saved"
    rm "$mark"
    seals_nothing house mark "doctor --accept-loss"
    : >"$mark"
    seals_nothing house mark "doctor --accept-loss"
    { cat "$WORLD/mark.saved" && echo x; } >"$mark"
    seals_nothing house mark "doctor --accept-loss"
    cat "$WORLD/mark.saved" >"$mark"
    node_start house # and with its own mark it goes on
    [ "$(tris_at house status --json | json 'd["guard"]["unsealed"]')" = 0 ]
    node_stop house
}

@test "a truncated store: named by the daemon and by the audit, no crash" {
    local data size
    data=$(node_dir house)/store/data.mdb
    size=$(stat -c %s "$data")
    cp "$data" "$WORLD/data.saved"
    truncate -s $((size / 2)) "$data"
    refused 14 data.mdb
    run_code 14 tris_at house audit --offline
    [[ $output == *data.mdb* ]]
    cat "$WORLD/data.saved" >"$data"
    node_start house
    audit_clean house
    node_stop house
}

@test "a deleted lock file lets no second daemon in" {
    node_start house
    rm "$(node_dir house)/lock"
    run_code 12 timeout 20 "$TRISD" --listen "127.0.0.1:$(free_port)" --data "$(node_dir house)" \
        --socket "$WORLD/second.sock"
    node_stop house
}

@test "a socket path that is too long: said, with the way out" {
    local dir
    dir=$WORLD/$(printf 'x%.0s' {1..120})
    "$TRIS" --data "$dir" init --region 05315 --name Long --found Long >/dev/null
    run timeout 20 "$TRISD" --listen "127.0.0.1:$(free_port)" --data "$dir"
    [ "$status" -ne 0 ]
    [ "$status" -ne 124 ]
    [[ $output == *trisd.sock* && $output == *--socket* ]]
}

@test "few file descriptors: the daemon serves, does not spin, and recovers" {
    (
        ulimit -n 64
        node_start house
    )
    "$PYTHON" - "$(node_port house)" "$(node_pid house)" <<'PY'
import socket, sys, time
def ticks():
    fields = open(f"/proc/{sys.argv[2]}/stat").read().split()
    return int(fields[13]) + int(fields[14])
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) for _ in range(120)]
time.sleep(0.5)
before = ticks()
time.sleep(1)
assert ticks() - before < 20, "it spins"
PY
    tris_at house status >/dev/null
    node_stop house
}

@test "a soft limit of files is raised; a hard one that is too low is said" {
    soft() { awk '/^Max open files/ {print $4}' "/proc/$(node_pid house)/limits"; }
    said() { grep -c 'few_files allowed=64 needed=' "$(node_dir house).log" || true; }
    local before
    before=$(said)
    few() { tris_at house status --json | json 'sum("fewer files" in w for w in d["warnings"])'; }
    (
        ulimit -Sn 64
        node_start house
    )
    (($(soft) > 256))
    [ "$(few)" = 0 ]
    node_stop house
    [ "$(said)" = "$before" ]
    (
        ulimit -n 64
        node_start house
    )
    [ "$(soft)" = 64 ]
    [ "$(few)" = 1 ]
    run tris_at house status --lang de
    [[ $output == *"weniger Dateien"* ]]
    run tris_at house doctor
    [[ $output == *"fewer files"*LimitNOFILE* ]]
    node_stop house
    [ "$(said)" = $((before + 1)) ]
}

@test "a storm of TERM in an import, then the import again: every row once, audit clean" {
    local pid code=0
    node_start house
    tris_at house import "$WORLD/partners.csv" --listed -y >"$WORLD/import.out" 2>&1 3>&- &
    pid=$!
    sleep 0.2
    for _ in {1..30}; do
        kill -HUP "$(node_pid house)" 2>/dev/null || break
        kill -PIPE "$(node_pid house)" 2>/dev/null || break
    done
    for _ in {1..30}; do kill -TERM "$(node_pid house)" 2>/dev/null || break; done
    wait "$pid" || code=$?
    [[ $code == 0 || $code == 11 ]]
    wait_for 20 not kill -0 "$(node_pid house)" 2>/dev/null
    rm "$WORLD/pid/house"
    node_start house
    tris_at house import "$WORLD/partners.csv" --listed -y
    has_national house 20004
    audit_clean house
}

@test "interrupted by the keyboard: what is written is said or found again" {
    node_alone keyboard
    node_start keyboard
    "$PYTHON" - "$TRIS" --data "$(node_dir keyboard)" import "$WORLD/partners.csv" --listed -y <<'PY'
import signal, subprocess, sys, time
p = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
time.sleep(0.15)
p.send_signal(signal.SIGINT)
p.wait(20)
PY
    tris_at keyboard import "$WORLD/partners.csv" --listed -y
    has_national keyboard 20000
    audit_clean keyboard
    node_stop keyboard
}

@test "a daemon that hangs: exit 11 in time" {
    kill -STOP "$(node_pid house)"
    run_code 11 timeout 30 "$TRIS" --data "$(node_dir house)" --timeout 2s status
    kill -CONT "$(node_pid house)"
    tris_at house status >/dev/null
    node_stop house
}
