#!/usr/bin/env bats
# What the documents list is what the programs have: the control methods of proto/FORMAT.md.

load lib

@test "the table of control methods has every method of the daemon, with all its parameters" {
    run_code 0 "$PYTHON" - "$ROOT" <<'PY'
import glob, re, sys
root = sys.argv[1]
read = lambda path: open(f"{root}/{path}", encoding="utf-8").read()
methods = dict(re.findall(r'^    \{"([a-z.]+)", (ctl_\w+)\},$', read("daemon/ctl_table.c"), re.M))
assert len(methods) > 50, methods
keys = {}
for path in glob.glob("daemon/ctl*.c", root_dir=root):
    # of a function: its first list of keys
    for name, body in re.findall(r"^(?:static )?void (\w+)\([^;{]*\)\n\{\n(.*?)^\}$", read(path), re.M | re.S):
        found = re.search(r"keys\[\] = \{(.*?)\bNULL\}", body, re.S)
        other = re.search(r"^    (\w+)\(d, token, params", body, re.M)
        keys[name] = set(re.findall(r'"(\w+)"', found[1])) if found else other and other[1]
rows = re.findall(r"^\| `([a-z]+(?:\.[a-z]+)?)` \|(.*?) \| ",
                  read("proto/FORMAT.md").split("\n| method | params | result |\n")[1].split("\n\n")[0], re.M)
told = dict(rows)
assert len(told) == len(rows), "a method stands twice"
assert told.keys() == methods.keys(), told.keys() ^ methods.keys()
for method, handler in methods.items():
    have = keys[handler]
    have = keys[have] if isinstance(have, str) else have
    assert have is not None, f"{method}: no list of keys found"
    text = told[method]
    while "(" in text or "[" in text: # remarks and items
        text = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", text, count=1)
    text = re.sub(r"\{[^{}]*\}", "", text)
    names = set(re.findall(r"(?:^|, | )(\w+)\??(?=[,: ]|$)", text)) if text.strip() else set()
    assert have <= names, f"{method}: {have - names} not told"
    extra = set(re.findall(r"(?:^ |, )(\w+)\?", text)) - have
    assert not extra, f"{method}: {extra} does not exist"
PY
}
