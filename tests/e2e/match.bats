#!/usr/bin/env bats
# Offers meet needs: across houses, by topic, contribution, radius of both sides and distance; and
# what is derived and filtered in lists of them.

load lib

# Köln; the Rhein-Sieg-Kreis beside it; Bonn behind that, two borders away; Leipzig.
setup_file() {
    world_new
    node_new koeln 05315
    node_new rhein-sieg-kreis 05382
    node_new bonn 05314
    node_new leipzig 14713
    federation_found "Rhein und Pleiße" 1 3 koeln rhein-sieg-kreis bonn leipzig
    for node in koeln rhein-sieg-kreis bonn leipzig; do node_start "$node"; done
}

teardown_file() { world_end; }
setup() {
    cd "$WORLD" || return
    from=$(date -d '-30 days' +%F)
    to=$(date -d '+90 days' +%F)
    past=$(date -d '-2 days' +%F)
}

# enter NODE NOUN TITLE [options]: an id
enter() {
    local node=$1 noun=$2 title=$3
    shift 3
    local words=(--topics diversity --contribution rooms --valid-from "$from" --valid-to "$to")
    # a later option of the same name counts
    tris_at "$node" "$noun" add "$title" "${words[@]}" --radius national "$@" 2>/dev/null |
        head -n 1
}

everywhere() { wait_equal 20 koeln rhein-sieg-kreis bonn leipzig; }

# matches NODE WORDS...: the titles that are met, in order, joined by commas
matches() {
    local node=$1
    shift
    tris_at "$node" "$@" --json | json '",".join(i["match"]["fields"]["title"] for i in d["items"])'
}

# of the import that `run` has just done
import_number() { sed -nE 's/^This was import ([0-9]+)\..*/\1/p' <<<"$output"; }

end_all() {
    local node noun id
    for node in koeln rhein-sieg-kreis bonn leipzig; do
        for noun in offer need; do
            for id in $(tris_at "$node" "$noun" list --house "$node" --json |
                json '" ".join(i["id"] for i in d["items"])'); do
                tris_at "$node" "$noun" end "$id" -y >/dev/null
            done
        done
    done
    everywhere
}

teardown() { end_all; } # the next test begins with nothing, also after a failure

@test "an offer in one house meets a need in the neighbouring one, seen from both" {
    offer=$(enter koeln offer "Saal frei" --listed --radius neighbours)
    need=$(enter rhein-sieg-kreis need "Saal gesucht" --listed --radius neighbours)
    everywhere
    [ "$(matches koeln match)" = "Saal gesucht" ]
    [ "$(matches koeln offer match "$offer")" = "Saal gesucht" ]
    [ "$(matches rhein-sieg-kreis match)" = "Saal frei" ]
    [ "$(matches rhein-sieg-kreis need match)" = "Saal frei" ]
    [ "$(matches rhein-sieg-kreis offer match)" = "" ]
    [ "$(matches leipzig match)" = "" ]
    tris_at koeln match --json | json '([(i["listing"], i["match"]["id"], i["near"], i["steps"],
        i["topics"], i["topics_shared"], i["contribution_same"], i["partial"]) for i in d["items"]]
        == [("'"$offer"'", "'"$need"'", "neighbour", 1, "diversity", 1, True, False)])' |
        grep -qx true
    tris_at koeln match | grep -q "Saal gesucht.*neighbour"
    tris_at koeln --lang de match | grep -q 'Räume *Nachbarkreis'
    # whoever is neither may ask as well
    [ "$(matches leipzig offer match "$offer")" = "Saal gesucht" ]
    end_all
    [ "$(matches koeln match)" = "" ]
    tris_at koeln match | grep -q 'Nothing meets them'
}

@test "the radius of both sides limits" {
    for radius in house neighbours national; do
        enter koeln offer "O $radius" --listed --radius "$radius" >/dev/null
    done
    for node in koeln rhein-sieg-kreis bonn leipzig; do
        for radius in house neighbours national; do
            enter "$node" need "$node $radius" --listed --radius "$radius" >/dev/null
        done
    done
    everywhere
    met() {
        tris_at koeln match --limit 50 --json | json '" ".join(sorted(
            i["match"]["fields"]["title"].replace(" ", "/")
            for i in d["items"] if i["title"] == "'"$1"'"))'
    }
    [ "$(met "O house")" = "koeln/house koeln/national koeln/neighbours" ]
    [ "$(met "O neighbours")" = \
        "koeln/house koeln/national koeln/neighbours \
rhein-sieg-kreis/national rhein-sieg-kreis/neighbours" ]
    [ "$(met "O national")" = "bonn/national koeln/house koeln/national koeln/neighbours \
leipzig/national rhein-sieg-kreis/national rhein-sieg-kreis/neighbours" ]
}

