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
import selectors
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
        writes_and_views(a)
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


def pack(value):
    """The little of msgpack that a request needs."""
    if isinstance(value, int):
        return bytes([value]) if value < 128 else b"\xcd" + value.to_bytes(2, "big")
    if isinstance(value, str):
        raw = value.encode()
        return (bytes([0xa0 | len(raw)]) if len(raw) < 32 else b"\xd9" + bytes([len(raw)])) + raw
    if isinstance(value, list):
        return bytes([0x90 | len(value)]) + b"".join(map(pack, value))
    return bytes([0x80 | len(value)]) + b"".join(pack(k) + pack(v) for k, v in value.items())


def control(node):
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(node.dir, "trisd.sock"))
    return s


def write_rate(node, clients, window, total, label):
    """Acknowledged record.set a second over the control socket; this client takes CPU too."""
    requests = [pack([0, i % window, "record.set",
                      [{"kind": "partner", "scope": "national", "force": 1, "fields": {
                          "name": "Write %s %d e. V." % (label, i), "sector": "Z",
                          "legal_form": "ev", "region": "05315"}}]]).replace(
                              b"\xa5force\x01", b"\xa5force\xc3") for i in range(total)]
    answer = re.compile(rb"\x94\x01[\x00-\x7f]\xc0", re.S)
    selector, sent, done = selectors.DefaultSelector(), 0, 0
    began = time.monotonic()
    for _ in range(clients):
        s = control(node)
        selector.register(s, selectors.EVENT_READ, [b""])
        s.sendall(b"".join(requests[sent:sent + window]))
        sent += window
    while done < total:
        for key, _ in selector.select(10) or sys.exit("bench: no answer to record.set"):
            data = key.data[0] + key.fileobj.recv(65536)
            found = answer.findall(data)
            key.data[0] = data[-3:]  # a header of four bytes may be cut; a whole one is not kept
            if not found and b"\x94\x01" in data and len(data) > 4096:
                sys.exit("bench: record.set was refused: %r" % data[:300])
            done += len(found)
            more = requests[sent:sent + len(found)]
            sent += len(more)
            if more:
                key.fileobj.sendall(b"".join(more))
    took = time.monotonic() - began
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return total / took


def writes_and_views(a):
    head("acknowledged durable writes and national views, over the control socket")
    before = a.status()["records"]["partners"]
    one = write_rate(a, 1, 1, 1000, "one")
    figure("one client, one in flight", one, "writes/s")
    many = write_rate(a, 64, 16, 20480, "many")
    if a.status()["records"]["partners"] != before + 21480:
        sys.exit("bench: not every acknowledged write is there")
    target = min(20000, 100 * one)
    figure("64 clients, 16 in flight each", many, "writes/s", ">= %d" % target, many >= target)
    s, samples = control(a), []
    for i in range(200):
        began = time.monotonic()
        s.sendall(pack([0, 1, "national.overview", [{}]]))
        s.recv(65536)
        samples.append((time.monotonic() - began) * 1e3)
    s.close()
    samples.sort()
    figure("national overview, %s partners, median" % format(RECORDS, ","), samples[100], "ms",
           "<= 5", samples[100] <= 5)


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
