#!/usr/bin/env python3
"""Benchmarks: the machine's limits, the programs bench_*, then daemons over loopback, as one table.

Started by `make bench`; the word `daemons` leaves the programs out, `hostile` all but the peers that
mean harm. RECORDS=n sets the size of
import and cold sync (100,000), ROUNDS=n how often they run (3, the median counts); BENCH=full means
1,000,000 records, once, and stores of 4 and 10 million. Nothing here is a test: a figure that falls short is printed as FAILS, the
exit code stays 0 as long as everything could be measured. What takes too long ends with a sentence.
"""
import csv
import json
import os
import re
import selectors
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import bench_hostile
import bench_scale
from bench_node import BUILD, ROOT, TICKS, BenchError, Control, Node, Proxy, end_process, pack, until
from bench_scale import percentile

FULL = os.environ.get("BENCH") == "full"
RECORDS = int(os.environ.get("RECORDS") or (1000000 if FULL else 100000))
ROUNDS = int(os.environ.get("ROUNDS") or (1 if FULL else 3))
TOTAL_SECONDS = 1860 if FULL else 345
PROGRAM_SECONDS = 300 if FULL else 60
SYNC_SECONDS = 600 if FULL else 60
LIVE_SAMPLES = 200
PAYLOAD_BYTES = 400
BUSY_PERCENT = 15
figures = []
section = "the start"
busiest_others = 0.0


def figure(name, value, unit, target=None, meets=None):
    verdict = "-" if meets is None else "MEETS" if meets else "FAILS"
    figures.append({"section": section, "figure": name, "value": value, "unit": unit,
                    "target": target, "verdict": verdict})
    shown = "%.3g" % value if isinstance(value, float) and value < 100 else "{:,.0f}".format(value)
    print("%-58s %14s %-12s %-24s %s" % (name, shown, unit, target or "", verdict), flush=True)


def head(text):
    global section
    section = text
    print("\n%s" % text, flush=True)


# ---- programs ----

