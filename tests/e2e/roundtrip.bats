#!/usr/bin/env bats
# Every kind of the schema with every field filled: out of one house, into an empty one, out again,
# the same bytes. A new kind or field is in this test as soon as it is in the schema.

load lib

fill() { "$PYTHON" "$ROOT/tests/e2e/fill.py" "$@"; }
kinds() { fill "$ROOT/proto/FORMAT.md" kinds; }

setup_file() {
    world_new
    # houses of the coordination: only they may write every kind
    for node in koeln bonn essen; do node_new "$node" DE --slug "$node"; done
    federation_found "Roundtrip" 1 2 koeln bonn essen
    for node in koeln bonn essen; do node_start "$node"; done
    partner=$(tris_at koeln partner add "Bezugspunkt e. V." --sector Z --legal-form ev --region 05315 \
        --listed)
    instrument=$(tris_at koeln instrument add "Bezug" --slug bezug --type guide)
    for kind in $(kinds); do
        fill "$ROOT/proto/FORMAT.md" "$kind" 0="$partner" 1=koeln-0 2="$partner" 7="$instrument" \
            >"$WORLD/$kind.csv"
        tris_at koeln import --kind "$kind" "$WORLD/$kind.csv" -y --json >"$WORLD/$kind.json"
    done
    tris_at koeln partner end "$partner" -y
    tris_at koeln instrument end "$instrument" -y
    wait_equal 30 koeln bonn essen
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

@test "the lists of all kinds go in whole" {
    [ "$(kinds | wc -l)" -ge 6 ]
    for kind in $(kinds); do
        [ "$(json '[d["new"], d["rejected"], d["corrected"]]' <"$kind.json")" = '[4, 0, 0]' ] || {
            cat "$kind.json"
            false
        }
    done
}

@test "each field of each kind is filled at least once" {
    for kind in $(kinds); do
        tris_at koeln export "$kind" -o "$kind.out.csv"
        "$PYTHON" - "$kind.out.csv" <<'PY'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8-sig")))
empty = [n for n in rows[0] if not any(r[n] for r in rows)]
assert len(rows) >= 4 and not empty, empty
PY
    done
}

# format, kind, house: out of koeln, into this empty house, out again
there_and_back() {
    tris_at koeln export "$2" --house koeln --format "$1" -o "koeln.$2.$1"
    fill strip "koeln.$2.$1" "Haus koeln" >"list.$2.$1"
    run_code 0 tris_at "$3" import --kind "$2" "list.$2.$1" -y --json
    [ "$(json '[d["new"], d["corrected"]]' <<<"$output")" = '[4, 0]' ]
    tris_at "$3" export "$2" --house "$3" --format "$1" -o "$3.$2.$1"
    fill strip "$3.$2.$1" "Haus $3" >"back.$2.$1"
    cmp "list.$2.$1" "back.$2.$1"
    run_code 0 tris_at "$3" import --kind "$2" "back.$2.$1" -y --json
    [ "$(json 'd["unchanged"]' <<<"$output")" -eq 4 ]
}

@test "CSV brings every kind back, byte for byte" {
    for kind in $(kinds); do there_and_back csv "$kind" bonn; done
}

@test "NDJSON brings every kind back, byte for byte" {
    for kind in $(kinds); do there_and_back ndjson "$kind" essen; done
}