@test "a house is in every district that it covers" {
    enter koeln offer "Angebot" --listed --radius neighbours >/dev/null
    enter bonn need "Gesuch" --listed --radius neighbours >/dev/null
    everywhere
    [ "$(matches koeln match)" = "" ]
    run_code 0 tris_at bonn house edit --covers '05314|05382'
    everywhere
    [ "$(matches koeln match)" = "Gesuch" ]
    [ "$(matches bonn match)" = "Angebot" ]
    tris_at koeln match --json | json 'd["items"][0]["near"]' | grep -qx neighbour
    run_code 0 tris_at bonn house edit --covers 05314
    everywhere
    [ "$(matches koeln match)" = "" ]
}

@test "more topics shared come first, then the contribution, then the nearer house" {
    offer=$(enter koeln offer "Angebot" --topics 'diversity|other')
    enter leipzig need "zwei Themen, weit" --topics 'diversity|other' --listed >/dev/null
    enter leipzig need "weit" --listed >/dev/null
    enter bonn need "zwei Grenzen" --listed >/dev/null
    enter rhein-sieg-kreis need "nebenan" --listed >/dev/null
    enter koeln need "eigenes" >/dev/null
    enter rhein-sieg-kreis need "Sachmittel" --contribution goods --listed >/dev/null
    enter rhein-sieg-kreis need "anderes Thema" --topics work_life --listed >/dev/null
    enter rhein-sieg-kreis offer "auch ein Angebot" --listed >/dev/null
    everywhere
    [ "$(matches koeln offer match "$offer")" = \
        "zwei Themen, weit,eigenes,nebenan,zwei Grenzen,weit" ]
    [ "$(matches koeln offer match "$offer" --any-contribution)" = \
        "zwei Themen, weit,eigenes,nebenan,zwei Grenzen,weit,Sachmittel" ]
    [ "$(matches koeln offer match "$offer" --limit 2)" = "zwei Themen, weit,eigenes" ]
    [ "$(tris_at koeln offer match "$offer" --json |
        json '" ".join(i["near"] + str(i.get("steps", "")) for i in d["items"])')" = \
        "country house0 neighbour1 steps2 country" ]
    # what stays in the house meets others there, and nobody else sees it
    [ "$(matches leipzig match)" = "auch ein Angebot,auch ein Angebot" ]
}

@test "only what is open, not ended and not past its last day meets" {
    offer=$(enter koeln offer "Angebot" --listed)
    enter rhein-sieg-kreis need "abgelaufen" --valid-to "$past" --listed >/dev/null
    enter rhein-sieg-kreis need "heute noch" --valid-to "$(TZ=$GERMANY date +%F)" --listed >/dev/null
    need=$(enter rhein-sieg-kreis need "vermittelt" --listed)
    ended=$(enter rhein-sieg-kreis need "beendet" --listed)
    everywhere
    [ "$(matches koeln match)" = "heute noch,vermittelt,beendet" ]
    run_code 0 tris_at rhein-sieg-kreis need edit "$need" --status matched
    run_code 0 tris_at rhein-sieg-kreis need end "$ended" -y
    everywhere
    [ "$(matches koeln match)" = "heute noch" ]
    run_code 5 tris_at rhein-sieg-kreis need match "$need"
    [[ $output == *"matched"*"only an open one"* ]]
    run_code 5 tris_at koeln need match "$ended"
    run_code 2 tris_at koeln need match "$offer"
    [[ $output == *"this is an offer, not a need"* ]]
    run_code 2 tris_at koeln --lang de need match "$offer"
    [[ $output == *"das ist ein Angebot, kein Gesuch"* ]]
    run_code 4 tris_at koeln offer match koeln-99999
    partner=$(tris_at koeln partner add "Verein e. V." --sector Z --legal-form ev)
    run_code 2 tris_at koeln offer match "$partner"
}

