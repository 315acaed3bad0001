"""The formats of tris, read a second time: written from proto/FORMAT.md alone.

msgpack, hashes, entries, tree, proofs, seals, segments.
Everything that is not exactly as FORMAT.md says raises Bad. Python standard library, and
python3-cryptography for Ed25519.
"""
import functools
from hashlib import blake2b

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PAYLOAD_MAX, HEADER_MAX, SPACING_MAX, ITEMS_MAX, DEPTH_MAX = 49152, 128, 1024, 256, 8
U32, U64 = 2**32 - 1, 2**64 - 1
ZERO = bytes(32)


class Bad(ValueError):
    """These bytes are not valid."""


def need(condition, why):
    if not condition:
        raise Bad(why)


def big(value, size):
    return value.to_bytes(size, "big")


# ---- hashes and signatures ----

def digest(data, domain, salt=b"", size=32, key=b""):
    return blake2b(data, digest_size=size, person=domain.encode(), salt=salt, key=key).digest()


P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER_Y = {0, 1, P - 1, ORDER_8_Y, P - ORDER_8_Y}


@functools.lru_cache(maxsize=4096)
def signature_good(key, context, body, signature):
    for point in (key, signature[:32]):
        y = int.from_bytes(point, "little") & (2**255 - 1)
        if y >= P or y in SMALL_ORDER_Y:
            return False
    if int.from_bytes(signature[32:], "little") >= ORDER:
        return False
    try:
        message = context.encode().ljust(16, b"\0") + body
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# ---- canonical msgpack ----

class Reader:
    """Strict reader; any_order is for the control protocol, whose maps are not sorted."""

    def __init__(self, data, any_order=False):
        self.data, self.at, self.any_order = data, 0, any_order

    def take(self, count):
        need(count <= len(self.data) - self.at, "truncated")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, size, least, signed=False):
        value = int.from_bytes(self.take(size), "big", signed=signed)
        need(value < least if signed else value >= least, "not the shortest form")
        return value

    def array_head(self):
        head = self.take(1)[0]
        if 0x90 <= head <= 0x9F:
            return head & 15
        need(head == 0xDC, "not an array within the limits")
        return self.number(2, 16)

    def value(self, depth=0):
        head = self.take(1)[0]
        if head <= 0x7F:
            return head
        if head >= 0xE0:
            return head - 256
        if head in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[head]
        if 0xCC <= head <= 0xCF:
            return self.number(1 << head - 0xCC, (128, 256, 65536, 2**32)[head - 0xCC])
        if 0xD0 <= head <= 0xD3:
            return self.number(1 << head - 0xD0, (-32, -128, -32768, -2**31)[head - 0xD0], True)
        if 0xA0 <= head <= 0xBF or 0xD9 <= head <= 0xDB:
            size = head & 31 if head <= 0xBF else self.number(
                1 << head - 0xD9, (32, 256, 65536)[head - 0xD9])
            try:
                return str(self.take(size), "utf-8")  # Python's decoder is strict
            except UnicodeDecodeError as error:
                raise Bad("UTF-8") from error
        if 0xC4 <= head <= 0xC6:
            return bytes(self.take(self.number(1 << head - 0xC4, (0, 256, 65536)[head - 0xC4])))
        if 0x80 <= head <= 0x9F or 0xDC <= head <= 0xDF:
            return self.container(head, depth + 1)
        raise Bad("float, ext or reserved byte")

    def container(self, head, depth):
        need(depth <= DEPTH_MAX, "too deep")
        is_map = head <= 0x8F or head >= 0xDE
        if head <= 0x9F:
            count = head & 15
        else:
            short = head in (0xDC, 0xDE)
            count = self.number(2 if short else 4, 16 if short else 65536)
        need(self.any_order or count <= ITEMS_MAX, "too many items")
        need(count * (2 if is_map else 1) <= len(self.data) - self.at, "truncated")
        if not is_map:
            return [self.value(depth) for _ in range(count)]
        result, before = {}, None
        for _ in range(count):
            key = self.value(depth)
            need(is_uint(key) or isinstance(key, str), "map key")
            order = key.encode() if isinstance(key, str) else key
            if before is not None and not self.any_order:
                need(type(before) is type(order) and before < order, "keys not ascending")
            before = order
            need(key not in result, "key twice")
            result[key] = self.value(depth)
        return result


def unpack(data):
    reader = Reader(data)
    value = reader.value()
    need(reader.at == len(data), "trailing bytes")
    return value


def is_uint(value, most=U64):
    return type(value) is int and 0 <= value <= most


def is_bin(value, size):
    return isinstance(value, bytes) and len(value) == size


def sized(size, short, heads):
    """A head with a length: short = (first byte, most) or None, heads = [(byte, bytes)...]"""
    if short and size <= short[1]:
        return bytes([short[0] + size])
    for head, width in heads:
        if size < 1 << 8 * width:
            return bytes([head]) + big(size, width)
    raise Bad("too large")


