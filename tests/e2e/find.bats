#!/usr/bin/env bats
# tris find: words in all records, however umlauts are written, and in pages.

load lib

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    tris_at koeln init --found "Allein"
    node_start koeln
    local n
    tris_at koeln partner add --listed --name "Müllergärtnerei Süd GmbH" --sector W \
        --legal-form gmbh --region 05315
    tris_at koeln partner add --name "Straßenmusik am Rhein e. V." --sector Z --legal-form ev \
        --region 05111
    { echo "name;sector;legal_form;region;status"; for n in {1..450}; do
        echo "Chorgemeinschaft $n;Z;ev;05315;active"; done; } >"$WORLD/many.csv"
    tris_at koeln import -y "$WORLD/many.csv"
    wait_for 10 index_is_ready
}

teardown_file() { world_end; }

index_is_ready() { [ "$(tris_at koeln status --json | json 'd["store"]["word_behind"]')" -eq 0 ]; }
found() { tris_at koeln find --json "$@" | json 'len(d["items"])'; }

@test "umlauts are found in every spelling, and beginnings of words" {
    local text
    for text in Müllergärtnerei MUELLERGAERTNEREI mullergartnerei müll muell MÜLL "süd müll"; do
        [ "$(found "$text")" -eq 1 ]
    done
    [ "$(found Straße)" -eq 1 ]
    [ "$(found strasse)" -eq 1 ]
    [ "$(found gärtnerei)" -eq 0 ] # the middle of a word
    [ "$(found müll rhein)" -eq 0 ] # every word has to be there
}

@test "records of every kind and scope are found, and can be narrowed" {
    [ "$(tris_at koeln find --json strassenmusik | json 'd["items"][0]["scope"]')" = local ]
    [ "$(found --scope national strassenmusik)" -eq 0 ]
    [ "$(found --region 05111 strassenmusik)" -eq 1 ]
    [ "$(found --region 05315 strassenmusik)" -eq 0 ]
    [ "$(found --kind partner strassenmusik)" -eq 1 ]
    [ "$(found --kind house strassenmusik)" -eq 0 ]
    run_code 2 tris_at koeln find --kind nothing strassenmusik
    tris_at koeln find strassenmusik | grep -q 'Straßenmusik am Rhein'
}

@test "pages of any size together give every record once" {
    local after=() page ids=$WORLD/ids
    [ "$(found --limit 1000 chorgemeinschaft)" -eq 450 ]
    [ "$(found chorgemeinschaft)" -eq 50 ]
    : >"$ids"
    while :; do
        page=$(tris_at koeln find --json --limit 97 "${after[@]}" chorgem)
        json '"\n".join(i["id"] for i in d["items"])' <<<"$page" >>"$ids"
        page=$(json 'd.get("after") or ""' <<<"$page")
        [ -n "$page" ] || break
        after=(--after "$page")
    done
    sed -i '/^$/d' "$ids"
    [ "$(wc -l <"$ids")" -eq 450 ]
    [ "$(sort -u "$ids" | wc -l)" -eq 450 ]
}

@test "people are told that there is more, how far the index is, and when nothing was found" {
    run tris_at koeln find chorgemeinschaft
    [[ $output == *"--after"* ]]
    [ "$(tris_at koeln find --json chor | json 'd["word_behind"]')" -eq 0 ]
    run tris_at koeln find nirgendwo
    [ "$status" -eq 0 ]
    [[ $output == *"Nothing found."* ]]
    run tris_at koeln --lang de find nirgendwo
    [[ $output == *"Nichts gefunden."* ]]
    run_code 2 tris_at koeln find " "
}

@test "a changed record is found by its new words only" {
    local id
    id=$(tris_at koeln find --json müllergärtnerei | json 'd["items"][0]["id"]')
    tris_at koeln partner edit "$id" --name "Baumschule Süd GmbH"
    wait_for 10 index_is_ready
    [ "$(found baumschule)" -eq 1 ]
    [ "$(found müllergärtnerei)" -eq 0 ]
    tris_at koeln partner end -y "$id"
    wait_for 10 index_is_ready
    [ "$(found baumschule)" -eq 0 ]
}
