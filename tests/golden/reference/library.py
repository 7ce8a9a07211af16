#!/usr/bin/env python3
"""What tests/golden/language/library.eft must print, by other ways than the library's: weights and sums written out,
filters as direct form I from the cookbook's formulas, the Kalman filter in terms of precisions. Prints the rows to compare
by eye; the last digits may differ."""
import math

VALUES = [1.0, 3.0, 6.0, 2.0]


def ewma(alpha):
    for n in range(1, len(VALUES) + 1):
        weights = [(1 - alpha) ** (n - 1)] + [alpha * (1 - alpha) ** (n - 1 - i) for i in range(1, n)]
        mean = sum(w * x for w, x in zip(weights, VALUES))
        variance = sum(w * (x - mean) ** 2 for w, x in zip(weights, VALUES))
        yield mean, math.sqrt(variance)


def biquad(b, a):
    x1 = x2 = y1 = y2 = 0.0
    for x in VALUES:
        y = (b[0] * x + b[1] * x1 + b[2] * x2 - a[1] * y1 - a[2] * y2) / a[0]
        x1, x2, y1, y2 = x, x1, y, y1
        yield y


def designs():
    def angle(f, q):
        w = 2 * math.pi * f / 100
        return math.cos(w), math.sin(w) / (2 * q)
    c, s = angle(10, math.sqrt(0.5))
    a = (1 + s, -2 * c, 1 - s)
    yield [(1 - c) / 2, 1 - c, (1 - c) / 2], a
    yield [(1 + c) / 2, -1 - c, (1 + c) / 2], a
    c, s = angle(10, 2)
    yield [s, 0, -s], (1 + s, -2 * c, 1 - s)
    c, s = angle(25, 5)
    yield [1, -2 * c, 1], (1 + s, -2 * c, 1 - s)


def kalman(drift, noise):
    value, variance = 0.0, 1e12
    for x in VALUES:
        before = variance + drift
        variance = 1 / (1 / before + 1 / noise)
        value = variance * (value / before + x / noise)
        yield value


def distance(learned, s, margin=0.05):
    bins = list(zip(*learned))
    means = [sum(b) / len(b) for b in bins]
    floor = margin * sum(means) / len(means)
    total = 0
    for b, m, x in zip(bins, means, s):
        deviation = math.sqrt(sum((y - m) ** 2 for y in b) / (len(b) - 1))
        total += ((x - m) / max(deviation, m * margin + floor)) ** 2
    return math.sqrt(total / len(means))


before = None
for mean, deviation in ewma(0.5):
    x = VALUES[0 if before is None else before[2] + 1]
    at = 0 if before is None else before[2] + 1
    score = 0 if before is None or before[1] == 0 else (x - before[0]) / before[1]
    print("averages", mean, deviation, score)
    before = (mean, deviation, at)
for row in zip(*(biquad(*design) for design in designs()), kalman(0.5, 2)):
    print("filters", *row)
spectra = [[x, x + 1, 4.0] for x in VALUES]
for s in spectra[2:]:
    print("spectra", distance(spectra[:2], s))
