#!/usr/bin/env bats
# A member and a candidate that may talk to leipzig and talk far too much: they are slowed or closed
# and told why, what they may cost is bounded, and koeln and leipzig go on as if they were not there.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    node_new leipzig 14713
    node_new rostock 13003 --no-address # only its keys are used
    conf_add koeln $'[sync]\nheartbeat_ms = 1000'
    conf_add leipzig $'[sync]\nheartbeat_ms = 1000'
    federation_found "Flood" 2 3 koeln leipzig rostock
    node_start koeln
    node_start leipzig
    wait_for 20 connected koeln 1
    tris_at kiel init --join "$(tris_at leipzig peer invite --json | json 'd["line"]')" \
        --region 01002 --name "Haus kiel" --slug kiel >/dev/null # a candidate, only its keys are used
}

teardown_file() { world_end; }

hostile() { # house, mode, [seconds]: what came of it
    timeout 60 "$BUILD/e2e_hostile" "$2" "$(node_port leipzig)" "$WORLD/charter.txt" \
        "$(node_dir "$1")" leipzig "${3:-2}"
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
still_works() { # a word that is new
    local before
    before=$(national_partners leipzig)
    tris_at koeln partner add --listed --name "After $1 e. V." --sector Z --legal-form ev \
        --region 05315
    wait_for 20 has_national leipzig $((before + 1))
    kill -0 "$(node_pid leipzig)"
}
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
