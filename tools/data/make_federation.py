#!/usr/bin/env python3
"""Generate a synthetic but realistic federation data set for `tris`.

One "Haus der Kooperation" per chosen Kreis, each with partners, agreements,
listings (offers/needs), consultations and Praxischeck results.  Everything is
derived from a seed and from districts.csv: the same arguments give the same bytes,
whatever --jobs says.  Standard library only.

No real person and no real organisation is meant: names are composed from word
lists, web and mail addresses use the reserved domain `.example` (RFC 2606),
postcodes, places and register numbers are invented.  Kreis names, keys and
populations are the official ones from districts.csv.

    ./make_federation.py --out fed --houses 5
    ./make_federation.py --out fed --houses 400 --partners 1000 --agreements 500
    ./make_federation.py --out fed --ags 05315,05314,05382 --format ndjson
    ./make_federation.py --out fed --houses 20 --dirty 0.02      # import tests

Output (RFC 4180 CSV: UTF-8 without BOM, comma, CRLF, header row; or NDJSON with
the same keys, lists as arrays, empty values left out):

    OUT/houses.csv  OUT/instruments.csv  OUT/rollout.csv  OUT/peers.csv
    OUT/<ags>/partners.csv            OUT/<ags>/agreements.csv
    OUT/<ags>/agreement_parties.csv   OUT/<ags>/agreement_events.csv
    OUT/<ags>/listings.csv            OUT/<ags>/consultations.csv
    OUT/<ags>/check_results.csv       OUT/manifest.json

An agreement is stored with its lead house; parties may live in other houses
(column `house_ags` of agreement_parties).  Lists inside a CSV cell are joined
with `|`.  Times are UTC, dates ISO 8601.  Sector codes: W business, S state,
Z civil society.  `agreements.state` is what the events up to --as-of imply.
"""
import argparse
import bisect
import csv
import json
import math
import os
import random
import sys
import time
from datetime import date, datetime, timedelta, timezone
from itertools import accumulate

# ---------------------------------------------------------------- vocabulary

TOPICS = ["work_integration", "diversity", "climate_mobility", "work_life",
          "digital_cohesion", "lifelong_learning", "other"]
TOPIC_W = [20, 12, 20, 12, 13, 18, 5]

LEGAL = {   # sector -> (forms, weights)
    "Z": (["ev", "ggmbh", "stiftung", "eg", "nev", "gug", "kdoer_rel"],
          [70, 9, 8, 3, 5, 2, 3]),
    "W": (["gmbh", "gmbh_co_kg", "ag", "ug", "kg", "ohg", "eg", "kdoer_kammer", "ev"],
          [55, 17, 3, 9, 4, 2, 3, 2, 5]),
    "S": (["kommune", "behoerde", "aoer", "kdoer", "eigenbetrieb", "schule"],
          [40, 22, 8, 6, 6, 18]),
}
LEGAL_SUFFIX = {"ev": " e.V.", "ggmbh": " gGmbH", "stiftung": "", "eg": " eG", "nev": "",
                "gug": " gUG (haftungsbeschränkt)", "kdoer_rel": "", "gmbh": " GmbH",
                "gmbh_co_kg": " GmbH & Co. KG", "ag": " AG", "ug": " UG (haftungsbeschränkt)",
                "kg": " KG", "ohg": " OHG", "kdoer_kammer": "", "kommune": "", "behoerde": "",
                "aoer": " AöR", "kdoer": "", "eigenbetrieb": "", "schule": ""}

NATURE = """Linden Birken Eichen Buchen Ahorn Erlen Weiden Kastanien Falken Lerchen Schwalben
Adler Biber Otter Nord Süd West Ost Morgen Abend Sonnen Mond Stern Licht Wald Wiesen Berg Tal
Fluss Bach Quell See Ufer Insel Stein Fels Sand Wolken Wind Regenbogen Anker Brücken Mühlen
Turm Markt Rosen Distel Klee Hafer Honig Kupfer Silber Ziegel""".split()
PLACE_A = """Alt Neu Ober Unter Nieder Hohen Groß Klein Königs Kirch Wald Stein Linden Eich Birken
Mühl Rohr Schön Grün Weiß Roten Langen Breiten Lichten Falken Wolfs Heide Wiesen""".split()
PLACE_B = """bach berg dorf hausen heim feld stadt furt brück wald burg rode leben hagen ingen
stetten weiler kirchen moos au ow itz""".split()
TRADES = """Elektrotechnik Tischlerei Haustechnik Metallbau Druckerei Gartenbau Logistik Pflege
Bäckerei Bauunternehmung Maschinenbau Software Solartechnik Energieberatung Spedition
Gebäudereinigung Optik Medizintechnik Textil Verpackung Werkzeugbau Fahrzeugtechnik Holzbau
Lebensmittel Umwelttechnik Architektur Ingenieure Handel Fahrradbau Kältetechnik
Messtechnik Kunststofftechnik Catering Gastronomie Hotel Apothekenservice Systemhaus""".split()
CAUSES = ["Integration", "Inklusion", "Jugendhilfe", "Nachbarschaft", "Klimaschutz", "Naturschutz",
          "Flüchtlingshilfe", "Seniorenarbeit", "Familienbildung", "Sprachförderung", "Kultur",
          "Sport", "Hospiz", "Verkehrswende", "Lernpatenschaften", "Digitalhilfe", "Frauenförderung",
          "Selbsthilfe", "Denkmalpflege", "Katastrophenschutz", "Tierschutz", "Verbraucherberatung"]
