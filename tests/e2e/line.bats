#!/usr/bin/env bats
# Köln - Leipzig - observer in a line: what travels through the middle, and what never leaves home.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    node_new leipzig 14713 --no-address
    node_new observer 11000 --no-address --observer
    local node
    for node in koeln leipzig observer; do conf_add "$node" $'[peers]\ndial = configured'; done
    federation_found "Line" 1 2 koeln leipzig @observer
    for node in koeln leipzig observer; do node_start "$node"; done
    proxy_start west leipzig
    proxy_start east leipzig
    connect koeln leipzig west
    connect observer leipzig east
    wait_for 20 connected leipzig 2
}

teardown_file() { world_end; }

@test "the roots meet along the line" {
    wait_equal 30 koeln leipzig observer
}

@test "Köln and the observer are not connected with each other" {
    local other
    other=$(house_id observer)
    run tris_at koeln peer list --json
    [ "$status" -eq 0 ]
    printf '%s' "$output" | json "sum(1 for p in d['items'] if p['house'] == '$other' and p['state'] == 'open')" |
        grep -qx 0
    connected koeln 1
    not connected koeln 2
}

@test "a listed partner of Köln is on the observer, through Leipzig, within a second" {
    local before started took
    before=$(national_partners observer)
    started=$(now_ms)
    tris_at koeln partner add --listed --name "MARKERLISTED Verein e. V." --sector Z \
        --legal-form ev --region 05315
    wait_for 10 has_national observer $((before + 1))
    took=$(($(now_ms) - started))
    say "seen after $took ms (target 1000; the commands that ask take part of it)"
    [ "$took" -le 10000 ]
    wait_equal 30 koeln leipzig observer
}

@test "a partner that is not listed leaves no trace outside its house" {
    local before up down node grown
    wait_equal 30 koeln leipzig observer
    before=$(national_partners observer)
    up=$(stat -c %s "$WORLD/west/up") down=$(stat -c %s "$WORLD/west/down")
    local i
    for i in 1 2 3 4 5 6 7 8 9 10; do
        tris_at koeln partner add --name "MARKERLOCAL $i Verein e. V." --sector Z --legal-form ev \
            --region 05315 --street "MARKERSTREET $i" \
            --description "$(printf 'MARKERTEXT%.0s ' {1..40})"
    done
    # something listed after them goes everywhere, so that there was time and reason to send
    tris_at koeln partner add --listed --name "After the local ones gGmbH" --sector Z \
        --legal-form ggmbh --region 05315
    wait_for 10 has_national observer $((before + 1))
    wait_equal 30 koeln leipzig observer

    # the search finds what is there: at home the local ones, elsewhere the listed one
    grep -rqa MARKERLOCAL "$(node_dir koeln)"
    grep -rqa MARKERLISTED "$(node_dir observer)"
    for node in leipzig observer; do
        not grep -rla 'MARKERLOCAL\|MARKERSTREET\|MARKERTEXT' "$(node_dir $node)" "$(node_dir $node).log"
    done
    not grep -la 'MARKERLOCAL\|MARKERSTREET\|MARKERTEXT' "$WORLD"/west/* "$WORLD"/east/*
    # The traffic is encrypted; but ten local records are 5 KB that nobody sent either.
    grown=$(($(stat -c %s "$WORLD/west/up") + $(stat -c %s "$WORLD/west/down") - up - down))
    say "$grown bytes on the wire for one listed and ten local records"
    [ "$grown" -lt 4000 ]
}

@test "no node writes what is listed in clear on the wire" {
    not grep -la 'MARKERLISTED' "$WORLD"/west/* "$WORLD"/east/*
}

@test "what the middle stored while one end was away arrives later" {
    local before
    wait_equal 30 koeln leipzig observer
    node_stop observer
    before=$(national_partners leipzig)
    tris_at koeln partner add --listed --name "While away e. V." --sector Z --legal-form ev \
        --region 05315
    wait_for 10 has_national leipzig $((before + 1))
    node_stop koeln
    node_start observer
    wait_for 30 has_national observer $((before + 1))
    wait_equal 30 leipzig observer
    node_start koeln
    wait_equal 30 koeln leipzig observer
}

@test "a line that broke while both ends wrote is mended by what changed, not by digests" {
    local before grown
    wait_equal 30 koeln leipzig observer
    touch "$WORLD/west/block"
    wait_for 20 not connected koeln 1
    tris_at koeln partner add --listed --name "Apart in the west e. V." --sector Z --legal-form ev \
        --region 05315
    tris_at leipzig partner add --listed --name "Apart in the east e. V." --sector Z \
        --legal-form ev --region 14713
    before=$(($(stat -c %s "$WORLD/west/up") + $(stat -c %s "$WORLD/west/down")))
    rm "$WORLD/west/block"
    wait_equal 30 koeln leipzig observer
    grown=$(($(stat -c %s "$WORLD/west/up") + $(stat -c %s "$WORLD/west/down") - before))
    say "$grown bytes for a handshake and one partner in each direction"
    [ "$grown" -lt 4096 ] # one list of digests alone is 4 KiB; dials that failed count here too
}

@test "equal roots are equal views, with root, rules version, houses and freshness on each" {
    local what
    wait_equal 30 koeln leipzig observer
    same_views koeln leipzig observer
    for what in overview regions sectors; do
        tris_at observer national $what --json |
            json '(len(d["root"]), d["rules"], d["houses"], d["fresh"], d["stale"])' |
            grep -qx '(64, 1, 2, 2, 0)'
    done
}

@test "audits find nothing to complain about" {
    local node
    for node in koeln leipzig observer; do audit_clean "$node"; done
}
