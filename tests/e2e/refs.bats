#!/usr/bin/env bats
# What a list says of other records: keys of the house's own lists and names as people see them
# become references; what names nothing is explained with line, column and value.

load lib

HEAD='id,partner_id,kind,title,topics,contribution_kind,valid_from,valid_to'
TAIL='other,rooms,2026-01-01,2026-02-01'

setup_file() {
    world_new
    node_new koeln 05315 --no-address
    tris_at koeln init --found "Refs"
    node_start koeln
    "$PYTHON" "$ROOT/tools/data/make_federation.py" --out "$WORLD/fed" --ags 05315 --partners 60 \
        --agreements 0 --listings 200 --consultations 0 --checks 0 2>/dev/null
    cp "$WORLD/fed/05315/listings.csv" "$WORLD/fed/05315/partners.csv" "$WORLD"
}

teardown_file() { world_end; }
setup() { cd "$WORLD" || return; }

# The id of the record with this title; search may be behind, an export is not.
id_of() { # kind, title
    tris_at koeln export "$1" --format ndjson | "$PYTHON" -c '
import json, sys
for d in map(json.loads, sys.stdin):
    if sys.argv[1] in (d.get("title"), d.get("name")):
        print(d["record"])' "$2"
}

@test "listings before their partners go in without them, each one explained" {
    run_code 0 tris_at koeln import --kind listing listings.csv --listed -y --json
    "$PYTHON" - listings.csv <(printf '%s' "$output") <<'PY'
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8-sig")))
d = json.load(open(sys.argv[2]))
assert d["new"] == d["unlinked"] == len(rows) == 200, d
for row, item in zip(rows, d["unlinked_items"]):
    assert (item["column"], item["value"]) == ("partner_id", row["partner_id"]), (row, item)
assert [i["line"] for i in d["unlinked_items"]] == list(range(2, 202))
PY
    run_code 3 tris_at koeln import --kind listing listings.csv --listed --strict -y --source again
    [[ $output == *"names what is not here"* ]]
}

@test "the same import after the partners links each to the partner that its key names" {
    run_code 0 tris_at koeln import partners.csv --listed -y
    run_code 0 tris_at koeln import --kind listing listings.csv --listed -y --json
    "$PYTHON" - <(printf '%s' "$output") <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["new"] == d["rejected"] == 0 and d["changed"] + d["unlinked"] == 200, d
assert d["changed"] > 100, d
assert all("local record" in i["reason"] for i in d["unlinked_items"]), d["unlinked_items"]
PY
    tris_at koeln export listing -o out.csv
    tris_at koeln export partner -o partner.out.csv
    "$PYTHON" - listings.csv out.csv partner.out.csv "$(house_id koeln)" <<'PY'
import csv, sys
read = lambda p: list(csv.DictReader(open(p, newline="", encoding="utf-8-sig")))
key = {r["id"]: r["partner_id"] for r in read(sys.argv[1])}
ref = {r["source_id"]: (r["scope"], sys.argv[4] + "-" + r["record"].split("-")[1])
       for r in read(sys.argv[3])}
rows = read(sys.argv[2])
assert len(rows) == 200
for row in rows:
    scope, want = ref[key[row["source_id"]]]
    assert row["partner"] == (want if scope == "national" else ""), (row, scope, want)
assert sum(1 for r in rows if r["partner"]) > 100
PY
    run_code 0 tris_at koeln import --kind listing listings.csv --listed -y --json
    [ "$(json 'd["changed"]' <<<"$output")" -eq 0 ]
}

