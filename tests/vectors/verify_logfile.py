"""Log files as proto/FORMAT.md describes them; see verify.py."""
from verify_format import (Fork, Seal, Tree, U32, U64, ZERO, below, check_segment, digest, is_bin,
                           is_uint, log_id, need, pack, unpack)

MAGIC = b"tris-logs-1\n"
HEAD, STATE, LOG, FORK, SEGMENT, END = range(1, 7)
AFTER = {HEAD: {0}, STATE: {HEAD, STATE}, LOG: {HEAD, STATE, FORK, SEGMENT}, FORK: {LOG},
         SEGMENT: {LOG, FORK, SEGMENT}, END: {HEAD, STATE, FORK, SEGMENT}}
BODY_MAX, ROWS_MAX, LOGS_MAX, RUN_MAX = 327936, 256, 65536, 327680


def items(data):
    """Type, body and all bytes of each item."""
    need(data[:len(MAGIC)] == MAGIC, "magic")
    at = len(MAGIC)
    while at < len(data):
        need(len(data) - at >= 5, "item is cut")
        size = int.from_bytes(data[at + 1:at + 5], "big")
        need(size <= BODY_MAX and size <= len(data) - at - 5, "item is cut or too large")
        yield data[at], data[at + 5:at + 5 + size], data[at:at + 5 + size]
        at += 5 + size


def array(body, size):
    fields = unpack(body)
    need(isinstance(fields, list) and len(fields) == size, f"no array of {size}")
    return fields


class Log:
    def __init__(self, federation, body):
        self.house, self.topic, epoch, key, first, peaks = array(body, 6)
        need(is_bin(self.house, 32), "house")
        below(self.topic, 1, "topic")
        below(epoch, U32, "epoch")
        below(first, 2**53, "first")
        need(key is None if epoch == 0 else is_bin(key, 32), "key")
        need(isinstance(peaks, bytes), "peaks")
        self.key = key or self.house
        self.order = (self.topic, self.house, epoch, self.key)
        self.id = log_id(federation, self.house, self.topic, epoch, self.key)
        self.first, self.tree = first, Tree.from_bytes(first.to_bytes(8, "big") + peaks)
        self.fork, self.closed, self.segments = None, False, 0

    def prove(self, body):
        self.fork = Fork(body)
        need(self.fork.log == self.id and self.fork.at >= self.tree.size, "proof of another log")
        self.closed = self.fork.at == self.tree.size

    def grow(self, body):
        need(not self.closed, "the log ends before")
        count, time_ms, root, signature, wire = array(body, 5)
        below(count, 1024, "count")
        need(isinstance(wire, bytes) and len(wire) <= RUN_MAX, "entries")
        need(count > 0 or (self.segments == 0 and self.tree.size > 0), "sealed anew")
        size = self.tree.size + count
        need(not self.fork or size <= self.fork.at, "beyond the fork")
        need(signature != bytes(64) or (self.fork and count > 0), "no signature")
        seal = Seal.build(self.id, size, root, time_ms, signature)
        check_segment(self.id, self.key, self.tree, wire, seal, self.fork)
        self.segments += 1
        self.closed = count == 0 or bool(self.fork and size == self.fork.at)
        return count


class LogFile:
    """A file that proves all it holds; made only if it does."""

    def __init__(self, data):
        self.logs, self.rows = [], []
        last, checksum, segments, entries = 0, ZERO, 0, 0
        for kind, body, whole in items(data):
            need(last in AFTER.get(kind, ()), "out of order")
            last = kind
            if kind == HEAD:
                self.federation, self.house, time_ms = array(body, 3)
                need(is_bin(self.federation, 32) and is_bin(self.house, 32) and is_uint(time_ms), "head")
            elif kind == STATE:
                self.state(unpack(body))
            elif kind == LOG:
                log = Log(self.federation, body)
                need(not self.logs or self.logs[-1].order < log.order, "logs out of order")
                self.logs.append(log)
                need(len(self.logs) <= LOGS_MAX, "too many logs")
            elif kind == FORK:
                self.logs[-1].prove(body)
            elif kind == SEGMENT:
                entries += self.logs[-1].grow(body)
                segments += 1
            else:
                need(array(body, 4) == [len(self.logs), segments, entries, checksum], "end")
            checksum = digest(checksum + whole, "tris-logfile-v1")
        need(last == END, "no end")

    def state(self, rows):
        need(isinstance(rows, list) and 1 <= len(rows) <= ROWS_MAX, "rows")
        need(len(self.rows) % ROWS_MAX == 0 and len(self.rows) + len(rows) <= LOGS_MAX, "rows")
        for row in rows:
            need(isinstance(row, list) and len(row) == 5, "row")
            log, whole, root, day, flags = row
            need(is_bin(log, 32) and is_uint(whole, U64) and is_bin(root, 32), "row")
            need(is_uint(day, U32) and is_uint(flags, 255), "row")
            need(not self.rows or self.rows[-1][0] < log, "rows out of order")
            self.rows.append(row)


def with_end(parts):
    """A file of these items (type, body), with the END that belongs to them."""
    data, checksum, logs, segments, entries = MAGIC, ZERO, 0, 0, 0
    for kind, body in parts:
        whole = bytes([kind]) + len(body).to_bytes(4, "big") + body
        data, checksum = data + whole, digest(checksum + whole, "tris-logfile-v1")
        logs, segments = logs + (kind == LOG), segments + (kind == SEGMENT)
        entries += unpack(body)[0] if kind == SEGMENT else 0
    end = pack([logs, segments, entries, checksum])
    return data + bytes([END]) + len(end).to_bytes(4, "big") + end
