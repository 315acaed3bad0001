"""Membership of tris, read a second time: written from proto/FORMAT.md alone."""
import verify_format as f
from verify_charter import HouseLine

ENDORSE, REVOKE = 16, 17
ROLES = {"house": 1, "observer": 2, "coordination": 3}
SIZE_MAX = 2**53


def fields_of(payload, known):
    value = f.unpack(payload)
    f.need(isinstance(value, dict) and all(type(key) is int for key in value), "not a map")
    f.need(all(key in known or key >= 128 for key in value), "unknown field")
    return {key: value[key] for key in value if key < 128}


def is_uint(value, most=f.U32):
    return type(value) is int and 0 <= value <= most


def is_bin32(value):
    return isinstance(value, bytes) and len(value) == 32


def need_cut(value):
    f.need(isinstance(value, list) and len(value) == 2 and is_uint(value[0], SIZE_MAX)
           and is_bin32(value[1]) and (value[0] == 0) == (value[1] == f.ZERO), "cut")


class Statement:
    """target = (house, epoch); id: what makes two of them identical."""

    def __init__(self, verb, payload):
        f.need(verb in (ENDORSE, REVOKE), "verb")
        self.verb = verb
        fields = fields_of(payload, range(1, 8) if verb == ENDORSE else range(1, 6))
        f.need(is_bin32(fields.get(1)) and is_uint(fields.get(2)), "house and epoch")
        self.house, self.epoch = fields[1], fields[2]
        if verb == ENDORSE:
            self.endorse(fields)
        else:
            self.revoke(fields)

    def endorse(self, fields):
        self.card = fields.pop(7, None)
        self.key, self.role, self.region = fields.get(3), fields.get(4), fields.get(5)
        f.need(isinstance(self.card, str) and isinstance(self.region, str), "texts")
        line = HouseLine(self.card.encode())
        f.need((line.id, line.epoch, line.key, ROLES[line.role], line.region)
               == (self.house, self.epoch, self.key, self.role, self.region), "another card")
        f.need((6 in fields) == (self.epoch > 0 and self.role != 2), "closes")
        self.closes = fields.get(6)
        if self.closes is not None:
            need_cut(self.closes)
        self.card_order = (-line.time_ms, self.card.encode())
        self.id = f.digest(f.pack(fields), "tris-open-v1")

    def revoke(self, fields):
        self.gov, self.data = fields.get(3), fields.get(4)
        need_cut(self.gov)
        need_cut(self.data)
        f.need(5 not in fields or is_bin32(fields[5]), "successor")
        self.id = f.digest(f.pack(fields), "tris-revoke-v1")


class Opening:
    def __init__(self, house, epoch, key, role, closes, by_charter):
        self.house, self.epoch, self.key, self.role = house, epoch, key, role
        self.closes, self.by_charter = closes, by_charter
        self.log = None if role == 2 else (house, epoch, key)


