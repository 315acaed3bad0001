#!/usr/bin/env bats
# The newcomer's path of README.md, run as it is written there: only host names, ports and the
# machines (a home directory each) are put in, and what a person does: the invitation is handed on,
# and the question of `member endorse` is answered.

load lib

setup_file() {
    world_new
    : >"$WORLD/invitation"
    local house
    for house in koeln leipzig rostock; do
        mkdir -p "$WORLD/$house/home"
        free_port >"$WORLD/$house.port"
    done
    # Steps in order: "run HOUSE", "send FROM TO FILE", "daemon HOUSE...", "file HOUSE NAME", with the
    # lines of the block.
    awk -v dir="$WORLD" '
        match($0, /^<!-- (run|send|daemon|file): .* -->$/) {
            step = $0
            gsub(/^<!-- | -->$|:/, "", step)
            file = sprintf("%s/step.%02d", dir, ++n)
            print step > file
            waiting = (step !~ /^send/)
            next
        }
        waiting && /^```(sh|python)$/ { inside = 1; waiting = 0; next }
        inside && /^```$/ { inside = 0; next }
        inside { print > file }' "$ROOT/README.md"
}

teardown_file() { world_end; }

machine() { # house, command text
    local house=$1 text=$2 port=
    text=${text//koeln.example:8747/127.0.0.1:$(node_port koeln)}
    text=${text//leipzig.example:8747/127.0.0.1:$(node_port leipzig)}
    text=${text//\[::\]:8747/127.0.0.1:$(node_port "$house")}
    text=${text//leipzig.example:8748/127.0.0.1:$(node_port rostock)} # a port of nobody
    text=${text//TRIS-INVITE-1:.../$(cat "$WORLD/invitation")}
    text=${text//member endorse /member endorse -y }
    text=${text//python3 /$PYTHON }
    (
        cd "$WORLD/$house" || exit
        export HOME=$WORLD/$house/home PATH=$BUILD:$PATH
        unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR
        if [[ ${3:-} == background ]]; then
            bash -c "exec $text" >"$WORLD/$house.log" 2>&1 3>&- &
            printf '%s' "$!" >"$WORLD/pid/$house"
        else
            bash -euo pipefail -c "$text"
        fi
    )
}

has_asked() { machine "$1" "tris member candidates --json" | grep -q "\"$2\""; } # node, house
says() { machine "$1" "$2" | grep -qF "$3"; }                                   # node, command, words

@test "every step works as it is written, and Leipzig sees the partner of Köln" {
    local file step words text seen=0
    [ "$(ls "$WORLD"/step.* | wc -l)" -ge 8 ]
    for file in "$WORLD"/step.*; do
        step=$(head -n 1 "$file")
        text=$(tail -n +2 "$file")
        read -ra words <<<"$step"
        echo "== $step"
        echo "$text"
        case ${words[0]} in
        run)
            [[ $text != *"member endorse"* ]] || wait_for 30 has_asked "${words[1]}" rostock
            run machine "${words[1]}" "$text"
            echo "$output"
            [ "$status" -eq 0 ]
            [[ $text != *"peer invite"* ]] ||
                grep -o 'TRIS-INVITE-1:[A-Z2-7]*' <<<"$output" >"$WORLD/invitation"
            [[ ${words[1]} != leipzig || $output != *"Tafel Deutz"* ]] || seen=$((seen + 1))
            ;;
        file) printf '%s\n' "$text" >"$WORLD/${words[1]}/${words[2]}" ;;
        send) cp "$WORLD/${words[1]}/${words[3]}" "$WORLD/${words[2]}/${words[3]}" ;;
        daemon)
            local house
            for house in "${words[@]:1}"; do
                machine "$house" "$text" background
                wait_for 10 machine "$house" "tris status >/dev/null 2>&1"
            done
            ;;
        esac
    done
    [ "$seen" -eq 2 ] # with tris, and with the program
    wait_for 30 says rostock "tris partner list" "Tafel Deutz" # the newcomer was let in
}

@test "the commands that it only shows exist, with their options" {
    run_code 0 "$PYTHON" - "$ROOT/README.md" "$TRIS" <<'PY'
import json, re, subprocess, sys
tris = lambda *words: subprocess.run([sys.argv[2], *words], check=True, capture_output=True, text=True).stdout
text = open(sys.argv[1], encoding="utf-8").read()
have = {" ".join(filter(None, (i["noun"], i.get("verb"))))
        for i in json.loads(tris("help", "--json"))["items"]}
blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)).replace("\\\n", " ")
named = set()
for line in re.findall(r"^tris .*$", blocks, re.M) + re.findall(r"`(tris [a-z][^`]*)`", text):
    words = line.split("#")[0].split()[1:]
    name = next((n for n in (" ".join(words[:2]), words[0]) if n in have), None)
    nouns = {n.split()[0] for n in have}
    assert name or (len(words) == 1 and words[0] in nouns), line
    for option in re.findall(r" --([a-z-]+)", line.split("#")[0]):
        assert option == "data" or f" --{option} " in tris("help", *name.split()), f"{line}: {option}"
    named.add(name)
for command in ("peer invite", "init", "member candidates", "member endorse", "member revoke",
                "key rotate", "house edit"):
    assert command in named, command
PY
}

@test "the program has at most 30 lines" {
    local lines
    lines=$(sed -n '/^```python$/,/^```$/p' "$ROOT/README.md" | sed '1d;$d' | wc -l)
    [ "$lines" -gt 10 ]
    [ "$lines" -le 30 ]
}

@test "the first screen names the two commands" {
    head -n 25 "$ROOT/README.md" | grep -q 'make demo'
    head -n 25 "$ROOT/README.md" | grep -q 'make check'
}
