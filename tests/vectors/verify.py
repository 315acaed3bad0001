#!/usr/bin/env python3
"""A second implementation of proto/FORMAT.md judges vectors and the logs of running houses.

    verify.py FOLDER                          golden vectors, and every bit of a small log flipped
    verify.py logs CHARTER KEY HOUSE ADDRESS [SOCKET]
        dials HOUSE (id or slug) as the member with the transport key file KEY and verifies every
        log that it serves; with its control SOCKET also the frontier root and its local log

Exit 1 if anything failed. Last line: N passed, N failed, N skipped.
"""
import json
import os
import sys
import traceback

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import verify_charter as c
import verify_format as f
import verify_logfile as l
import verify_member as m
import verify_session as s

counts = {True: 0, False: 0}


def report(good, what):
    counts[bool(good)] += 1
    if not good:
        print(f"FAIL {what}")


def accepted(what, check, *words):
    """check returns nothing or True if all is well."""
    try:
        good = check(*words)
    except (f.Bad, StopIteration, OSError):
        traceback.print_exc(file=sys.stdout)
        good = False
    report(good is None or good, what)


def is_refused(check, *words):
    try:
        check(*words)
    except f.Bad:
        return True
    return False


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


def raw(text):
    return bytes.fromhex(text)


# ---- golden vectors ----

def entry_case(case):
    whole, = f.entries(raw(case["wire"]), 1)
    erased, = f.entries(raw(case["erased"]), 1)
    log, seq = raw(case["log_id"]), int(case["seq"])
    for name, value in case["fields"].items():
        mine = getattr(whole, name)
        mine = mine.hex() if name == "commit" else None if mine is None else str(mine)
        f.need(mine == (None if value is None else str(value)), name)
    return (whole.header.hex() == case["header"] and whole.salt.hex() == case["salt"]
            and whole.payload.hex() == case["payload"] and whole.erased() == raw(case["erased"])
            and whole.leaf(log, seq).hex() == erased.leaf(log, seq).hex() == case["leaf"]
            and f.pack(f.unpack(whole.header)) == whole.header)


def check_entries(data):
    for case in data["log_ids"]:
        mine = f.log_id(raw(case["federation"]), raw(case["house"]), case["topic"], case["epoch"],
                        raw(case["seal_key"]))
        report(mine.hex() == case["log_id"], f"log id of topic {case['topic']}")
    for case in data["entries"]:
        accepted("entry: " + case["name"], entry_case, case)
    for wire in data["refused_wires"]:
        report(is_refused(f.entries, raw(wire), 1), "refused wire " + wire[:60])


def golden_leaf(number):
    return b"\x1f" + bytes(30) + bytes([number])


def golden_tree(size):
    tree = f.Tree()
    for number in range(size):
        tree.push(0, golden_leaf(number))
    return tree


def tree_case(case):
    tree = golden_tree(int(case["size"]))
    return (tree.root().hex() == case["root"] and tree.to_bytes().hex() == case["peaks"]
            and f.Tree.from_bytes(raw(case["peaks"])).root() == tree.root())


def proof_check(case, nodes):
    size = int(case["size"])
    root = golden_tree(size).root()
    if case["kind"] == "inclusion":
        index = int(case["index"])
        f.check_inclusion(golden_leaf(index), index, size, nodes, root)
    else:
        old = int(case["old_size"])
        f.check_consistency(old, size, nodes, golden_tree(old).root(), root)


def check_trees(data):
    for case in data["trees"]:
        accepted(f"tree of {case['size']}", tree_case, case)
    for case in data["proofs"]:
        nodes = [raw(node["hash"]) for node in case["nodes"]]
        accepted(f"proof {case}", proof_check, case, nodes)
        wrong = [nodes + [f.ZERO], nodes[:-1]] if nodes else [nodes + [f.ZERO]]
        wrong += [nodes[:i] + [flip(nodes[i], i)] + nodes[i + 1:] for i in range(len(nodes))]
        report(all(is_refused(proof_check, case, other) for other in wrong), f"bad proof {case}")


