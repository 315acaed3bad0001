#!/usr/bin/env bats
# Who belongs is what enough houses have stated: admission, a new key, a lost key, revocation, by
# the commands that operators use; what is refused is refused in words.

load lib

setup_file() {
    world_new
    node_new koeln 05315
    node_new leipzig 14713
    node_new rostock 13003
    federation_found "Mitglieder" 2 3 koeln leipzig rostock
    local node
    for node in koeln leipzig rostock; do node_start "$node"; done
    wait_for 20 connected koeln 2
    add koeln 05315 "Vor der Aufnahme e. V." >/dev/null
    wait_equal 30 koeln leipzig rostock
}

teardown_file() { world_end; }

add() { # node, region, name: prints the id
    tris_at "$1" partner add --listed --name "$3" --sector Z --legal-form ev --region "$2"
}
has_partner() { tris_at "$1" partner list --json | grep -q "$2"; }
invite() { # inviter, words...: prints the line
    local node=$1
    shift
    tris_at "$node" peer invite --json "$@" | json 'd["line"]'
}
join() { # name, region, invitation: keys, line and charter in a new directory
    local port
    port=$(free_port)
    printf '%s' "$port" >"$(node_dir "$1").port"
    printf 'listen = 127.0.0.1:%s\n' "$port" >"$(node_dir "$1").conf"
    guard_wait "$1" 300
    tris_at "$1" init --join "$3" --region "$2" --name "Haus $1" --address "127.0.0.1:$port"
}
join_again() { # name, invitation, words...
    tris_at "$1" init --join "$2" --region 05113 --name "Haus $1" "${@:3}"
}
member_of() { # node, house, expression over its row m
    tris_at "$1" member list --json | json "[($3) for m in d['items'] if m['slug'] == '$2'][0]"
}
talks_to() { # node, house
    tris_at "$1" peer show "$2" --json | json 'd["state"]' | grep -qx open
}
state_is() { [[ $(member_of "$1" "$2" 'm["state"]' 2>/dev/null) == "$3" ]]; }
epoch_is() { [[ $(member_of "$1" "$2" 'm["epoch"]' 2>/dev/null) == "$3" ]]; }
asks_at() { # node, house, epoch: its key of that epoch waits there to be vouched for
    tris_at "$1" member candidates --json |
        json "any(m['slug'] == '$2' and ($3 in [m['epoch']] + [o['epoch'] for o in m.get('openings', [])])
            for m in d['items'])" | grep -qx true
}
waits_as() { tris_at "$1" member candidates | grep -qE "$2"; } # node, what a line says
everywhere() { # command with one @ for the node, nodes after --
    local words=() node
    while [[ $1 != -- ]]; do
        words+=("$1")
        shift
    done
    shift
    for node in "$@"; do wait_for 40 "${words[@]/#@/$node}"; done
}

all_sealed() { [ "$(tris_at "$1" status --json | json 'd["guard"]["unsealed"]')" = 0 ]; }
has_draft() { tris_at "$1" draft list --json | json '[i["was"] for i in d["items"]]' | grep -qF "$2"; }

# Exit code, and the error as programs read it: what failed, what is unchanged, what is next.
refused() { # exit code, name of the error, words of its text, command...
    local code=$1 name=$2 words=$3
    shift 3
    run "$@" --json
    printf '%s\n' "$output"
    [ "$status" -eq "$code" ]
    json 'd["exit"], d["code"], d["title"]' <<<"$output" | grep -qF "($code, '$name', "
    json 'd["title"]' <<<"$output" | grep -qF "$words"
    json 'bool(d["unchanged"] and (d.get("next") or d.get("field")))' <<<"$output" | grep -qx true
}

@test "two endorsements make a member, and all are told" {
    join bonn 05314 "$(invite koeln)"
    node_start bonn
    wait_for 20 connected bonn 1
    tris_at bonn status | grep -F "nobody has vouched for this house yet"
    add bonn 05314 "Bonner Verein e. V."
    wait_for 20 asks_at koeln bonn 0
    tris_at koeln member endorse bonn -y | grep -F "1 more houses have to state the same."
    wait_for 20 asks_at leipzig bonn 0
    tris_at leipzig member candidates | grep -F "1 more needed"
    not has_partner leipzig "Bonner Verein"
    tris_at leipzig member endorse bonn -y | grep -F "It is complete."
    wait_equal 40 koeln leipzig rostock bonn
    for node in koeln leipzig rostock bonn; do
        state_is "$node" bonn active
        has_partner "$node" "Bonner Verein"
        tris_at "$node" member list | grep -E '^bonn .*koeln, leipzig|^bonn .*leipzig, koeln'
        audit_clean "$node"
    done
    same_views koeln leipzig rostock bonn
}

