#!/usr/bin/env bats
# A thousand connections to leipzig that never become sessions: it lives, says why it refuses, and is
# afterwards what it was before; koeln gets through.

load lib

CROWD=1000
PEER_KIB=1280 # of each connection that is held

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    node_new leipzig 14713
    node_new rostock 13003 --no-address # only its keys are used
    conf_add koeln $'[sync]\nheartbeat_ms = 1000'
    conf_add leipzig $'[sync]\nheartbeat_ms = 1000'
    federation_found "Crowd" 2 3 koeln leipzig rostock
    node_start koeln 9>&-
    node_start leipzig
    wait_for 20 connected koeln 1
    both_ways before
}

teardown_file() { world_end; }

crowd_begin() { # kind: it is all there when this returns
    mkfifo "$WORLD/crowd.in"
    "$BUILD/e2e_crowd" "$1" "$CROWD" "$(node_port leipzig)" "$WORLD/charter.txt" \
        "$(node_dir rostock)" leipzig <"$WORLD/crowd.in" >"$WORLD/crowd.out" 3>&- &
    printf '%s' "$!" >"$WORLD/pid/crowd"
    exec 9>"$WORLD/crowd.in"
    wait_for 20 grep -q "^crowd $CROWD" "$WORLD/crowd.out"
}
crowd_end() {
    exec 9>&-
    wait "$(<"$WORLD/pid/crowd")"
    rm "$WORLD/pid/crowd" "$WORLD/crowd.in"
    say "$(tail -n 1 "$WORLD/crowd.out")"
}

fds() { find "/proc/$(node_pid leipzig)/fd" -mindepth 1 -maxdepth 1 | wc -l; }
fds_at_most() { (($(fds) <= $1)); }
anonymous_kib() { awk '/^RssAnon/ {print $2}' "/proc/$(node_pid leipzig)/status"; }
both_ways() { # a word of each house is at the other
    local before
    before=$(national_partners leipzig)
    tris_at koeln partner add --listed --name "Köln $1 e. V." --sector Z --legal-form ev \
        --region 05315
    tris_at leipzig partner add --listed --name "Leipzig $1 e. V." --sector Z --legal-form ev \
        --region 14713
    wait_for 20 has_national leipzig $((before + 2))
    wait_for 20 has_national koeln $((before + 2))
}
koeln_anew() {
    node_stop koeln
    node_start koeln 9>&-
    wait_for 20 connected koeln 1
}

@test "a thousand that hold a recorded handshake keep no newcomer out" {
    crowd_begin held
    koeln_anew
    both_ways "beside handshakes"
    crowd_end
}

@test "a thousand that are silent, dribble, talk rubbish, guess an invitation or hold a handshake" {
    local before memory
    tris_at leipzig peer invite --json >"$WORLD/invitation" # one that can be guessed
    before=$(fds)
    memory=$(anonymous_kib)
    crowd_begin mixed
    both_ways "beside the crowd"
    local held
    held=$(($(fds) - before))
    say "$before -> $(fds) descriptors, $memory -> $(anonymous_kib) KiB"
    fds_at_most $((before + 176)) # 128 silent ones, 32 with a handshake, and who is just coming
    if [[ $BUILD != *asan* && $BUILD != *tsan* ]]; then # a sanitizer's memory says nothing
        (($(anonymous_kib) - memory <= (held > 8 ? held : 8) * PEER_KIB))
    fi
    koeln_anew # a new connection gets through as well
    both_ways "once more"
    crowd_end
    wait_for 20 fds_at_most "$before"
    [ "$(tris_at leipzig status --json | json 'd["sync"]["connected"]')" = 1 ]
    grep -q 'connection_refused.*reason=busy' "$(node_dir leipzig).log"
}