def seal_case(case):
    seal = f.Seal(raw(case["body"]), raw(case["signature"]))
    seal.check(raw(case["public_key"]))
    built = f.Seal.build(raw(case["log_id"]), int(case["size"]), raw(case["root"]),
                         int(case["time_ms"]), seal.signature)
    return built.body == seal.body and vars(built) == vars(seal)


def segment_case(case):
    tree, seal = f.Tree.from_bytes(raw(case["before"])), case["seal"]
    run = f.check_segment(raw(seal["log_id"]), raw(seal["public_key"]), tree, raw(case["wire"]),
                          f.Seal(raw(seal["body"]), raw(seal["signature"])))
    return len(run) == case["count"] and tree.to_bytes().hex() == case["after"]


def check_seals(data):
    for case in data["seals"] + [data["segment"]["seal"]]:
        accepted(f"seal of {case['size']}", seal_case, case)
    accepted("segment", segment_case, data["segment"])


def fork_case(case):
    proof = f.Fork(raw(case["proof"]))
    return (proof.log.hex() == case["log_id"] and proof.key.hex() == case["seal_key"]
            and str(proof.at) == case["at"] and proof.root_at.hex() == case["root_at"]
            and sorted(map(str, proof.sizes)) == sorted(case["sizes"]))


def check_forks(data):
    for case in data["proofs"]:
        accepted("fork proof: " + case["what"], fork_case, case)
        fields = f.unpack(raw(case["proof"]))
        wrong = [fields[:8] + [fields[9], fields[8]], fields[:8] + [fields[8], fields[8]],
                 fields[:7] + [fields[7] + f.ZERO] + fields[8:], fields + [0], fields[:9]]
        report(all(is_refused(f.Fork, f.pack(other)) for other in wrong), "bad " + case["what"])


def check_logfiles(data):
    whole = raw(data["file"])
    file = l.LogFile(whole)
    report([(log.id.hex(), str(log.first), str(log.tree.size), log.tree.root().hex())
            for log in file.logs] == [(log["log_id"], log["first"], log["size"], log["root"])
                                      for log in data["logs"]], "logs of a log file")
    parts = [(kind, body) for kind, body, _ in l.items(whole)][:-1]
    report(l.with_end(parts) == whole, "a log file made here")
    for i in range(len(parts)):
        report(is_refused(l.LogFile, l.with_end(parts[:i + 1] + parts[i:])), f"item {i} twice")
    ends = [size for size in range(len(whole)) if not is_refused(l.LogFile, whole[:size])]
    report(not ends, f"a log file that ends at {ends[:1]} is accepted")
    bits = [at for at in range(len(whole)) if not is_refused(l.LogFile, flip(whole, 8 * at + at % 8))]
    report(not bits, f"a log file with byte {bits[:1]} changed is accepted")
    report(is_refused(l.LogFile, whole + b"\0"), "a byte behind the end")


def line_case(case):
    line = c.HouseLine(case["text"].encode())
    return (line.role == case["role"] and line.region == case["region"]
            and line.slug == case["slug"] and line.name == case["name"]
            and line.id.hex() == case["id"] and line.noise.hex() == case["noise"]
            and line.epoch == case.get("epoch", 0)
            and line.key.hex() == case.get("key", case["id"])
            and line.addr == case["addr"] and str(line.time_ms) == case["time_ms"])


def charter_case(case):
    charter = c.Charter(case["text"].encode(), raw(case["federation"]))
    return (charter.name == case["name"] and charter.admit == int(case["admit"])
            and charter.revoke == int(case["revoke"])
            and len(charter.members) == int(case["members"])
            and len(charter.founders) == int(case["founders"])
            and len(charter.signed) == int(case["signatures"])
            and charter.complete == case["complete"])


