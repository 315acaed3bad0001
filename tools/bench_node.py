"""What the benchmarks need to run daemons: nodes, a counting proxy, the control socket, waiting.

Only folders, ports and processes of its own; every wait has an end and a sentence for it.
"""
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build/release"))
COMMAND_SECONDS = 240  # one command of tris, the import included
TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """What could not be measured, as a sentence."""


def free_port():
    for _ in range(1000):
        port = random.randint(15000, 31999)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise BenchError("no free port between 15000 and 31999")


def until(condition, seconds, what, pause=0.02):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError("not within %d s: %s" % (seconds, what))
        time.sleep(pause)


def end_process(process):
    """Asks it to end, then makes it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)


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
            # no older copy of a directory made here can be anywhere: a house seals at once
            f.write("listen = 127.0.0.1:%d\n[peers]\ndial = configured\n"
                    "[guard]\nalone_ms = 1\n" % self.port)

    def tris(self, *words):
        try:
            done = subprocess.run([os.path.join(BUILD, "tris"), "--data", self.dir, *words],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, check=False,
                                  timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired as late:
            raise BenchError("tris %s: no end within %d s" % (words[0], COMMAND_SECONDS)) from late
        if done.returncode != 0:
            raise BenchError("tris %s: exit %d\n%s" % (" ".join(words)[:200], done.returncode,
                                                      done.stderr))
        return done.stdout

    def start(self):
        """Seconds until it answers."""
        began = time.monotonic()
        with open(self.dir + ".log", "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(BUILD, "trisd"), "--config", self.conf, "--data", self.dir],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self.answers, 20, self.name + " starts", 0.001)
        return time.monotonic() - began

    def answers(self):
        if self.process.poll() is not None:
            with open(self.dir + ".log", encoding="utf-8") as f:
                raise BenchError("%s ended at its start: %s" % (self.name, f.read()[-500:]))
        try:
            Control(self).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process is not None:
            end_process(self.process)
            self.process = None

    def stat(self, what):
        with open("/proc/%d/%s" % (self.process.pid, what), encoding="ascii") as f:
            return f.read()

    def cpu_seconds(self):
        cells = self.stat("stat").rsplit(")", 1)[1].split()
        return (int(cells[11]) + int(cells[12])) / TICKS

    def anonymous_mib(self):
        return int(re.search(r"RssAnon:\s+(\d+) kB", self.stat("status")).group(1)) / 1024

    def threads(self):
        """{"loop" or "writer": (seconds on a processor, seconds waiting for one)}"""
        out = {}
        for tid in os.listdir("/proc/%d/task" % self.process.pid):
            cells = self.stat("task/%s/schedstat" % tid).split()
            name = "loop" if int(tid) == self.process.pid else "writer"
            out[name] = (int(cells[0]) / 1e9, int(cells[1]) / 1e9)
        return out


class Proxy:
    """tests/e2e/proxy.py in front of a node: counts bytes and turns."""

    def __init__(self, world, name, target):
        self.dir, self.port = os.path.join(world, name), free_port()
        os.mkdir(self.dir)
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(ROOT, "tests/e2e/proxy.py"), str(self.port),
             str(target.port), self.dir], stdin=subprocess.DEVNULL)
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
        end_process(self.process)


def pack(value):
    """The little of msgpack that a request needs."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return bytes([value]) if value < 128 else b"\xcd" + value.to_bytes(2, "big")
    if isinstance(value, str):
        raw = value.encode()
        if len(raw) > 255:
            return b"\xda" + len(raw).to_bytes(2, "big") + raw
        return (bytes([0xa0 | len(raw)]) if len(raw) < 32 else b"\xd9" + bytes([len(raw)])) + raw
    if isinstance(value, list):
        return bytes([0x90 | len(value)]) + b"".join(map(pack, value))
    return bytes([0x80 | len(value)]) + b"".join(pack(k) + pack(v) for k, v in value.items())


SIZED = {0xc4: 1, 0xc5: 2, 0xc6: 4, 0xd9: 1, 0xda: 2, 0xdb: 4}  # bin and str
NUMBERS = {0xcc: (1, False), 0xcd: (2, False), 0xce: (4, False), 0xcf: (8, False),
           0xd0: (1, True), 0xd1: (2, True), 0xd2: (4, True), 0xd3: (8, True)}


def unpack(data, at=0):
    """(value, place behind it); IndexError if the value is not all there."""
    head = data[at]
    at += 1
    if head < 0x80 or head >= 0xe0:
        return (head if head < 0x80 else head - 256), at
    if head in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[head], at
    if head in NUMBERS:
        size, signed = NUMBERS[head]
        if at + size > len(data):
            raise IndexError
        return int.from_bytes(data[at:at + size], "big", signed=signed), at + size
    if head in SIZED or 0xa0 <= head < 0xc0:
        wide = SIZED.get(head, 0)
        size = int.from_bytes(data[at:at + wide], "big") if wide else head & 0x1f
        at += wide
        if at + size > len(data):
            raise IndexError
        raw = data[at:at + size]
        return (raw if 0xc4 <= head <= 0xc6 else raw.decode()), at + size
    wide = {0xdc: 2, 0xdd: 4, 0xde: 2, 0xdf: 4}.get(head, 0)
    count = int.from_bytes(data[at:at + wide], "big") if wide else head & 0x0f
    at += wide
    items = []
    for _ in range(count * (2 if head in (0xde, 0xdf) or 0x80 <= head < 0x90 else 1)):
        item, at = unpack(data, at)
        items.append(item)
    if head in (0xdc, 0xdd) or 0x90 <= head < 0xa0:
        return items, at
    return dict(zip(items[::2], items[1::2])), at


class Control:
    """One connection to a daemon's control socket."""

    def __init__(self, node):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.data = b""
        try:
            self.socket.connect(os.path.join(node.dir, "trisd.sock"))
        except OSError:
            self.socket.close()
            raise

    def close(self):
        self.socket.close()

    def receive(self):
        """The results that have come, at least one."""
        results = []
        while not results:
            more = self.socket.recv(262144)
            if not more:
                raise BenchError("the daemon closed its control socket")
            self.data += more
            at = 0
            try:
                while at < len(self.data):
                    (_, _, error, result), at = unpack(self.data, at)
                    self.data, at = self.data[at:], 0
                    if error is not None:
                        raise BenchError("refused: %s" % json.dumps(error))
                    results.append(result)
            except IndexError:
                pass
        return results

    def call(self, method, params=None):
        self.socket.sendall(pack([0, 1, method, [params or {}]]))
        return self.receive()[0]

    def partners(self):
        return self.call("status")["records"]["partners_all"]