@test "an offer past its last day is shown, listed and exported as expired, and never written so" {
    offer=$(enter koeln offer "War einmal" --valid-to "$past")
    enter koeln offer "Ist noch" >/dev/null
    tris_at koeln offer show "$offer" | grep -q expired
    [ "$(tris_at koeln offer show "$offer" --json | json 'd["fields"]["status"]')" = expired ]
    [ "$(tris_at koeln find einmal --json | json 'd["items"][0]["fields"]["status"]')" = expired ]
    tris_at koeln offer list | grep -q 'War einmal.*expired'
    tris_at koeln --lang de offer list | grep -q 'War einmal.*abgelaufen'
    tris_at koeln offer history "$offer" --json | json 'd["items"][0]["fields"]["status"]' |
        grep -qx open
    titles() { tris_at koeln offer list --house koeln "$@" --json |
        json '",".join(i["fields"]["title"] for i in d["items"])'; }
    [ "$(titles --status expired)" = "War einmal" ]
    [ "$(titles --status open)" = "Ist noch" ]
    [ "$(titles --status 'offen|abgelaufen')" = "War einmal,Ist noch" ]
    [ "$(titles --status closed)" = "" ]
    for format in csv ndjson; do
        tris_at koeln export listing --format "$format" -o "out.$format"
        grep 'War einmal' "out.$format" | grep -q expired
        not grep -q 'Ist noch.*expired' "out.$format"
        run_code 0 tris_at koeln import --kind listing "out.$format" -y --json
        [ "$(json 'd["new"] + d["changed"]' <<<"$output")" -eq 0 ]
    done
    tris_at koeln export listing --format sqlite -o out.sqlite
    [ "$("$PYTHON" -c 'import sqlite3
print(sqlite3.connect("out.sqlite").execute(
    "SELECT status FROM listing WHERE title = ?", ("War einmal",)).fetchone()[0])')" = expired ]
    run_code 2 tris_at koeln offer edit "$offer" --status expired
    [[ $output == *"follows"* ]]
    run_code 0 tris_at koeln offer edit "$offer" --valid-to "$to"
    [ "$(tris_at koeln offer show "$offer" --json | json 'd["fields"]["status"]')" = open ]
}

@test "a list that says expired of a day to come is read as closed, with a remark" {
    {
        printf 'type,title,topics,contribution,valid_from,valid_to,status,source,source_id\n'
        printf 'offer,Gestern,other,rooms,%s,%s,expired,l,1\n' "$from" "$past"
        printf 'offer,Morgen,other,rooms,%s,%s,abgelaufen,l,2\n' "$from" "$to"
    } >expired.csv
    run_code 0 tris_at koeln import --kind listing expired.csv -y
    [[ $output == *'"closed"'* ]]
    [ "$(tris_at koeln offer list --house koeln --json |
        json '" ".join(i["fields"]["title"] + ":" + i["fields"]["status"] for i in d["items"])')" = \
        "Gestern:expired Morgen:closed" ]
    run_code 0 tris_at koeln import --kind listing expired.csv -y --json
    [ "$(json 'd["unchanged"]' <<<"$output")" -eq 2 ]
}

@test "lists are filtered by topic, contribution, status and the district of the house" {
    enter koeln offer "A" --topics 'diversity|other' --listed >/dev/null
    enter rhein-sieg-kreis offer "B" --contribution goods --listed >/dev/null
    enter leipzig offer "C" --topics work_life --contribution goods --listed >/dev/null
    enter leipzig need "D" --topics work_life --listed >/dev/null
    everywhere
    titles() { tris_at koeln offer list "$@" --json |
        json '",".join(sorted(i["fields"]["title"] for i in d["items"]))'; }
    [ "$(titles)" = "A,B,C" ]
    [ "$(titles --topic diversity)" = "A,B" ]
    [ "$(titles --topic 'other|work_life')" = "A,C" ]
    [ "$(titles --contribution Sachmittel)" = "B,C" ]
    [ "$(titles --contribution goods --topic diversity)" = "B" ]
    [ "$(titles --region 05)" = "A,B" ]
    [ "$(titles --region 05382)" = "B" ]
    [ "$(titles --region 14 --status open)" = "C" ]
    [ "$(titles --region 16)" = "" ]
    [ "$(titles --house leipzig --contribution goods)" = "C" ]
    [ "$(titles --limit 1 --region 14713)" = "C" ]
    [ "$(titles --match C --region 14)" = "C" ]
    [ "$(titles --match C --region 05)" = "" ]
    run_code 2 tris_at koeln offer list --topic nonsense
    [[ $output == *'topics "nonsense" unknown, allowed: work_integration'* ]]
}

@test "many own records come in pages, each with its own matches" {
    {
        printf 'type,title,topics,contribution,valid_from,valid_to,radius,source,source_id\n'
        for i in {1..450}; do
            printf 'need,N%s,diversity,rooms,%s,%s,national,m,%s\n' "$i" "$from" "$to" "$i"
        done
    } >needs.csv
    run_code 0 tris_at koeln import --kind listing needs.csv -y --listed
    import=$(import_number)
    for i in 1 2 3; do enter rhein-sieg-kreis offer "S$i" --listed >/dev/null; done
    everywhere
    tris_at koeln match --json | json '([len(d["items"]), len({i["listing"] for i in d["items"]}),
        sorted({i["match"]["fields"]["title"] for i in d["items"]}), "after" in d] ==
        [1350, 450, ["S1", "S2", "S3"], False])' | grep -qx true
    [ "$(matches rhein-sieg-kreis offer match --limit 1)" = "N1,N1,N1" ]
    audit_clean koeln
    audit_clean rhein-sieg-kreis
    run_code 0 tris_at koeln import undo "$import" -y
}