def check_charters(data):
    for case in data["lines"]:
        accepted("line of " + case["slug"], line_case, case)
    for case in data["refused_lines"]:
        report(is_refused(c.HouseLine, case["text"].encode()), "line with " + case["what"])
    for case in data["charters"]:
        accepted(f"charter with {case['signatures']} signatures", charter_case, case)


def invite_case(case):
    line = c.Invitation(case["text"].encode())
    return (line.federation.hex() == case["federation"] and line.house.hex() == case["house"]
            and line.noise.hex() == case["noise"] and line.secret.hex() == case["secret"]
            and str(line.expires_ms) == case["expires_ms"] and line.addr == case["addr"]
            and line.name == case["name"] and line.psk.hex() == case["psk"]
            and str(line.number) == case["number"])


def check_invitations(data):
    for case in data["invitations"]:
        accepted("invitation to " + case["addr"][0], invite_case, case)


def member_case(case, order):
    stated = [((raw(s["house"]), s["epoch"], raw(s["key"])), int(s["seq"]),
               m.Statement(s["verb"], raw(s["payload"]))) for s in case["statements"]]
    charter = c.Charter(case["charter"].encode())
    return m.Federation(charter, sorted(stated, key=order)).result() == case["result"]


def check_members(data):
    for case in data["cases"]:
        for order in (lambda s: s[1], lambda s: s[2].id, lambda s: (s[0], -s[1])):
            accepted("members: " + case["what"], member_case, case, order)
    for case in data["refused_payloads"]:
        report(is_refused(m.Statement, case["verb"], raw(case["payload"])),
               "payload: " + case["what"])


def check_frontiers(data):
    for case in data["frontiers"]:
        items = [(raw(i["log_id"]), int(i["whole"]), raw(i["root"]), int(i["day"]), int(i["flags"]))
                 for i in case["items"]]
        digests = [case["digests"].get(f"{number:02x}", f.ZERO.hex()) for number in range(256)]
        good = [d.hex() for d in s.bucket_digests(items)] == digests
        report(good and s.frontier_root(items).hex() == case["root"], f"frontier of {len(items)}")


def message_case(case):
    (name, fields), = s.messages(raw(case["bytes"]))
    return (s.NUMBER[name] == case["number"] and case["fields"].split()[0].startswith(name)
            and f.pack([case["number"], *fields]) == raw(case["bytes"]))


def check_messages(data):
    for case in data["messages"]:
        accepted("message " + case["fields"], message_case, case)
        data_cut, value = raw(case["bytes"])[:-1], f.unpack(raw(case["bytes"]))
        wrong = [data_cut, f.pack(value[:-1]), f.pack(value[:-1] + [-1]), b"\x90", b"\xc0"]
        report(all(is_refused(s.messages, other) for other in wrong), f"damaged {value[0]}")
    for name, value in data.items():
        if "_payload" in name:
            rules = s.MESSAGE_1 if name.startswith("message1") else s.MESSAGE_2
            accepted(name, lambda v, r: f.pack(s.handshake_payload(v, r)) == v, raw(value), rules)
    skipped = raw(data["reserved_then_ping_5_of_a_later_version"])
    accepted("reserved message skipped", lambda: s.messages(skipped) == [("ping", [5])])


def noise_case(case):
    noise = s.Initiator(raw(case["init_prologue"]), raw(case["init_static"]),
                        raw(case["init_remote_static"]), raw(case["init_ephemeral"]))
    first, second, third, fourth = case["messages"]
    f.need(noise.message_1(raw(first["payload"])).hex() == first["ciphertext"], "message 1")
    f.need(noise.message_2(raw(second["ciphertext"])).hex() == second["payload"], "message 2")
    sending, receiving = noise.split()
    sent = sending.encrypt(s.nonce(0), raw(third["payload"]), b"")
    received = receiving.decrypt(s.nonce(0), raw(fourth["ciphertext"]), b"")
    return (noise.hash.hex() == case["handshake_hash"]
            and s.gate(noise.remote, raw(first["ciphertext"])).hex() == case["gate"]
            and sent.hex() == third["ciphertext"] and received.hex() == fourth["payload"])


