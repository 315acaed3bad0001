#!/usr/bin/env python3
"""Benchmarks: the programs build/release/bench_*, then daemons over loopback, as one table.

Started by `make bench`; the word `daemons` leaves the programs out. Bench programs print sentences of their own; a line with the word MEETS or
FAILS is a verdict and goes into build/bench.json with the others.
Nothing here is a test: a figure that falls short is printed as FAILS, the exit code stays 0 as long
as everything could be measured. Uses only folders and ports of its own and ends what it started.
"""
import glob
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build/release"))
RECORDS = int(os.environ.get("RECORDS", "100000"))
WAIT_SECONDS = 120
figures = []


def figure(name, value, unit, target=None, meets=None):
    verdict = "-" if meets is None else "MEETS" if meets else "FAILS"
    figures.append({"figure": name, "value": value, "unit": unit, "target": target,
                    "verdict": verdict})
    shown = "%.3g" % value if isinstance(value, float) and value < 100 else "{:,.0f}".format(value)
    print("%-58s %14s %-12s %-22s %s" % (name, shown, unit, target or "", verdict), flush=True)


def head(text):
    print("\n%s" % text, flush=True)


def run_programs():
    for program in sorted(glob.glob(os.path.join(BUILD, "bench_*"))):
        if not os.access(program, os.X_OK) or program.endswith(".d"):
            continue
        head(os.path.basename(program))
        done = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=False)
        for line in done.stdout.splitlines():
            print(line, flush=True)
            verdict = re.search(r"\b(MEETS|FAILS)\b", line)
            if verdict or line.strip():
                figures.append({"figure": os.path.basename(program), "text": line,
                                "verdict": verdict.group(1) if verdict else "-"})
        if done.returncode != 0:
            sys.exit("bench: %s ended with exit %d" % (program, done.returncode))


