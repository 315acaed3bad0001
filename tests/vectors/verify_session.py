"""Frontier, messages, and a session that reads whole logs from a running house.

Written from proto/FORMAT.md alone, as verify_format.py.
"""
import hmac
import os
import socket
from hashlib import blake2b

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verify_format import (U32, U64, ZERO, Bad, Fork, Reader, Seal, Tree, big, check_consistency,
                           check_segment, digest, is_bin, is_uint, log_id, need, pack, tree_of,
                           unpack)

# ---- frontier ----


def bucket_digests(items):
    """items: (log id, whole, root, day, flags)"""
    buckets = [b""] * 256
    for log, whole, root, day, flags in sorted(items):
        if whole == 0 and not flags & 1:
            continue
        buckets[log[0]] += log + big(whole, 8) + root + big(day, 4) + big(flags, 1)
    return [digest(bucket, "tris-bucket-v1") if bucket else ZERO for bucket in buckets]


def frontier_root(items):
    return digest(b"".join(bucket_digests(items)), "tris-front-v1")


# ---- messages ----

def uint(most=U64):
    return lambda v: is_uint(v, most)


def binary(size):
    return lambda v: is_bin(v, size)


def at_most(size):
    return lambda v: isinstance(v, bytes) and len(v) <= size


def optional(rule):
    return lambda v: v is None or rule(v)


def rows(most, *rules):
    return lambda v: isinstance(v, list) and len(v) <= most and all(
        isinstance(row, list) and len(row) == len(rules)
        and all(rule(item) for rule, item in zip(rules, row)) for row in v)


ROOT = LOG = binary(16)
CLAIMS = rows(8, LOG, uint(), ROOT)
ITEMS = rows(256, LOG, uint(), ROOT, uint(U32), uint(255))
RUNS = rows(32, uint(), uint(1024))
HOLES = rows(256, uint(), binary(16), at_most(48 * 1024))
MESSAGES = {
    1: ("ping", uint()),
    2: ("pong", uint()),
    3: ("bye", uint(U32), lambda v: isinstance(v, str) and len(v.encode()) <= 120),
    4: ("root", ROOT),
    5: ("credit", uint(U32), uint(U32)),
    6: ("claim", CLAIMS),
    7: ("get_changed", ROOT, optional(ROOT)),
    8: ("not_known", ROOT),
    9: ("get_digests", ROOT),
    10: ("digests", ROOT, binary(4096)),
    11: ("get_buckets", ROOT, binary(32)),
    12: ("frontier", ROOT, optional(ROOT), uint(1), ITEMS),
    13: ("get_range", LOG, uint(), uint()),
    14: ("entries", LOG, uint(), lambda v: isinstance(v, bytes) and v),
    15: ("seal", LOG, uint(), uint(1024), uint(), binary(32), binary(64)),
    16: ("end", LOG, uint()),
    32: ("get_charter", uint(8388608)),
    33: ("charter", uint(8388608), uint(8388608), at_most(32768)),
    36: ("get_holes", LOG, RUNS),
    37: ("holes", LOG, uint(1), HOLES),
    38: ("get_consistency", LOG, uint()),
    39: ("consistency", LOG, uint(), uint(), uint(), binary(32), binary(64), at_most(4064)),
    40: ("fork_proof", LOG, at_most(4096)),
    41: ("announce", uint(1), rows(256, LOG, uint())),
    42: ("refer", rows(8, binary(32))),
    43: ("twin", uint(), uint(), binary(64)),
    44: ("get_nodes", LOG, uint(63), uint(), uint(256)),
    45: ("nodes", LOG, uint(63), uint(), at_most(8192)),
    46: ("get_fork", LOG),
    47: ("card", lambda v: isinstance(v, str) and len(v.encode()) <= 2048),
}
NUMBER = {rule[0]: number for number, rule in MESSAGES.items()}


def messages(plain):
    """[(name, fields)...] of one frame; numbers that are not known are skipped."""
    reader, result = Reader(plain), []
    while reader.at < len(plain):
        value = reader.value()
        need(isinstance(value, list) and value and is_uint(value[0]), "not a message")
        if value[0] in MESSAGES:
            name, *rules = MESSAGES[value[0]]
            fields = value[1:1 + len(rules)]
            need(len(fields) == len(rules), name + ": fields missing")
            need(all(rule(field) for rule, field in zip(rules, fields)), name + ": field")
            result.append((name, fields))
    return result


