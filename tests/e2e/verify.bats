#!/usr/bin/env bats
# A second implementation, written from proto/FORMAT.md alone, reads every log of two houses that
# run, over the wire, and judges each leaf, root and seal.

load lib

setup() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new zeuge DE --observer --no-address
    federation_found "Verify" 1 2 koeln leipzig @zeuge
    node_start koeln
    node_start leipzig
}

teardown() { world_end; }

# zeuge never starts: the second implementation dials with its key
judge() { # house
    PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$ROOT/tests/vectors/verify.py" logs \
        "$WORLD/charter.txt" "$(node_dir zeuge)/transport.key" "$(house_id "$1")" \
        "127.0.0.1:$(node_port "$1")" "$(node_dir "$1")/trisd.sock"
}

add() { # node, options...
    local node=$1
    shift
    tris_at "$node" partner add --sector Z --legal-form ev --region 05315 "$@" --json | json 'd["id"]'
}

@test "every log of both houses is verified by a second implementation, leaf by leaf" {
    local id number
    id=$(add koeln --listed --name "Tafel Köln e.V.")
    tris_at koeln partner edit "$id" --short Tafel
    id=$(add koeln --listed --name "Kurzlebig e.V.")
    tris_at koeln partner end "$id" -y --reason duplicate
    id=$(add koeln --name "Nur hier")
    tris_at koeln partner edit "$id" --city Köln
    for number in 1 2 3; do add leipzig --listed --name "Verein $number"; done
    { # more than fits one segment, and segments of several frames
        printf 'name,sector,legal_form,region,description\r\n'
        for ((number = 0; number < 2500; number++)); do
            printf 'Verein %d e. V.,Z,ev,05315,%0200d\r\n' "$number" "$number"
        done
    } >"$WORLD/many.csv"
    tris_at koeln import "$WORLD/many.csv" --listed -y >/dev/null
    wait_equal 30 koeln leipzig
    local house
    for house in koeln leipzig; do
        run judge "$house"
        printf '%s\n' "$output"
        [ "$status" -eq 0 ]
        [[ $output == *"$house serves koeln data: 2505 entries"* ]]
        [[ $output == *"$house serves leipzig data: 4 entries"* ]]
        [[ ${lines[-1]} == *" passed, 0 failed, 0 skipped" ]]
    done
    run judge koeln
    [[ $output == *"2 entries of its local log"* ]]
}

@test "so is a log with entries of a later version and careless ones" {
    add koeln --listed --name "Tafel Köln e.V."
    wait_equal 30 koeln leipzig
    node_stop koeln
    "$INJECT" "$(node_dir koeln)" "$(key_file koeln)" >"$WORLD/injected"
    node_start koeln
    wait_equal 30 koeln leipzig
    run judge leipzig
    printf '%s\n' "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"leipzig serves koeln data: $((2 + $(wc -l <"$WORLD/injected"))) entries"* ]]
}
