#!/usr/bin/env python3
"""The figures in tests/golden/language/levels.eft, from the definitions of the levels: 10 lg(P / P0) of powers, 20 lg(U / U0)
of amplitudes, P0 = 1 mW for dBm, U0 = 1 µV for dBµV and so on, with 50 digits. `--check` compares them with what the file
says: within a few units of the last place for f64 and f32, since the machine rounds each step."""
import pathlib
import re
import sys
from decimal import Decimal as D, getcontext

getcontext().prec = 50
PAGE = pathlib.Path(__file__).resolve().parent.parent / "language" / "levels.eft"
TEN = D(10)


def power(level, reference=D("0.001")):  # in W
    return reference * TEN ** (D(level) / 10)


def amplitude(level, reference):
    return reference * TEN ** (D(level) / 20)


def lg(x):
    return D(x).log10()


U0 = {"dbv": D(1), "dbu": D("0.6").sqrt(), "dbmv": D("0.001"), "dbuv": D("0.000001")}
P0 = D("20e-6")


def folded():
    tens = [D(10), D(10), D(13)]
    return {"w": power(13), "level": D(13), "total": 10 * lg(sum(TEN ** (x / 10) for x in tens)),
            "mean": 10 * lg((TEN ** 1 + TEN ** 2) / 2), "gain": 10 * lg(2), "step": 20 * lg(D("0.5")), "best": D(13),
            "worst": D(-7)}


def rx(x):
    p = power(x)
    yield "power", {"dbw": 10 * lg(p), "mw": p * 1000, "uw": p * 10 ** 6, "back": D(x), "over": D(x) + 120,
                    "from_lin": 10 * lg(p)}
    u = (p * 50).sqrt()
    yield "across", {"v": u, **{name: 20 * lg(u / reference) for name, reference in U0.items()}}


def line(x):
    yield "narrow", {"uv": amplitude(x, D(1)), "back": D(x), "shifted": D(x) - 60}


def sound(xs):
    xs = [D(x) for x in xs]
    n = len(xs)
    squares = sum(TEN ** (x / 10) for x in xs)
    mean = sum(xs) / n
    ordered = sorted(xs)
    return {"pa": amplitude(xs[0], P0), "back": xs[0], "total": 10 * lg(squares), "equivalent": 10 * lg(squares / n),
            "mean": mean, "spread": (sum((x - mean) ** 2 for x in xs) / n).sqrt(), "peak": max(xs),
            "middle": (ordered[1] + ordered[2]) / 2, "ratio": TEN ** ((max(xs) - min(xs)) / 10),
            "amplitude": TEN ** ((xs[1] - xs[0]) / 20)}


def expected(inputs):
    yield "folded", folded()
    noise = []
    for name, value in inputs:
        if name == "rx":
            yield from rx(value)
        elif name == "line":
            yield from line(value)
        elif name == "noise":
            noise.append(value)
    yield "sound", sound(noise)


def main():
    text = PAGE.read_text()
    inputs = [(line.split(",")[1], line.split(",")[2])
              for line in re.search(r"^=== input\n(.*?)^===", text, re.S | re.M).group(1).splitlines() if line[-1] != ","]
    rows = re.findall(r"^\d+ (\w+)\((.*)\)$", text[text.index("=== output"):], re.M)
    if len(rows) != len(list(expected(inputs))):
        sys.exit(f"{PAGE.name}: {len(rows)} rows")
    for (name, row), (wanted_name, wanted) in zip(rows, expected(inputs)):
        found = dict(re.findall(r"(\w+): (-?[\d.]+(?:e[-+]\d+)?)", row))
        near = D(2) ** (-22 if name == "narrow" else -50)
        for field, value in wanted.items():
            # A level is a difference of rounded logarithms: what counts is its error against 100 dB.
            scale = abs(value) if field in ("mw", "uw", "w", "v", "uv", "pa", "ratio", "amplitude") else max(abs(value), 100)
            if name != wanted_name or abs(D(found[field]) - value) > near * scale:
                sys.exit(f"{PAGE.name}: {name}.{field} is {found.get(field)}, and should be {value:.20}")


if __name__ == "__main__":
    main()