MESSAGE_1 = (uint(U32), uint(), binary(32), uint(), ROOT, optional(ROOT))
MESSAGE_2 = (uint(), binary(32), uint(), ROOT, optional(CLAIMS))


def handshake_payload(data, rules):
    fields = unpack(data)
    need(isinstance(fields, list) and len(fields) >= len(rules), "payload")
    need(all(rule(field) for rule, field in zip(rules, fields)), "payload field")
    return fields[:len(rules)]


# ---- Noise ----

class Initiator:
    """Noise_IK_25519_ChaChaPoly_BLAKE2b, the side that dials."""

    def __init__(self, prologue, secret, remote, ephemeral=None):
        self.hash = b"Noise_IK_25519_ChaChaPoly_BLAKE2b".ljust(64, b"\0")
        self.chain = self.hash
        self.static = X25519PrivateKey.from_private_bytes(secret)
        self.ephemeral = (X25519PrivateKey.from_private_bytes(ephemeral) if ephemeral
                          else X25519PrivateKey.generate())
        self.remote = remote
        self.mix_hash(prologue)
        self.mix_hash(remote)

    def mix_hash(self, data):
        self.hash = blake2b(self.hash + data).digest()

    def derive(self, data):
        first = hmac.digest(hmac.digest(self.chain, data, "blake2b"), b"\1", "blake2b")
        key = hmac.digest(self.chain, data, "blake2b")
        return first, hmac.digest(key, first + b"\2", "blake2b")

    def mix_key(self, private, public):
        self.chain, key = self.derive(private.exchange(X25519PublicKey.from_public_bytes(public)))
        self.cipher, self.count = ChaCha20Poly1305(key[:32]), 0

    def seal(self, plain):
        sealed = self.cipher.encrypt(nonce(self.count), plain, self.hash)
        self.count += 1
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed):
        plain = self.cipher.decrypt(nonce(self.count), sealed, self.hash)
        self.count += 1
        self.mix_hash(sealed)
        return plain

    def message_1(self, payload):
        public = public_key(self.ephemeral)
        self.mix_hash(public)
        self.mix_key(self.ephemeral, self.remote)
        static = self.seal(public_key(self.static))
        self.mix_key(self.static, self.remote)
        return public + static + self.seal(payload)

    def message_2(self, data):
        self.mix_hash(data[:32])
        self.mix_key(self.ephemeral, data[:32])
        self.mix_key(self.static, data[:32])
        return self.open(data[32:])

    def split(self):
        return [ChaCha20Poly1305(key[:32]) for key in self.derive(b"")]


def gate(remote, message):
    return digest(b"\1" + message, "tris-gate-v1", size=16, key=digest(remote, "tris-gate-v1"))


def nonce(count):
    return bytes(4) + count.to_bytes(8, "little")


def public_key(private):
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


# ---- a session ----

