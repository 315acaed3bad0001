#!/usr/bin/env bats
# A member with valid keys that behaves badly towards leipzig: each attack ends with a reason, leaves
# nothing behind, and koeln and leipzig go on as if it were not there.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    node_new leipzig 14713
    node_new rostock 13003 --no-address # only its keys are used
    conf_add koeln $'[sync]\nheartbeat_ms = 1000'
    conf_add leipzig $'[sync]\nheartbeat_ms = 1000'
    federation_found "Hostile" 2 3 koeln leipzig rostock
    node_start koeln
    node_start leipzig
    wait_for 20 connected koeln 1
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out "$WORLD/fed" --ags 05315 --partners 4000 \
        --agreements 0 --listings 0 --consultations 0 --checks 0 2>/dev/null
    without_column scope <"$WORLD/fed/05315/partners.csv" >"$WORLD/partners.csv"
    tris_at koeln import "$WORLD/partners.csv" --listed -y
    wait_equal 60 koeln leipzig
}

teardown_file() { world_end; }

hostile() { # mode, [seconds]: what came of it
    timeout 60 "$BUILD/e2e_hostile" "$1" "$(node_port leipzig)" "$WORLD/charter.txt" \
        "$(node_dir rostock)" leipzig "${2:-2}"
}
ends_with() { # mode, what came of it
    local came
    came=$(hostile "$1")
    [[ $came == "$1 $2" ]] || die "came: $came"
}
fresh() { # offences of former tests are forgotten
    node_stop leipzig
    node_start leipzig
    tris_at koeln sync now
    wait_for 20 connected koeln 1
}
still_works() { # a word that is new
    local before
    before=$(national_partners leipzig)
    tris_at koeln partner add --listed --name "After $1 e. V." --sector Z --legal-form ev \
        --region 05315
    wait_for 20 has_national leipzig $((before + 1))
    kill -0 "$(node_pid leipzig)"
}
anonymous_kib() { awk '/^RssAnon/ {print $2}' "/proc/$(node_pid leipzig)/status"; }
log_lines() { grep -cE "$1" "$(node_dir leipzig).log" || true; }

@test "handshakes with its own id, for another federation, reflected: not a byte of answer" {
    local mode
    for mode in own-key other-federation reflect; do ends_with "$mode" silent; done
    still_works handshakes
}

@test "a recorded first message opens no session" {
    local before
    before=$(log_lines peer_open)
    hostile replay
    [ "$(log_lines peer_open)" = "$before" ]
}

@test "junk, a wrong root, a wrong signature: closed, and told why" {
    fresh
    ends_with junk "bye 14"
    ends_with bad-root "bye 22"
    ends_with bad-signature "bye 20"
    [ "$(hostile junk)" = "junk bye 4" ] # after three faults it waits outside
    still_works junk
}

@test "faults count also of a house that has opened another session meanwhile" {
    fresh
    ends_with junk-beside "bye 4"
    still_works "junk beside"
}

@test "a header and a payload over the limit, entries without end: closed, and told why" {
    fresh
    ends_with long-header "bye 17"
    ends_with long-payload "bye 17"
    ends_with endless-entries "bye 17"
    still_works limits
}

@test "who listens late still hears the goodbye: what it sent meanwhile does not reset the connection" {
    fresh
    ends_with deaf-entries "bye 17"
    fresh
    ends_with deaf-entries "bye 17"
    still_works deaf
}

@test "a flood of range requests is closed; a lying frontier is left alone; a run that misses its seal is closed" {
    fresh
    hostile range-flood
    hostile lie 3
    still_works lie
    ends_with signed-fork "bye 22" # nothing of its log was held: no other history, but altered
    still_works fork
    kill -0 "$(node_pid leipzig)"
}

@test "a lying frontier shows as the claim of one house, in bounded numbers, and goes with it" {
    local liar
    fresh
    claims() { { tris_at leipzig why koeln --json || true; } | json 'd["claimants"]' | grep -qx "$1"; }
    hostile lie 8 >"$WORLD/lie.out" 3>&- &
    liar=$!
    wait_for 10 claims 1
    run tris_at leipzig why koeln --json
    [ "$(json '0 < d["behind"] <= 2 << 40 and d["standing"] in ("behind", "withheld")' <<<"$output")" = true ]
    run tris_at leipzig peer list --json
    [ "$(json 'all(0 <= p["behind"] < 1 << 62 for p in d["items"])' <<<"$output")" = true ]
    run tris_at leipzig sync compare rostock --json
    [ "$status" -eq 3 ]
    wait "$liar"
    wait_for 10 claims 0
    run_code 0 tris_at leipzig why koeln
    still_works "the liar"
}

