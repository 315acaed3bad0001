#!/usr/bin/env python3
"""Branch coverage out of gcovr's JSON: coverage.py FILE FLOOR [TEXT].

Prints files below 90 % with the lines whose branches are not all taken, and the totals; writes them
into TEXT as well, as a table between its two marks. Exit 1 if a room is below FLOOR percent.
"""
import json
import sys

WANTED = 90.0
MARKS = ("<!-- figures: make coverage writes them -->", "<!-- end of figures -->")


def percent(taken, all_branches):
    return 100.0 * taken / all_branches if all_branches else 100.0


def write_table(path, below, rooms):
    rows = ["| room | branches | taken |", "|---|---|---|"]
    rows += ["| %s | %d | %.1f %% |" % (room, sums[1], percent(*sums))
             for room, sums in sorted(rooms.items())]
    rows += ["", "| file below %.0f %% | branches not taken | of | lines |" % WANTED,
             "|---|---|---|---|"]
    rows += ["| `%s` | %d | %d | %s |" % (name, everything - taken, everything,
                                         " ".join(line.split("(")[0] for line in lines))
             for _, name, taken, everything, lines in sorted(below)]
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + "\n".join([MARKS[0]] + rows + [MARKS[1]]) + after)


def main(path, floor, text=None):
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
    if text is not None:
        write_table(text, below, totals)
    return 0 if all(percent(*sums) >= float(floor) for sums in totals.values()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