def check_noise(data):
    for case in data["vectors"]:
        if case["protocol_name"].startswith("Noise_IK_"):
            accepted("handshake", noise_case, case)


GOLDEN = {"fork.json": check_forks, "entry.json": check_entries, "tree.json": check_trees, "seal.json": check_seals,
          "charter.json": check_charters, "invite.json": check_invitations,
          "member.json": check_members, "frontier.json": check_frontiers,
          "logfile.json": check_logfiles, "message.json": check_messages, "noise.json": check_noise}


# ---- every single bit ----

def flip(data, bit):
    return data[:bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1:]


def flips(what, data, check):
    """The data is accepted, and with any single bit flipped it is refused."""
    accepted(what, check, data)
    bits = [bit for bit in range(8 * len(data)) if not is_refused(check, flip(data, bit))]
    report(not bits, f"{what}: {len(bits)} flipped bits are accepted, the first is {bits[:1]}")
    print(f"{what}: {8 * len(data)} single bits flipped")


def small_log():
    """A log of 3 entries (made here), sealed: a creation, a change, an end."""
    key = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
    public = s.public_key(key)
    log = f.log_id(b"\xfe" * 32, public, 1)
    wire, tree = b"", f.Tree()
    for seq, (verb, record, prev, payload) in enumerate((
            (1, None, None, {1: "Tafel Köln e.V.", 3: 3}), (1, 0, 0, {1: "Tafel Köln", 3: 3}),
            (2, [0, 0], 1, {1: 2}))):
        cut = f.pack([1, verb, 2, 1763905200000 + seq, record, prev, 0])[:-1]
        body = f.pack(payload)
        one = (bytes([0, len(cut)]) + cut + bytes([seq]) * 16 + f.big(len(body), 2) + body)
        tree.push(0, f.entries(one, 1)[0].leaf(log, seq))
        wire += one
    body = f.pack([1, 1, log, 3, tree.root(), 1763905200009])
    return log, public, wire, body, key.sign(b"tris-seal-v1".ljust(16, b"\0") + body)


def check_flips(folder):
    log, public, wire, body, signature = small_log()

    def segment(some_wire, some_seal):
        f.check_segment(log, public, f.Tree(), some_wire, f.Seal(some_seal[:-64], some_seal[-64:]))

    seal = body + signature
    flips("log of 3 entries", wire, lambda data: segment(data, seal))
    erased = b"".join(entry.erased() for entry in f.entries(wire))
    flips("the same in erased form", erased, lambda data: segment(data, seal))
    flips("its seal", seal, lambda data: segment(wire, data))
    flips("its seal, by signature alone", seal,
          lambda data: f.Seal(data[:-64], data[-64:]).check(public))
    flips("fork proof", raw(read(folder, "fork.json")["proofs"][3]["proof"]), f.Fork)
    charters = read(folder, "charter.json")
    flips("house line", charters["lines"][0]["text"].encode(), c.HouseLine)
    flips("house line of a later epoch", charters["lines"][-1]["text"].encode(), c.HouseLine)
    invitation = read(folder, "invite.json")["invitations"][0]["text"].encode()
    flips("invitation", invitation, c.Invitation)
    whole = next(case for case in charters["charters"] if case["complete"])
    expected = raw(whole["federation"])

    def charter(data, federation=None):
        f.need(c.Charter(data, federation).complete, "not complete")

    text = whole["text"].encode()
    flips("complete charter, id known", text, lambda data: charter(data, expected))
    flips("complete charter, id not known", text, charter)


# ---- a running house ----