@test "claims of our own log do not fill the log" {
    local before
    fresh
    before=$(log_lines own_log_behind)
    hostile claim
    hostile claim
    [ "$(log_lines own_log_behind)" -le $((before + 1)) ]
    still_works claim
    # nor do they stop it from sealing, or make it seal before an honest house has spoken
    local state before
    state=$(tris_at leipzig status --json | json 'd["guard"]["state"]')
    [ "$state" = ready ]
    node_stop koeln
    node_stop leipzig
    guard_wait leipzig 60000
    node_start leipzig
    hostile claim # begins with holding nothing: one that counts, but not two
    state=$(tris_at leipzig status --json | json 'd["guard"]["state"]')
    [ "$state" = second ]
    node_start koeln
    sealing() { [[ $(tris_at leipzig status --json | json 'd["guard"]["state"]') == ready ]]; }
    wait_for 20 sealing
    before=$(national_partners koeln)
    tris_at leipzig partner add --listed --name "Trotz Lügen e. V." --sector Z --legal-form ev \
        --region 14713
    wait_for 20 has_national koeln $((before + 1))
    guard_wait leipzig 300
}

@test "who asks for everything and never reads costs 1.25 MiB at most" {
    [[ $BUILD != *asan* && $BUILD != *tsan* ]] || skip "a sanitizer's memory says nothing"
    local before after
    fresh
    before=$(anonymous_kib)
    hostile never-read 4 &
    sleep 3
    after=$(anonymous_kib)
    wait $!
    say "$before -> $after KiB"
    [ $((after - before)) -le 1280 ]
    still_works never-read
}

@test "session upon session: a few a minute are taken, in bounded memory and log" {
    local before memory
    fresh
    before=$(log_lines peer_)
    memory=$(anonymous_kib)
    hostile sessions 3
    say "$memory -> $(anonymous_kib) KiB, $(($(log_lines peer_) - before)) lines"
    [ $(($(log_lines peer_) - before)) -le 130 ]
    still_works sessions
}

@test "idle connections keep no member out" {
    fresh
    "$PYTHON" - "$(node_port leipzig)" "$WORLD/idle" 3>&- <<'PY' &
import collections, os, socket, sys, time
held = collections.deque(maxlen=300)  # who falls out is closed
opened, end = 0, time.time() + 20
while time.time() < end and (opened < 100 or os.path.exists(sys.argv[2])):
    held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5))
    opened += 1
    if opened == 100:
        open(sys.argv[2], "w").close()
    time.sleep(0.002)
PY
    local pid=$!
    wait_for 10 test -e "$WORLD/idle"
    ends_with junk "bye 14"
    ends_with bad-root "bye 22"
    rm "$WORLD/idle"
    wait "$pid" || true
    still_works idle
}

nine_of_rostock() {
    [[ $(tris_at leipzig partner list --house rostock --json | json 'len(d["items"])') == 9 ]]
}
no_steering() { # nothing that a terminal obeys or that hides: controls but LF, C1, bidi, invisible
    "$PYTHON" -c '
import sys, unicodedata
text = sys.stdin.buffer.read().decode()
assert "HOSTILE" in text or len(sys.argv) > 1, "not there at all"
bad = [hex(ord(c)) for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
assert not bad, bad' "$@"
}

@test "names with escapes, controls and bidi are shown escaped and kept in exports" {
    fresh
    hostile records
    wait_for 20 nine_of_rostock
    local id
    tris_at leipzig partner list --house rostock | no_steering
    for id in 0 1 2 3 4 5; do
        tris_at leipzig partner show "rostock-$id" | no_steering
        tris_at leipzig log show rostock "$id" | no_steering
    done
    tris_at leipzig log tail rostock | no_steering any
    no_steering any <"$(node_dir leipzig).log"
    # a terminal gets JSON in ASCII
    "$PYTHON" - "$TRIS" --data "$(node_dir leipzig)" partner list --house rostock --json <<'PY' |
import os, pty, sys
out = b""
def read(fd):
    global out
    out += os.read(fd, 4096)
    return b"."
real = os.dup(1)
os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
pty.spawn(sys.argv[1:], read, lambda fd: b"")
os.write(real, out.replace(b"\r\n", b"\n"))
PY
        tee "$WORLD/tty.json" | tr -d '\177' | no_steering # DEL does nothing
    json 'd["items"][0]["fields"]["name"]' <"$WORLD/tty.json" | grep -q $'\x1b'
    tris_at leipzig export partner --house rostock >"$WORLD/out.csv"
    grep -qa $'HOSTILE escape \x1b\[31mred' "$WORLD/out.csv"
    grep -qa $'\xe2\x80\xae' "$WORLD/out.csv"
    wait_equal 20 koeln leipzig
}

@test "after all of it both agree and their audits are clean" {
    wait_equal 60 koeln leipzig
    audit_clean koeln
    audit_clean leipzig
}