@test "a list may name a record as people see it" {
    id=$(tris_at koeln partner add "Bürgerhaus e. V." --sector Z --legal-form ev --listed)
    at_home=$(tris_at koeln partner add "Nur hier e. V." --sector Z --legal-form ev)
    [[ $at_home == koeln-L* ]]
    head=${HEAD/partner_id/partner}
    {
        printf '%s\n' "$head" "B1,$id,offer,Saal 1,$TAIL" "B2,${id^^},offer,Saal 2,$TAIL"
        printf '%s\n' "B3,$(house_id koeln)-${id#koeln-},offer,Saal 3,$TAIL"
        printf '%s\n' "B4,$at_home,offer,Saal 4,$TAIL" "B5,koeln-999999,offer,Saal 5,$TAIL"
        printf '%s\n' "B6,nowhere-1,offer,Saal 6,$TAIL" "B7,$(house_id koeln)-999999,offer,S 7,$TAIL"
        printf '%s\n' "B8,koeln-0,offer,Saal 8,$TAIL" "B9,${id#koeln-},offer,Saal 9,$TAIL"
    } >named.csv
    run_code 3 tris_at koeln import --kind listing named.csv -y --json
    "$PYTHON" - <(printf '%s' "$output") <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["new"] == 3, d
got = {i["line"]: (i["column"], i["reason"]) for i in d["items"]}
assert sorted(got) == [5, 6, 7, 8, 9, 10], got
assert all(column == "partner" for column, _ in got.values()), got
assert "local record" in got[5][1] and "koeln-L" in got[5][1]
assert all("there is no such record here" in got[n][1] for n in (6, 7, 8, 10)), got
assert "another kind" in got[9][1], got
PY
    grep -q '"koeln-999999": there is no such record here\|""koeln-999999"": there' named.rejected.csv
    run env TRIS_LANG=de "$TRIS" --data "$(node_dir koeln)" import --kind listing named.csv -n
    [[ $output == *"ein lokaler Datensatz wird von keinem"* && $output == *"von anderer Art"* ]]
    [ "$(tris_at koeln offer show "$(id_of listing "Saal 2")" --json |
        json 'd["fields"]["partner"]')" = "$id" ]
}

@test "references of NDJSON and of required fields are looked up too" {
    id=$(id_of partner "Bürgerhaus e. V.")
    row='"from":"2026-01-01","to":"2026-06-30","method":"peer","criteria":"reach:4","verdict":"adapt",
        "summary":"Gut","author_org":"Haus Bonn"'
    {
        printf '{"source_id":"E1","subject":"%s",%s}\n' "$id" "${row//$'\n'/}"
        printf '{"source_id":"E2","subject":"koeln-777777",%s}\n' "${row//$'\n'/}"
        printf '{"source_id":"E3","subject":"%s-777777",%s}\n' "$(house_id koeln)" "${row//$'\n'/}"
        printf '{"source_id":"E4",%s}\n' "${row//$'\n'/}"
    } >evaluation.ndjson
    run_code 3 tris_at koeln import --kind evaluation evaluation.ndjson -y --json
    [ "$(json '[d["new"], sorted(i["line"] for i in d["items"])]' <<<"$output")" = '[1, [2, 3, 4]]' ]
}

@test "a link made by hand stays when the key of the list is not found" {
    id=$(id_of partner "Bürgerhaus e. V.")
    printf '%s\n' "$HEAD" "C1,unknown-key,offer,Von Hand,$TAIL" >hand.csv
    run_code 0 tris_at koeln import --kind listing hand.csv -y
    offer=$(id_of listing "Von Hand")
    tris_at koeln offer edit "$offer" --partner "$id"
    run_code 0 tris_at koeln import --kind listing hand.csv -y
    [ "$(tris_at koeln offer show "$offer" --json | json 'd["fields"]["partner"]')" = "$id" ]
}

@test "a key that two lists have is not guessed at; the list's own source wins" {
    for list in north south; do
        printf 'id,name,sector,legal_form\nK-1,Verein %s,Z,ev\n' "$list" >"$list.csv"
        tris_at koeln import "$list.csv" --listed -y
    done
    printf '%s\n' "$HEAD" "D1,K-1,offer,Welcher,$TAIL" >which.csv
    run tris_at koeln import --kind listing which.csv -n --json
    [ "$(json 'd["unlinked_items"][0]["reason"]' <<<"$output")" = \
        "several records have this key or name" ]
    run_code 0 tris_at koeln import --kind listing which.csv --source south -y
    partner=$(tris_at koeln offer show "$(id_of listing Welcher)" --json |
        json 'd["fields"]["partner"]')
    tris_at koeln partner show "$partner" | grep -q "Verein south"
}

@test "a key is looked for in the lists of years, not in the oldest ones alone" {
    for month in {01..20}; do
        printf 'id,name,sector,legal_form\nM-%s,Verein %s,Z,ev\n' "$month" "$month" >"m$month.csv"
        tris_at koeln import "m$month.csv" --listed -y
    done
    printf '%s\n' "$HEAD" "F1,M-01,offer,Erste,$TAIL" "F2,M-20,offer,Letzte,$TAIL" >years.csv
    run_code 0 tris_at koeln import --kind listing years.csv -n --json
    [ "$(json '[d["new"], d["unlinked"]]' <<<"$output")" = '[2, 0]' ]
}

