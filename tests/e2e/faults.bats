#!/usr/bin/env bats
# Faults from the wire, the disk and the operator: a clear error each, nothing lost, the others
# undisturbed.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    node_new leipzig 14713
    node_new rostock 13003
    conf_add koeln $'[peers]\ndial = configured\n[sync]\nheartbeat_ms = 1000'
    conf_add leipzig $'[sync]\nheartbeat_ms = 1000'
    conf_add rostock $'[sync]\nheartbeat_ms = 1000'
    federation_found "Faults" 2 3 koeln leipzig rostock
    local node
    for node in koeln leipzig rostock; do node_start "$node"; done
    proxy_start wire leipzig
    connect koeln leipzig wire
    wait_for 20 connected koeln 1
    wait_equal 30 koeln leipzig rostock
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out "$WORLD/fed" --ags 05315 --partners 4000 \
        --agreements 0 --listings 0 --consultations 0 --checks 0 2>/dev/null
    without_column scope <"$WORLD/fed/05315/partners.csv" >"$WORLD/partners.csv"
}

teardown_file() { world_end; }

add_listed() { # node, name, ags
    tris_at "$1" partner add --listed --name "$2" --sector Z --legal-form ev --region "$3"
}
alone_new() { # name: a federation of one, in its own folder
    tris_at "$1" init --region 05315 --name "Alone $1" --found "Alone $1" >/dev/null
    free_port >"$(node_dir "$1").port"
    printf 'listen = 127.0.0.1:%s\n' "$(node_port "$1")" >"$(node_dir "$1").conf"
}
logged() { grep -qE "$2" "$(node_dir "$1").log"; }
disturb() { # file that asks the proxy for damage: it is done once the file is gone
    touch "$WORLD/wire/$1"
    add_listed koeln "Through a bad wire $1 e. V." 05315
    wait_for 20 test ! -e "$WORLD/wire/$1"
}

@test "a flipped byte on the wire closes that session with a reason, and nothing is lost" {
    local before pid
    before=$(national_partners rostock)
    pid=$(node_pid leipzig)
    disturb flip
    wait_for 60 has_national rostock $((before + 1))
    wait_equal 60 koeln leipzig rostock
    logged koeln 'decrypt|bad_frame|DECRYPT|BAD_FRAME' || logged leipzig 'decrypt|bad_frame|DECRYPT|BAD_FRAME'
    kill -0 "$pid"
}

@test "a frame that is cut off is refused, and nothing is lost" {
    local before
    before=$(national_partners rostock)
    disturb cut
    wait_for 60 has_national rostock $((before + 1))
    wait_equal 60 koeln leipzig rostock
}

@test "twenty flips and cuts at random moments: the roots meet" {
    local i before
    before=$(national_partners rostock)
    for i in {1..10}; do
        touch "$WORLD/wire/flip"
        add_listed koeln "Flip $i e. V." 05315
        touch "$WORLD/wire/cut"
        add_listed leipzig "Cut $i e. V." 14713
    done
    rm -f "$WORLD/wire/flip" "$WORLD/wire/cut"
    wait_for 90 has_national rostock $((before + 20))
    wait_equal 90 koeln leipzig rostock
    audit_clean koeln
    audit_clean leipzig
}

@test "garbage on the peer port gets no answer and disturbs nobody" {
    run "$PYTHON" - "$(node_port leipzig)" <<'PY'
import os, socket, sys
for i in range(50):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as s:
        s.sendall(os.urandom(1 + i * 40))
        s.shutdown(socket.SHUT_WR)
        s.settimeout(20)
        try:
            answer = s.recv(1)
        except ConnectionResetError:
            answer = b""
        assert answer == b"", "an answer to garbage"
print("silent")
PY
    [ "$status" -eq 0 ]
    [ "$output" = silent ]
    wait_equal 30 koeln leipzig rostock
}

