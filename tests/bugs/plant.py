#!/usr/bin/env python3
"""Makes a copy of the tree in which every bug of bugs.py sleeps, to be woken by TRIS_BUG=n.

The sources of the product stay clean: in the copy each place of the table becomes a choice between
what stands there and the mistake. A place that is not found exactly once (or at its given
occurrence) is an error, so that the table cannot rot.

usage: plant.py DIRECTORY   write the copy (files that did not change keep their time)
       plant.py --check     only look whether all places are there
       plant.py --list      number, room, files of tests/e2e and name of each bug, between tabs
       plant.py --e2e       the files of tests/e2e that may be needed
"""
import pathlib
import subprocess
import sys

from bugs import BUGS

ROOT = pathlib.Path(__file__).resolve().parents[2]


def is_statement(text):
    return text.rstrip().endswith((";", "}"))


def choice(bug, found):
    """What stands in the copy instead of `found`."""
    if is_statement(found):
        return f"if (BUG({bug.number})) {{ {bug.put} }} else {{ {found} }}"
    return f"(BUG({bug.number}) ? ({bug.put}) : ({found}))"


def place(text, bug):
    """Start of the occurrence that is meant, or None."""
    count = text.count(bug.find)
    if count < bug.at or (bug.at == 1 and count != 1 and not bug.many):
        return None
    start = -1
    for _ in range(bug.at):
        start = text.index(bug.find, start + 1)
    return start


def planted(path, text, bugs):
    """The file with all its bugs; complains and returns None if a place is not there or taken."""
    spots = []
    good = True
    for bug in bugs:
        start = place(text, bug)
        if start is None:
            print(f"bug {bug.number} {bug.name}: its place is not (once) in {path}", file=sys.stderr)
            good = False
        else:
            spots.append((start, bug))
    behind = len(text)
    for start, bug in sorted(spots, key=lambda spot: spot[0], reverse=True):
        end = start + len(bug.find)
        if end > behind:
            print(f"bug {bug.number} {bug.name}: its place is another one's too", file=sys.stderr)
            good = False
        behind = start
        text = text[:start] + choice(bug, bug.find) + text[end:]
    return '#include "tests/bugs/bug.h"\n' + text if good else None


def write_if_changed(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def room(bug):
    return bug.file.split("/")[0]


def e2e(bug):
    return bug.e2e or "fork,restore,faults"


def main(argument):
    numbers = [bug.number for bug in BUGS]
    if len(set(numbers)) != len(numbers):
        sys.exit("a number is used twice")
    if argument == "--list":
        for bug in sorted(BUGS, key=lambda b: b.number):
            print(bug.number, room(bug), e2e(bug), bug.name, sep="\t")
        return
    if argument == "--e2e":
        print(*sorted({name for bug in BUGS for name in e2e(bug).split(",")}))
        return
    by_file = {}
    for bug in BUGS:
        by_file.setdefault(bug.file, []).append(bug)
    sources = {}
    for name, bugs in by_file.items():
        sources[name] = planted(name, (ROOT / name).read_text(), bugs)
    if None in sources.values():
        sys.exit(1)
    if argument == "--check":
        print(f"{len(BUGS)} bugs, each in its place")
        return
    target = pathlib.Path(argument)
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], check=True, capture_output=True).stdout
    for name in listed.decode().split("\0"):
        source = ROOT / name
        if name == "" or not source.is_file():
            continue
        data = sources[name].encode() if name in sources else source.read_bytes()
        write_if_changed(target / name, data)
        (target / name).chmod(source.stat().st_mode & 0o777)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
