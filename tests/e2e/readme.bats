#!/usr/bin/env bats
# The newcomer's path of README.md, run as it is written there: only host names, the port and the
# two machines (a home directory each) are put in.

load lib

setup_file() {
    world_new
    local house
    for house in koeln leipzig; do
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
            run machine "${words[1]}" "$text"
            echo "$output"
            [ "$status" -eq 0 ]
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