@test "a wrong key: the address of one house under the name of another is refused and said" {
    local before=$WORLD/wrongkey
    alone_new stranger
    node_start stranger
    # rostock's identity is expected where the stranger answers
    tris_at koeln peer add "$(house_id rostock)" "127.0.0.1:$(node_port stranger)"
    sleep 2
    run tris_at koeln peer list --json
    [ "$status" -eq 0 ]
    printf '%s' "$output" >"$before"
    json "[p['last_error'] for p in d['items'] if p['house'] == '$(house_id rostock)']" <"$before" | grep -q '[a-z]'
    run tris_at koeln peer ping rostock
    [ "$status" -ne 0 ]
    tris_at koeln peer remove -y "$(house_id rostock)"
    connected koeln 1
    wait_equal 30 koeln leipzig rostock
    node_stop stranger
}

@test "a house of a foreign federation is refused, and the others see nothing of it" {
    local before
    before=$(root_of leipzig)
    alone_new foreign
    node_start foreign
    add_listed foreign "Foreign partner e. V." 05315
    run tris_at foreign peer add "$(house_id leipzig)" "127.0.0.1:$(node_port leipzig)"
    if [ "$status" -eq 0 ]; then
        sleep 2
        run tris_at foreign status --json
        printf '%s' "$output" | json 'd["sync"]["connected"]' | grep -qx 0
    else
        [ -n "$output" ]
    fi
    [ "$(root_of leipzig)" = "$before" ]
    not grep -rqa "Foreign partner" "$(node_dir leipzig)"
    node_stop foreign
}

@test "a second daemon on one data directory ends with exit 12 and names the pid" {
    run_code 12 "$TRISD" --config "$(node_dir koeln).conf" --data "$(node_dir koeln)"
    [[ $output == *"$(node_pid koeln)"* ]]
    kill -0 "$(node_pid koeln)"
    add_listed koeln "After the second daemon e. V." 05315
}

@test "a data directory that is not initialised: exit 10" {
    mkdir -p "$WORLD/empty"
    run_code 10 "$TRISD" --data "$WORLD/empty" --listen "127.0.0.1:$(free_port)"
    [ -n "$output" ]
}

@test "no daemon: exit 11 and the command that starts it" {
    alone_new nobody
    run_code 11 tris_at nobody status
    [[ $output == *trisd* ]]
}

@test "a broken configuration: file and line, exit 2, for an option, a value and a long line" {
    alone_new config
    local conf=$WORLD/broken.conf
    printf 'listen = 127.0.0.1:%s\n\nnonsense = 1\n' "$(free_port)" >"$conf"
    run_code 2 "$TRISD" --config "$conf" --data "$(node_dir config)"
    [[ $output == *"$conf:3"* ]]
    printf 'listen = somewhere\n' >"$conf"
    run_code 2 "$TRISD" --config "$conf" --data "$(node_dir config)"
    [[ $output == *"$conf:1"* ]]
    printf '[store]\nmap_bytes = many\n' >"$conf"
    run_code 2 "$TRISD" --config "$conf" --data "$(node_dir config)"
    [[ $output == *"$conf:2"* ]]
    printf '# %s\n' "$(printf 'x%.0s' {1..300})" >"$conf"
    run_code 2 "$TRISD" --config "$conf" --data "$(node_dir config)"
    [[ $output == *"$conf:1"* ]]
    run_code 2 "$TRISD" --config "$conf" --data "$(node_dir config)" --check
}

@test "HUP with a broken configuration changes nothing" {
    local conf
    conf=$(node_dir rostock).conf
    cp "$conf" "$WORLD/good.conf"
    printf 'nonsense = 1\n' >>"$conf"
    kill -HUP "$(node_pid rostock)"
    sleep 0.5
    kill -0 "$(node_pid rostock)"
    tris_at rostock status >/dev/null
    cp "$WORLD/good.conf" "$conf"
    kill -HUP "$(node_pid rostock)"
    wait_equal 30 koeln leipzig rostock
}

