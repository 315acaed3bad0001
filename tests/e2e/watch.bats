#!/usr/bin/env bats
# tris watch: the feed as lines of JSON, live, resumable, and at no cost while nobody reads.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    tris_at koeln init --found "Allein"
    node_start koeln
    local n
    { echo "name;sector;legal_form;region;status"; for n in {1..900}; do
        echo "Verein $n;Z;ev;05315;active"; done; } >"$WORLD/many.csv"
    tris_at koeln import -y --listed "$WORLD/many.csv"
}

teardown_file() { world_end; }

add() { tris_at koeln partner add --name "$1" --sector Z --legal-form ev --region 05315; }

@test "watch --once gives every entry once, in order, with the fields of its record" {
    tris_at koeln watch --once >"$WORLD/all"
    "$PYTHON" - "$WORLD/all" <<'PY'
import json, sys
items = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
assert [i["arrival"] for i in items] == list(range(1, len(items) + 1))
partners = [i for i in items if i["kind"] == "partner"]
assert len(partners) == 900
assert {i["fields"]["name"] for i in partners} == {"Verein %d" % n for n in range(1, 901)}
assert all(i["verb"] == "put" and i["effect"] == "ok" and i["record"] for i in partners)
PY
}

@test "any arrival number resumes without gap and repetition, also of one kind" {
    tris_at koeln watch --once >"$WORLD/all"
    head -n 333 "$WORLD/all" >"$WORLD/joined"
    tris_at koeln watch --once --after 333 >>"$WORLD/joined"
    cmp "$WORLD/all" "$WORLD/joined"
    [ "$(tris_at koeln watch partner --once | wc -l)" -eq 900 ]
    tris_at koeln watch house --once >"$WORLD/houses"
    not grep -q '"kind":"partner"' "$WORLD/houses"
    [ -z "$(tris_at koeln watch --once --after now)" ]
    run_code 2 tris_at koeln watch --once --after 99999999
    [[ $output == *"another one"* ]]
    run_code 2 tris_at koeln watch nothing
}

@test "a change is seen at once, and Ctrl-C ends between two lines" {
    "$PYTHON" - "$TRIS" "$(node_dir koeln)" <<'PY'
import json, select, signal, subprocess, sys, time
tris, data = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)
watch = subprocess.Popen([tris, "--data", data, "watch", "partner", "--after", "now"],
                         stdout=subprocess.PIPE)
time.sleep(0.5)
for n in range(3):
    subprocess.run([tris, "--data", data, "partner", "add", "--name", "Neu %d" % n, "--sector",
                    "Z", "--legal-form", "ev", "--region", "05315"], check=True)
    assert select.select([watch.stdout], [], [], 5)[0], "nothing came"
    item = json.loads(watch.stdout.readline())
    assert item["fields"]["name"] == "Neu %d" % n, item
    assert item["topic"] == "local"
watch.send_signal(signal.SIGINT)
assert watch.wait(5) in (-signal.SIGINT, 130)
assert watch.stdout.read() == b""
PY
}

@test "lines are whole when Ctrl-C comes in the middle of a long stream" {
    "$PYTHON" - "$TRIS" "$(node_dir koeln)" <<'PY'
import json, signal, subprocess, sys, time
tris, data = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)
for pause in (0.002, 0.005, 0.01, 0.02, 0.05):
    watch = subprocess.Popen([tris, "--data", data, "watch"], stdout=subprocess.PIPE)
    time.sleep(pause)
    watch.send_signal(signal.SIGINT)
    out = watch.communicate(timeout=5)[0]
    assert out == b"" or out.endswith(b"\n")
    last = 0
    for line in out.splitlines():
        item = json.loads(line)
        assert item["arrival"] == last + 1
        last += 1
PY
}

@test "a watcher that does not read does not let the daemon grow" {
    local pid before after n
    pid=$(node_pid koeln)
    tris_at koeln watch --once >/dev/null
    before=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
    mkfifo "$WORLD/fifo"
    for n in 1 2 3 4; do
        "$TRIS" --data "$(node_dir koeln)" watch 3>&- >"$WORLD/fifo" &
        printf '%s' "$!" >"$WORLD/pid/watch$n"
    done
    # shellcheck disable=SC2217 # it holds the pipe open and reads nothing
    sleep 60 <"$WORLD/fifo" 3>&- &
    printf '%s' "$!" >"$WORLD/pid/sleep"
    sed 's/^Verein/Andere/' "$WORLD/many.csv" >"$WORLD/more.csv"
    tris_at koeln import -y "$WORLD/more.csv"
    sleep 0.5
    after=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
    echo "anonymous memory before $before KiB, after $after KiB"
    [ $((after - before)) -lt 8192 ]
    for n in watch1 watch2 watch3 watch4 sleep; do
        kill "$(<"$WORLD/pid/$n")" || true
        rm "$WORLD/pid/$n"
    done
    add "Danach" # the daemon goes on
}

@test "more watchers than there is room for are refused, the others wait on; a stop answers all" {
    "$PYTHON" - "$(node_dir koeln)/trisd.sock" "$(node_pid koeln)" <<'PY'
import os, signal, socket, struct, sys
def pack(v):
    if isinstance(v, str): b = v.encode(); return bytes([0xa0 | len(b)]) + b
    if isinstance(v, list): return bytes([0x90 | len(v)]) + b"".join(map(pack, v))
    if isinstance(v, dict): return bytes([0x80 | len(v)]) + b"".join(pack(k) + pack(x) for k, x in v.items())
    if v < 128: return bytes([v])
    return (b"\xcc" + bytes([v])) if v < 256 else b"\xcd" + struct.pack(">H", v)
socks = []
for n in range(5):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    for i in range(60):
        s.sendall(pack([0, i, "feed.next", [{"wait_ms": 50000}]]))
    socks.append(s)
socks[4].settimeout(5)
assert b"not_ready" in socks[4].recv(65536)
socks[0].settimeout(0.3)
try:
    socks[0].recv(65536)
    sys.exit("answered too early")
except TimeoutError:
    pass
os.kill(int(sys.argv[2]), signal.SIGTERM)
for s in socks:
    s.settimeout(10)
    data = b""
    while chunk := s.recv(65536):
        data += chunk
    assert b"stopping" in data
PY
    wait_for 10 not kill -0 "$(node_pid koeln)"
    rm "$WORLD/pid/koeln"
    node_start koeln
}