class Federation:
    """stated: (log, seq, Statement), log = (house, epoch, key)."""

    def __init__(self, charter, stated):
        self.charter, self.stated = charter, stated
        self.openings = {}
        for line in charter.members:
            role = ROLES[line.role]
            fields = {1: line.id, 2: 0, 3: line.id, 4: role, 5: line.region}
            self.openings[f.digest(f.pack(fields), "tris-open-v1")] = Opening(
                line.id, 0, line.id, role, None, True)
        for _, _, what in stated:
            if what.verb == ENDORSE:
                self.openings.setdefault(what.id, Opening(
                    what.house, what.epoch, what.key, what.role, what.closes, False))
        self.ever = self.stratum({})
        self.cuts = self.stratum_2()
        self.members = self.stratum({place: cut[0][0] for place, cut in self.cuts.items()})

    def logs(self, openings):
        return {self.openings[name].log for name in openings} - {None}

    def endorsers(self, name, logs, gov_cuts):
        return {log[0] for log, seq, what in self.stated
                if what.verb == ENDORSE and what.id == name and log in logs
                and log[0] != what.house and seq < gov_cuts.get(log[:2], f.U64)}

    def stratum(self, gov_cuts):
        found = {name for name, opening in self.openings.items() if opening.by_charter}
        founders = set(self.charter.founders)
        while True:
            logs = self.logs(found)
            more = set()
            for name, opening in self.openings.items():
                houses = self.endorsers(name, logs, gov_cuts)
                if len(houses) >= self.charter.admit or (
                        opening.house not in founders and founders <= houses):
                    more.add(name)
            if more <= found:
                return found
            found |= more

    def revokers(self, name):
        logs = self.logs(self.ever)
        return {log[0] for log, _, what in self.stated if what.verb == REVOKE and what.id == name
                and log in logs and log[0] != what.house}

    def stratum_2(self):
        cuts = {}
        for _, _, what in self.stated:
            if what.verb == REVOKE and len(self.revokers(what.id)) >= self.charter.revoke:
                gov, data = cuts.get((what.house, what.epoch), (what.gov, what.data))
                cuts[what.house, what.epoch] = (min(gov, what.gov), min(data, what.data))
        return cuts

    def counted(self, name):
        gov_cuts = {place: cut[0][0] for place, cut in self.cuts.items()}
        return self.endorsers(name, self.logs(self.members), gov_cuts)

    def counting(self, house, epoch):
        return [name for name in self.members if self.openings[name].house == house
                and self.openings[name].epoch == epoch]

    def current(self, house):
        """Its epoch, or None."""
        best, doubled = None, False
        for epoch in sorted({o.epoch for o in self.openings.values() if o.house == house}):
            names = self.counting(house, epoch)
            if len(names) == 1 and (house, epoch) not in self.cuts and (
                    not doubled or len(self.counted(names[0])) >= self.charter.revoke):
                best = epoch
            doubled = doubled or len(names) > 1
        return best

    def data_end(self, opening):
        after = self.counting(opening.house, opening.epoch + 1)
        if len(after) == 1 and self.openings[after[0]].closes is not None:
            return self.openings[after[0]].closes[0]
        cut = self.cuts.get((opening.house, opening.epoch))
        return cut[1][0] if cut else None

    # ---- as the golden file writes it ----

    def told(self):
        """Statements in logs of members of any time: others leave no trace."""
        logs = self.logs(self.ever)
        return [what for log, _, what in self.stated if log in logs]

    def opening(self, name):
        o = self.openings[name]
        cards = sorted((what.card_order, what.card) for what in self.told()
                       if what.verb == ENDORSE and what.id == name)
        cut, end = self.cuts.get((o.house, o.epoch)), self.data_end(o)
        return {"id": name.hex(), "epoch": o.epoch, "ever": name in self.ever,
                "counts": name in self.members, "houses": len(self.counted(name)),
                "revoked": cut is not None, "gov_cut": str(cut[0][0]) if cut else None,
                "data_end": None if end is None else str(end), "card": cards[0][1] if cards else ""}

    def house(self, house, names):
        state = "revoked" if any(name in self.ever for name in names) else "candidate"
        current = self.current(house)
        revocations = sorted({(what.epoch, what.id) for what in self.told()
                              if what.verb == REVOKE and what.house == house})
        return {"house": house.hex(), "state": state if current is None else "active",
                "current": current, "openings": [self.opening(name) for name in names],
                "revocations": [
                    {"id": name.hex(), "houses": len(self.revokers(name)),
                     "complete": len(self.revokers(name)) >= self.charter.revoke}
                    for _, name in revocations]}

    def result(self):
        named = {what.id for what in self.told()} | {
            name for name, opening in self.openings.items() if opening.by_charter}
        houses = {}
        for name, o in self.openings.items():
            if name in named:
                houses.setdefault(o.house, []).append((o.epoch, name))
        return [self.house(house, [name for _, name in sorted(houses[house])])
                for house in sorted(houses)]