def pack(value):
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        if value >= 0:
            return sized(value, (0, 127), ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)))
        if value >= -32:
            return big(value + 256, 1)
        width = next(w for w in (1, 2, 4, 8) if value >= -(1 << 8 * w - 1))
        return bytes([0xD0 + width.bit_length() - 1]) + value.to_bytes(width, "big", signed=True)
    if isinstance(value, str):
        text = value.encode()
        return sized(len(text), (0xA0, 31), ((0xD9, 1), (0xDA, 2), (0xDB, 4))) + text
    if isinstance(value, bytes):
        return sized(len(value), None, ((0xC4, 1), (0xC5, 2), (0xC6, 4))) + value
    if isinstance(value, list):
        return sized(len(value), (0x90, 15), ((0xDC, 2),)) + b"".join(map(pack, value))
    return sized(len(value), (0x80, 15), ((0xDE, 2),)) + b"".join(
        pack(key) + pack(item) for key, item in value.items())


# ---- logs and entries ----

def log_id(federation, house, topic, epoch=0, seal_key=None):
    return digest(federation + house + big(topic, 1) + big(epoch, 4) + (seal_key or house),
                  "tris-log-v1")


class Entry:
    """One wire form: header, and salt and payload if they are there."""

    def __init__(self, reader):
        form, size = reader.take(2)
        need(form <= 1, "unknown form")
        header = reader.take(size)
        self.salt = self.payload = None
        if form == 0:
            self.salt = reader.take(16)
            length = int.from_bytes(reader.take(2), "big")
            need(length <= PAYLOAD_MAX, "payload too large")
            self.payload = reader.take(length)
            self.commit = digest(self.payload, "tris-commit-v1", self.salt)
            header = self.insert_commit(header)
        self.header = header
        self.read_header()

    def insert_commit(self, cut):
        reader = Reader(cut)
        need(reader.array_head() >= 7, "header has too few elements")
        for _ in range(6):
            reader.value(1)
        return cut[:reader.at] + b"\xc4\x20" + self.commit + cut[reader.at:]

    def read_header(self):
        need(len(self.header) <= HEADER_MAX, "header too large")
        fields = unpack(self.header)
        need(isinstance(fields, list) and len(fields) >= 7, "header is no array of 7")
        self.version, self.verb, self.kind, self.time_ms, record, self.prev, commit = fields[:7]
        need(is_uint(self.version, U32), "version")
        need(is_bin(commit, 32), "commitment")
        self.commit = commit
        self.record_epoch = self.record_seq = None
        if self.version != 1:
            return
        need(is_uint(self.verb, U32) and is_uint(self.kind, U32) and is_uint(self.time_ms), "type")
        need(self.prev is None or is_uint(self.prev), "prev")
        if isinstance(record, list):
            need(len(record) == 2 and is_uint(record[0], U32) and is_uint(record[1]), "record")
            self.record_epoch, self.record_seq = record
        else:
            need(record is None or is_uint(record), "record")
            self.record_seq = record

    def leaf(self, log, seq):
        return digest(log + big(seq, 8) + self.header, "tris-leaf-v1")

    def erased(self):
        return bytes([1, len(self.header)]) + self.header


def entries(wire, count=None):
    """All wire forms of a run; the run is used up exactly."""
    reader, result = Reader(wire), []
    while reader.at < len(wire):
        result.append(Entry(reader))
    need(count is None or len(result) == count, "another number of entries")
    return result


# ---- tree and proofs ----

def node(left, right):
    return digest(left + right, "tris-node-v1")


class Tree:
    def __init__(self):
        self.size, self.peaks = 0, {}

    @classmethod
    def from_bytes(cls, data):
        tree, size = cls(), int.from_bytes(data[:8], "big")
        need(len(data) == 8 + 32 * size.bit_count(), "peaks")
        levels = [level for level in range(63, -1, -1) if size >> level & 1]
        tree.size = size
        tree.peaks = {level: data[8 + 32 * i:40 + 32 * i] for i, level in enumerate(levels)}
        return tree

    def to_bytes(self):
        return big(self.size, 8) + b"".join(self.peaks[k] for k in sorted(self.peaks, reverse=True))

    def push(self, level, value):
        need(self.size % (1 << level) == 0, "node does not fit here")
        self.size += 1 << level
        need(self.size <= U64, "too many leaves")
        while level in self.peaks:
            value = node(self.peaks.pop(level), value)
            level += 1
        self.peaks[level] = value

    def root(self):
        levels = sorted(self.peaks)
        value = self.peaks[levels[0]] if levels else ZERO
        for level in levels[1:]:
            value = node(self.peaks[level], value)
        return value


def cover(start, end):
    """Levels of the complete nodes that cover the leaves [start, end)."""
    levels = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        levels.append(level)
        start += 1 << level
    return levels


def pushed(steps, nodes):
    tree = Tree()
    for level, value in zip(steps, nodes):
        tree.push(level, value)
    return tree


