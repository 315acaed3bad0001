"""What honest houses notice of hostile ones: see bench.py, which runs this.

Two honest daemons and one write after the other between them: alone, beside a thousand sockets that
never become sessions, and beside a member or a candidate that floods. Quiet and hostile samples take
turns, so that what else the machine does meets both. What is compared is the longest but one in a
hundred; the targets are those of tests/THREATS.md.
"""
import json
import os
import re
import shutil
import subprocess
import threading
import time

from bench_node import BUILD, BenchError, Control, Node, end_process, until
from bench_scale import percentile

CROWD = 1000
BLOCKS = 4
SAMPLES = 60  # of a block
FLOOD_SAMPLES = 100
FLOOD_SECONDS = 15  # at most: it ends when the samples are taken
BURST = 2000
BURSTS = 4  # the best counts: what else runs makes them longer
BURST_US = 5
PEER_MIB = 1.25
# who, what, how it is called; those that fill the stores at the end
FLOODS = (("talker", "chatter", "a member with as many small messages as are allowed"),
          ("talker", "small", "a member with more, which comes again and again"),
          ("kiel", "writes", "a candidate that writes without end"),
          ("kiel", "small", "a candidate with too many small messages, again and again"),
          ("asker", "ranges", "a member that asks for all again and again"),
          ("signer", "slivers", "a member with a signature for each entry"),
          ("writer", "writes", "a member that writes without end"))
MEMBERS = ("writer", "signer", "asker", "talker")


def tool(name, kind, count, node, charter, keys, **more):
    return subprocess.Popen([os.path.join(BUILD, name), kind, *count, str(node.port), charter,
                             keys, node.slug], stderr=subprocess.DEVNULL, text=True, **more)


class World:
    """A writes, B listens and is attacked; the others are keys."""

    def __init__(self, folder):
        self.dir = os.path.join(folder, "crowd")
        os.mkdir(self.dir)
        self.a, self.b = Node(self.dir, "koeln", "05315"), Node(self.dir, "leipzig", "14713")
        self.b.slug = "leipzig"
        members = [Node(self.dir, name, "13003") for name in MEMBERS]
        self.charter = os.path.join(self.dir, "charter.txt")
        houses = [word for n in (self.a, self.b, *members) for word in ("--house", n.line)]
        self.a.tris("charter", "new", "Crowd", *houses, "--admit", "2", "--revoke", "3", "-o",
                    self.charter)
        for n in (self.a, self.b, *members):
            n.tris("charter", "sign", self.charter)
        for n in (self.a, self.b):
            n.tris("init", "--charter", self.charter)
        self.written = 0

    def start(self):
        self.b.start()
        self.a.start()
        self.a.tris("peer", "add", self.b.id, "127.0.0.1:%d" % self.b.port)
        self.ca, self.cb = Control(self.a), Control(self.b)
        until(lambda: self.cb.call("status")["sync"]["connected"] == 1, 20, "A connects")
        kiel = Node.__new__(Node)  # a candidate has no line before it is invited
        kiel.dir = os.path.join(self.dir, "kiel")
        line = json.loads(self.b.tris("peer", "invite", "--json", "--address",
                                      "127.0.0.1:%d" % self.b.port))["line"]
        kiel.tris("init", "--join", line, "--region", "01002", "--name", "Kiel", "--slug", "kiel")

    def keys(self, who):
        return os.path.join(self.dir, who)

    def stop(self):
        self.a.stop()
        self.b.stop()

    def is_there(self, number):
        try:
            self.cb.call("record.show", {"id": number})
            return True
        except BenchError:
            return False

    def settle(self):
        """What a flood has left is worked off."""
        for control in (self.ca, self.cb):
            until(lambda c=control: c.call("status")["store"]["word_behind"] == 0, 60,
                  "the search index", 0.1)

    def propagation(self, count):
        """Milliseconds from a write at A until B shows it."""
        samples = []
        for _ in range(count):
            self.written += 1
            fields = {"name": "Welle %d e. V." % self.written, "sector": "Z", "legal_form": "ev",
                      "region": "05315"}
            began = time.monotonic()
            number = self.ca.call("record.set", {"kind": "partner", "scope": "national",
                                                 "force": True, "fields": fields})["id"]
            until(lambda n=number: self.is_there(n), 20, "one record arrives", 0.0001)
            samples.append((time.monotonic() - began) * 1e3)
            time.sleep(0.02)  # idle again
        return samples


