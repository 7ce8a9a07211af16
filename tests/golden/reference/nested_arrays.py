#!/usr/bin/env python3
"""What tests/golden/language/nested_arrays.eft must send and keep: the same task in Python, on lists.

  nested_arrays.py          writes what stands below the task's inputs
  nested_arrays.py --check  fails when something else stands there; fuel is the runner's own, and the order of states its layout's
"""
import copy
import sys

from written import GOLDEN, without_fuel, write_or_check

NAME = "nested_arrays.eft"


class Fault(Exception):
    pass


class List:
    """Places for as many as fit, of which `len` are in use. What was there before is not wiped out."""

    def __init__(self, items, places, empty):
        self.items, self.len = items + [empty] * (places - len(items)), len(items)

    def push(self, item):
        if self.len == len(self.items):
            raise Fault("ListFull")
        self.items[self.len] = item
        self.len += 1

    def used(self):
        return self.items[:self.len]


class Part:
    def __init__(self):
        self.name, self.sizes, self.note, self.weight = "nut", [1, 2], List([0x0A], 3, 0), None


class Task:
    def __init__(self):
        self.grid = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        self.cube = [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]
        self.names = ["one", "zwei", ""]
        self.rows = [List([], 3, 0.0), List([7.5], 3, 0.0)]
        self.few, self.wanted = List([], 2, ""), List(["x0", "x1"], 2, "")
        self.parts = [Part(), Part()]

    def on_v(self, x, m):
        self.grid[1][2] = x
        self.grid[0] = [2 * y for y in self.grid[0]]
        turned = [list(column) for column in zip(*self.grid)]
        longest = max(self.names, key=len)    # the first of them, as in the task
        m(1, sum(self.grid[0]), turned[2][1], longest, True)

        i = int(x + 0.5) % 2
        self.cube[1][i][1] += 5
        self.cube[0] = copy.deepcopy(self.cube[1])
        m(2, float(self.cube[0][i][1]), float(self.cube[1][1 - i][1]), "def", True)

        self.names[2] = f"{self.names[0]}-{i}"[:8]
        self.names[i] = self.names[2]
        m(3, float(len(self.names[2])), 2.0, ",".join(self.names), True)

        self.rows[0].push(x)
        if self.rows[0].len == 3:
            self.rows[1] = copy.deepcopy(self.rows[0])
            self.rows[0].len = 0
        total = sum(y * (k + 1) for k, row in enumerate(self.rows) for y in row.used())
        m(4, total, float(self.rows[0].len), "", self.rows[0].used() == self.rows[1].used())

        if self.few.len == 2:
            self.few.len = 0
        self.few.push(f"x{self.few.len}")
        every = "".join(f"{k}{t};" for k, t in enumerate(self.few.used()))
        m(5, float(self.few.len), 0.0, every, self.few.used() == self.wanted.used())

        part, other = self.parts[i], self.parts[1 - i]
        part.name = "bolt"
        part.sizes[1] += 1
        part.note.push(int(x + 0.5))
        other.weight = x
        note = bytes(part.note.used()).hex()
        m(6, float(part.sizes[1]), -1.0 if part.weight is None else part.weight, f"{part.name} {note}",
          self.parts[0].sizes == self.parts[1].sizes)
        if x > 8:
            if i + 1 == len(self.grid):
                raise Fault("IndexOutOfRange")
            self.grid[i + 1][0] = 0.0

    def states(self):
        """Each state as it lies in memory: rows after each other, a text as its length in two bytes and its places."""
        def texts(items, places):
            return [b for t in items for b in [len(t) % 256, len(t) // 256, *t.encode().ljust(places, b"\0")]]

        def flat(rows):
            return [x for row in rows for x in (flat(row) if isinstance(row, list) else [row])]

        return {"grid": flat(self.grid), "cube": flat(self.cube), "names": texts(self.names, 8),
                "rows": flat([row.items for row in self.rows]), "rows.len": [row.len for row in self.rows],
                "few": texts(self.few.items, 4), "few.len": self.few.len,
                "wanted": texts(self.wanted.items, 4), "wanted.len": self.wanted.len,
                "parts.name": texts([p.name for p in self.parts], 8), "parts.sizes": flat([p.sizes for p in self.parts]),
                "parts.note": flat([p.note.items for p in self.parts]), "parts.note.len": [p.note.len for p in self.parts],
                "parts.weight": [p.weight or 0.0 for p in self.parts],
                "parts.weight.given": [p.weight is not None for p in self.parts]}


def show(value):
    if isinstance(value, list):
        return "[" + ", ".join(show(x) for x in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def text():
    source, rest = (GOLDEN / "language" / NAME).read_text().split("=== input\n")
    inputs = rest.split("=== output\n")[0]
    lines = source.splitlines()
    places = {"ListFull": "parts[i].note.push", "IndexOutOfRange": "grid[i + 1][0]"}
    out, task = [], Task()
    for line in inputs.splitlines():
        at, _, x = line.split(",")
        before, sent = copy.deepcopy(task), []

        def m(step, a, b, t, ok):
            sent.append(f'{at} m(step: {step}, a: {a}, b: {b}, t: "{t}", ok: {show(ok)})')

        try:
            task.on_v(float(x), m)
            out += sent
        except Fault as fault:
            task = before
            where = next(n for n, l in enumerate(lines, 1) if places[str(fault)] in l)
            out.append(f'{at} trap {fault} in "on v", line {where}')
    out += [f"state {name} = {show(value)}" for name, value in task.states().items()]
    return source + "=== input\n" + inputs + "=== output\n" + "\n".join(out) + "\n"


def in_any_order_of_states(text):
    lines = without_fuel(text).splitlines()
    return "\n".join([l for l in lines if not l.startswith("state ")] + sorted(l for l in lines if l.startswith("state ")))


if __name__ == "__main__":
    sys.exit(write_or_check({NAME: text()}, in_any_order_of_states, "language"))