class Node:
    def __init__(self, world, name, ags, observer=False):
        self.name, self.dir, self.port = name, os.path.join(world, name), free_port()
        self.process = None
        words = ["--observer"] if observer else []
        out = self.tris("init", "--region", ags, "--name", "Haus " + name, *words)
        self.line = next(x for x in out.splitlines() if x.startswith("tris-house-1 "))
        self.id = re.search(r" id=([0-9a-f]{64})", self.line).group(1)
        self.conf = self.dir + ".conf"
        with open(self.conf, "w", encoding="ascii") as f:
            f.write("listen = 127.0.0.1:%d\n[peers]\ndial = configured\n" % self.port)

    def tris(self, *words):
        done = subprocess.run([os.path.join(BUILD, "tris"), "--data", self.dir, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("tris %s: exit %d\n%s" % (" ".join(words)[:200], done.returncode,
                                                        done.stderr))
        return done.stdout

    def status(self):
        return json.loads(self.tris("status", "--json"))

    def start(self):
        with open(self.dir + ".log", "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(BUILD, "trisd"), "--config", self.conf, "--data", self.dir],
                stdout=log, stderr=log)
        until(self.answers, 20, self.name + " starts")

    def answers(self):
        try:
            self.status()
            return True
        except RuntimeError:
            if self.process.poll() is not None:
                raise
            return False

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
            self.process = None

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as f:
            cells = f.read().rsplit(")", 1)[1].split()
        return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")

    def anonymous_mib(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as f:
            return int(re.search(r"RssAnon:\s+(\d+) kB", f.read()).group(1)) / 1024


def free_port():
    while True:
        port = random.randint(15000, 31999)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def until(condition, seconds, what, pause=0.02):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("bench: not within %d s: %s" % (seconds, what))
        time.sleep(pause)


class Proxy:
    """tests/e2e/proxy.py in front of a node: counts bytes and turns."""

    def __init__(self, world, name, target):
        self.dir, self.port = os.path.join(world, name), free_port()
        os.mkdir(self.dir)
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(ROOT, "tests/e2e/proxy.py"), str(self.port),
             str(target.port), self.dir])
        until(lambda: os.path.exists(os.path.join(self.dir, "ready")), 10, "the proxy starts")

    def mark(self):
        return os.path.getsize(os.path.join(self.dir, "trace"))

    def since(self, mark):
        """(bytes up, bytes down, changes of direction) since the mark."""
        with open(os.path.join(self.dir, "trace"), encoding="ascii") as f:
            f.seek(mark)
            chunks = [line.split() for line in f]
        total = {"up": 0, "down": 0}
        turns, last = 0, None
        for way, size in chunks:
            total[way] += int(size)
            if way != last:
                turns, last = turns + 1, way
        return total["up"], total["down"], turns

    def stop(self):
        self.process.terminate()
        self.process.wait()


def write_partners(path, count):
    """A CSV of partners whose payloads have about 400 bytes."""
    rng = random.Random("bench")
    topics = ["work_integration", "diversity", "climate_mobility", "work_life", "digital_cohesion"]
    forms = [("W", "gmbh"), ("Z", "ev"), ("S", "kommune"), ("Z", "stiftung"), ("W", "kg")]
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write("source_id,name,sector,legal_form,topics,region,street,postcode,city,web,"
                "description\r\n")
        for i in range(count):
            sector, form = forms[i % len(forms)]
            f.write("b%d,Musterträger Nummer %d für Zusammenarbeit,%s,%s,%s,05315,"
                    "Lindenallee %d,50667,Köln,https://nummer-%d.example,%s\r\n"
                    % (i, i, sector, form, rng.choice(topics), i % 120 + 1, i, "Beschreibung " * 17))


def equal(*nodes):
    return len({n.status()["root"] for n in nodes}) == 1


def daemons():
    world = tempfile.mkdtemp(prefix="tris-bench.")
    nodes, proxy = [], None
    try:
        a = Node(world, "koeln", "05315")
        b = Node(world, "observer", "11000", observer=True)
        nodes = [a, b]
        charter = os.path.join(world, "charter.txt")
        a.tris("charter", "new", "Bench", "--house", a.line, "--observer", b.line, "--admit", "1",
               "--revoke", "2", "-o", charter)
        a.tris("charter", "sign", charter)
        for n in nodes:
            n.tris("init", "--charter", charter)
        import_rate(world, a)
        proxy = cold_sync(world, a, b)
        reconnect(a, b, proxy)
        one_record(a, b, proxy)
    finally:
        for n in nodes:
            n.stop()
        if proxy is not None:
            proxy.stop()
        shutil.rmtree(world, ignore_errors=True)


def import_rate(world, a):
    head("import of a CSV, %s partners, one daemon" % format(RECORDS, ","))
    path = os.path.join(world, "partners.csv")
    write_partners(path, RECORDS)
    a.start()
    cpu, began = a.cpu_seconds(), time.monotonic()
    a.tris("import", path, "--listed", "-y")
    took = time.monotonic() - began
    figure("import", RECORDS / took, "rows/s", ">= 100,000", RECORDS / took >= 100000)
    figure("import: CPU of the daemon", (a.cpu_seconds() - cpu) / RECORDS * 1e6, "us/row")
    disk = os.path.getsize(os.path.join(a.dir, "store", "data.mdb"))
    figure("store after the import", disk / RECORDS, "bytes/record")
    a.stop()
    began = time.monotonic()
    a.start()
    figure("daemon start with %s entries (until it answers)" % format(RECORDS, ","),
           time.monotonic() - began, "s", "<= 0.1", time.monotonic() - began <= 0.1)


def cold_sync(world, a, b):
    head("cold sync, A -> empty B, verified, durable, indexed and counted")
    b.start()
    cpu = a.cpu_seconds() + b.cpu_seconds()
    began = time.monotonic()
    # B dials A directly: the proxy would cost CPU
    b.tris("peer", "add", a.id, "127.0.0.1:%d" % a.port)
    peak = [0.0]

    def arrived():
        peak[0] = max(peak[0], a.anonymous_mib(), b.anonymous_mib())
        return b.status()["records"]["partners_all"] >= RECORDS and equal(a, b)

    until(arrived, WAIT_SECONDS, "the cold sync", 0.05)
    took = time.monotonic() - began
    cpu = a.cpu_seconds() + b.cpu_seconds() - cpu
    figure("cold sync", RECORDS / took, "records/s", ">= 100,000", RECORDS / took >= 100000)
    figure("cold sync: CPU of both", cpu, "s")
    figure("cold sync: CPU of both", cpu / RECORDS * 1e6, "us/record")
    figure("cold sync: anonymous memory, the larger of both", peak[0], "MiB", "<= 256",
           peak[0] <= 256)
    peer = next(p for p in json.loads(b.tris("peer", "list", "--json"))["items"]
                if p["house"] == a.id)
    wire = (peer["bytes_in"] + peer["bytes_out"]) / RECORDS
    payload = payload_bytes(a)
    figure("cold sync: wire", wire, "bytes/entry")
    figure("cold sync: wire above the payloads", wire - payload, "bytes/entry", "<= 45",
           wire - payload <= 45)
    b.tris("peer", "remove", "-y", a.id)
    proxy = Proxy(world, "wire", a)
    return proxy


def payload_bytes(a):
    """Mean payload size, of what the log says about some entries."""
    sizes = []
    for seq in range(0, RECORDS, max(1, RECORDS // 50)):
        entry = json.loads(a.tris("log", "show", a.id, str(seq), "--json"))
        sizes.append(len(entry["payload"]) / 2)
    return sum(sizes) / len(sizes)


def reconnect(a, b, proxy):
    head("in-sync reconnect, through a counting proxy")
    b.tris("peer", "add", a.id, "127.0.0.1:%d" % proxy.port)
    until(lambda: b.status()["sync"]["connected"] == 1, 30, "B connects")
    b.stop()
    time.sleep(0.3)
    mark = proxy.mark()
    b.start()
    until(lambda: b.status()["sync"]["connected"] == 1 and b.status()["sync"]["equal"] >= 1, 30,
          "B knows that it is in sync", 0.005)
    up, down, turns = proxy.since(mark)
    figure("in-sync reconnect: bytes, both ways", up + down, "bytes", "<= 400", up + down <= 400)
    # up, down, up: the dialler knows after the first answer, the last flight tells the other side
    figure("in-sync reconnect: round trips until the dialler knows", turns // 2, "", "1",
           turns // 2 <= 1)


def one_record(a, b, proxy):
    head("live, idle pair")
    time.sleep(1)
    entry, samples = [], []
    for i in range(20):
        mark = proxy.mark()
        want = b.status()["records"]["partners_all"] + 1
        began = time.monotonic()
        a.tris("partner", "add", "--listed", "--name", "Live %d e. V." % i, "--sector", "Z",
               "--legal-form", "ev", "--region", "05315")
        until(lambda w=want: b.status()["records"]["partners_all"] >= w, 20, "one record arrives", 0.001)
        samples.append(time.monotonic() - began)
        up, down, _ = proxy.since(mark)
        entry.append(up + down)
    samples.sort()
    figure("one new record on an open session: bytes", sorted(entry)[len(entry) // 2], "bytes",
           "<= 500 + the entry", sorted(entry)[len(entry) // 2] <= 700)
    figure("one new record: command to visible elsewhere, median", samples[10] * 1e3,
           "ms (2 commands)")
    figure("one new record: command to visible elsewhere, worst of 20", samples[-1] * 1e3,
           "ms (2 commands)")


def main():
    print("%-58s %14s %-12s %-22s %s" % ("figure", "value", "unit", "target", "verdict"))
    if sys.argv[1:] != ["daemons"]:
        run_programs()
    daemons()
    path = os.path.join(ROOT, "build", "bench.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"schema": "tris-bench-1", "records": RECORDS, "processors": os.cpu_count(),
                   "figures": figures}, f, indent=1)
        f.write("\n")
    fails = sum(1 for x in figures if x["verdict"] == "FAILS")
    meets = sum(1 for x in figures if x["verdict"] == "MEETS")
    print("\n%d MEETS, %d FAILS; written to build/bench.json" % (meets, fails))


if __name__ == "__main__":
    main()