@test "a candidate dials the house that has invited it, although the charter does not name it" {
    join trier 07211 "$(invite bonn)"
    node_start trier # nobody else knows it: what it learns comes from its inviter
    wait_for 20 connected trier 1
    wait_for 20 state_is trier bonn active
    wait_for 20 talks_to trier bonn
    wait_for 20 asks_at bonn trier 0
    tris_at bonn member endorse trier -y
    wait_for 20 asks_at koeln trier 0
    tris_at koeln member endorse trier -y
    wait_equal 40 koeln leipzig rostock bonn trier
    everywhere state_is @ trier active -- koeln leipzig rostock bonn trier
    same_views koeln trier
}

@test "a house that is admitted while it is away gets everything in the sessions that it opens" {
    join koblenz 07111 "$(invite koeln)"
    node_start koblenz
    wait_for 20 connected koblenz 1
    wait_for 20 asks_at koeln koblenz 0
    node_stop koblenz
    tris_at koeln member endorse koblenz -y
    wait_for 20 asks_at leipzig koblenz 0
    tris_at leipzig member endorse koblenz -y
    everywhere state_is @ koblenz active -- koeln leipzig
    node_start koblenz
    wait_for 30 state_is koblenz koblenz active
    wait_equal 40 koeln leipzig koblenz
    add koeln 05315 "Nach der Aufnahme e. V." >/dev/null
    wait_for 20 has_partner koblenz "Nach der Aufnahme"
    wait_equal 40 koeln leipzig rostock bonn trier koblenz
    same_views koeln koblenz
}

@test "what cannot be stated is refused in words, and nothing changes" {
    local before line number node
    before=$(root_of koeln)
    refused 4 not_found "nobody of this name has asked" tris_at koeln member endorse nirgendwo -y
    refused 5 exists "endorsed it already" tris_at koeln member endorse trier -y
    refused 5 exists "endorsed it already" tris_at koeln member endorse bonn -y
    refused 2 invalid "no house endorses itself" tris_at bonn member endorse bonn -y
    refused 2 invalid "no house revokes itself" tris_at koeln member revoke koeln -y
    refused 4 not_found "no house" tris_at koeln member revoke nirgendwo -y
    run_code 5 tris_at leipzig member endorse trier </dev/null # not asked: nobody has compared
    run_code 5 tris_at leipzig member revoke trier </dev/null
    [[ $output == *"Nothing stated"* ]]
    # invitations
    line=$(invite koeln)
    join essen 05113 "$line" >/dev/null
    refused 21 gate "used" join_again essen2 "$line"
    refused 21 expired "expired" "$PYTHON" "$ROOT/tests/e2e/expire.py" "$(invite koeln)" "$TRIS" \
        --data "$(node_dir essen2)" init --region 05113 --name Essen
    refused 2 invalid "no other house" tris_at koeln peer invite --house koeln
    refused 4 not_found "house" tris_at koeln peer invite --house nirgendwo
    [ "$(root_of koeln)" = "$before" ]
    for node in leipzig rostock bonn trier; do [ "$(root_of "$node")" = "$before" ]; done
}

@test "a house changes its key: it keeps its name and its records" {
    local id before node
    id=$(add koeln 05315 "Mit dem alten Schlüssel e. V.")
    printf 'name,sector,legal_form,city\nListe A,Z,ev,A\nListe B,Z,ev,A\n' >"$WORLD/list.csv"
    tris_at koeln import "$WORLD/list.csv" --listed -y
    wait_equal 30 koeln leipzig rostock bonn trier
    before=$(house_id koeln)
    tris_at koeln key rotate -y
    # as long as it waits, nothing is sealed with the old key, and it can be given up
    tris_at koeln key rotate --cancel -y
    tris_at koeln key rotate -y
    add koeln 05315 "Während des Wechsels e. V." >/dev/null
    for node in leipzig bonn; do
        [ "$node" = leipzig ] || wait_for 20 waits_as bonn '^koeln\.1 .* leipzig .*1 more needed'
        wait_for 20 asks_at "$node" koeln 1
        tris_at "$node" member candidates | grep -E '^koeln\.1 .* candidate '
        tris_at "$node" member endorse koeln -y
    done
    everywhere epoch_is @ koeln 1 -- koeln leipzig rostock bonn trier
    wait_for 30 has_partner rostock "Während des Wechsels"
    tris_at koeln partner edit "$id" --name "Mit dem neuen Schlüssel e. V."
    wait_equal 40 koeln leipzig rostock bonn trier
    for node in koeln leipzig rostock bonn trier; do
        [ "$(member_of "$node" koeln 'm["id"]')" = "$before" ]
        has_partner "$node" "Mit dem neuen Schlüssel"
        not has_partner "$node" "Mit dem alten Schlüssel"
        audit_clean "$node"
    done
    tris_at rostock member list | grep -E '^koeln\.1 '
    same_views koeln leipzig rostock bonn trier
}

