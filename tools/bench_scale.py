"""Figures at the size of a continent, and of peers that mean harm: see bench.py, which runs this.

Federations of made houses (bench_world): their records lie in the store as if they had been synced,
so that the daemon over them is the real one and its size is whatever one likes.
"""
import os
import shutil
import statistics
import subprocess
import time

from bench_node import BUILD, BenchError, Control, Node, end_process

HOUSES = 10000
AGGREGATE_RECORDS = 4000000
START_ENTRIES = 10000000
START_HOUSES = 16
PEERS = 24  # so many that no one asks for more ranges at once than a session holds
PEER_RECORDS = 100000
PEER_SECONDS = 6
PEER_MODES = ("never-read", "never-read", "range-flood", "slow-bytes")
FRONTIER_BYTES = 1100000


def percentile(samples, share):
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def world_program(seconds, *words):
    try:
        subprocess.run([os.path.join(BUILD, "bench_world"), *words], stdin=subprocess.DEVNULL,
                       check=True, timeout=seconds)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as why:
        raise BenchError("bench_world %s: %s" % (words[0], why)) from why


def founded(world, name, houses, keys=False, seconds=300):
    """A node in a federation with so many made houses, that has not run yet."""
    folder = os.path.join(world, name)
    os.mkdir(folder)
    node = Node(folder, "koeln", "05315")
    charter = os.path.join(folder, "charter.txt")
    more = [os.path.join(folder, "keys")] if keys else []
    for path in more:
        os.mkdir(path)
    world_program(seconds, "charter", os.path.join(node.dir, "house.line"), str(houses), charter,
                  *more)
    node.tris("charter", "sign", charter)
    node.tris("init", "--charter", charter)
    return node


def made(world, name, houses, records, keys=False, seconds=300):
    """The same, and it holds the records of all."""
    node = founded(world, name, houses, keys, seconds)
    world_program(seconds, "fill", node.dir, str(houses), str(records))
    return node


# ---- sessions ----

def sessions(report, out):
    report.head("sessions at %s houses, two logs each, two machines in memory" %
                format(HOUSES, ","))
    targets = {"in sync: bytes, both ways": ("<= 400", 400),
               "in sync: round trips until the dialler knows": ("1", 1),
               "first contact: frontier, both ways": ("<= 1,100,000", FRONTIER_BYTES)}
    for line in out.splitlines():
        name, value, unit = line.split("\t")
        target, most = targets.get(name, (None, None))
        report.figure(name, float(value), unit, target,
                      None if most is None else float(value) <= most)


# ---- national view, start ----

def calls(node, method, params, count):
    control, samples = Control(node), []
    for _ in range(count):
        began = time.monotonic()
        control.call(method, params)
        samples.append((time.monotonic() - began) * 1e3)
    control.close()
    return samples


def first_start(report, world):
    """The process that makes the logs of all houses."""
    node = founded(world, "first", HOUSES)
    try:
        node.start()
        time.sleep(2)
        idle = node.anonymous_mib()
        report.figure("anonymous memory with %s houses, first start" % format(HOUSES, ","), idle,
                      "MiB", "<= 64", idle <= 64)
    finally:
        node.stop()
    shutil.rmtree(os.path.join(world, "first"))


def aggregate(report, world):
    report.head("national view over %s records of %s houses" % (format(AGGREGATE_RECORDS, ","),
                                                                 format(HOUSES, ",")))
    first_start(report, world)
    node = made(world, "continent", HOUSES, AGGREGATE_RECORDS)
    try:
        report.figure("daemon start with %s houses, signatures checked" % format(HOUSES, ","),
                      node.start(), "s")
        control = Control(node)
        held = control.call("status")["records"]["partners_all"]
        control.close()
        if held != AGGREGATE_RECORDS:
            raise BenchError("%d records are there, not %d" % (held, AGGREGATE_RECORDS))
        time.sleep(2)  # a start dials
        calls(node, "national.overview", {}, 20)
        for what, method in (("overview", "national.overview"), ("by sector", "national.sectors")):
            samples = calls(node, method, {}, 200)
            took = percentile(samples, 0.5)
            report.figure("national %s, p50" % what, took, "ms", "<= 5", took <= 5)
            report.figure("national %s, p99" % what, percentile(samples, 0.99), "ms")
        report.figure("anonymous memory with %s houses, after these" % format(HOUSES, ","),
                      node.anonymous_mib(), "MiB")
        node.stop()
        node.start()
        time.sleep(2)
        idle = node.anonymous_mib()
        report.figure("anonymous memory with %s houses, idle" % format(HOUSES, ","), idle, "MiB",
                      "<= 64", idle <= 64)
    finally:
        node.stop()
    shutil.rmtree(os.path.join(world, "continent"))


def start(report, world):
    report.head("start with %s entries" % format(START_ENTRIES, ","))
    node = made(world, "long", START_HOUSES, START_ENTRIES)
    starts = []
    try:
        for _ in range(5):
            starts.append(node.start())
            node.stop()
    finally:
        node.stop()
    took = statistics.median(starts)
    report.figure("daemon start, until it answers", took, "s", "<= 0.1", took <= 0.1)
    shutil.rmtree(os.path.join(world, "long"))


# ---- hostile peers ----

def hostile(report, world):
    report.head("%d members who ask for everything and never read, flood, or dribble" % PEERS)
    node = made(world, "hostile", PEERS, PEER_RECORDS, keys=True)
    attackers = []
    try:
        node.start()
        time.sleep(1)
        control, before = Control(node), node.anonymous_mib()
        meanwhile = report.watch(node)
        folder = os.path.join(world, "hostile")
        for i in range(PEERS):
            attackers.append(subprocess.Popen(
                [os.path.join(BUILD, "e2e_hostile"), PEER_MODES[i % len(PEER_MODES)],
                 str(node.port), os.path.join(folder, "charter.txt"),
                 os.path.join(folder, "keys", str(i)), "koeln", str(PEER_SECONDS)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        connected, answers, end = 0, [], time.monotonic() + PEER_SECONDS
        while time.monotonic() < end:
            began = time.monotonic()
            connected = max(connected, control.call("status")["sync"]["connected"])
            answers.append((time.monotonic() - began) * 1e3)
            time.sleep(0.02)
        meanwhile.end()
        control.close()
    finally:
        for attacker in attackers:
            end_process(attacker)
        node.stop()
    if connected < PEERS // 4:
        raise BenchError("only %d of the attackers had a session" % connected)
    each = (meanwhile.peak[node] - before) / connected
    report.figure("sessions open at once", connected, "")
    report.figure("anonymous memory for each open session", each, "MiB", "<= 1.25", each <= 1.25)
    report.figure("answer to tris meanwhile, p99", percentile(answers, 0.99), "ms")
    shutil.rmtree(os.path.join(world, "hostile"))