@test "a key file that others can read: exit 13, naming the file" {
    alone_new openkey
    chmod 0644 "$(key_file openkey)"
    run_code 13 "$TRISD" --config "$(node_dir openkey).conf" --data "$(node_dir openkey)"
    [[ $output == *"$(basename "$(key_file openkey)")"* ]]
    chmod 0600 "$(key_file openkey)"
    node_start openkey
    node_stop openkey
}

@test "the key of another house: start refused" {
    alone_new keyone
    alone_new keytwo
    cp "$(key_file keyone)" "$WORLD/key.saved"
    cp "$(key_file keytwo)" "$(key_file keyone)"
    run "$TRISD" --config "$(node_dir keyone).conf" --data "$(node_dir keyone)"
    [ "$status" -ne 0 ]
    [ -n "$output" ]
    cp "$WORLD/key.saved" "$(key_file keyone)"
    node_start keyone
    node_stop keyone
}

@test "a flipped byte in the mark file: nothing is sealed, and a way out is named" {
    alone_new marked
    node_start marked
    add_listed marked "Before the damage e. V." 05315
    node_stop marked
    local mark
    mark=$(node_dir marked)/mark
    [ -s "$mark" ]
    cp "$mark" "$WORLD/mark.saved"
    "$PYTHON" - "$mark" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[1], "wb").write(data)
PY
    node_start marked
    add_listed marked "After the damage e. V." 05315
    [ "$(tris_at marked status --json | json 'd["guard"]["unsealed"]')" = 1 ]
    run_code 3 tris_at marked doctor
    [[ $output == *mark* && $output == *"doctor --accept-loss"* ]]
    node_stop marked
    cp "$WORLD/mark.saved" "$mark"
    node_start marked
    [ "$(tris_at marked status --json | json 'd["guard"]["unsealed"]')" = 0 ]
    has_national marked 2
    audit_clean marked
    node_stop marked
}

@test "a damaged entry ends a list and an export with an error, never as if that were all" {
    alone_new scratched
    node_start scratched
    local name
    for name in First Scratched Last; do add_listed scratched "$name e. V." 05315; done
    found() { [ "$(tris_at scratched find "$1" --json | json 'len(d["items"])')" = 1 ]; }
    wait_for 20 found Last # what follows the feed has passed the place
    node_stop scratched
    "$PYTHON" - "$(node_dir scratched)/store/data.mdb" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
name = b"Scratched e. V."
at = data.find(name)
assert at > 0
while at > 0:
    # form, header, salt, length of the payload u16; the payload: a map that begins with the name
    if data[at - 2:at] == bytes([1, 0xa0 | len(name)]):
        data[at - 5:at - 3] = b"\xff\xff"
    at = data.find(name, at + 1)
open(sys.argv[1], "wb").write(data)
PY
    node_start scratched
    run tris_at scratched partner list --json
    [ "$status" -ne 0 ]
    [[ $output == *"tris audit"* ]]
    echo kept >"$WORLD/scratched.csv"
    run tris_at scratched export partner -o "$WORLD/scratched.csv"
    [ "$status" -ne 0 ]
    [ "$(cat "$WORLD"/scratched.csv*)" = kept ] # nothing beside it, either
    node_kill scratched
}

@test "a mark that cannot be written: the write is acknowledged, its seal stays at home until it is" {
    local before root dir
    dir=$(node_dir koeln)
    wait_equal 60 koeln leipzig rostock
    before=$(national_partners leipzig) root=$(root_of leipzig)
    rm -f "$dir/mark.tmp"
    mkdir "$dir/mark.tmp" # in the way of the next mark
    add_listed koeln "Before its mark e. V." 05315
    tris_at koeln partner list --json | grep -q 'Before its mark'
    tris_at koeln sync now >/dev/null || true
    # a connection that asks for all that is sealed gets no more either
    node_stop leipzig
    node_start leipzig
    wait_for 20 connected leipzig 1
    sleep 2
    has_national leipzig "$before"
    [ "$(root_of leipzig)" = "$root" ]
    rmdir "$dir/mark.tmp"
    wait_for 60 has_national rostock $((before + 1))
    wait_equal 60 koeln leipzig rostock
}

