#!/usr/bin/env bats
# Commands that need no daemon: keys and their backup, charters by mail, help, completion, language.

load lib

setup() {
    world_new
    node_new koeln 05315 --no-address
    printf 'correct horse battery\n' >"$WORLD/passphrase"
    chmod 600 "$WORLD/passphrase"
    export TRIS_PASSPHRASE_FILE=$WORLD/passphrase
}

teardown() { world_end; }

# The exit code of a command that is meant to fail, with its words in $output.
fails_with() { # code, command...
    local code=$1
    shift
    run "$@"
    [ "$status" -eq "$code" ]
}

@test "a backup of the keys opens with its passphrase and brings the same house back" {
    tris_at koeln key backup -o "$WORLD/keys"
    [ "$(stat -c %a "$WORLD/keys")" = 600 ]
    not grep -q "$(cut -d ' ' -f 2 "$(key_file koeln)")" "$WORLD/keys"
    tris_at twin key restore "$WORLD/keys"
    cmp "$(key_file koeln)" "$(key_file twin)"
    cmp "$(node_dir koeln)/transport.key" "$(node_dir twin)/transport.key"
    cmp "$(node_dir koeln)/house.line" "$(node_dir twin)/house.line"
    [ "$(stat -c %a "$(key_file twin)")" = 600 ]
}

@test "another passphrase restores nothing: exit 13" {
    tris_at koeln key backup -o "$WORLD/keys"
    echo 'something else entirely' >"$WORLD/passphrase"
    fails_with 13 tris_at twin key restore "$WORLD/keys"
    not test -e "$(key_file twin)"
}

@test "neither a backup nor a restore replaces what is there: exit 5" {
    echo kept >"$WORLD/keys"
    fails_with 5 tris_at koeln key backup -o "$WORLD/keys"
    [ "$(cat "$WORLD/keys")" = kept ]
    tris_at koeln key backup --plain -o "$WORLD/plain"
    node_new leipzig 14713 --no-address
    cp "$(key_file leipzig)" "$WORLD/before"
    fails_with 5 tris_at leipzig key restore "$WORLD/plain"
    cmp "$(key_file leipzig)" "$WORLD/before"
}

@test "a passphrase file that others can read, and a short passphrase, are refused" {
    chmod 644 "$WORLD/passphrase"
    fails_with 13 tris_at koeln key backup -o "$WORLD/keys"
    chmod 600 "$WORLD/passphrase"
    echo short >"$WORLD/passphrase"
    fails_with 13 tris_at koeln key backup -o "$WORLD/keys"
    not test -e "$WORLD/keys"
}

@test "keys that others can read are used by no command: exit 13, and the next command mends it" {
    chmod 640 "$(key_file koeln)"
    fails_with 13 tris_at koeln key show
    fails_with 13 tris_at koeln key backup -o "$WORLD/keys"
    fails_with 13 tris_at koeln init --found Alone
    [[ $output == *"chmod 600 $(key_file koeln)"* ]]
    chmod 600 "$(key_file koeln)"
    tris_at koeln key show
}

@test "a damaged key file is refused and left as it is" {
    cp "$(node_dir koeln)/transport.key" "$WORLD/before"
    sed -i 's/.$/x/' "$WORLD/before"
    cp "$WORLD/before" "$(node_dir koeln)/transport.key"
    fails_with 13 tris_at koeln init --found Alone
    cmp "$WORLD/before" "$(node_dir koeln)/transport.key"
    not test -e "$(node_dir koeln)/charter"
}

@test "both sides see the same fingerprint of one house" {
    local own theirs
    own=$(tris_at koeln key show --json | json 'd["fingerprint"]')
    theirs=$(tris_at nobody key show "$(house_line koeln)" --json | json 'd["fingerprint"]')
    [ "$own" = "$theirs" ]
    [[ $own =~ ^[0-9]{5}(\ [0-9]{5}){7}$ ]]
}

@test "copies of a charter that were signed apart are joined by the last founder" {
    node_new leipzig 14713 --no-address
    tris_at koeln charter new Mail --house "$(house_line koeln)" --house "$(house_line leipzig)" \
        --admit 1 --revoke 2 -o "$WORLD/one"
    cp "$WORLD/one" "$WORLD/two"
    tris_at koeln charter sign "$WORLD/one"
    tris_at leipzig charter sign "$WORLD/two" "$WORLD/one"
    [ "$(tris_at koeln charter show "$WORLD/two" --json | json 'd["complete"]')" = true ]
    [ "$(tris_at koeln charter show "$WORLD/one" --json | json 'd["complete"]')" = false ]
}