CIVIL = ["{c}sverein {p}", "Förderkreis {c} {p}", "Netzwerk {c} {p}", "Initiative {c} {p}",
         "{n}haus {p}", "Bürgerverein {p}", "Tafel {p}", "Repair-Café {n}hof {p}",
         "Mehrgenerationenhaus {p}", "Förderverein {n}schule {p}", "Sozialwerk {n}brücke {p}",
         "Turn- und Sportverein {p}", "Kulturwerkstatt {n}tor {p}", "Wohlfahrtsverband {p}",
         "Begegnungsstätte {n}garten {p}", "Freiwilligendienst {p}"]
CIVIL_INTER = ["Freiwilligenagentur {p}", "Ehrenamtsbörse {p}", "Kreisverband {c} {k}",
               "Paritätischer Verbund {k}", "Landesnetzwerk {c} – Büro {k}"]
BUSINESS = ["{n}{t2} {p}", "{t} {n}hof", "{n}werk {t}", "{p}er {t}", "{n}tal {t}",
            "{t} am {n}platz", "{n}{t2}", "{t} {p}"]
BUSINESS_INTER = ["Unternehmensnetzwerk {k}", "Kreishandwerkerschaft {k}", "Wirtschaftskreis {p}",
                  "Arbeitgeberverbund {k}", "Gründungszentrum {p}"]
STATE = {"kommune": ["Gemeinde {p}", "Stadt {p}", "Markt {p}", "Samtgemeinde {p}"],
         "behoerde": ["Amt für {a} {k}", "Jobcenter {p}", "Jugendamt {k}", "Gesundheitsamt {k}",
                      "Ausländerbehörde {k}", "Staatliches Schulamt {k}"],
         "aoer": ["Kommunalwerke {p}", "Abfallwirtschaft {k}", "Sparkassenzweckverband {k}"],
         "kdoer": ["Zweckverband {n}tal", "Hochschule {p}", "Studierendenwerk {p}"],
         "eigenbetrieb": ["Stadtwerke {p}", "Bäderbetrieb {p}", "Volkshochschule {p}"],
         "schule": ["Grundschule {n}weg {p}", "Berufskolleg {p}", "Gesamtschule {n}berg",
                    "Gymnasium {p}", "Förderschule {n}hof"]}
STATE_INTER = ["Wirtschaftsförderung {k}", "Stabsstelle Ehrenamt {k}", "Landratsamt {k}",
               "Koordinierungsstelle {a} {k}"]
OFFICES = ["Integration", "Klimaschutz", "Mobilität", "Bildung", "Familie", "Wirtschaft", "Digitales"]
STREETS = ["{n}straße", "{n}weg", "{n}allee", "Am {n}hof", "Zum {n}tal", "{n}gasse", "{n}platz"]

TITLES = {
    "work_integration": ["Praktika für Geflüchtete", "Einstieg in Ausbildung", "Arbeitserprobung Inklusion",
                         "Mentoring Berufseinstieg", "Sprachkurs am Arbeitsplatz"],
    "diversity": ["Charta Vielfalt vor Ort", "Interkulturelle Öffnung", "Tandem Jung und Alt",
                  "Barrierefreie Innenstadt", "Begegnungstage"],
    "climate_mobility": ["Lastenrad-Pool", "Solardach Vereinsheim", "Mitfahrbänke", "Reparieren statt wegwerfen",
                         "Blühflächen am Gewerbegebiet", "Betriebliches Mobilitätskonzept"],
    "work_life": ["Ferienbetreuung im Verbund", "Pflegelotsen im Betrieb", "Kita-Randzeiten",
                  "Familienfreundliche Schichtplanung"],
    "digital_cohesion": ["Digitallotsen für Ältere", "Geräte-Spende und Aufbereitung", "Offenes WLAN im Quartier",
                         "Gemeinsame Engagementplattform", "IT-Sprechstunde für Vereine"],
    "lifelong_learning": ["Lernpaten an Schulen", "Weiterbildung im Verbund", "Werkstatt-Tage für Schulklassen",
                          "Lesementoring", "Zertifikat Engagement"],
    "other": ["Gemeinsame Raumnutzung", "Notfall-Helferkreis", "Kulturkooperation", "Seitenwechsel"],
}
CONTRIB = ["staff_time", "expertise", "goods", "rooms", "network", "training", "it_data", "visibility",
           "money", "other"]