def tree_of(leaves):
    return pushed([0] * len(leaves), leaves)


def check_inclusion(leaf, index, size, nodes, root):
    need(0 <= index < size, "index")
    left, right = cover(0, index), cover(index + 1, size)
    need(len(nodes) == len(left) + len(right), "number of hashes")
    nodes = nodes[:len(left)] + [leaf] + nodes[len(left):]
    need(pushed(left + [0] + right, nodes).root() == root, "inclusion")


def check_consistency(old, size, nodes, old_root, root):
    need(0 < old <= size, "sizes")
    left, right = cover(0, old), cover(old, size)
    need(len(nodes) == len(left) + len(right), "number of hashes")
    need(pushed(left, nodes).root() == old_root, "old root")
    need(pushed(left + right, nodes).root() == root, "consistency")


# ---- seals ----

class Seal:
    def __init__(self, body, signature):
        fields = unpack(body)
        need(isinstance(fields, list) and len(fields) == 6, "seal is no array of 6")
        version, algorithm, self.log, self.size, self.root, self.time_ms = fields
        need(is_uint(version) and is_uint(algorithm) and version == algorithm == 1, "seal version")
        need(is_bin(self.log, 32) and is_bin(self.root, 32), "seal type")
        need(is_uint(self.size) and self.size >= 1 and is_uint(self.time_ms), "seal type")
        need(is_bin(signature, 64), "signature")
        self.body, self.signature = body, signature

    @classmethod
    def build(cls, log, size, root, time_ms, signature):
        return cls(pack([1, 1, log, size, root, time_ms]), signature)

    def check(self, key):
        need(signature_good(key, "tris-seal-v1", self.body, self.signature), "seal signature")


def check_segment(log, key, tree, wire, seal, fork=None):
    """Appends a verified segment to the tree; leaves the tree alone otherwise. The last one of a
    log that a fork proof ends may have no signature: the proof's root judges it."""
    run = entries(wire)
    need(seal.log == log, "seal of another log")
    need(seal.size == tree.size + len(run), "does not continue the log")
    need(len(run) <= SPACING_MAX, "seal spacing")
    grown = Tree.from_bytes(tree.to_bytes())
    for entry in run:
        grown.push(0, entry.leaf(log, grown.size))
    need(grown.root() == seal.root, "root")
    if fork and seal.signature == bytes(64):
        need((seal.size, seal.root, seal.time_ms) == (fork.at, fork.root_at, 0), "end of cut log")
    else:
        seal.check(key)
    tree.size, tree.peaks = grown.size, grown.peaks
    return run


# ---- fork proofs ----

def below(value, most, why):
    need(is_uint(value, most), why)
    return value


class Fork:
    """A proof that a log was sealed with two histories; made only if it is one."""

    def __init__(self, data):
        need(len(data) <= 4096, "too large")
        fields = unpack(data)
        need(isinstance(fields, list) and len(fields) == 10, "proof is no array of 10")
        tag, federation, house, topic, epoch, key, self.at, left, *sides = fields
        need(tag == "tris-fork-1", "tag")
        need(is_bin(federation, 32) and is_bin(house, 32), "type")
        below(topic, 1, "topic")
        below(epoch, U32, "epoch")
        need(key is None if epoch == 0 else is_bin(key, 32), "key")
        self.key = key or house
        self.log = log_id(federation, house, topic, epoch, self.key)
        below(self.at, U64, "at")
        self.sizes, leaves = [], []
        before = self.push(Tree(), cover(0, self.at), self.split(left))
        self.root_at = before.root()
        for side in sides:
            leaves.append(self.check_side(before, side))
        need(leaves[0] < leaves[1], "leaves are equal or out of order")

    @staticmethod
    def split(data):
        need(isinstance(data, bytes) and len(data) % 32 == 0, "hashes")
        return [data[i:i + 32] for i in range(0, len(data), 32)]

    @staticmethod
    def push(tree, steps, hashes):
        need(len(steps) == len(hashes), "number of hashes")
        for level, value in zip(steps, hashes):
            tree.push(level, value)
        return tree

    def check_side(self, before, side):
        need(isinstance(side, list) and len(side) == 5, "side is no array of 5")
        size, time_ms, signature, leaf, right = side
        need(is_bin(leaf, 32) and is_uint(size) and self.at < size, "side")
        end = 0  # of the peak that covers leaf `at`
        while end <= self.at:
            end += 1 << (size - end).bit_length() - 1
        hashes, steps = self.split(right), cover(self.at + 1, end)
        need(len(hashes) == len(steps) + (end < size), "number of hashes")
        tree = Tree.from_bytes(before.to_bytes())
        tree.push(0, leaf)
        self.push(tree, steps, hashes[:len(steps)])
        root = tree.root()
        if end < size:
            root = hashes[-1]
            for level in sorted(tree.peaks):
                root = node(tree.peaks[level], root)
        Seal.build(self.log, size, root, time_ms, signature).check(self.key)
        self.sizes.append(size)
        return leaf