@test "an import of a former key is taken back: what the new key wrote at the same places stays" {
    local i import
    for i in 1 2 3 4 5 6; do add koeln 05315 "Von Hand $i e. V." >/dev/null; done
    import=$(tris_at koeln import list --json | json 'd["items"][-1]["import"]')
    tris_at koeln partner edit "$(tris_at koeln partner list --json |
        json '[p["id"] for p in d["items"] if p["fields"]["name"] == "Liste A"][0]')" --city B
    run_code 3 tris_at koeln import undo "$import" -y
    [[ $output == *"ended 1   put back 0   gone already 0   kept 1"* ]]
    [[ $output == *"the record was changed since"* ]]
    for i in 1 2 3 4 5 6; do has_partner koeln "Von Hand $i"; done
    has_partner koeln "Liste A"
    not has_partner koeln "Liste B"
    audit_clean koeln
}

@test "a house that has lost key and data comes back as the same house, and edits its former records" {
    local id before node
    id=$(add rostock 13003 "Vor dem Brand e. V.")
    wait_equal 30 koeln leipzig rostock bonn trier
    before=$(house_id rostock)
    node_stop rostock
    rm -r "$(node_dir rostock)"
    join rostock 13003 "$(invite leipzig --house rostock)" >"$WORLD/rostock.join"
    node_start rostock
    for node in leipzig trier; do
        wait_for 20 asks_at "$node" rostock 1
        tris_at "$node" member endorse rostock -y
    done
    everywhere epoch_is @ rostock 1 -- koeln leipzig rostock bonn trier
    wait_for 30 has_partner rostock "Vor dem Brand"
    tris_at rostock partner edit "$id" --name "Nach dem Brand e. V."
    add rostock 13003 "Neu nach dem Brand e. V."
    wait_equal 40 koeln leipzig rostock bonn trier
    for node in koeln leipzig rostock bonn trier; do
        [ "$(member_of "$node" rostock 'm["id"]')" = "$before" ]
        has_partner "$node" "Nach dem Brand"
        has_partner "$node" "Neu nach dem Brand"
        not has_partner "$node" "Vor dem Brand"
        audit_clean "$node"
    done
    same_views koeln leipzig rostock bonn trier
    not grep -h fork_proven "$WORLD"/*.log # nobody has signed anything twice
}

@test "a revoked house: what it wrote behind the cut counts nowhere, and it is told why" {
    local node number
    add trier 07211 "Vor dem Ausschluss e. V."
    wait_equal 30 koeln leipzig rostock bonn trier
    for node in koeln leipzig rostock bonn koblenz; do node_stop "$node"; done # nobody gets it
    add trier 07211 "Hinter dem Schnitt e. V."
    wait_for 20 all_sealed trier
    node_stop trier
    for node in koeln leipzig rostock bonn koblenz; do node_start "$node"; done
    for node in koeln leipzig bonn; do
        wait_equal 30 koeln leipzig rostock bonn
        tris_at "$node" member revoke trier -y
    done
    everywhere state_is @ trier revoked -- koeln leipzig rostock bonn
    wait_equal 30 koeln leipzig rostock bonn
    refused 5 ended "no member" tris_at rostock member revoke trier -y
    node_start trier
    wait_for 30 state_is trier trier revoked
    tris_at trier status | grep -F "this house was revoked: what it writes does not count any more"
    run tris_at trier doctor
    [[ $output == *"WARN  this house was revoked"* ]]
    TRIS_LANG=de tris_at trier status | grep -F "ausgeschlossen"
    # what counts nowhere is not lost: it waits where it was written
    wait_for 20 has_draft trier trier-2
    tris_at trier draft list >"$WORLD/drafts"
    grep -E 'trier-2 .*its log has ended .*this house was revoked.*tris draft show.*tris draft drop' "$WORLD/drafts"
    not grep -F "waits for the log" "$WORLD/drafts"
    TRIS_LANG=de tris_at trier draft list |
        grep -E "sein Protokoll ist zu Ende .*[dD]ieses Haus wurde ausgeschlossen.*aufgeben mit"
    number=$(tris_at trier draft list --json | json '[i["draft"] for i in d["items"] if i.get("was") == "trier-2"][0]')
    refused 14 fork "has ended" tris_at trier draft apply "$number" -y
    tris_at trier draft show "$number" | grep -F "Hinter dem Schnitt"
    for node in koeln leipzig rostock bonn; do
        has_partner "$node" "Vor dem Ausschluss"
        not has_partner "$node" "Hinter dem Schnitt"
        tris_at "$node" member list | grep -E '^trier .* revoked '
        tris_at "$node" member show trier | grep -F "complete"
        run_code 21 tris_at "$node" why trier
        [[ $output == *"has been revoked"* && $output == *"tris member show trier"* ]]
        audit_clean "$node"
    done
    same_views koeln leipzig rostock bonn
}