CONTRIB_DE = dict(zip(CONTRIB, ["Personalzeit", "Fachwissen", "Sachmittel", "Räume", "Netzwerk", "Qualifizierung",
                                "IT und Daten", "Öffentlichkeit", "Geld", "Sonstiges"]))
CONTRIB_W = {"W": [28, 18, 18, 12, 5, 7, 6, 2, 3, 1], "Z": [20, 22, 3, 10, 18, 10, 3, 12, 0, 2],
             "S": [8, 14, 4, 25, 18, 8, 5, 8, 9, 1]}
UNIT = {"staff_time": "hours", "expertise": "hours", "goods": "pieces", "rooms": "days", "network": "",
        "training": "hours", "it_data": "", "visibility": "", "money": "eur", "other": ""}
QTY = {"hours": (4, 240), "pieces": (1, 60), "days": (1, 120), "eur": (200, 15000)}
PURPOSE = ["Die Parteien verabreden, {} gemeinsam vorzubereiten und umzusetzen.",
           "Ziel ist, {} dauerhaft in der Region zu verankern.",
           "{} wird erprobt; Ergebnisse werden halbjährlich besprochen.",
           "Die Partner stimmen ihre Beiträge zu „{}“ verbindlich ab."]
END_REASONS = {"ended": ["expired", "terminated", "party_dissolved"], "withdrawn": ["no_agreement", "no_capacity", "duplicate"]}
CHANNELS, CHANNEL_W = ["visit", "phone", "mail", "video", "event", "platform"], [22, 27, 21, 10, 12, 8]
CONS_TYPES, CONS_W = ["information", "advice", "accompaniment", "referral"], [40, 33, 17, 10]
OUTCOMES, OUTCOME_W = ["informed", "referred", "matched", "agreement", "no_result", "open"], [38, 17, 17, 9, 11, 8]
SECTORS, SECTOR_W = ["Z", "W", "S"], [45, 40, 15]
SIZE = {"Z": (["1-9", "10-49", "50-249", "250+"], [70, 22, 6, 2]),
        "W": (["1-9", "10-49", "50-249", "250+"], [52, 33, 12, 3]),
        "S": (["1-9", "10-49", "50-249", "250+"], [12, 43, 33, 12])}

INSTRUMENTS = [   # id, kind, version, title, audience
    ("leitfaden-kmu-gno", "guide", "1.0", "Leitfaden: Zusammenarbeit gemeinnütziger Organisationen mit KMU in der Region", "all"),
    ("praxischeck-kmu", "practice_check", "1.0", "Praxischeck für kleine und mittlere Unternehmen", "W"),
    ("praxischeck-gno", "practice_check", "1.0", "Praxischeck für gemeinnützige Organisationen", "Z"),
    ("muster-absprache-einzel", "pattern", "1.0", "Muster: Absprache auf Einzelebene", "all"),
    ("muster-absprache-intermediaer", "pattern", "1.0", "Muster: Absprache auf intermediärer Ebene", "all"),
]

COLUMNS = {
    "houses": "id ags name status opened_on rollout_step covers web mailbox endpoint",
    "instruments": "id kind version title audience licence published_on",
    "rollout": "id ags step status from to lead_house",
    "peers": "house_ags peer_ags",
    "partners": "id house_ags name sector legal_form intermediary size_class topics street postcode city ags "
                "web mailbox register_no scope created_on status",
    "agreements": "id house_ags version title level topics sectors trisectoral purpose valid_from valid_to "
                  "review_months next_review notice_weeks scope state state_since end_reason instrument",
    "agreement_parties": "agreement_id position partner_id house_ags sector role contribution_kind quantity unit "
                         "contribution",
    "agreement_events": "agreement_id seq at event version house_ags",
    "listings": "id house_ags partner_id kind title topics contribution_kind quantity unit valid_from valid_to "
                "status radius",
    "consultations": "id house_ags opened_on closed_on type channel requester_sector topics minutes outcome "
                     "agreement_id",
    "check_results": "id house_ags instrument sector done_on items green yellow red measures declared_on valid_to",
}
COLUMNS = {k: v.split() for k, v in COLUMNS.items()}
LISTS = {"topics", "covers"}
EPOCH = date(1970, 1, 1)

# ---------------------------------------------------------------- small helpers


def rng_for(seed, *parts):
    """A private generator per (seed, part...): independent of generation order."""
    return random.Random("/".join(map(str, (seed,) + parts)))


class Picker:
    """random.choices with one pre-summed weight list; about twice as fast for single draws."""
    def __init__(self, items, weights=None):
        self.items = list(items)
        self.cum = list(accumulate(weights or [1] * len(self.items)))
        self.total = self.cum[-1]

    def __call__(self, rnd):
        return self.items[bisect.bisect(self.cum, rnd() * self.total)]


