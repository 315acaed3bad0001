#!/usr/bin/env python3
"""Corpora of the fuzz targets: made from golden vectors, packed to one text file each, unpacked.

  corpus.py seeds DIR          writes DIR/TARGET/* out of the golden files and the encoders here
  corpus.py unpack FILE DIR    one file for each line of FILE (hex, then perhaps "# why")
  corpus.py pack DIR FILE      the other way; lines of FILE with a "# why" stay whatever DIR holds

A line with a reason is a regression: an input that once failed.
"""
import hashlib
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "vectors")
BYTES_MAX = 4096  # of one input that is kept


def golden(name):
    with open(os.path.join(GOLDEN, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def pack(value):
    import msgpack  # only the seeds need it
    return msgpack.packb(value, use_bin_type=True)


def values():
    edges = [0, 1, 31, 32, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1]
    for edge in edges:
        yield pack(edge)
    for edge in [-1, -32, -33, -128, -129, -32768, -32769, -2**31, -2**31 - 1, -2**63]:
        yield pack(edge)
    for length in [0, 31, 32, 255, 256, 1000]:
        yield pack("ä" * (length // 2) + "x" * (length % 2))
        yield pack(bytes(length))
    yield pack([None, True, False, [], {}, "text", b"bin", {1: "a", 2: [3]}, {"a": 1, "b": {}}])
    yield pack([[[[[[[[]]]]]]]])
    yield pack([[[[[[[]]]]]]])
    yield pack(list(range(256)))
    yield pack({number: None for number in range(256)})
    yield pack({"b": 1, "a": 2})
    for wrong in ["ca00000000", "cb0000000000000000", "d40000", "c7000000", "c1", "dd7fffffff",
                  "df7fffffff", "cc00", "cd0000", "d0ff", "d900", "dc0000", "de0000", "c50001ff",
                  "a1ff", "a2c0af", "a3eda080", "82010101", "820201"]:
        yield bytes.fromhex(wrong)


def messages():
    data = golden("message")
    payloads = [value for key, value in data.items() if key.startswith("message") and
                isinstance(value, str)]
    frames = [message["bytes"] for message in data["messages"]]
    for row, payload in enumerate(payloads):
        yield bytes([2 + row // 2]) + bytes.fromhex(payload)
    for frame in frames + ["".join(frames[:5]), data["reserved_then_ping_5_of_a_later_version"]]:
        yield b"\xff" + bytes.fromhex(frame)
    yield b"\x00" + pack([bytes(16), 5, bytes(16), 20000, 0])
    yield b"\x01" + pack([bytes(16), 5, bytes(16)])
    yield b"\x04" + pack([2**64 - 1, 1024])
    yield b"\x05" + pack([5, bytes(16), b"\x80"])


def entries():
    data = golden("entry")
    for entry in data["entries"]:
        yield bytes.fromhex(entry["wire"])
        yield bytes.fromhex(entry["erased"])
        yield bytes.fromhex(entry["header"])
    yield b"".join(bytes.fromhex(entry["wire"]) for entry in data["entries"])
    for wire in data["refused_wires"]:
        yield bytes.fromhex(wire if isinstance(wire, str) else wire["wire"])


def seals():
    for seal in golden("seal")["seals"]:
        fixed = struct.pack(">BQQ", 0, int(seal["size"]), int(seal["time_ms"]))
        fixed += bytes.fromhex(seal["root"]) + bytes.fromhex(seal["signature"])
        for start in [0, 1, 7, 255]:
            for entry in entries():
                yield bytes([5, start]) + fixed + fixed + entry


def forks():
    def side(size, leaf, nodes):
        return [size, 1000, bytes(64), bytes([leaf]) * 32, bytes(32 * nodes)]

    house = bytes.fromhex(golden("charter")["lines"][0]["id"])
    # at, nodes left of it, then size and nodes right of it for both
    for at, left, one, two in [(0, 0, (1, 0), (1, 0)), (0, 0, (2, 1), (3, 2)), (1, 1, (2, 0), (2, 0)),
                               (2, 1, (3, 0), (5, 2)), (7, 3, (8, 0), (9, 1)), (3, 2, (4, 0), (100, 1)),
                               (2**40, 1, (2**40 + 1, 0), (2**40 + 1, 0))]:
        for epoch, key in [(0, None), (3, bytes(32))]:
            proof = ["tris-fork-1", bytes(32), house, 1, epoch, key, at, bytes(32 * left),
                     side(one[0], 1, one[1]), side(two[0], 2, two[1])]
            yield b"\x02\x07" + pack(proof)


def logfiles():
    """The first byte says which bit is flipped at the end: see fuzz_logfile.c."""
    whole = bytes.fromhex(golden("logfile")["file"])
    yield b"\0" + whole
    at, parts = 12, []
    while at < len(whole):
        size = 5 + struct.unpack(">I", whole[at + 1:at + 5])[0]
        parts.append(whole[at:at + size])
        at += size
    for i in range(1, len(parts)):  # each item behind the head alone, and all but this one
        yield b"\0" + whole[:12] + parts[0] + parts[i]
        yield b"\0" + whole[:12] + b"".join(parts[:i] + parts[i + 1:])
    for kind in range(8):
        for length in [0, 1, 200, 327936, 327937, 2**32 - 1]:
            yield b"\0" + whole[:12] + parts[0] + struct.pack(">BI", kind, length) + bytes(40)


def charters():
    for charter in golden("charter")["charters"]:
        for which in [0, 15]:
            yield bytes([which]) + charter["text"].encode()


def house_lines():
    data = golden("charter")
    for line in data["lines"] + data["refused_lines"]:
        yield line["text"].encode()


def invitations():
    for case in golden("invite")["invitations"]:
        yield case["text"].encode()
        body = b"".join(bytes.fromhex(case[key]) for key in ("federation", "house", "noise", "secret"))
        body += int(case["expires_ms"]).to_bytes(8, "big") + bytes([len(case["addr"])])
        for text in case["addr"] + [case["name"]]:
            body += struct.pack(">H", len(text.encode())) + text.encode()
        yield body


def statements():
    hashes = [bytes(32), b"\x55" * 32]
    for line in golden("charter")["lines"]:
        role = ["", "house", "observer", "coordination"].index(line["role"])
        epoch, house = line.get("epoch", 0), bytes.fromhex(line["id"])
        opening = {1: house, 2: epoch, 3: bytes.fromhex(line.get("key", line["id"])), 4: role,
                   5: line["region"], 7: line["text"]}
        closes = {6: [7, hashes[1]]} if epoch else {}
        for more in [{}, {128: [1, "x"]}, {8: 0}]:
            yield b"\x00" + pack(dict(sorted({**opening, **closes, **more}.items())))
        yield b"\x00" + pack({**opening, 6: [0, hashes[0]], 7: ""})
    for cut in [[0, hashes[0]], [2**53, hashes[1]], [0, hashes[1]], [5, hashes[0]], [1]]:
        revoke = {1: hashes[1], 2: 3, 3: cut, 4: cut}
        for more in [{}, {5: hashes[1]}, {5: hashes[1], 200: None}, {6: 1}]:
            yield b"\x01" + pack({**revoke, **more})


def noise():
    for number, vector in enumerate(golden("noise")["vectors"]):
        for message in vector["messages"][:2]:
            for side in [0, 2]:
                yield bytes([side + 4 * number]) + bytes.fromhex(message["ciphertext"])
    for pattern in range(3):
        yield bytes([1 + 4 * pattern]) + b"\x03abc\x00\x00\x00" * 8
        yield bytes([1 + 4 * pattern]) + b"\x03abc\x00\x00\x00\x02de\x05\x00\x09"


def frames():
    vector = golden("noise")["vectors"][0]
    first, second, third = [bytes.fromhex(m["ciphertext"]) for m in vector["messages"][:3]]
    yield b"\x00\x04\x01" + bytes.fromhex(vector["gate"]) + struct.pack(">H", len(first)) + first
    yield b"\x01\x00" + struct.pack(">H", len(second)) + second
    yield b"\x02\x09" + (struct.pack(">H", len(third)) + third) * 3
    for length in [0, 1, 16, 17, 1024, 1025, 65535]:
        for stage in range(3):
            prefix = bytes(17) if stage == 0 else b""
            yield bytes([stage, 3]) + prefix + struct.pack(">H", length) + bytes(40)


def keys():
    seed = bytes(range(32)).hex()
    yield b"\x00" + bytes(range(32))
    yield b"\x01" + ("tris-identity-1 %s %s\n" % (seed, seed)).encode()
    yield b"\x01" + ("tris-transport-1 %s %s\n" % (seed, seed)).encode()
    identity = ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")  # RFC 8032, 7.1
    transport = ("77076d0a7318a57d3c16c17251b26645df4c92ebc1c6f4ab81cd0f5f8a0c1e4a",
                 "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")  # RFC 7748, 6.1
    yield b"\x01" + ("tris-identity-1 %s %s\n" % identity).encode()
    yield b"\x01" + ("tris-transport-1 %s %s\n" % transport).encode()


def sealed_texts():
    yield b"\x00" + bytes([1, 0, 4]) + b"word" + b"a text that is sealed"
    yield b"\x00" + bytes([3, 9, 0])
    head = "tris-sealed-1 argon2id %s %s " + "01" * 16 + " " + "02" * 24 + " "
    for ops, mem in [("1", "8192"), ("3", "268435456"), ("4", "1073741824"), ("5", "8192"),
                     ("1", "8191"), ("01", "8192"), ("1", "1073741825")]:
        yield b"\x01" + (head % (ops, mem) + "00" * 40 + "\n").encode()
    for tail in ["", "00" * 15 + "\n", "00" * 16, "0A" * 16 + "\n", "00" * 16 + "0\n", "00" * 16 + "\n\n"]:
        yield b"\x01" + (head % ("1", "8192") + tail).encode()


def trees():
    for tree in golden("tree")["trees"]:
        yield bytes.fromhex(tree["peaks"])
    for size, index in [(1, 0), (2, 1), (7, 3), (64, 63), (100, 64), (128, 127)]:
        yield bytes([0, size - 1, index, 0, 0])
        yield bytes([0, size - 1, index, 1, 1])
        yield b"\x01" + struct.pack(">QQB", size, index, 3) + bytes(96)


def control():
    for params in [{}, {"kind": "partner", "limit": 20, "listed": True}, {"id": "koeln-7"}]:
        yield b"\x00" + pack([0, 1, "record.list", [params]])
        yield b"\x03" + pack([2, "log.event", [params]])
        yield b"\x05" + pack([1, 7, None, params])
        yield b"\x0f" + pack([1, 7, {"code": "busy", "exit": 21, "message": "no"}, None])
    yield b"\x00" + pack([0, 2**40, "a", []]) + pack([0, 2, "b", []])
    for wrong in [[0, 1, "a"], [1, 1, None], [3, 1, "a", []], [0, 1, "a", [{}, {}]], [0, 1, 5, []]]:
        yield b"\x01" + pack(wrong)
    yield b"\x01" + bytes.fromhex("c6ffffffff") + bytes(20)


RECORD_VALUES = ["name", "Größe & Co. e. V.", 1, 2, 3, 20241231, True, False, [1], [1, 2],
                 ["05315"], ["05315", "14713"], ["de", "en"], "05315", "50667", "DE",
                 "https://example.org/", "info@example.org", bytes(32), [bytes(32), 0, 7],
                 ["lei:1"], ["wirkung:3"], "zeile\nzeile", "slug-1"]


def records():
    for kind in range(8):
        yield bytes([kind]) + pack({})
        for field in range(1, 48):
            for value in RECORD_VALUES[:: 1 if field < 4 else 3]:
                yield bytes([kind]) + pack({field: value})
        many = {field: RECORD_VALUES[field % 13] for field in range(1, 30)}
        many[200] = {"later": [1]}
        yield bytes([kind]) + pack(many)
    partner = {1: "Tafel Köln e.V.", 3: 3, 4: 7, 5: False, 9: "05315", 24: 1}
    yield b"\x01" + pack(partner)


TEXTS = ["", "Tafel Köln e. V.", "W", "Wirtschaft", "gGmbH", "ja", "no", "31.12.2024", "2024-12-31",
         "05315", "5315", "koeln", "Köln", "Köln, Stadt", "Leipzig", "a|b;c", "a;b", "a, b", "1|2|3",
         "integration|gesundheit", "https://example.org", "info@example.org", "50667", "-7", "12",
         "wirkung:3|kosten:5", "de|en-GB", "ab" * 32 + "-7", "AB" * 32 + ".3-1000", "läuft",
         "zwei\nZeilen", "\u00a0x\t", "o\u0308", "\u202e", "=1+1", "lei:5|vat:DE1"]


def record_texts():
    for text in TEXTS:
        for kind in range(8):
            for field in range(0, 40, 3):
                yield bytes([kind, (field + len(text)) % 40]) + text.encode()


def texts():
    for text in TEXTS + ["ÄÖÜäöüß", "ae oe ue", "Straße", "ﬁ ﬂ", "\u1e9b\u0323", "\ud55c\uae00",
                         "\x1b[31m\x07\x9b", "\u2066a\u2069", "\U0001f600", "ｆｕｌｌ", "\u0130i",
                         "Müller & Söhne GmbH & Co. KG", "\u0344", "\u0f73"]:
        yield text.encode()
    yield b"\xff\xfe\x00a"
    yield "Bj\xf6rn".encode("latin-1")


def lists():
    table = "name;sector;region\r\nTafel;Z;05315\r\n\"a;\"\"b\"\"\nc\";W;\r\n"
    for text in [table, table.replace(";", ","), table.replace(";", "\t"), table.replace("\r\n", "\r"),
                 "\ufeff" + table, "a\n\n\nb\n", '"open', 'a"b\n', "a;b\nc\n", "=1;+1;-1;@a\n"]:
        yield b"\x00" + text.encode()
        yield b"\x01" + text.encode()
    yield b"\x01" + "Größe;€\r\n".encode("windows-1252")
    yield b"\x00" + table.encode("utf-16")


def configs():
    yield b"listen = 127.0.0.1:8747, [::]:8748\ndata = /srv/tris\nsocket = /run/trisd.sock\n"
    yield b"[log]\nlevel = debug\nformat = json\n[peers]\ndial = configured\ndial_max = 3\n"
    yield b"[sync]\nheartbeat_ms = 250\n[store]\nmap_bytes = 1048576\n; comment\n# comment\n"
    yield b"[peers]\ninbound_max=7 ; rest\n\n[peers\nx\n"
    yield b"listen = ::1\n"
    yield b"data = " + b"x" * 250 + b"\n"
    yield b"data = a\ndata = b\n"


def maps():
    folder = os.path.join(HERE, "..", "..", "tools", "data", "maps")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            yield b"\x00\x10name;street;slug" + file.read()[: BYTES_MAX - 64]
    yield b"\x00\x04a;b " + "[import]\nkind = partner\nsource = x\nscope = national\n".encode()
    yield b"\x03\x06Zweck;" + "[columns]\nname = a | b\n[values sector]\nVerein = Z\n* = W\n".encode()
    yield b"\x00\x01a[constants]\nsector = S\nregion = koeln\n[columns]\nscope = a\n"
    yield b"\x00\x00[values scope]\nja = national\n[columns]\nscope=a\nname=b\n"


def summed(context, body, mark):
    digest = hashlib.blake2b(body, digest_size=32, person=context).hexdigest()
    return body + mark + digest.encode() + b"\n"


def manifests():
    some = "ab" * 32
    body = ("tris-backup-1\ntime_ms 1763905200000\nfederation %s\nhouse %s\nepoch 0 %s\ngov 1 %s\ndata 7 "
            "%s\n"
            "entries 8\nfile charter 100 %s\nfile house.line 10 %s\nfile store/data.mdb 4096 %s\n")
    yield summed(b"tris-backup-v1", (body % ((some,) * 8)).encode(), b"sum ")
    yield summed(b"tris-backup-v1", b"tris-backup-1\n", b"sum ")


def marks():
    some = "cd" * 32
    body = ("tris-mark-2 fed=%s house=%s epoch=0 key=%s gov=1:%s data=7:%s machine=abc123 "
            "device=51 inode=7" % ((some,) * 5)).encode()
    yield body
    yield summed(b"tris-mark-v1", body, b" sum=")
    yield b"tris-restored-1 made=2026-11-01 12:00:00\n"


def jsons():
    yield from values()
    yield pack({"items": [{"id": "koeln-7", "fields": {"name": "Tafel", "key": bytes(32)}}]})
    yield pack({1: "Haus", 9: [1, -2, 2**64 - 1], 200: {"a": None}})


def sessions():
    """Flags, then steps; see fuzz_session.c. Messages are in the order of msg.def."""
    ask = bytes([0, 5, 0, 0])
    for flags in [0, 1, 8, 9, 12, 13, 16, 17, 40, 41, 0xc1, 4, 5, 0x48, 0x49, 0x80, 0x88, 0x89]:
        yield bytes([flags]) + ask
        for kind in range(28):
            for log in [0, 2, 5, 7]:
                yield bytes([flags, 0, kind, log, 1, 1, 3, 6, 3, 200, 6, 4, 0])
        fetch = bytes([0, 13, 2, 5, 0, 30]) + bytes(30) + bytes([0, 14, 2, 5, 3, 1, 0, 0, 4, 0, 6])
        yield bytes([flags, 0, 4, 64, 10, 8]) + fetch * 3
        # items of a log with holes, then payloads for them: right ones, others, the end
        for holes in [bytes([5, 0, 1, 18, 1, 0, 2, 9, 9]), bytes([5, 1, 2, 18, 1, 0, 1, 9, 25, 1, 0, 1, 9]),
                      bytes([5, 0, 0])]:
            yield bytes([flags, 6, 0, 7, 0, 6, 0, 9, 0, 0, 0, 0, 6, 0, 11, 0, 0, 0, 0, 1, 5, 60, 0, 0, 0, 6,
                         0, 19]) + holes + bytes([4, 0, 6, 0, 18, 5, 2, 0, 3, 9, 1, 6])
        yield bytes([flags]) + bytes([0x5b, 255, 6, 0, 11, 0x40, 0, 0, 3, 2, 9, 0x40, 1, 0]) * 4
        yield bytes([flags | 2]) + bytes([0xff, 40]) + bytes(40) + bytes([0x5b, 255])


TARGETS = {
    "msgpack": values, "message": messages, "entry": entries, "seal": seals, "fork": forks, "logfile": logfiles,
    "charter": charters,
    "house_line": house_lines, "invite": invitations, "statement": statements, "noise": noise, "frame": frames, "key": keys,
    "sealed": sealed_texts, "tree": trees,
    "control": control, "record": records, "record_text": record_texts, "text": texts,
    "csv": lists, "config": configs, "map": maps, "manifest": manifests, "mark": marks,
    "json": jsons, "session": sessions,
}


def write(folder, data):
    name = hashlib.sha1(data).hexdigest()
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def seeds(folder):
    for target, make in TARGETS.items():
        path = os.path.join(folder, target)
        os.makedirs(path, exist_ok=True)
        for data in make():
            write(path, data[:BYTES_MAX])


def lines_of(path):
    if not os.path.exists(path):
        return
    with open(path, encoding="ascii") as file:
        for line in file:
            text, _, why = line.partition("#")
            if text.strip() or not why:
                yield bytes.fromhex(text), why.strip()


def unpack(path, folder):
    os.makedirs(folder, exist_ok=True)
    for data, _ in lines_of(path):
        write(folder, data)


def pack_folder(folder, path):
    kept = {data: why for data, why in lines_of(path) if why}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        if len(data) <= BYTES_MAX:
            kept.setdefault(data, "")
    with open(path, "w", encoding="ascii") as file:
        for data in sorted(kept, key=lambda one: (len(one), one)):
            file.write(data.hex() + (" # " + kept[data] if kept[data] else "") + "\n")


def main(arguments):
    verbs = {"seeds": (seeds, 1), "unpack": (unpack, 2), "pack": (pack_folder, 2)}
    if not arguments or arguments[0] not in verbs or len(arguments) != verbs[arguments[0]][1] + 1:
        sys.exit(__doc__)
    verbs[arguments[0]][0](*arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
