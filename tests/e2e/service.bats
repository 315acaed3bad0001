#!/usr/bin/env bats
# The daemon as a service: readiness and watchdog datagrams, log lines, signals, control socket.

load lib

setup() {
    world_new
    tris_at koeln init --region 05315 --name "Haus Köln" --found "Service" >/dev/null
    printf 'listen = 127.0.0.1:%s\n' "$(free_port)" >"$(node_dir koeln).conf"
}

teardown() { world_end; }

control() { # hex of the bytes to send; prints the hex of the answer
    "$PYTHON" - "$(node_dir koeln)/trisd.sock" "$1" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(sys.argv[1])
s.sendall(bytes.fromhex(sys.argv[2]))
try:
    print(s.recv(65536).hex())
except (TimeoutError, ConnectionResetError):
    print("nothing")
PY
}

@test "READY=1 after the start, WATCHDOG=1 while it runs, STOPPING=1 at the end" {
    "$PYTHON" - "$WORLD/notify" >"$WORLD/notified" 3>&- <<'PY' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(20)
try:
    while True:
        print(s.recv(4096).decode().replace("\n", " "), flush=True)
except TimeoutError:
    pass
PY
    printf '%s' "$!" >"$WORLD/pid/listener"
    wait_for 5 test -S "$WORLD/notify"
    export NOTIFY_SOCKET=$WORLD/notify WATCHDOG_USEC=1000000
    node_start koeln
    wait_for 5 grep -q READY=1 "$WORLD/notified"
    wait_for 5 grep -q WATCHDOG=1 "$WORLD/notified"
    node_stop koeln
    wait_for 5 grep -q STOPPING=1 "$WORLD/notified"
}

@test "the control socket is this user's alone, unless a group is named" {
    local socket
    socket=$(node_dir koeln)/trisd.sock
    node_start koeln
    [ "$(stat -c %a "$socket")" = 600 ]
    node_stop koeln
    node_start koeln --socket-group "$(id -gn)"
    [ "$(stat -c '%a %G' "$socket")" = "660 $(id -gn)" ]
    node_stop koeln
}

@test "the unit starts the daemon with options that it understands, and needs no configuration" {
    local words
    read -ra words < <(sed -n 's|^ExecStart=@BINDIR@/trisd ||p' "$ROOT/tools/systemd/trisd.service")
    [ "${#words[@]}" -ge 6 ]
    words=("${words[@]/\/var\/lib\/tris/$(node_dir koeln)}")
    words=("${words[@]/\/run\/tris/$WORLD}")
    words=("${words[@]/%tris/$(id -gn)}") # the group, the last word
    run_code 0 "$TRISD" "${words[@]}" --check
}

@test "TERM and INT end it with exit 0, HUP does not end it" {
    node_start koeln
    kill -HUP "$(node_pid koeln)"
    sleep 0.2
    tris_at koeln status >/dev/null
    node_stop koeln
    node_start koeln
    kill -INT "$(node_pid koeln)"
    wait_for 10 not kill -0 "$(node_pid koeln)"
    wait "$(node_pid koeln)" || return 1
}

@test "HUP: what can change does, what cannot is named, a broken file changes nothing" {
    node_start koeln
    conf_add koeln $'socket = /nowhere/trisd.sock\n[log]\nlevel = debug'
    kill -HUP "$(node_pid koeln)"
    wait_for 5 grep -q 'reloaded' "$(node_dir koeln).log"
    grep 'reload_waits' "$(node_dir koeln).log" | grep -q 'option=socket'
    conf_add koeln 'nonsense = 1'
    kill -HUP "$(node_pid koeln)"
    wait_for 5 grep -q 'reload_failed' "$(node_dir koeln).log"
    tris_at koeln status >/dev/null
    node_stop koeln
}

@test "HUP takes over what a running daemon can, and names what needs a new start" {
    local conf log
    conf=$(node_dir koeln).conf log=$(node_dir koeln).log
    node_start koeln
    printf '[log]\nlevel = debug\n[sync]\nheartbeat_ms = 700\n[store]\nmap_bytes = 1073741824\n' >>"$conf"
    kill -HUP "$(node_pid koeln)"
    wait_for 5 grep -q reloaded "$log"
    grep reload_waits "$log" | grep -q store.map_bytes
    [ "$(grep -c reload_waits "$log")" -eq 1 ]
    tris_at koeln config show --json >"$WORLD/config"
    grep -qE '"value": "?700"?' "$WORLD/config"
    not grep -q 1073741824 "$WORLD/config"
    node_stop koeln
}

@test "log lines are JSON on request, and have priorities under journald" {
    node_start koeln --log-json
    node_stop koeln
    "$PYTHON" -c '
import json, sys
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
assert lines
for line in lines:
    json.loads(line)' "$(node_dir koeln).log"
    rm "$(node_dir koeln).log"
    # the number that systemd gives: device and inode of the stream
    : >"$(node_dir koeln).log"
    JOURNAL_STREAM=$(stat -c %d:%i "$(node_dir koeln).log")
    export JOURNAL_STREAM
    node_start koeln
    node_stop koeln
    grep -qE '^<[3-7]>' "$(node_dir koeln).log"
}

@test "any msgpack-RPC client may ask: [0, 7, \"status\", [{}]]" {
    node_start koeln
    run control 940007a67374617475739180
    [ "$status" -eq 0 ]
    [[ $output == 940107c0* ]]
}

@test "garbage on the control socket ends that connection only" {
    node_start koeln
    control c1c1c1c1 >/dev/null
    control ffffffffffffffffffff >/dev/null
    control dfffffffff >/dev/null
    control 940001a67374617475 >/dev/null
    run control 940007a67374617475739180
    [[ $output == 940107c0* ]]
}

@test "an unknown method and an unknown parameter are refused with an error map" {
    node_start koeln
    run control 940001a46e6f70659180
    [[ $output == 940101* && $output != 940101c0* ]]
    run control 940002a67374617475739181a3666f6fc3
    [[ $output == 940102* && $output != 940102c0* ]]
}

@test "the control socket and the keys belong to the owner alone" {
    node_start koeln
    [ "$(stat -c %a "$(node_dir koeln)/trisd.sock")" = 600 ]
    [ "$(stat -c %a "$(node_dir koeln)")" = 700 ]
}

@test "a stale socket file of a killed daemon does not keep the next one from starting" {
    node_start koeln
    node_kill koeln
    [ -S "$(node_dir koeln)/trisd.sock" ]
    node_start koeln
    tris_at koeln status >/dev/null
}

@test "--check says ok without starting anything" {
    run_code 0 "$TRISD" --config "$(node_dir koeln).conf" --data "$(node_dir koeln)" --check
    [ ! -S "$(node_dir koeln)/trisd.sock" ]
}