def uuid7(rng, day):
    """UUIDv7-shaped id: creation day plus 74 deterministic random bits."""
    bits = rng.getrandbits(74 + 26)
    ms = day * 86400000 + (bits >> 74)          # 2**26 ms = 18.6 h: stays within the day
    r = bits & ((1 << 74) - 1)
    h = "%012x7%03x%x%015x" % (ms, r >> 62, 8 | (r >> 60 & 3), r & ((1 << 60) - 1))
    return "-".join((h[:8], h[8:12], h[12:16], h[16:20], h[20:]))


_ISO = {}


def iso(day):
    """Day number since 1970-01-01 -> 'YYYY-MM-DD' (memoised)."""
    s = _ISO.get(day)
    if s is None:
        s = _ISO[day] = (EPOCH + timedelta(days=day)).isoformat()
    return s


def days(text):
    return (date.fromisoformat(text) - EPOCH).days


def slug(text):
    out = []
    for ch in text.lower():
        if ch.isascii() and ch.isalnum():
            out.append(ch)
        elif ch in "äöüßé":
            out.append({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e"}[ch])
        elif out and out[-1] != "-":
            out.append("-")
    return "".join(out).strip("-")[:48]


def write_table(path, table, rows, fmt):
    cols = COLUMNS[table]
    if fmt == "csv":
        with open(path + ".csv", "w", newline="", encoding="utf-8") as f:
            w = csv.writer(f, lineterminator="\r\n")
            w.writerow(cols)
            w.writerows(rows)
        return
    with open(path + ".ndjson", "w", encoding="utf-8", newline="\n") as f:
        for row in rows:
            rec = {}
            for c, v in zip(cols, row):
                if v != "" and v is not None:
                    rec[c] = v.split("|") if c in LISTS else v
            f.write(json.dumps(rec, ensure_ascii=False, separators=(",", ":")) + "\n")


# ---------------------------------------------------------------- phase 1: skeleton


class House:
    __slots__ = ("ags", "kreis", "id", "step", "opened", "status", "near", "sectors", "inter", "ids",
                 "by_sector", "born", "inter_idx")


def choose_kreise(kreise, args):
    if args.ags:
        want = args.ags.split(",")
        missing = [a for a in want if a not in kreise]
        if missing:
            sys.exit("unknown ags: " + ", ".join(missing))
        return want
    n = min(args.houses, len(kreise))
    if n == len(kreise):
        return sorted(kreise)
    # a connected patch looks like a real pilot: seed points, then their nearest neighbours
    rng = rng_for(args.seed, "choose")
    rest, chosen = set(kreise), []
    while len(chosen) < n:
        start = rng.choice(sorted(rest))
        near = sorted(rest, key=lambda a: (dist(kreise[start], kreise[a]), a))
        take = near[:min(n - len(chosen), max(2, n // 4))]
        chosen += take
        rest -= set(take)
    return sorted(chosen)


def dist(a, b):
    dx = (a["lon"] - b["lon"]) * math.cos(math.radians(51))
    return dx * dx + (a["lat"] - b["lat"]) ** 2


def skeleton(kreise, chosen, args, as_of):
    """House list with everything other houses must know: ids, sectors and roles of partners."""
    order = chosen[:]
    rng_for(args.seed, "order").shuffle(order)
    n = len(order)
    n_model, n_pilot = max(1, round(n * 0.03)), round(n * 0.17)
    windows = {2: ("2021-10-01", "2022-12-31"), 3: ("2022-04-01", "2024-03-31"), 4: ("2023-06-01", "2025-12-31")}
    houses = {}
    for i, ags in enumerate(order):
        rng = rng_for(args.seed, "house", ags)
        h = House()
        h.ags, h.kreis = ags, kreise[ags]
        h.step = 2 if i < n_model else 3 if i < n_model + n_pilot else 4
        lo, hi = (days(d) for d in windows[h.step])
        h.opened = min(rng.randint(lo, hi), as_of - 120)
        h.status = "active" if rng.random() < 0.985 else "suspended"
        h.id = uuid7(rng, h.opened)
        h.sectors = rng.choices(SECTORS, SECTOR_W, k=args.partners)
        h.inter = [rng.random() < 0.06 for _ in range(args.partners)]
        span = as_of - h.opened
        h.born = [h.opened + int(span * rng.random() ** 3 * 0.85) for _ in range(args.partners)]
        h.ids = [uuid7(rng, d) for d in h.born]
        h.by_sector = {s: [k for k, v in enumerate(h.sectors) if v == s] for s in SECTORS}
        h.inter_idx = {s: [k for k in h.by_sector[s] if h.inter[k]] for s in SECTORS}
        houses[ags] = h
    for h in houses.values():
        others = sorted((a for a in houses if a != h.ags), key=lambda a: (dist(h.kreis, kreise[a]), a))
        h.near = others[:6]
    return houses


# ---------------------------------------------------------------- phase 2: one house


def make_places(rng, kreis):
    if kreis["kind"] == "kreisfreie_stadt":
        return [kreis["name"]]
    return [rng.choice(PLACE_A) + rng.choice(PLACE_B) for _ in range(14)]


def make_partners(h, args, rng):
    rnd, pick = rng.random, lambda seq: seq[int(rng.random() * len(seq))]
    places = make_places(rng, h.kreis)
    kname = h.kreis["name_long"] if h.kreis["kind"] == "landkreis" else h.kreis["name"]
    plz0 = "%02d" % (1 + int(h.ags) // 1000 * 5 % 98)
    legal = {s: Picker(*LEGAL[s]) for s in SECTORS}
    size = {s: Picker(*SIZE[s]) for s in SECTORS}
    topic = Picker(TOPICS, TOPIC_W)
    seen, rows = {}, []
    for i in range(args.partners):
        s, inter = h.sectors[i], h.inter[i]
        form = legal[s](rnd)
        place = pick(places)
        if s == "Z":
            pat = pick(CIVIL_INTER if inter else CIVIL)
            if inter:
                form = "ev"
        elif s == "W":
            if inter:
                form = "ev"
            elif form in ("ev", "kdoer_kammer"):
                form = "gmbh"
            pat = pick(BUSINESS_INTER if inter else BUSINESS)
        else:
            if inter:
                form = "behoerde"
            pat = pick(STATE_INTER if inter else STATE[form])
        trade = pick(TRADES)
        name = pat.format(c=pick(CAUSES), p=place, k=kname, n=pick(NATURE), t=trade, t2=trade.lower(),
                          a=pick(OFFICES))
        if form == "stiftung":
            name = "Stiftung " + name
        elif form == "kdoer_rel":
            name = "Kirchengemeinde " + pick(NATURE) + "berg " + place
        name += LEGAL_SUFFIX[form]
        k = seen[name] = seen.get(name, 0) + 1
        if k > 1:                                   # keep names unique inside the house
            name = "%s – %s %d" % (name, pick(["Ortsgruppe", "Bereich", "Standort"]), k)
        sl = slug(name)
        t1 = topic(rnd)
        topics = t1 if rnd() < 0.6 else t1 + "|" + pick([t for t in TOPICS[:6] if t != t1])
        reg = ""
        if form in ("ev",):
            reg = "VR %d" % rng.randint(100, 29999)
        elif form in ("gmbh", "ug", "ag", "ggmbh", "gug"):
            reg = "HRB %d" % rng.randint(100, 99999)
        elif form in ("kg", "gmbh_co_kg", "ohg"):
            reg = "HRA %d" % rng.randint(100, 49999)
        elif form == "eg":
            reg = "GnR %d" % rng.randint(10, 900)
        rows.append((h.ids[i], h.ags, name, s, form, int(inter), size[s](rnd), topics,
                     "%s %d" % (pick(STREETS).format(n=pick(NATURE)), 1 + int(rnd() * 120)),
                     plz0 + "%03d" % int(rnd() * 1000), place, h.ags,
                     "https://%s.example" % sl, "info@%s.example" % sl, reg,
                     "national" if rnd() < 0.88 else "local", iso(h.born[i]),
                     "active" if rnd() < 0.95 else "inactive"))
    if args.dirty:                                  # near duplicates, for import and dedup tests
        for i in sorted(rng.sample(range(len(rows)), int(len(rows) * args.dirty))):
            r = list(rows[i])
            r[0] = uuid7(rng, h.born[i])
            r[2] = r[2].replace(" e.V.", " e. V.").replace(" GmbH", " gmbh").replace("straße", "str.") + rng.choice(["", " "])
            r[8] = r[8].replace("straße", "str.")
            rows.append(tuple(r))
    return rows


def pick_parties(h, houses, rng, level):
    """2-4 distinct parties as (house, index); first one belongs to the lead house."""
    rnd = rng.random
    want = []
    x = rnd()
    if x < 0.30:
        want = ["W", "S", "Z"]
        if rnd() < 0.25:
            want.append(rng.choice(SECTORS))
    elif x < 0.72:
        want = ["W", "Z"]
    elif x < 0.88:
        want = ["S", "Z"]
    else:
        want = ["W", "S"]
    if len(want) == 2 and rnd() < 0.2:
        want.append(rng.choice(want))
    rng.shuffle(want)
    cross = bool(h.near) and rnd() < (0.35 if level == "intermediary" else 0.12)
    out = []
    for n, s in enumerate(want):
        host = h
        if n and cross and (n == len(want) - 1 or rnd() < 0.4):
            host = houses[h.near[int(rnd() ** 1.7 * len(h.near))]]
        pool = (host.inter_idx[s] if level == "intermediary" else None) or host.by_sector[s]
        if not pool:
            continue
        for _ in range(4):
            p = (host, pool[int(rnd() * len(pool))])
            if p not in out:
                out.append(p)
                break
    return out


def make_agreements(h, houses, args, rng, as_of):
    rnd, pick = rng.random, lambda seq: seq[int(rng.random() * len(seq))]
    topic = Picker(TOPICS, TOPIC_W)
    contrib = {s: Picker(CONTRIB, CONTRIB_W[s]) for s in SECTORS}
    agr, par, evs, in_force = [], [], [], []
    for _ in range(args.agreements):
        level = "intermediary" if rnd() < 0.15 else "individual"
        parties = pick_parties(h, houses, rng, level)
        if len(parties) < 2:
            continue
        first = max([h.opened] + [p[0].opened for p in parties] + [p[0].born[p[1]] for p in parties])
        if first >= as_of - 2:
            first = as_of - 2
        created = first + int((as_of - 1 - first) * rnd() ** 1.25)
        aid = uuid7(rng, created)
        hosts = list(dict.fromkeys(p[0].ags for p in parties))
        sec = "".join(s for s in "WSZ" if any(p[0].sectors[p[1]] == s for p in parties))
        t1 = topic(rnd)
        topics = t1 if rnd() < 0.72 else t1 + "|" + pick([t for t in TOPICS[:6] if t != t1])
        title = pick(TITLES[t1])

        # ---- life of the agreement, day by day, cut off at as_of
        seq, events, version = 0, [], 1

        def ev(day, name, house):
            nonlocal seq
            seq += 1
            events.append((day, seq, name, version, house))

        state, since, reason = "draft", created, ""
        valid_from = valid_to = nxt = None
        months = pick([6, 12, 12, 12, 24])
        ev(created, "created", h.ags)
        prop = created + 2 + int(rnd() ** 2 * 75)
        if prop <= as_of and rnd() < 0.97:
            ev(prop, "proposed", h.ags)
            state, since = "proposed", prop
            if rnd() < 0.10:                       # never agreed
                stop = prop + 20 + int(rnd() * 150)
                for a in hosts[:-1]:
                    if a != hosts[0] or rnd() < 0.8:
                        d = prop + int(rnd() * 20)
                        if d <= min(stop, as_of):
                            ev(d, "countersigned", a)
                if stop <= as_of:
                    ev(stop, "withdrawn", h.ags)
                    state, since, reason = "withdrawn", stop, pick(END_REASONS["withdrawn"])
            else:
                signed = []
                for a in hosts:
                    lag = int(rng.expovariate(1 / 6.0)) if a == h.ags else 3 + int(rng.expovariate(1 / 24.0))
                    signed.append((prop + min(lag, 150), a))
                signed.sort()
                for d, a in signed:
                    if d <= as_of:
                        ev(d, "countersigned", a)
                done = signed[-1][0]
                if done <= as_of:
                    ev(done, "in_force", h.ags)
                    state, since = "in_force", done
                    valid_from = done
                    dur = pick([60, 120, 180, 365, 365, 730, 1095, 0])   # 0: open-ended
                    valid_to = valid_from + dur if dur else None
                    fate = rnd()
                    end = valid_to if valid_to else valid_from + 400 + int(rnd() * 1500)
                    if fate < 0.12:
                        end = valid_from + 40 + int(rnd() * max(60, (end - valid_from) * 0.8))
                    due = valid_from + round(months * 30.44)
                    while due < end and due <= as_of and state == "in_force":
                        start = due + int(rnd() * 45) - 14
                        if rnd() < 0.20 or start > as_of:                # review missed so far
                            break
                        start = max(start, since)
                        if start >= end:
                            break
                        ev(start, "review_started", h.ags)
                        fin = start + 3 + int(rnd() * 40)
                        if fin > as_of:
                            state, since = "under_review", start
                            break
                        ev(fin, "reviewed", h.ags)
                        since = fin
                        if rnd() < 0.15:                                 # terms changed: everybody signs again
                            version += 1
                            ev(fin, "amended", h.ags)
                            last = fin
                            for a in hosts:
                                d = fin + int(rng.expovariate(1 / 9.0))
                                last = max(last, d)
                                if d <= as_of:
                                    ev(d, "countersigned", a)
                            if last <= as_of:
                                ev(last, "in_force", h.ags)
                                since = last
                        due = fin + round(months * 30.44)
                    nxt = due
                    if end <= as_of and (valid_to or fate < 0.5) and state != "under_review":
                        end = max(end, since)
                        if end <= as_of:
                            state = "fulfilled" if fate >= 0.30 else "ended"
                            since = end
                            ev(end, state, h.ags)
                            if state == "ended":
                                reason = "terminated" if fate < 0.12 else pick(END_REASONS["ended"])
        events.sort()                               # by day, then in the order they were made
        last_day, clock = 0, 0                      # seconds of the day, rising within one day
        for n, (day, _, name, ver, house) in enumerate(events):
            clock = clock + 1 + int(rnd() * 3000) if day == last_day else 28800 + int(rnd() * 28000)
            last_day = day
            evs.append((aid, n + 1, "%sT%02d:%02d:%02dZ" % (iso(day), clock // 3600, clock // 60 % 60, clock % 60),
                        name, ver, house))
        if state in ("in_force", "under_review", "fulfilled", "ended"):
            in_force.append((aid, valid_from))
        agr.append((aid, h.ags, version, title, level, topics, sec, int(sec == "WSZ"),
                    pick(PURPOSE).format(title), iso(valid_from) if valid_from else "",
                    iso(valid_to) if valid_to else "", months,
                    iso(nxt) if nxt and state in ("in_force", "under_review") else "",
                    pick([4, 4, 8, 12]), "national" if rnd() < 0.8 else "parties", state, iso(since), reason,
                    "muster-absprache-intermediaer" if level == "intermediary" else
                    ("muster-absprache-einzel" if rnd() < 0.6 else "")))
        for n, (host, i) in enumerate(parties):
            s = host.sectors[i]
            kind = contrib[s](rnd)
            unit = UNIT[kind]
            qty = ""
            if unit:
                lo, hi = QTY[unit]
                qty = lo + int((hi - lo) * rnd() ** 2.2)
                if unit == "eur":
                    qty = max(1, qty // 100) * 100
            par.append((aid, n + 1, host.ids[i], host.ags, s, "lead" if n == 0 else "party", kind, qty, unit,
                        "%s für „%s“" % (CONTRIB_DE[kind], title)))
    return agr, par, evs, in_force


def make_rest(h, args, rng, as_of, in_force):
    rnd, pick = rng.random, lambda seq: seq[int(rng.random() * len(seq))]
    topic, sector = Picker(TOPICS, TOPIC_W), Picker(SECTORS, [42, 43, 15])
    ctype, chan, outc = Picker(CONS_TYPES, CONS_W), Picker(CHANNELS, CHANNEL_W), Picker(OUTCOMES, OUTCOME_W)
    contrib = {s: Picker(CONTRIB[:8], CONTRIB_W[s][:8]) for s in SECTORS}   # listings: no money
    listings, cons, checks = [], [], []
    span = max(2, as_of - h.opened - 1)
    for _ in range(args.listings if args.partners else 0):
        i = int(rnd() * args.partners)
        s = h.sectors[i]
        start = max(h.born[i], h.opened + int(span * rnd() ** 0.7))
        kind, length = contrib[s](rnd), pick([30, 60, 90, 90, 180, 365])
        t1, unit = topic(rnd), UNIT[kind]
        what = "offer" if rnd() < (0.62 if s == "W" else 0.4) else "need"
        status = pick(["open", "open", "matched", "matched", "closed"]) if start + length > as_of else \
            pick(["matched", "expired", "expired", "closed"])
        lo, hi = QTY.get(unit, (0, 0))
        listings.append((uuid7(rng, start), h.ags, h.ids[i], what,
                         ("Angebot: " if what == "offer" else "Gesuch: ") + pick(TITLES[t1]), t1, kind,
                         lo + int((hi - lo) * rnd() ** 2.2) if unit else "", unit, iso(start), iso(start + length),
                         status, pick(["house", "neighbours", "neighbours", "national"])))
    for _ in range(args.consultations):
        d = h.opened + int(span * rnd() ** 0.75)
        kind, out = ctype(rnd), outc(rnd)
        if out == "open" and d < as_of - 200:
            out = "informed"
        took = int(rnd() ** 2 * (200 if kind == "accompaniment" else 30))
        closed = "" if out == "open" or d + took > as_of else iso(d + took)
        aid = pick(in_force)[0] if out == "agreement" and in_force else ""
        cons.append((uuid7(rng, d), h.ags, iso(d), closed, kind, chan(rnd), sector(rnd), topic(rnd),
                     pick([15, 15, 30, 30, 45, 60, 90, 120]) * (4 if kind == "accompaniment" else 1),
                     out if closed or out == "open" else "open", aid))
    for _ in range(args.checks):
        d = h.opened + int(span * rnd())
        s = "W" if rnd() < 0.55 else "Z"
        n = 24 if s == "W" else 22
        red = int(n * rnd() ** 2 * 0.5)
        yellow = int((n - red) * rnd() * 0.6)
        measures = int(rnd() * 14)
        full = measures >= 10                      # complete check: ten measures -> self-declaration, two years
        checks.append((uuid7(rng, d), h.ags, "praxischeck-kmu" if s == "W" else "praxischeck-gno", s, iso(d), n,
                       n - red - yellow, yellow, red, measures, iso(d) if full else "", iso(d + 730) if full else ""))
    return listings, cons, checks


def one_house(job):
    h, houses, args, as_of = job
    folder = os.path.join(args.out, h.ags)
    os.makedirs(folder, exist_ok=True)
    out = {}
    out["partners"] = make_partners(h, args, rng_for(args.seed, "partners", h.ags))
    a, p, e, live = make_agreements(h, houses, args, rng_for(args.seed, "agreements", h.ags), as_of)
    out["agreements"], out["agreement_parties"], out["agreement_events"] = a, p, e
    out["listings"], out["consultations"], out["check_results"] = make_rest(
        h, args, rng_for(args.seed, "rest", h.ags), as_of, live)
    for table, rows in out.items():
        write_table(os.path.join(folder, table), table, rows, args.format)
    return {t: len(r) for t, r in out.items()}


_SHARED = None          # (houses, args, as_of), inherited by forked workers


def _worker(ags):
    houses, args, as_of = _SHARED
    return one_house((houses[ags], houses, args, as_of))


# ---------------------------------------------------------------- top level


def write_top(houses, args, as_of):
    rows, roll, peers = [], [], set()
    for ags in sorted(houses):
        h = houses[ags]
        k = h.kreis
        short = k["name"] if k["kind"] == "kreisfreie_stadt" else k["name_long"]
        sl = slug(short)
        rows.append((h.id, ags, "Haus der Kooperation " + short, h.status, iso(h.opened), h.step, ags,
                     "https://%s.hdk.example" % sl, "haus@%s.hdk.example" % sl, "%s.hdk.example:8747" % sl))
        rng = rng_for(args.seed, "rollout", ags)
        start = h.opened - 120
        for step in range(1, h.step + 1):
            # a region takes the preparation step, then the step through which it joined
            if step not in (1, h.step):
                continue
            end = h.opened if step == 1 else h.opened + rng.randint(400, 800)
            done = end <= as_of
            roll.append((uuid7(rng, start), ags, step, "evaluated" if done and step > 1 and rng.random() < 0.6 else
                         "completed" if done else "running", iso(start), iso(end) if done else "", h.id))
            start = h.opened
        for n in h.near[:4]:
            peers.add((min(ags, n), max(ags, n)))
    put = lambda t, r: write_table(os.path.join(args.out, t), t, r, args.format)
    put("houses", rows)
    put("rollout", roll)
    put("peers", sorted(peers))
    put("instruments", [i + ("CC-BY-4.0", "2021-01-01") for i in INSTRUMENTS])      # date and licence invented
    return {"houses": len(rows), "rollout": len(roll), "peers": len(peers), "instruments": len(INSTRUMENTS)}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0],
                                 formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    ap.add_argument("--out", required=True, help="folder to write to (created)")
    ap.add_argument("--kreise", default=os.path.join(here, "districts.csv"),
                    help="the table of districts (default: beside this program)")
    ap.add_argument("--seed", default="1")
    ap.add_argument("--houses", type=int, default=12, help="number of houses, at most one per Kreis")
    ap.add_argument("--ags", help="comma list of 5-digit keys instead of --houses")
    ap.add_argument("--partners", type=int, default=100, help="partners per house")
    ap.add_argument("--agreements", type=int, default=50, help="agreements led by each house")
    ap.add_argument("--listings", type=int, default=40, help="offers and needs per house")
    ap.add_argument("--consultations", type=int, default=120, help="consultations per house")
    ap.add_argument("--checks", type=int, default=10, help="Praxischeck results per house")
    ap.add_argument("--as-of", default="2026-09-30", help="cut-off date of all histories")
    ap.add_argument("--dirty", type=float, default=0.0, help="share of near-duplicate partner rows to add")
    ap.add_argument("--format", choices=["csv", "ndjson"], default="csv")
    ap.add_argument("--jobs", type=int, default=1, help="worker processes; the output does not depend on it")
    args = ap.parse_args()
    started = time.time()
    with open(args.kreise, encoding="utf-8", newline="") as f:
        kreise = {r["ags"]: r for r in csv.DictReader(f)}
    for r in kreise.values():
        r["lon"], r["lat"] = float(r["lon"]), float(r["lat"])
    as_of = days(args.as_of)
    os.makedirs(args.out, exist_ok=True)
    chosen = choose_kreise(kreise, args)
    houses = skeleton(kreise, chosen, args, as_of)
    totals = write_top(houses, args, as_of)
    global _SHARED
    _SHARED = (houses, args, as_of)
    if args.jobs > 1 and hasattr(os, "fork"):
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(args.jobs) as pool:
            results = pool.map(_worker, sorted(houses), chunksize=4)
    else:
        results = [_worker(a) for a in sorted(houses)]
    for r in results:
        for t, n in r.items():
            totals[t] = totals.get(t, 0) + n
    manifest = {"generator": "make_federation.py 1", "seed": args.seed, "as_of": args.as_of, "format": args.format,
                "houses": sorted(houses), "per_house": {k: getattr(args, k) for k in
                                                        ("partners", "agreements", "listings", "consultations", "checks")},
                "rows": totals}
    with open(os.path.join(args.out, "manifest.json"), "w", encoding="utf-8") as f:
        json.dump(manifest, f, ensure_ascii=False, indent=1)
        f.write("\n")
    print("%d houses, %s rows in %.1f s" % (len(houses), format(sum(totals.values()), ","), time.time() - started),
          file=sys.stderr)


if __name__ == "__main__":
    main()
