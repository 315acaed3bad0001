#!/usr/bin/env python3
"""Branch coverage out of gcovr's JSON: coverage.py FILE FLOOR.

Prints files below 90 % with the lines whose branches are not all taken, and the totals. Exit 1 if
the total is below FLOOR percent.
"""
import json
import sys

WANTED = 90.0


def percent(taken, all_branches):
    return 100.0 * taken / all_branches if all_branches else 100.0


def main(path, floor):
    with open(path, encoding="utf-8") as file:
        files = json.load(file)["files"]
    totals = {}
    below = []
    for entry in files:
        name = entry["file"]
        taken = everything = 0
        open_lines = []
        for line in entry["lines"]:
            branches = [b for b in line["branches"] if not b.get("throw")]
            hit = sum(1 for b in branches if b["count"] > 0)
            taken += hit
            everything += len(branches)
            if hit < len(branches):
                open_lines.append("%d(%d/%d)" % (line["line_number"], hit, len(branches)))
        room = name.split("/")[0]
        sums = totals.setdefault(room, [0, 0])
        sums[0] += taken
        sums[1] += everything
        if percent(taken, everything) < WANTED:
            below.append((percent(taken, everything), name, taken, everything, open_lines))
    for share, name, taken, everything, open_lines in sorted(below):
        print("%5.1f %%  %-28s %4d of %4d: %s" % (share, name, taken, everything,
                                                " ".join(open_lines)))
    taken = everything = 0
    for room, sums in sorted(totals.items()):
        print("%-8s %5.1f %% of %d branches" % (room, percent(*sums), sums[1]))
        taken += sums[0]
        everything += sums[1]
    total = percent(taken, everything)
    print("total    %5.1f %% of %d branches" % (total, everything))
    return 0 if total >= float(floor) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