class Crowd:
    """e2e_crowd while it holds its sockets."""

    def __init__(self, world, kind):
        self.process = tool("e2e_crowd", kind, [str(CROWD)], world.b, world.charter,
                            world.keys("talker"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not self.process.stdout.readline().startswith("crowd"):
            raise BenchError("%d sockets were not opened" % CROWD)

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()


class Flood:
    """e2e_flood, again whenever it was closed."""

    def __init__(self, world, who, mode):
        self.world, self.who, self.mode = world, who, mode
        self.ended, self.said = threading.Event(), []
        self.process = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        time.sleep(0.3)

    def run(self):
        while not self.ended.is_set():
            self.process = subprocess.Popen(
                [os.path.join(BUILD, "e2e_flood"), self.mode, str(self.world.b.port),
                 self.world.charter, self.world.keys(self.who), "leipzig", str(FLOOD_SECONDS)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True)
            self.said.append(self.process.communicate()[0])
            self.ended.wait(0.05)

    def end(self):
        self.ended.set()
        end_process(self.process)
        self.thread.join()


def sockets(node):
    return len(os.listdir("/proc/%d/fd" % node.process.pid))


def put_latency(report, what, quiet, hostile):
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        alone, beside = percentile(quiet, share), percentile(hostile, share)
        judged = label == "p99"
        report.figure("%s, %s" % (what, label), beside, "ms",
                      "<= 2 x quiet = %.3g" % (2 * alone) if judged else None,
                      beside <= 2 * alone if judged else None)


def crowd(report, w):
    report.head("honest propagation beside %s sockets that never become sessions" %
                format(CROWD, ","))
    before, held_before = w.b.anonymous_mib(), sockets(w.b)
    w.propagation(20)
    quiet, beside, held = [], [], 0
    meanwhile = report.watch(w.b)
    for _ in range(BLOCKS):
        quiet += w.propagation(SAMPLES)
        hostile = Crowd(w, "mixed")
        try:
            beside += w.propagation(SAMPLES)
            held = max(held, sockets(w.b) - held_before)
        finally:
            hostile.end()
    meanwhile.end()
    report.figure("write at A -> visible at B, quiet, p50", percentile(quiet, 0.5), "ms")
    report.figure("write at A -> visible at B, quiet, p99", percentile(quiet, 0.99), "ms")
    put_latency(report, "beside slow, silent, garbage and half-open ones", quiet, beside)
    report.figure("sockets of them held at once, the others are closed", held, "")
    each = (meanwhile.peak[w.b] - before) / max(held, 1)
    report.figure("anonymous memory for each of them", each, "MiB", "<= %g" % PEER_MIB,
                  each <= PEER_MIB)
    return quiet


def floods(report, w, quiet):
    report.head("honest propagation beside a house that may talk and floods")
    for who, mode, what in FLOODS:
        w.settle()
        quiet = quiet + w.propagation(SAMPLES)
        flood = Flood(w, who, mode)
        before = w.b.cpu_seconds()
        began = time.monotonic()
        try:
            samples = w.propagation(FLOOD_SAMPLES)
            busy = 100 * (w.b.cpu_seconds() - before) / (time.monotonic() - began)
        finally:
            flood.end()
        put_latency(report, what, quiet, samples)
        report.figure("%s: processor of B" % what, busy, "%")
        if mode == "small" and not any("bye 7" in said for said in flood.said):
            raise BenchError("%s was not told why it was closed" % what)


def gate(report, w, program):
    report.head("a first message that the gate refuses")
    for line in program.splitlines():
        name, value, unit = line.split("\t")
        judged = "message" in name and "no message" not in name
        report.figure(name, float(value), unit, "<= %d" % BURST_US if judged else None,
                      float(value) <= BURST_US if judged else None)
    took = {"knock": 1e9, "burst": 1e9}
    for kind in ("knock", "burst") * BURSTS:  # the same connections, without and with a message
        before = w.b.threads()["loop"][0]
        burst = tool("e2e_crowd", kind, [str(BURST)], w.b, w.charter, w.keys("talker"),
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        out = burst.communicate(timeout=60)[0]
        if not re.search(r"opened %d answered 0" % BURST, out):
            raise BenchError("a burst of connections: %r" % out)
        took[kind] = min(took[kind], (w.b.threads()["loop"][0] - before) / BURST * 1e6)
    # their difference is smaller than what a connection's system calls vary by: no verdict
    report.figure("the daemon: a connection without a byte", took["knock"], "us")
    report.figure("the daemon: a connection with a bad first message", took["burst"], "us")


def hostile(report, folder, program):
    w = World(folder)
    try:
        w.start()
        quiet = crowd(report, w)
        gate(report, w, program)
        floods(report, w, quiet)
    finally:
        w.stop()
    shutil.rmtree(w.dir)