def run_program(name, *words):
    path = os.path.join(BUILD, name)
    try:
        done = subprocess.run([path, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              text=True, check=False, timeout=PROGRAM_SECONDS)
    except subprocess.TimeoutExpired as late:
        raise BenchError("%s: no end within %d s" % (name, PROGRAM_SECONDS)) from late
    if done.returncode != 0:
        raise BenchError("%s ended with exit %d" % (name, done.returncode))
    return done.stdout


def machine(world):
    head("the machine itself, one thread")
    for line in run_program("bench_machine", world).splitlines():
        name, value, unit = line.split("\t")
        figure(name, float(value), unit)


def verify():
    head("verify-only, one core, payloads of 200 bytes")
    got = json.loads(run_program("bench_verify", "--json"))
    rate, share = got["entries_per_s"], got["percent_of_ceiling"]
    figure("verify-only", rate, "entries/s", ">= 700,000", rate >= 700000)
    figure("verify-only: share of the hash ceiling of this run", share, "%", ">= 65", share >= 65)
    figure("hash ceiling: three hashes an entry, nothing else", got["hash_ceiling_per_s"],
           "entries/s")


def store(world):
    head("the store alone: 100,000 entries, 32,768 a durable commit")
    out = run_program("bench_store", "100000", "32768", world)
    for name, value in re.findall(r"^(.{22}) +(\d+) entries/s", out, re.M):
        figure(name.strip(), int(value), "entries/s")


class Report:
    """What bench_scale needs of this file."""

    head, figure = staticmethod(head), staticmethod(figure)

    @staticmethod
    def watch(node):
        return Meanwhile(node)


def scale(world):
    bench_scale.sessions(Report, run_program("bench_session", str(bench_scale.HOUSES)))
    bench_scale.hostile(Report, world)
    bench_hostile.hostile(Report, world, run_program("bench_gate"))
    if FULL:
        bench_scale.aggregate(Report, world)
        bench_scale.start(Report, world)


# ---- how busy the machine is with other things ----

class Meanwhile:
    """Processor seconds that others took, and each daemon's greatest anonymous memory."""

    def __init__(self, *nodes):
        self.nodes, self.peak, self.ended = nodes, dict.fromkeys(nodes, 0.0), threading.Event()
        self.before = self.own()
        self.busy_before = self.busy()
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def own(self):
        return sum(n.cpu_seconds() for n in self.nodes) + sum(os.times()[:4])

    @staticmethod
    def busy():
        with open("/proc/stat", encoding="ascii") as f:
            cells = [int(x) for x in f.readline().split()[1:9]]
        return (sum(cells) - cells[3] - cells[4]) / TICKS  # without idle and waiting for disks

    def watch(self):
        while not self.ended.wait(0.02):
            for n in self.nodes:
                self.peak[n] = max(self.peak[n], n.anonymous_mib())

    def end(self):
        """Share of the processors that others took, in percent."""
        took = time.monotonic() - self.began
        others = self.busy() - self.busy_before - (self.own() - self.before)
        self.ended.set()
        self.thread.join()
        share = max(0.0, 100 * others / took / (os.cpu_count() or 1))
        global busiest_others
        busiest_others = max(busiest_others, share)
        return share


def put_threads(what, unit, before, after, took):
    """Where the wall time of a daemon's two threads went: the shortest profile there is."""
    busiest = 0.0
    for name in sorted(after):
        runs, waits = (after[name][i] - before.get(name, (0, 0))[i] for i in (0, 1))
        busiest = max(busiest, runs)
        figure("%s: %s thread on a processor" % (what, name), 100 * runs / took, "% of wall")
        figure("%s: %s thread waiting for a processor" % (what, name), 100 * waits / took,
               "% of wall")
    figure("%s: if the busiest thread never had to wait" % what, RECORDS / max(busiest, 1e-9), unit)


# ---- daemons ----

def found(world):
    """A house and an observer of one federation, from an empty folder."""
    a = Node(world, "koeln", "05315")
    b = Node(world, "observer", "11000", observer=True)
    charter = os.path.join(world, "charter.txt")
    a.tris("charter", "new", "Bench", "--house", a.line, "--observer", b.line, "--admit", "1",
           "--revoke", "2", "-o", charter)
    a.tris("charter", "sign", charter)
    for n in (a, b):
        n.tris("init", "--charter", charter)
    return a, b


def write_partners(world, path):
    """Partners of the generator, with a description that makes payloads of about 400 bytes."""
    folder = os.path.join(world, "fed")
    subprocess.run([sys.executable, os.path.join(ROOT, "tools/data/make_federation.py"), "--out",
                    folder, "--ags", "05315", "--partners", str(RECORDS), "--agreements", "0",
                    "--listings", "0", "--consultations", "0", "--checks", "0"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=True,
                   timeout=PROGRAM_SECONDS)
    text = ("Wir bringen Unternehmen, Verwaltung und Vereine im Kreis zusammen, beraten zu "
            "gemeinsamen Vorhaben, vermitteln Räume und Zeit und begleiten die Absprachen, bis "
            "sie erfüllt sind. Wer mitmachen will, meldet sich in der Sprechstunde. ") * 2
    keep = ["name", "sector", "legal_form", "intermediary", "size_class", "topics", "street",
            "postcode", "city", "web", "register_no", "status"]
    with open(os.path.join(folder, "05315", "partners.csv"), encoding="utf-8", newline="") as f, \
            open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["source_id", "region", *keep, "description"])
        for i, row in enumerate(csv.DictReader(f)):
            cells = ["b%d" % i, row["ags"], *(row[k] for k in keep)]
            used = sum(len(c.encode()) for c in cells) + 20  # field numbers and lengths
            writer.writerow(cells + [text.encode()[:max(20, PAYLOAD_BYTES - used)]
                                     .decode("utf-8", "ignore").strip()])
    shutil.rmtree(folder)


def import_once(a, path):
    meanwhile, threads = Meanwhile(a), a.threads()
    cpu, children, began = a.cpu_seconds(), os.times(), time.monotonic()
    a.tris("import", path, "--listed", "-y")
    took = time.monotonic() - began
    now = os.times()
    got = {"rate": RECORDS / took, "took": took, "cpu": a.cpu_seconds() - cpu,
           "tris": now.children_user + now.children_system - children.children_user -
                   children.children_system,
           "before": threads, "after": a.threads(), "others": meanwhile.end(),
           "peak": meanwhile.peak[a]}
    control = Control(a)
    if control.call("status")["records"]["partners"] != RECORDS:
        raise BenchError("not every row was imported")
    control.close()
    return got


def sync_once(a, b):
    b.start()
    meanwhile, threads = Meanwhile(a, b), b.threads()
    # B dials A directly: the proxy would cost CPU
    cpu, began = a.cpu_seconds() + b.cpu_seconds(), time.monotonic()
    b.tris("peer", "add", a.id, "127.0.0.1:%d" % a.port)
    ca, cb = Control(a), Control(b)
    until(lambda: cb.partners() >= RECORDS and
          cb.call("status")["root"] == ca.call("status")["root"], SYNC_SECONDS, "the cold sync",
          0.01)
    took = time.monotonic() - began
    got = {"rate": RECORDS / took, "took": took, "cpu": a.cpu_seconds() + b.cpu_seconds() - cpu,
           "before": threads, "after": b.threads(), "others": meanwhile.end(),
           "peak_a": meanwhile.peak[a], "peak_b": meanwhile.peak[b]}
    ca.close()
    cb.close()
    return got


def words_done(n):
    """The search index has caught up: the daemon is idle."""
    control = Control(n)
    until(lambda: control.call("status")["store"]["word_behind"] == 0, SYNC_SECONDS,
          "the search index of %s" % n.name, 0.1)
    control.close()


def middle(rounds):
    return sorted(rounds, key=lambda r: r["rate"])[len(rounds) // 2]


def put_rounds(what, unit, rounds):
    rates = [r["rate"] for r in rounds]
    mid = middle(rounds)
    figure("%s, median of %d" % (what, len(rounds)), mid["rate"], unit, ">= 100,000",
           mid["rate"] >= 100000)
    if len(rounds) > 1:
        figure("%s, worst" % what, min(rates), unit)
        figure("%s, best" % what, max(rates), unit)
    figure("%s: processors taken by others meanwhile" % what, mid["others"], "%")
    return mid


def bulk(worlds, running):
    """Import and cold sync, each round from an empty folder; the last pair stays."""
    imports, syncs = [], []
    path = os.path.join(worlds, "partners.csv")
    write_partners(worlds, path)
    for i in range(ROUNDS):
        while running:
            running.pop().stop()
        if i > 0:
            shutil.rmtree(os.path.join(worlds, str(i - 1)))
        world = os.path.join(worlds, str(i))
        os.mkdir(world)
        a, b = found(world)
        running += [a, b]
        a.start()
        imports.append(import_once(a, path))
        syncs.append(sync_once(a, b))
    head("import of a CSV, %s partners of about %d bytes" % (format(RECORDS, ","), PAYLOAD_BYTES))
    mid = put_rounds("import", "rows/s", imports)
    figure("import: CPU of the daemon", mid["cpu"] / RECORDS * 1e6, "us/row")
    figure("import: CPU of tris", mid["tris"] / RECORDS * 1e6, "us/row")
    figure("import: anonymous memory of the daemon at its peak", mid["peak"], "MiB", "<= 256",
           mid["peak"] <= 256)
    put_threads("import", "rows/s", mid["before"], mid["after"], mid["took"])
    disk = os.stat(os.path.join(a.dir, "store", "data.mdb")).st_blocks * 512
    figure("store after the import", disk / RECORDS, "bytes/record")
    head("cold sync, A -> empty B, encrypted, verified, durable, indexed and counted")
    mid = put_rounds("cold sync", "records/s", syncs)
    figure("cold sync: CPU of both", mid["cpu"], "s")
    figure("cold sync: CPU of both", mid["cpu"] / RECORDS * 1e6, "us/record")
    for side in "ab":
        figure("cold sync: anonymous memory of %s at its peak" % side.upper(),
               mid["peak_" + side], "MiB", "<= 256", mid["peak_" + side] <= 256)
    put_threads("cold sync, B", "records/s", mid["before"], mid["after"], mid["took"])
    wire(a, b)
    return a, b


def wire(a, b):
    peer = next(p for p in json.loads(b.tris("peer", "list", "--json"))["items"]
                if p["house"] == a.id)
    bytes_a_record = (peer["bytes_in"] + peer["bytes_out"]) / RECORDS
    sizes = []
    for seq in range(1, RECORDS, max(1, RECORDS // 200)):
        sizes.append(len(json.loads(a.tris("log", "show", a.id, str(seq), "--json"))["payload"]) / 2)
    payload = statistics.mean(sizes)
    figure("payload, mean of %d entries" % len(sizes), payload, "bytes/entry")
    figure("cold sync: wire, both ways, handshake included", bytes_a_record, "bytes/entry")
    figure("cold sync: wire above the payloads", bytes_a_record - payload, "bytes/entry", "<= 45",
           bytes_a_record - payload <= 45)


def new_partner(name):
    return {"kind": "partner", "scope": "national", "force": True,
            "fields": {"name": name, "sector": "Z", "legal_form": "ev", "region": "05315"}}


def live(world, a, b):
    """Each sample beside one durable commit of the machine in the same moment."""
    head("live propagation of one write, idle pair, beside a durable commit at the same time")
    machine_ = subprocess.Popen([os.path.join(BUILD, "bench_machine"), world, "commits"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    ca, cb = Control(a), Control(b)
    commits, acks, samples = [], [], []
    meanwhile = Meanwhile(a, b)
    try:
        for i in range(LIVE_SAMPLES):
            machine_.stdin.write("\n")
            machine_.stdin.flush()
            commits.append(int(machine_.stdout.readline()) / 1e3)
            want = cb.partners() + 1
            began = time.monotonic()
            ca.call("record.set", new_partner("Live %d e. V." % i))
            acks.append((time.monotonic() - began) * 1e3)
            until(lambda w=want: cb.partners() >= w, 20, "one record arrives", 0.0001)
            samples.append((time.monotonic() - began) * 1e3)
            time.sleep(0.03)  # idle again: search words follow after 20 ms
    finally:
        end_process(machine_)
        ca.close()
        cb.close()
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        commit, took = percentile(commits, share), percentile(samples, share)
        figure("durable commit alone, " + label, commit, "ms")
        figure("write at A -> acknowledged, " + label, percentile(acks, share), "ms")
        figure("write at A -> visible at B, " + label, took, "ms",
               "<= 3 commits + 2 = %.3g" % (3 * commit + 2), took <= 3 * commit + 2)
    figure("live: processors taken by others meanwhile", meanwhile.end(), "%")


def reconnect(world, a, b):
    head("in-sync reconnect and one new record, through a counting proxy")
    b.tris("peer", "remove", "-y", a.id)
    proxy = Proxy(world, "wire", a)
    try:
        b.tris("peer", "add", a.id, "127.0.0.1:%d" % proxy.port)
        control = Control(b)
        until(lambda: control.call("status")["sync"]["connected"] == 1, 30, "B connects")
        control.close()
        b.stop()
        time.sleep(0.3)
        mark = proxy.mark()
        b.start()
        control = Control(b)

        def in_sync():
            now = control.call("status")["sync"]
            return now["connected"] == 1 and now["equal"] >= 1

        until(in_sync, 30, "B knows that it is in sync", 0.001)
        time.sleep(0.2)  # the last flight of the dialler counts
        up, down, turns = proxy.since(mark)
        control.close()
        figure("in-sync reconnect: bytes, both ways", up + down, "bytes", "<= 400",
               up + down <= 400)
        # up, down, up: the dialler knows after the first answer; the last tells the other side
        figure("in-sync reconnect: round trips until the dialler knows", turns // 2, "", "1",
               turns // 2 <= 1)
        one_record(a, b, proxy)
    finally:
        proxy.stop()


def one_record(a, b, proxy):
    ca, cb = Control(a), Control(b)
    sizes, trips = [], []
    for i in range(20):
        mark, want = proxy.mark(), cb.partners() + 1
        ca.call("record.set", new_partner("Einer %d e. V." % i))
        until(lambda w=want: cb.partners() >= w, 20, "one record arrives", 0.001)
        time.sleep(0.05)  # what B says to it
        up, down, turns = proxy.since(mark)
        sizes.append(up + down)
        trips.append((turns + 1) // 2)
    seq = ca.call("status")["store"]["entries"]
    ca.close()
    cb.close()
    entry = entry_bytes(a, seq)
    size = statistics.median(sizes)
    figure("one new record on an open session: bytes, both ways", size, "bytes",
           "<= 500 + %d (entry)" % entry, size <= 500 + entry)
    figure("one new record on an open session: round trips", statistics.median(trips), "", "1",
           statistics.median(trips) <= 1)


def entry_bytes(a, entries):
    """Header, salt and payload of one of the youngest entries; others lie in gov."""
    for seq in range(entries, max(0, entries - 10), -1):
        try:
            shown = json.loads(a.tris("log", "show", a.id, str(seq), "--json"))
            return len(shown["payload"]) // 2 + 37
        except BenchError:
            continue
    return 0


def write_rate(node, clients, window, total, label):
    """Acknowledged record.set a second over the control socket; this client takes CPU too."""
    requests = [pack([0, i % window, "record.set", [new_partner("Write %s %d e. V." % (label, i))]])
                for i in range(total)]
    answer = re.compile(rb"\x94\x01[\x00-\x7f]\xc0", re.S)
    selector, sent, done, controls = selectors.DefaultSelector(), 0, 0, []
    began = time.monotonic()
    for _ in range(clients):
        s = Control(node)
        controls.append(s)
        selector.register(s.socket, selectors.EVENT_READ, [b""])
        s.socket.sendall(b"".join(requests[sent:sent + window]))
        sent += window
    while done < total:
        ready = selector.select(20)
        if not ready:
            raise BenchError("no answer to record.set within 20 s")
        for key, _ in ready:
            data = key.data[0] + key.fileobj.recv(65536)
            answers = answer.findall(data)
            key.data[0] = data[-3:]  # a header of four bytes may be cut; a whole one is not kept
            if not answers and b"\x94\x01" in data and len(data) > 4096:
                raise BenchError("record.set was refused: %r" % data[:300])
            done += len(answers)
            more = requests[sent:sent + len(answers)]
            sent += len(more)
            if more:
                key.fileobj.sendall(b"".join(more))
    took = time.monotonic() - began
    for s in controls:
        s.close()
    time.sleep(1)  # 64 clients are all that a daemon takes: the next one must not be the 65th
    return total / took


def writes(a):
    head("acknowledged durable writes over the control socket")
    control = Control(a)
    before = control.call("status")["records"]["partners"]
    control.close()
    one = write_rate(a, 1, 1, 300, "one")
    many = write_rate(a, 64, 16, 20480, "many")
    control = Control(a)
    if control.call("status")["records"]["partners"] != before + 20780:
        raise BenchError("not every acknowledged write is there")
    control.close()
    figure("one client, one in flight", one, "writes/s")
    target = min(20000, 100 * one)
    figure("64 clients, 16 in flight each", many, "writes/s", ">= {:,.0f}".format(target),
           many >= target)


def views(a):
    head("national views and start")
    control, samples = Control(a), []
    for _ in range(200):
        began = time.monotonic()
        control.call("national.overview")
        samples.append((time.monotonic() - began) * 1e3)
    held = control.call("status")["records"]["partners"]
    control.close()
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        took = percentile(samples, share)
        figure("national overview of %s partners, %s" % (format(held, ","), label), took, "ms",
               "<= 5", took <= 5)
    starts = []
    for _ in range(5):
        a.stop()
        starts.append(a.start())
    took = statistics.median(starts)
    figure("daemon start with %s entries, until it answers" % format(held, ","), took, "s",
           "<= 0.1", took <= 0.1)


def daemons(worlds):
    running = []
    try:
        a, b = bulk(worlds, running)
        words_done(a)
        words_done(b)
        live(worlds, a, b)
        reconnect(worlds, a, b)
        words_done(a)
        writes(a)
        views(a)
    finally:
        for n in running:
            n.stop()


def measure():
    worlds = tempfile.mkdtemp(prefix="tris-bench.")
    try:
        if sys.argv[1:] == ["hostile"]:
            bench_hostile.hostile(Report, worlds, run_program("bench_gate"))
            return
        if sys.argv[1:] != ["daemons"]:
            machine(worlds)
            verify()
            store(worlds)
        daemons(worlds)
        scale(worlds)
    finally:
        shutil.rmtree(worlds, ignore_errors=True)


def too_late(_signal, _frame):
    raise BenchError("not done within %d s in all" % TOTAL_SECONDS)


def ended(_signal, _frame):
    sys.exit(1)


def main():
    signal.signal(signal.SIGALRM, too_late)
    signal.signal(signal.SIGTERM, ended)
    signal.alarm(TOTAL_SECONDS)
    print("%-58s %14s %-12s %-24s %s" % ("figure", "value", "unit", "target", "verdict"))
    try:
        measure()
    except (BenchError, OSError, subprocess.SubprocessError) as why:
        sys.exit("bench: at \"%s\": %s" % (section, why))
    path = os.path.join(ROOT, "build", "bench.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"schema": "tris-bench-2", "records": RECORDS, "rounds": ROUNDS,
                   "processors": os.cpu_count(), "others_percent": busiest_others, "figures": figures},
                  f, indent=1)
        f.write("\n")
    fails = sum(1 for x in figures if x["verdict"] == "FAILS")
    meets = sum(1 for x in figures if x["verdict"] == "MEETS")
    print("\n%d MEETS, %d FAILS; written to build/bench.json" % (meets, fails))
    if busiest_others > BUSY_PERCENT:
        print("other processes took up to %.0f %% of the processors: rates and latencies are worse "
              "than this machine's, repeat when it is quiet" % busiest_others)


if __name__ == "__main__":
    main()
