"""House lines and charters of tris, read a second time: written from proto/FORMAT.md alone."""
import base64
import re

from verify_format import U32, U64, Bad, digest, need, signature_good

CHARTER_MAX, LINE_MAX = 8388608, 2048

LINE = re.compile(
    r"tris-house-1 role=(?P<role>house|observer|coordination) region=(?P<region>DE|[0-9]{5}) "
    r"slug=(?P<slug>[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?) name=(?P<name>[^ ]+) "
    r"id=(?P<id>[0-9a-f]{64})( epoch=(?P<epoch>[1-9][0-9]{0,9}) key=(?P<key>[0-9a-f]{64}))? "
    r"noise=(?P<noise>[0-9a-f]{64}) addr=(?P<addr>[^ ]*) "
    r"time=(?P<time>0|[1-9][0-9]{0,19}) sig=(?P<sig>[0-9a-f]{128})")
ADDRESS = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[(?=[^\]]*:)[0-9a-fA-F:.]{2,45}\])"
                     r":([1-9][0-9]{0,4})")
NAME = re.compile(r"([A-Za-z0-9._~-]|%[0-9A-F]{2})+")
PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def read_name(text):
    need(NAME.fullmatch(text), "name")
    raw = bytearray()
    for part in re.findall(r"%..|.", text):
        raw.append(int(part[1:], 16) if len(part) == 3 else ord(part))
        need(len(part) == 1 or raw[-1] not in PLAIN, "needless percent code")
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise Bad("UTF-8") from error
    need(1 <= len(name) <= 120, "length of name")
    need(not any(c < " " or "\x7f" <= c <= "\x9f" for c in name), "control character")
    return name


def ascii_text(data):
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as error:
        raise Bad("not ASCII") from error


class HouseLine:
    def __init__(self, data):
        need(len(data) <= LINE_MAX, "line too long")
        match = LINE.fullmatch(ascii_text(data))
        need(match, "not a house line")
        self.role, self.region, self.slug = match["role"], match["region"], match["slug"]
        need(self.role != "house" or self.region != "DE", "a house has a district")
        need(self.role != "coordination" or self.region == "DE", "coordination is of DE")
        self.name = read_name(match["name"])
        self.id, self.noise = bytes.fromhex(match["id"]), bytes.fromhex(match["noise"])
        self.epoch, self.key = int(match["epoch"] or 0), bytes.fromhex(match["key"] or match["id"])
        need(self.epoch <= U32, "epoch")
        self.addr = match["addr"].split(",") if match["addr"] else []
        need(len(self.addr) <= 8, "too many addresses")
        for address in self.addr:
            parts = ADDRESS.fullmatch(address)
            need(parts and int(parts[2]) <= 65535, "address")
        self.time_ms = int(match["time"])
        need(self.time_ms <= U64, "time")
        body, signature = data[:match.start("sig") - len(" sig=")], bytes.fromhex(match["sig"])
        need(signature_good(self.key, "tris-house-v1", body, signature), "signature of the line")


class Invitation:
    WORD = "TRIS-INVITE-1:"

    def __init__(self, data):
        text = ascii_text(data)
        need(text.startswith(self.WORD), "not an invitation")
        text = text[len(self.WORD):]
        need(re.fullmatch("[A-Z2-7]*", text), "letters")
        try:
            whole = base64.b32decode(text + "=" * (-len(text) % 8))
        except ValueError as error:
            raise Bad("base32") from error
        need(base64.b32encode(whole).decode().rstrip("=") == text, "bits left over")
        self.rest, check = whole[:-4], whole[-4:]
        need(check == digest(self.rest, "tris-invite-v1")[:4], "checksum")
        self.federation, self.house, self.noise = self.take(32), self.take(32), self.take(32)
        self.secret = self.take(16)
        self.expires_ms, count = int.from_bytes(self.take(8), "big"), self.take(1)[0]
        need(1 <= count <= 3, "number of addresses")
        self.addr = [ascii_text(self.text()) for _ in range(count)]
        for address in self.addr:
            parts = ADDRESS.fullmatch(address)
            need(parts and int(parts[2]) <= 65535, "address")
        try:
            self.name = self.text().decode()
        except UnicodeDecodeError as error:
            raise Bad("UTF-8") from error
        need(len(self.name) <= 120, "length of name")
        need(not any(c < " " or "\x7f" <= c <= "\x9f" for c in self.name), "control character")
        need(self.rest == b"", "bytes behind the end")
        self.psk = digest(self.secret, "tris-psk-v1")
        self.number = int.from_bytes(digest(self.secret, "tris-invid-v1")[:8], "big") or 1

    def take(self, count):
        need(len(self.rest) >= count, "too short")
        part, self.rest = self.rest[:count], self.rest[count:]
        return part

    def text(self):
        return self.take(int.from_bytes(self.take(2), "big"))


def federation_id(text):
    signatures = re.search(rb"^sign ", text, re.MULTILINE)
    return digest(text[:signatures.start()] if signatures else text, "tris-charter-v1")


class Charter:
    HEAD = re.compile(r"tris-charter-1\nname ([^ \n]+)\nnonce ([0-9a-f]{64})\nrules 1\n"
                      r"admit ([1-9][0-9]{0,9})\nrevoke ([1-9][0-9]{0,9})\n")
    SIGN = re.compile(r"sign ([0-9a-f]{64}) ([0-9a-f]{128})")

    def __init__(self, data, expected=None):
        need(len(data) <= CHARTER_MAX, "charter too large")
        self.federation = federation_id(data)
        need(expected is None or self.federation == expected, "another federation")
        text = ascii_text(data)
        head = self.HEAD.match(text)
        need(head and text.endswith("\n"), "not a charter")
        self.name, self.admit, self.revoke = read_name(head[1]), int(head[3]), int(head[4])
        need(max(self.admit, self.revoke) <= U32, "number")
        lines = text[head.end():-1].split("\n")
        members = [line for line in lines if line.startswith("member ")]
        self.members = [HouseLine(line[len("member "):].encode()) for line in members]
        need(all(line.epoch == 0 for line in self.members), "member of a later epoch")
        order = [(line.role == "observer", line.id) for line in self.members]
        need(all(a < b for a, b in zip(order, order[1:])), "order of members")
        need(len({line.id for line in self.members}) == len(members), "id twice")
        self.founders = [line.id for line in self.members if line.role != "observer"]
        need(self.founders, "no founder")
        need(len(self.founders) == 1 or self.revoke > self.admit
             or self.revoke == len(self.founders) - 1, "revoke")
        self.signed = [self.read_sign(line) for line in lines[len(members):]]
        need(lines[:len(members)] == members, "order of lines")
        need(all(a < b for a, b in zip(self.signed, self.signed[1:])), "order of signatures")
        self.complete = len(self.signed) == len(self.founders)

    def read_sign(self, line):
        match = self.SIGN.fullmatch(line)
        need(match, "unknown line")
        founder, signature = bytes.fromhex(match[1]), bytes.fromhex(match[2])
        need(founder in self.founders, "signed by a stranger")
        need(signature_good(founder, "tris-charter-v1", self.federation, signature), "signature")
        return founder