@test "the map is full: a clear error, nothing lost, and it goes on with a larger one" {
    alone_new fullmap
    printf '[store]\nmap_bytes = 1048576\n' >>"$(node_dir fullmap).conf"
    node_start fullmap
    add_listed fullmap "Before it was full e. V." 05315
    run tris_at fullmap import "$WORLD/partners.csv" --listed -y
    [ "$status" -ne 0 ]
    [[ $output == *"configured size"* || $output == *map* ]]
    kill -0 "$(node_pid fullmap)"
    tris_at fullmap partner list --json | grep -q 'Before it was full'
    audit_clean fullmap
    node_stop fullmap
    sed -i 's/^map_bytes = .*/map_bytes = 1073741824/' "$(node_dir fullmap).conf"
    node_start fullmap
    tris_at fullmap import "$WORLD/partners.csv" --listed -y
    has_national fullmap 4001
    audit_clean fullmap
    node_stop fullmap
}

@test "the disk is full: a clear error, nothing lost, and it goes on once there is room" {
    mkdir -p "$WORLD/disk"
    if ! mount -t tmpfs -o size=2m tris-e2e "$WORLD/disk" 2>/dev/null; then
        skip "mounting is not permitted"
    fi
    local failed=0
    full_disk || failed=1
    "$TRIS" --data "$WORLD/disk/node" status >/dev/null 2>&1 && node_kill diskfull
    umount "$WORLD/disk"
    [ "$failed" -eq 0 ]
}

full_disk() {
    ln -s "$WORLD/disk/node" "$(node_dir diskfull)"
    mkdir "$WORLD/disk/node"
    alone_new diskfull || return
    node_start diskfull || return
    add_listed diskfull "Before it was full e. V." 05315 || return
    run tris_at diskfull import "$WORLD/partners.csv" --listed -y
    printf '%s\n' "$output"
    [[ $status != 0 ]] || return
    [[ $output == *disk* ]] || return
    kill -0 "$(node_pid diskfull)" || return
    tris_at diskfull partner list --json | grep -q 'Before it was full' || return
    mount -o remount,size=200m "$WORLD/disk" || return
    tris_at diskfull import "$WORLD/partners.csv" --listed -y || return
    has_national diskfull 4001 || return
    audit_clean diskfull || return
    node_stop diskfull
}

@test "after all of it the three houses agree and their audits are clean" {
    local node
    wait_equal 60 koeln leipzig rostock
    same_views koeln leipzig rostock
    for node in koeln leipzig rostock; do audit_clean "$node"; done
}

confirmed() { # node
    [ "$(tris_at "$1" status --json | json 'd["guard"]["confirmed"]')" = true ]
}

@test "a store and mark put back in place from an old copy: its tail comes back from the others" {
    node_stop leipzig
    mkdir "$WORLD/old"
    cp "$(node_dir leipzig)/store/data.mdb" "$(node_dir leipzig)/mark" "$WORLD/old"
    node_start leipzig
    add_listed leipzig "After the copy e. V." 14713
    wait_equal 60 koeln leipzig rostock
    node_stop leipzig
    # over the same file: device and inode stay
    cat "$WORLD/old/data.mdb" >"$(node_dir leipzig)/store/data.mdb"
    cp "$WORLD/old/mark" "$(node_dir leipzig)/mark"
    node_start leipzig
    wait_equal 60 koeln leipzig rostock
    tris_at leipzig partner list --json | grep -q 'After the copy'
    grep -q 'own_log_behind' "$(node_dir leipzig).log"
    wait_for 60 confirmed leipzig
    audit_clean leipzig
}