def check_local(charter, house, path):
    """A local log has no seals and no size that is told: each entry as the house shows it."""
    log = f.log_id(charter.federation, house.id, 2)
    seq = 0
    while shown := s.control(path, "log.show", house=house.id.hex(), topic="local", seq=seq):
        entry, = f.entries(shown["wire"], 1)
        fields = {name: getattr(entry, name) for name in ("version", "verb", "kind", "time_ms")}
        report(shown["leaf"] == entry.leaf(log, seq).hex()
               and all(shown["header"][name] == value for name, value in fields.items())
               and shown["payload"] == entry.payload, f"local entry {seq}")
        seq += 1
    print(f"{house.slug}: {seq} entries of its local log")


def check_logs(charter_file, key_file, house, address, path=None):
    with open(charter_file, "rb") as file:
        charter = c.Charter(file.read())
    report(charter.complete, "charter is complete")
    with open(key_file, encoding="ascii") as file:
        tag, secret, _ = file.read().split(" ")
    f.need(tag == "tris-transport-1", "not a transport key file")
    line = next(m for m in charter.members if house in (m.id.hex(), m.slug))
    session = s.Session(charter, raw(secret), line.id, address)
    root, items = session.frontier()
    offered, found = {item[0]: item for item in items}, []
    for member, topic in ((m, t) for m in charter.members for t in (0, 1)):
        log = f.log_id(charter.federation, member.id, topic)
        if log[:16] not in offered:
            continue
        _, whole, item_root, day, flags = offered.pop(log[:16])
        fork = session.read_fork(log) if flags == 1 else None
        log, tree, run, segments = session.read_log(member, topic, whole, fork)
        newest = fork.at if fork else segments[-1][1].time_ms // 86400000
        report(tree.size == whole and tree.root()[:16] == item_root and newest == day
               and flags == (1 if fork else 0), f"log of {member.slug} as its item says")
        found.append((log, tree.size, tree.root(), newest, flags))
        check_altered(member, log, segments, fork)
        if run:
            accepted("proofs", session.check_proofs, log, member.id,
                     [entry.leaf(log, seq) for seq, entry in enumerate(run)])
        print(f"{line.slug} serves {member.slug} {('gov', 'data')[topic]}: "
              f"{len(run)} entries, {len(segments)} segments{', forked' if fork else ''}")
    report(found and not offered, "every log that the house offers is one of its members'")
    report(s.frontier_root(found)[:16] == root, "frontier root, from the logs alone")
    if path:
        report(s.control(path, "status")["root"] == s.frontier_root(found).hex(), "root of status")
        check_local(charter, line, path)


def check_altered(member, log, segments, fork=None):
    """Each segment fits behind those before it, and not with a flipped bit."""
    tree = f.Tree()
    for wire, seal in segments:
        f.need(wire, "segment without entries in the middle of a log")
        altered = [flip(wire, bit % (8 * len(wire))) for bit in (0, 137, 1023, 999999)]
        report(all(is_refused(f.check_segment, log, member.id, tree, other, seal, fork)
                   for other in altered), f"altered segment at {tree.size}")
        other = f.Seal(seal.body, flip(seal.signature, tree.size % 512))
        report(is_refused(f.check_segment, log, member.id, tree, wire, other, fork), "altered seal")
        accepted("segment", lambda: f.check_segment(log, member.id, tree, wire, seal, fork) != [])
    first = f.Tree()
    report(len(segments) < 2 or is_refused(f.check_segment, log, member.id, first, *segments[-1]),
           "a log without its beginning")


def main(words):
    if words[:1] == ["logs"] and len(words) in (5, 6):
        accepted("logs", check_logs, *words[1:])
    elif len(words) == 1 and words[0] != "logs":
        for name, check in GOLDEN.items():
            accepted(name, check, read(words[0], name))
        check_flips(words[0])
    else:
        sys.exit(__doc__)
    print(f"{counts[True]} passed, {counts[False]} failed, 0 skipped")
    return 1 if counts[False] or not counts[True] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
