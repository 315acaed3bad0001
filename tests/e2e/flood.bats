#!/usr/bin/env bats
# A member and a candidate that may talk to leipzig and talk far too much: they are slowed or closed
# and told why, what they may cost is bounded, and koeln and leipzig go on as if they were not there.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    node_new leipzig 14713
    node_new rostock 13003 --no-address # of these only the keys are used
    node_new hamburg 02000 --no-address
    conf_add koeln $'[sync]\nheartbeat_ms = 1000'
    conf_add leipzig $'[sync]\nheartbeat_ms = 1000'
    federation_found "Flood" 2 3 koeln leipzig rostock hamburg
    node_start koeln
    node_start leipzig
    wait_for 20 connected koeln 1
    tris_at kiel init --join "$(tris_at leipzig peer invite --json | json 'd["line"]')" \
        --region 01002 --name "Haus kiel" --slug kiel >/dev/null # a candidate, likewise
}

teardown_file() { world_end; }

hostile() { # house, mode, [seconds]: what came of it
    timeout 60 "$BUILD/e2e_hostile" "$2" "$(node_port leipzig)" "$WORLD/charter.txt" \
        "$(node_dir "$1")" leipzig "${3:-2}"
}
flood() { # house, mode, [seconds]: what came of it
    timeout 60 "$BUILD/e2e_flood" "$2" "$(node_port leipzig)" "$WORLD/charter.txt" \
        "$(node_dir "$1")" leipzig "${3:-2}"
}
floods() { log_lines '(peer|guest)_closed .*reason=flood'; }
more_floods() { (($(floods) > $1)); }
is_flood() { # house, mode; the session has counted when this returns
    local came before
    before=$(floods)
    came=$(flood "$1" "$2")
    [[ $came == "$2 sent "*" bye 7" ]] || die "came: $came"
    wait_for 10 more_floods "$before"
}
ends_with() { # house, mode, what came of it
    local came
    came=$(hostile "$1" "$2")
    [[ $came == "$2 $3" ]] || die "came: $came"
}
fresh() { # offences of former tests are forgotten
    node_stop leipzig
    node_start leipzig
    tris_at koeln sync now
    wait_for 20 connected koeln 1
}
of_koeln() { tris_at leipzig partner list --house koeln --json | json 'len(d["items"])'; }
has_of_koeln() { [[ $(of_koeln) == "$1" ]]; }
still_works() { # a word that is new
    local before
    before=$(of_koeln)
    tris_at koeln partner add --listed --name "After $1 e. V." --sector Z --legal-form ev \
        --region 05315
    wait_for 20 has_of_koeln $((before + 1))
    kill -0 "$(node_pid leipzig)"
}
entries() { tris_at leipzig status --json | json 'd["store"]["entries"]'; }
anonymous_kib() { awk '/^RssAnon/ {print $2}' "/proc/$(node_pid leipzig)/status"; }
log_lines() { grep -cE "$1" "$(node_dir leipzig).log" || true; }

@test "a candidate that talks junk: closed, told why, and after three faults it waits outside" {
    ends_with kiel junk "bye 14"
    ends_with kiel junk "bye 14"
    ends_with kiel junk "bye 14"
    [ "$(hostile kiel junk)" = "junk bye 4" ]
    ends_with rostock junk "bye 14" # others do not pay for it
    still_works junk
}

@test "a candidate with session upon session: a few a minute are taken" {
    local before
    fresh
    before=$(log_lines guest_open)
    hostile kiel sessions 3
    say "$(($(log_lines guest_open) - before)) guests"
    (($(log_lines guest_open) - before <= 61))
    still_works sessions
}

@test "small messages, the same request again and again: closed, and told why" {
    local house
    fresh
    for house in rostock kiel; do
        is_flood "$house" small
        is_flood "$house" asks
        is_flood "$house" small
        [ "$(hostile "$house" junk)" = "junk bye 4" ] # after three faults it waits outside
    done
    still_works "small messages"
}

@test "as much as is allowed: the session stays, nobody else notices" {
    local house came
    fresh
    for house in rostock kiel; do
        came=$(flood "$house" chatter 1)
        [[ $came == *" open" ]] || die "came: $came"
        came=$(flood "$house" ranges 1) # everything, and everything anew
        [[ $came == *" open" ]] || die "came: $came"
    done
    still_works chatter
}

@test "a candidate that writes without end: nothing of it is kept" {
    local before came
    fresh
    before=$(entries)
    came=$(flood kiel writes 1)
    say "$came"
    [[ $came == *" open" ]]
    [ "$(entries)" = "$before" ]
    still_works "a candidate's writes"
}

@test "a member that writes without end: in bounded memory, and others get through" {
    local came memory pid
    fresh
    memory=$(anonymous_kib)
    flood rostock writes 2 >"$WORLD/writes.out" 3>&- &
    pid=$!
    still_works "a member's writes"
    if [[ $BUILD != *asan* && $BUILD != *tsan* ]]; then # the writer's inbox, and what is in work
        (($(anonymous_kib) - memory <= 96 * 1024))
    fi
    wait "$pid"
    came=$(<"$WORLD/writes.out")
    say "$came, $memory -> $(anonymous_kib) KiB"
    [[ $came == *" open" ]]
    still_works "all of it"
}

@test "a member with a signature for each entry: others get through" {
    local came pid
    fresh
    flood hamburg slivers 2 >"$WORLD/slivers.out" 3>&- &
    pid=$!
    still_works "slivers"
    wait "$pid"
    say "$(<"$WORLD/slivers.out")"
}