@test "of a house with very many only a part is looked at, and that is said" {
    {
        printf 'type,title,topics,contribution,valid_from,valid_to,radius,source,source_id\n'
        for i in {1..8300}; do
            printf 'offer,V%s,other,goods,%s,%s,national,v,%s\n' "$i" "$from" "$to" "$i"
        done
    } >very_many.csv
    run_code 0 tris_at rhein-sieg-kreis import --kind listing very_many.csv -y --listed
    import=$(import_number)
    enter bonn offer "auch" --topics 'other|work_life' --contribution goods --listed >/dev/null
    need=$(enter koeln need "Gesuch" --topics 'other|work_life' --contribution goods)
    everywhere
    tris_at koeln need match "$need" --json | json '(len(d["items"]) == 20 and d["cut"] == 1 and
        all(i["partial"] for i in d["items"]) and
        d["items"][0]["match"]["fields"]["title"] == "auch")' | grep -qx true
    run_code 0 tris_at koeln need match "$need"
    [[ $output == *"too many candidates"* ]]
    run_code 0 tris_at rhein-sieg-kreis import undo "$import" -y
    everywhere
    [ "$(matches koeln need match "$need")" = "auch" ]
}

@test "the control socket refuses what it cannot ask, and goes on" {
    cat >ask.py <<'PY'
import socket, sys
import msgpack
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
unpacker = msgpack.Unpacker()
def call(method, params):
    sock.sendall(msgpack.packb([0, 1, method, [params]]))
    while True:
        for _, _, error, result in unpacker:
            return error, result
        data = sock.recv(65536)
        assert data, "closed"
        unpacker.feed(data)
bad = [
    ("listing.match", {"type": "barter"}), ("listing.match", {"limit": 0}),
    ("listing.match", {"limit": 201}), ("listing.match", {"after": "x"}),
    ("listing.match", {"after": "1:2", "id": "koeln-1"}), ("listing.match", {"id": 5}),
    ("listing.match", {"radius": "house"}), ("listing.match", {"id": "a" * 500}),
    ("record.list", {"kind": "listing", "where": 1}),
    ("record.list", {"kind": "listing", "where": {"title": "x"}}),
    ("record.list", {"kind": "listing", "where": {"nothing": "x"}}),
    ("record.list", {"kind": "listing", "where": {"status": "open|"}}),
    ("record.list", {"kind": "listing", "where": {"status": "x" * 900}}),
    ("record.list", {"kind": "listing", "where": {"status": "open" + "|open" * 300}}),
    ("record.list", {"kind": "listing", "where": {"status": 1}}),
    ("record.list", {"match": "x", "where": {"status": "open"}}),
    ("record.list", {"kind": "listing", "where": {str(i): "open" for i in range(9)}}),
]
for method, params in bad:
    error, _ = call(method, params)
    assert error and error["exit"] in (2, 4), (method, params, error)
for params in ({"after": "4000000000:1"}, {"after": "0:9007199254740991"}, {"id": "koeln-7"}):
    call("listing.match", params)
error, result = call("record.list", {"kind": "listing", "ended": True, "where": {}})
assert error is None and result["items"], error
PY
    "$PYTHON" ask.py "$(node_dir koeln)/trisd.sock"
    tris_at koeln status --json >/dev/null
}