@test "a row that could not be found again to be linked is rejected" {
    printf '%s\n' "${HEAD#id,}" "nobody,offer,Ohne Kennung,$TAIL" >keyless.csv
    run_code 3 tris_at koeln import --kind listing keyless.csv --listed -y
    grep -q 'without source_id' keyless.rejected.csv
}

@test "references that no list would send are refused, and the daemon goes on" {
    "$PYTHON" - "$(node_dir koeln)/trisd.sock" "$(house_id koeln)" <<'PY'
import socket, struct, sys

def pack(v):
    if isinstance(v, bool):
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        return bytes([v]) if v < 128 else b"\xcd" + struct.pack(">H", v) if v < 65536 else \
            b"\xce" + struct.pack(">I", v)
    if isinstance(v, str):
        v = v.encode()
        return (bytes([0xa0 | len(v)]) if len(v) < 32 else b"\xd9" + bytes([len(v)])
                if len(v) < 256 else b"\xda" + struct.pack(">H", len(v))) + v
    if isinstance(v, bytes):
        return b"\xc4" + bytes([len(v)]) + v
    if isinstance(v, list):
        return bytes([0x90 | len(v)]) + b"".join(map(pack, v))
    return bytes([0x80 | len(v)]) + b"".join(pack(k) + pack(x) for k, x in v.items())

def rows(*row, **more):
    call = {"dry_run": True, "kind": "listing", "rows": list(row), "scope": "national",
            "source": "s"}
    call.update(more)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(sys.argv[1])
        s.sendall(pack([0, 1, "import.rows", [dict(sorted(call.items()))]]))
        return s.recv(65536)

nobody = [bytes(32), 0, 7]
def listing(extra):
    fields = {1: 1, 2: "T", 4: [7], 5: 4, 8: 20260101, 9: 20260201, 10: 1, 11: 1}
    fields.update(extra)
    return pack(dict(sorted(fields.items())))

def refused(answer, what):
    assert b"unlinked" not in answer and b"\xa3new\x00" in answer and what in answer, answer

def broken(answer):
    assert b"rows must be" in answer, answer

assert b"\xa3new\x01" in rows([2, "K", listing({})])
refused(rows([2, "K", listing({12: nobody})]), b"there is no such record")
refused(rows([2, "K", listing({12: [bytes.fromhex(sys.argv[2]), 0, 999999]})]), b"no such record")
refused(rows([2, "K", listing({12: [bytes.fromhex(sys.argv[2]), 9, 0]})]), b"no such record")
refused(rows([2, "K", listing({12: [bytes.fromhex(sys.argv[2]), 0, 0]})]), b"another kind")
refused(rows([2, "K", listing({}), {2: "koeln-0"}]), b"names no record")
refused(rows([2, "K", listing({}), {99: "koeln-0"}]), b"names no record")
refused(rows([2, "K", listing({}), {12: ""}]), b"names no record")
refused(rows([2, "K", listing({}), {12: "koeln-0"}]), b"another kind")
refused(rows([2, "K", listing({12: nobody}), {14: "nothing"}]), b"no such record")
assert b"unlinked" in rows([2, "K", listing({}), {14: "nothing"}])
# a row that speaks of its reference alone changes nothing else, found or not
assert b"\xa3new\x01" in rows([2, "K", listing({15: "s", 16: "K"})], dry_run=False)
refused(rows([2, "K", listing({2: "Other", 15: "s", 16: "K"}), {14: "nothing"}], fields=[12]), b"has this key")
assert b"\xa9unchanged\x01" in rows([2, "K", listing({15: "s", 16: "K"}), {14: "nothing"}], fields=[2, 12])
broken(rows([2, "K", listing({}), {12: "x" * 400}]))
broken(rows([2, "K", listing({}), {n: "a" for n in range(5)}]))
broken(rows([2, "K", listing({}), {12: "a"}, 1]))
broken(rows([2, "K"]))
PY
    tris_at koeln status --json >/dev/null
    not grep -E 'Sanitizer|assertion' "$(node_dir koeln).log"
}