class Session:
    """Dials a house as a member of the charter that holds nothing, and reads what it serves."""

    def __init__(self, charter, secret, house, address):
        own = public_key(X25519PrivateKey.from_private_bytes(secret))
        self.charter = charter
        self.own = next(line for line in charter.members if line.noise == own)
        self.house = next(line for line in charter.members if line.id == house)
        host, port = address.rsplit(":", 1)
        self.sock = socket.create_connection((host.strip("[]"), int(port)), timeout=20)
        self.root = frontier_root([])[:16]
        self.handshake(secret)
        self.send("claim", [])

    def handshake(self, secret):
        noise = Initiator(b"\1" + self.charter.federation, secret, self.house.noise)
        instance = int.from_bytes(os.urandom(8), "big")
        first = noise.message_1(pack([1, 0, self.own.id, instance, self.root, None]))
        self.sock.sendall(b"\1" + gate(self.house.noise, first) + big(len(first), 2) + first)
        answer = handshake_payload(noise.message_2(self.frame()), MESSAGE_2)
        need(answer[1] == self.house.id, "another house answers")
        self.sending, self.receiving = noise.split()
        self.sent = self.received = 0

    def frame(self):
        data = b""
        size = 2
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            need(part, "the house closed the connection")
            data += part
            if size == 2 and len(data) == 2:
                size = 2 + int.from_bytes(data, "big")
                need(size >= 2 + 17, "frame too short")
        return data[2:]

    def send(self, name, *fields):
        sealed = self.sending.encrypt(nonce(self.sent), pack([NUMBER[name], *fields]), b"")
        self.sent += 1
        self.sock.sendall(big(len(sealed), 2) + sealed)

    def receive(self):
        """All messages from here on."""
        while True:
            plain = self.receiving.decrypt(nonce(self.received), self.frame(), b"")
            self.received += 1
            for name, fields in messages(plain):
                need(name != "bye", f"bye: {fields}")
                if name == "ping":
                    self.send("pong", fields[0])
                yield name, fields

    def frontier(self):
        self.send("get_buckets", self.root, b"\xff" * 32)
        items = []
        for name, fields in self.receive():
            if name == "frontier" and fields[1] is None:
                items += fields[3]
                if not fields[2]:
                    return fields[0], items
        raise Bad("no frontier")

    def answer(self, name, log, *question):
        """The fields behind the log of the answer to a question about it."""
        self.send(*question)
        return next(fields[1:] for got, fields in self.receive()
                    if got == name and fields[0] == log[:16])

    def read_fork(self, log):
        proof, = self.answer("fork_proof", log, "get_fork", log[:16])
        fork = Fork(proof)
        need(fork.log == log, "proof about another log")
        return fork

    def check_proofs(self, log, key, leaves):
        """The newest seal continues every beginning of the log, and its nodes are what they say."""
        for first in sorted({1, len(leaves) // 2 + 1, len(leaves)}):
            _, size, time_ms, root, signature, hashes = self.answer(
                "consistency", log, "get_consistency", log[:16], first)
            need(size >= len(leaves) or signature != bytes(64), "consistency with less")
            check_consistency(first, size, Fork.split(hashes), tree_of(leaves[:first]).root(), root)
            if signature != bytes(64):
                Seal.build(log, size, root, time_ms, signature).check(key)
        for level in range(min(3, len(leaves).bit_length())):
            count = min(len(leaves) >> level, 256)
            _, index, hashes = self.answer("nodes", log, "get_nodes", log[:16], level, 0, count)
            need(index == 0 and Fork.split(hashes) == [
                tree_of(leaves[i << level:(i + 1) << level]).root() for i in range(count)], "nodes")

    def read_log(self, line, topic, until, fork=None):
        """Verifies a log from its beginning: (tree, entries, segments as (wire, seal))."""
        log = log_id(self.charter.federation, line.id, topic)
        tree, run, segments, wire = Tree(), [], [], b""
        self.send("get_range", log[:16], 0, until)
        for name, fields in self.receive():
            if name not in ("entries", "seal", "end") or fields[0] != log[:16]:
                continue
            if name == "end":
                need(fields[1] == tree.size and not wire, "end elsewhere")
                return log, tree, run, segments
            need(fields[1] == tree.size, "segment does not continue the log")
            if name == "entries":
                wire += fields[2]
                continue
            _, first, count, time_ms, root, signature = fields
            seal = Seal.build(log, first + count, root, time_ms, signature)
            run += check_segment(log, line.id, tree, wire, seal, fork)
            segments.append((wire, seal))
            self.send("credit", len(wire), 1)
            wire = b""
        raise Bad("no end")


# ---- control socket ----

def control(path, method, **params):
    """One call: the result, None if there is no such thing, or Bad with another error."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(path)
        sock.sendall(pack([0, 1, method, [params]]))
        data = b""
        while True:
            part = sock.recv(65536)
            need(part, "trisd closed the connection")
            data += part
            try:
                _, _, error, result = Reader(data, any_order=True).value()
            except Bad as why:
                if str(why) == "truncated":
                    continue
                raise
            need(error is None or error["code"] == "not_found", str(error))
            return result
