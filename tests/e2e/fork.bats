#!/usr/bin/env bats
# A house whose key and data were cloned writes two histories against two houses that meet only
# later: the log ends in all houses where they part, with the same proof.
load lib

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new dresden 14612
    node_new hof 09464
    node_new zeuge DE --observer --no-address # never starts: the second implementation has its key
    federation_found "Rhein und Elbe" 1 3 koeln leipzig dresden hof @zeuge
}

teardown_file() { world_end; }

# A second machine with koeln's key and data: the same address, a folder of its own.
clone_koeln() {
    cp -r "$(node_dir koeln)" "$(node_dir clone)"
    cp -r "$(node_dir koeln).conf" "$(node_dir clone).conf"
    cp -r "$(node_dir koeln).conf.d" "$(node_dir clone).conf.d"
    cp "$(node_dir koeln).port" "$(node_dir clone).port"
}

# Both halves of a run: koeln's history is known to one other house only.
spread() { # node with koeln's key, the house that gets to know it
    node_start "$1"
    node_start "$2"
    wait_equal 30 "$1" "$2"
    node_stop "$1"
    node_stop "$2"
}

entries_of() { tris_at "$1" house show koeln --json | json 'd["data"]'; }
everything_arrived() { [ "$(entries_of leipzig)" = "$(entries_of koeln)" ] && has_national dresden 3; }
forks_of() { tris_at "$1" log forks --json | json '[(i["house"], i["topic"], i["end"], i["held"]) for i in d["items"]]'; }

is_confirmed() { [ "$(tris_at "$1" status --json | json 'd["guard"]["confirmed"]')" = true ]; }

@test "two histories of one house end where they part, in every house alike" {
    for house in koeln leipzig dresden; do node_start "$house"; done
    for i in 1 2 3; do
        tris_at koeln partner add --listed --name "Verein $i" --sector Z --legal-form ev --region 05315
    done
    wait_equal 30 koeln leipzig dresden
    wait_for 20 everything_arrived
    COMMON=$(entries_of leipzig)
    for house in koeln leipzig dresden; do node_stop "$house"; done
    clone_koeln
    "$INJECT" "$(node_dir koeln)" "$(key_file koeln)" >/dev/null
    "$INJECT" "$(node_dir clone)" "$(key_file clone)" >/dev/null
    "$INJECT" "$(node_dir clone)" "$(key_file clone)" >/dev/null
    spread koeln leipzig
    spread clone dresden

    node_start leipzig # they hold different histories, and meet
    seen=$(tris_at leipzig watch --once | tail -n 1 | json 'd["arrival"]')
    node_start dresden
    wait_equal 60 leipzig dresden
    [ "$(forks_of leipzig)" = "[[\"koeln\", \"data\", $COMMON, $COMMON]]" ]
    [ "$(forks_of dresden)" = "$(forks_of leipzig)" ]
    [ "$(entries_of leipzig)" = "$COMMON" ]
    same_views leipzig dresden
    audit_clean leipzig
    audit_clean dresden
    for after in $seen $((seen - 1)); do # who has read before the cut is told of it
        [ "$(timeout 20 "$TRIS" --data "$(node_dir leipzig)" watch partner --after "$after" --once |
            grep -F '"cut"' | json '[d["arrival"] > '"$seen"', d["cut"]]')" = \
            "[true, {\"house\": \"koeln\", \"topic\": \"data\", \"end\": $COMMON}]" ]
    done
    tris_at leipzig status | grep -F "two histories"
    printf '%s' "$COMMON" >"$WORLD/common"
}

@test "a house that comes later learns it, with nothing of that log and with one of the histories" {
    node_start hof
    wait_equal 60 leipzig dresden hof
    [ "$(forks_of hof)" = "$(forks_of leipzig)" ]
    same_views leipzig dresden hof
    audit_clean hof
}

@test "a second implementation reads the cut log and its proof from two houses" {
    local house
    for house in leipzig hof; do
        PYTHONDONTWRITEBYTECODE=1 run "$PYTHON" "$ROOT/tests/vectors/verify.py" logs \
            "$WORLD/charter.txt" "$(node_dir zeuge)/transport.key" "$(house_id "$house")" \
            "127.0.0.1:$(node_port "$house")" "$(node_dir "$house")/trisd.sock"
        printf '%s\n' "$output"
        [ "$status" -eq 0 ]
        [[ $output == *"$house serves koeln data: $(cat "$WORLD/common") entries"*", forked"* ]]
    done
}

@test "the house itself learns it, says so, and writes no more to that log" {
    node_start koeln
    wait_equal 60 koeln leipzig dresden hof
    [ "$(forks_of koeln)" = "$(forks_of leipzig)" ]
    tris_at koeln status | grep -F "signed in two histories"
    [ "$(tris_at koeln status --json | json 'd["guard"]["state"]')" = fork ] # no log is sealed now
    run tris_at koeln partner add --listed --name "Zu spät" --sector Z --legal-form ev --region 05315
    [ "$status" -eq 14 ]
    [[ $output == *"two histories"* && $output == *"tris log forks"* ]]
    tris_at koeln partner add --name "Bleibt im Haus" --sector Z --legal-form ev --region 05315
    same_views koeln leipzig
    audit_clean koeln
    node_stop koeln # and it knows after a restart
    node_start koeln
    [ "$(forks_of koeln)" = "$(forks_of leipzig)" ]
    tris_at koeln status | grep -F "signed in two histories"
    wait_equal 60 koeln leipzig
    tris_at koeln doctor --end-alarm -y # the other machine is gone: the gov log goes on
    wait_for 30 is_confirmed koeln
    tris_at koeln status | grep -F "nothing more can be written"
}

@test "the proof is a file that anybody can check, and a flipped one is refused" {
    local bit file=$WORLD/proof
    tris_at leipzig log forks koeln -o "$file"
    tris_at dresden log forks koeln -o "$file.dresden" --topic data
    run "$TRIS" --data "$WORLD/nowhere" verify "$file" "$file.dresden"
    [ "$status" -eq 0 ]
    [[ $output == *"two histories"* && $output == *"$(house_id koeln)"* ]]
    "$TRIS" --data "$WORLD/nowhere" verify "$file" --json |
        json 'd["items"][0]["end"]' | grep -x "$(cat "$WORLD/common")"
    tris_at leipzig verify "$file" | grep -F "koeln ("
    run tris_at leipzig log forks koeln -o "$file" # an old file stays
    [ "$status" -ne 0 ]
    for bit in 9 200 1000 2345; do
        "$PYTHON" - "$file" "$file.bad" "$bit" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
bit = int(sys.argv[3]) % (8 * len(data))
data[bit // 8] ^= 1 << bit % 8
open(sys.argv[2], "wb").write(data)
PY
        run "$TRIS" verify "$file.bad"
        [ "$status" -eq 14 ] || [ "$bit" -lt 100 ] # or it does not even look like a proof
        [ "$status" -ne 0 ]
    done
    head -c 100 "$file" >"$file.short"
    run "$TRIS" verify "$file.short"
    [ "$status" -eq 14 ]
    run "$TRIS" verify "$WORLD/charter.txt"
    [ "$status" -eq 2 ]
    run "$TRIS" verify "$WORLD/nothing"
    [ "$status" -eq 4 ]
    run tris_at leipzig log forks dresden
    [ "$status" -eq 4 ]
    TRIS_LANG=de tris_at leipzig log forks 2>&1 | grep -F "zwei Fassungen"
}