@test "the charter says in words who may admit and revoke, and what the founders alone cannot" {
    node_new leipzig 14713 --no-address
    tris_at koeln charter new Two --house "$(house_line koeln)" --house "$(house_line leipzig)" \
        --admit 1 --revoke 2 -o "$WORLD/words2"
    run_code 0 tris_at koeln charter show "$WORLD/words2"
    [[ $output == *"when 1 member houses endorse it"* ]]
    [[ $output == *"A founder can be revoked only when 1 more houses belong."* ]]
    not grep -qF "A founder can get one" <<<"$output"
    run_code 0 tris_at koeln charter show "$WORLD/words2" --json
    [ "$(json 'd["founders"], d["more_to_rotate"], d["more_to_revoke"]' <<<"$output")" = "(2, 0, 1)" ]
    # one founder: nobody else could endorse its next key
    tris_at koeln charter new One --house "$(house_line koeln)" --admit 3 --revoke 4 -o "$WORLD/words1"
    run_code 0 tris_at koeln charter show "$WORLD/words1" --lang de
    [[ $output == *"genügen alle Gründer zusammen: 1."* ]]
    [[ $output == *"Ein Gründer kann ihn erst bekommen, wenn 3 weitere Häuser dazugehören."* ]]
    [[ $output == *"erst ausgeschlossen werden, wenn 4 weitere Häuser"* ]]
}

@test "a charter that was signed for others is not taken over, a second federation neither" {
    node_new leipzig 14713 --no-address
    tris_at leipzig charter new Theirs --house "$(house_line leipzig)" -o "$WORLD/theirs"
    tris_at leipzig charter sign "$WORLD/theirs"
    fails_with 4 tris_at koeln init --charter "$WORLD/theirs"
    tris_at koeln init --found Alone
    tris_at koeln charter new Second --house "$(house_line koeln)" -o "$WORLD/second"
    tris_at koeln charter sign "$WORLD/second"
    fails_with 5 tris_at koeln init --charter "$WORLD/second"
    [ "$(tris_at koeln charter show --json | json 'd["name"]')" = Alone ]
}

@test "init makes no new store where a mark says that there was one: exit 14" {
    tris_at koeln init --found Alone
    rm -r "$(node_dir koeln)/store"
    echo mark >"$(node_dir koeln)/mark"
    fails_with 14 tris_at koeln init
    not test -e "$(node_dir koeln)/store"
}

@test "a dry run of init leaves nothing behind and prints no house line" {
    run tris_at new init -n --region 05315 --name New
    [ "$status" -eq 0 ]
    [[ $output != *tris-house-1* ]]
    not test -e "$(node_dir new)"
}

@test "an error has three parts, and is a problem document with --json" {
    fails_with 10 tris_at nobody charter sign "$WORLD/nothing"
    [[ $output == *Error:*Unchanged:*Next:* ]]
    fails_with 10 tris_at nobody charter sign "$WORLD/nothing" --json
    [ "$(json 'd["exit"]' <<<"$output")" -eq 10 ]
    [[ $(json 'd["type"]' <<<"$output") == urn:tris:error:* ]]
}

@test "global options may stand anywhere, and an option's value stays its own" {
    [ "$(tris_at koeln --json key show | json 'd["slug"]')" = koeln ]
    [ "$(tris_at koeln key --json show | json 'd["slug"]')" = koeln ]
    tris_at odd init --region 05315 --name --json >"$WORLD/odd.line"
    grep -q 'name=--json ' "$WORLD/odd.line"
}

@test "help lists every command, knows each of them, and the manual page is made of it" {
    local noun verb
    while read -r noun verb; do
        # shellcheck disable=SC2086 # the verb may be missing
        "$TRIS" help $noun $verb >"$WORLD/help"
        grep -q "^tris $noun" "$WORLD/help"
    done < <("$TRIS" help --json | json '"\n".join(f"{i["noun"]} {i["verb"] or ""}" for i in d["items"])')
    "$TRIS" help --man | grep -q '^# EXIT STATUS'
}

@test "the completion for bash is a script that completes nouns, verbs and options" {
    "$TRIS" completion bash >"$WORLD/complete"
    # shellcheck disable=SC2016 # the inner shell expands
    run bash -c '. "$1"; complete_words() { COMP_WORDS=(tris "$@"); COMP_CWORD=$#; _tris; echo "${COMPREPLY[*]}"; }
        complete_words char; complete_words charter s; complete_words key backup --pl
        complete_words --data /somewhere partner pub' _ "$WORLD/complete"
    [ "${lines[0]}" = charter ]
    [ "${lines[1]}" = "sign show" ]
    [ "${lines[2]}" = --plain ]
    [ "${lines[3]}" = publish ]
    fails_with 2 "$TRIS" completion tcsh
}
