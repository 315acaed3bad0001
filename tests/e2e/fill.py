"""Lists with every field of every kind filled, made from the schema tables of FORMAT.md alone.

    fill.py FORMAT.md kinds              kinds, one a line
    fill.py FORMAT.md KIND REF           a CSV list of records of that kind; REF is "kind number=record
                                         ...", 0 for a reference to any kind
    fill.py strip FILE NAME              an export without what differs between houses: the columns
                                         record and house, and the house whose name is NAME
"""
import csv
import io
import json
import re
import sys

HARD = ['Café "Süd"; \'zitiert\', eins', "=SUM(1;2)", "'=schon geschützt", "-1", "+49", "@rolle",
        "Größe ﬁ — Ä", "2026-01-02", "0123", "ja", "|", "a|b;c", "{}", "'", "0x1f 1e5"]


def schema(path):
    kinds, lists, rows = {}, {}, None
    for line in open(path, encoding="utf-8"):
        kind = re.match(r"\*\*Kind (\d+), `(\w+)`\*\*: .* by default (\w+)", line)
        codes = re.match(r"\*\*Code list `(\w+)`\*\*", line)
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if kind:
            rows = kinds.setdefault(kind[2], (kind[3], []))[1]
        elif codes:
            rows = lists.setdefault(codes[1], [])
        elif line.startswith("<!-- schema:end"):
            break
        elif rows is not None and cells[0].isdigit():
            rows.append(cells)
    return kinds, lists


def codes_of(lists, notes):
    """The codes that anybody may choose for this field."""
    name = re.search(r"list `(\w+)`", notes)[1]
    person = ("natural person",)
    return [c[1].strip("`") for c in lists[name]
            if "derived" not in c[4] and not any(p in c[4] for p in person)
            and not ("no money" in notes and c[1] in ("`money`", "`eur`"))]


class Filler:
    def __init__(self, lists, refs):
        self.lists, self.refs, self.n = lists, refs, 0

    def text(self, limit, notes, number):
        if "letters, digits, hyphens" in notes:
            return f"slug-{number}"
        if "language tags" in notes:
            return "de"
        self.n += 1
        base = HARD[self.n % len(HARD)]
        if "title" in notes or "tells namesakes apart" in notes:
            base = f"{base} {number}"
        return (base + " ü" * limit)[:limit].rstrip() if self.n % 5 == 0 else base[:limit].rstrip()

    def items(self, limit, notes):
        if "language tags" in notes:
            return "de|en|pt-BR"
        if "scheme:value" in notes:
            return "lei:52 99|vat:DE=1"
        if "criterion:score" in notes:
            return "wirkung:4|aufwand:1|=summe:5"
        return "|".join(f"item {i}" for i in range(limit))

    def value(self, field, number):
        _, _, kind, limit, notes = field[:5]
        limit = int(limit or 0)
        if kind == "text":
            return self.text(limit, notes, number)
        if kind == "long text":
            return ("Erste Zeile\n\n=2+3; \"drei\"\n'" + " ß" * limit)[:limit - number].rstrip()
        if kind in ("code", "codes"):
            codes = codes_of(self.lists, notes)
            many = "|".join(codes[:limit])
            return many if kind == "codes" else codes[number % len(codes)]
        if kind == "number":
            return str(limit - number)
        if kind == "date":
            return f"2026-0{number + 2 if 'not before' in notes else 1}-28"
        fixed = {"yes or no": ["yes", "no"][number % 2], "district": "05315",
                 "districts": "05111|05315", "postcode": "01234", "URL": "https://example.org/?a=1,2",
                 "mailbox": f"info{number}@example.org", "key": f"{number:064x}",
                 "texts": self.items(limit, notes)}
        if kind in fixed:
            return fixed[kind]
        assert kind == "record", f"{kind}: say here what a field of this type may hold"
        return self.refs[limit]


def fill(kinds, lists, kind, refs):
    filler = Filler(lists, refs)
    default, fields = kinds[kind]
    names = [f[1].strip("`") for f in fields if "set by the system" not in f[4]]
    out = csv.DictWriter(sys.stdout, ["scope"] + names)
    out.writeheader()
    for number, scope in enumerate(("national", "local", "national", "local")):
        row = {"scope": scope}
        for field in fields:
            name, notes = field[1].strip("`"), field[4]
            leaves_home = scope == "national" and "stays in the house" in notes
            needed = "required" in notes or number < 2 or name in ("source", "source_id")
            if name in names and needed and not leaves_home:
                row[name] = filler.value(field, number)
        if "source_id" in row:
            row["source"], row["source_id"] = "Quelle", f"'={number}"
        out.writerow(row)


def strip(path, name):
    if path.endswith(".ndjson"):
        for line in open(path, encoding="utf-8"):
            row = json.loads(line)
            if row.get("name") != name:
                del row["record"], row["house"]
                print(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
        return
    text = open(path, newline="", encoding="utf-8-sig").read()
    rows = csv.DictReader(io.StringIO(text, newline=""))
    names = [n for n in rows.fieldnames if n not in ("record", "house")]
    out = csv.DictWriter(sys.stdout, names, extrasaction="ignore", lineterminator="\r\n")
    out.writeheader()
    out.writerows(r for r in rows if r.get("name") != name)


def main():
    sys.stdout.reconfigure(newline="", encoding="utf-8")
    if sys.argv[1] == "strip":
        strip(sys.argv[2], sys.argv[3])
        return
    kinds, lists = schema(sys.argv[1])
    if sys.argv[2] == "kinds":
        print("\n".join(kinds))
        return
    refs = dict(r.split("=", 1) for r in sys.argv[3:])
    fill(kinds, lists, sys.argv[2], {int(k): v for k, v in refs.items()})


main()
