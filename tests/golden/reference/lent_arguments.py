#!/usr/bin/env python3
"""The rows of tests/golden/language/lent_arguments.eft, by Python lists that are copied whenever they are passed. `--check`
compares them with what the file says."""
import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "language" / "lent_arguments.eft"


class Log:
    def __init__(self, values):
        self.values = list(values)

    def take(self, xs):
        xs = list(xs)
        self.values[0] += 1000
        return sum(xs)


class Task:
    def __init__(self):
        self.xs, self.ys, self.kept, self.note, self.calls = [1.0] * 64, [2.0] * 64, Log([0.0] * 64), "first", 0
        self.fives = [5.0] * 64

    def changes(self, v):
        v = list(v)
        self.xs[0] += 1000
        return sum(v)

    def changes_deeper(self, v):
        v = list(v)
        self.changes(self.fives)
        return 2 * sum(v)

    def grow(self):
        self.xs[1] += 100
        self.calls += 1
        return 1.0

    def on_x(self, v):
        rows = []

        def send(what, a, b):
            rows.append((what, float(a), float(b)))
        ys, fives = self.ys, self.fives
        send("two places", sum(self.xs), sum(ys))
        a = self.changes(self.xs)
        send("as it was when the call began", a, self.changes(ys))
        a = sum(self.xs)
        send("changed afterwards", a, self.changes_deeper(self.xs))
        a = sum(self.xs)
        self.grow()
        send("changed by a later argument", a, sum(self.xs))
        old = list(self.xs)
        self.xs[2] = 7.0
        send("a let of a state", sum(old), sum(self.xs))
        a = self.kept.take(self.kept.values)
        send("the record's own", a, sum(self.kept.values))
        ring = Log(fives)
        a = sum(ring.values)
        ring.take(fives)
        send("of a local record", a, sum(ring.values))
        send("one array twice", 64 * 4, 64 * 10)
        send("call in call", 64 * 8, 64 * 5 / 2 * 64 * 2)
        local = [v] * 64
        first = sum(local)
        local[0] = v + 10
        send("one place, other contents", first, sum(local))
        local = [2 * x for x in local]
        send("into itself", sum(local), 2 * (64 * 2 + 64 * 5))
        send("a record", v * (sum(local) + sum(ys)), v * sum(ys))
        before = self.note
        self.note = "second"
        send(f"{before} {self.note} <{self.note}>", 64 * 3, self.calls)
        return rows


def expected(inputs):
    task, block, held = Task(), None, False
    for name, value in inputs:
        if name == "block":
            block = [float(x) for x in value.strip("[]").split(",")]
            yield "a reading", sum(block), 2 * sum(block)
            continue
        yield from task.on_x(float(value))
        if float(value) > 4 and not held and block:  # without a block the handler faults
            yield "none yet", sum(block), 0.0
        held = float(value) > 4


def main():
    text = PAGE.read_text()
    inputs = [line.split(",", 2)[1:] for line in
              re.search(r"^=== input\n(.*?)^===", text, re.S | re.M).group(1).splitlines()]
    rows = [(what, float(a), float(b)) for what, a, b in
            re.findall(r'^\d+ r\(what: "(.*)", a: (\S+), b: (\S+)\)$', text, re.M)]
    for found, wanted in zip(rows, expected(inputs), strict=True):
        if found != wanted:
            sys.exit(f"{PAGE.name}: {found}, and should be {wanted}")


if __name__ == "__main__":
    main()
