#!/usr/bin/env python3
"""Writes math_expected.inc, the expected values of the math intrinsics, computed with 300 bits by mpmath.

    python3 tests/stdlib/math_expected.py > tests/stdlib/math_expected.inc

A value that is not a number of f64 stands as two: the nearest, and what is missing to it. Needs python3-mpmath; the
table is kept, so that building and testing do not.
"""
import math
import random
import struct

import mpmath as mp

mp.mp.prec = 300
PI_2 = math.pi / 2


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


# name → (function, arguments by hand, ranges of random ones: ("lin", low, high), or ("log", low and high power of ten,
# with signs or without))
SIGNED = ("log", -18, 18, True)
POSITIVE = ("log", -300, 300, False)
FUNCTIONS = {
    "sin": (mp.sin, [0.5, 1e300, 5e-324, math.pi, -1e5], [SIGNED]),
    "cos": (mp.cos, [0.5, 1e300, 5e-324, PI_2, -1e5], [SIGNED]),
    "tan": (mp.tan, [0.5, 1e300, 5e-324, PI_2, -1e5], [SIGNED]),
    "asin": (mp.asin, [1, -1, 0.5, 5e-324], [("lin", -1, 1)]),
    "acos": (mp.acos, [1, -1, 0.5, 0], [("lin", -1, 1)]),
    "atan": (mp.atan, [1, -1, 1e300, 5e-324], [SIGNED]),
    "atan2": (mp.atan2, [(1, 1), (1, -1), (-1, -1), (0, -1), (1, 0), (-1, 0), (1e-300, 1e-308), (3, 1e300)],
              [SIGNED, SIGNED]),
    "sinh": (mp.sinh, [1, 709, -709.5, 710.4, 710.475, 5e-324], [("lin", -708, 708)]),
    "cosh": (mp.cosh, [1, 709, -709.5, 710.4, 710.475, 0], [("lin", -708, 708)]),
    "tanh": (mp.tanh, [1, 40, -40, 5e-324], [("log", -15, 1.5, True)]),
    "exp": (mp.exp, [0, 1, -1, 709.78, -745, -740, -708.5], [("lin", -700, 709)]),
    "exp2": (lambda x: mp.power(2, x), [0, 1, -1, 1023.99, -1074, -1060.5, 0.5], [("lin", -1000, 1000)]),
    "expm1": (mp.expm1, [1e-300, 1, -1, 709.78, -50, 1e-10], [("log", -15, 2.5, True)]),
    "log": (mp.log, [1, 2, 0.5, 10, 5e-324, 1.79e308, 0.9999999], [POSITIVE]),
    "log2": (lambda x: mp.log(x) / mp.log(2), [1, 8, 0.125, 10, 5e-324, 1.79e308, 0.9999999], [POSITIVE]),
    "log10": (mp.log10, [1, 1000, 0.5, 1e22, 5e-324, 1.79e308, 0.9999999], [POSITIVE]),
    "log1p": (mp.log1p, [1e-300, 1, -0.999, 1e-10, 1.79e308, 1e307, 2.0**100], [("log", -15, 100, False)]),
    "pow": (mp.power, [(2, 0.5), (2, -1074), (10, 308), (10, -320), (1.0000001, 7e9), (0.1, 2), (9, 1.5), (7, 0)],
            [("log", -10, 10, False), ("lin", -28, 28)]),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), [27, -8, 2, 5e-324, 1.79e308, 1e-310], [("log", -300, 300, True)]),
    "hypot": (mp.hypot, [(3, 4), (5e-324, 5e-324), (1e308, 1e308), (1e-310, 2e-310), (-1, 1)], [SIGNED, SIGNED]),
}
NOT_IN_F32 = {"exp2", "expm1", "log1p"}
# Same exponents as f64's table, in f32's narrower range.
F32_RANGES = {"sinh": [("lin", -89, 89)], "cosh": [("lin", -89, 89)], "exp": [("lin", -87, 88)],
              "log": [("log", -37, 37, False)], "log2": [("log", -37, 37, False)], "log10": [("log", -37, 37, False)],
              "pow": [("log", -4, 4, False), ("lin", -9, 9)], "cbrt": [("log", -37, 37, True)]}
F32_BY_HAND = {"sinh": [88.9, -89.4], "cosh": [88.9, -89.4], "atan2": [(-2.3e-20, 1.7e18)], "hypot": [(1e-40, 1e-41), (1e38, 2e38)],
               "tanh": [-7.0768898e-08], "exp": [-90, 88.72], "log": [1e-44]}


def draw(ranges, number):
    result = []
    for kind, low, high, *signed in ranges:
        x = number(random.uniform(low, high) if kind == "lin" else 10 ** random.uniform(low, high))
        result.append(-x if signed and signed[0] and random.random() < 0.5 else x)
    return tuple(result)




def main():
    random.seed(20240501)
    print("// Made by tests/stdlib/math_expected.py. {intrinsic, a, b, expected, what is missing to it}")
    for suffix, number, count in (("f64", float, 14), ("f32", f32, 8)):
        for name, (function, by_hand, ranges) in FUNCTIONS.items():
            if suffix == "f32":
                if name in NOT_IN_F32:
                    continue
                by_hand, ranges = F32_BY_HAND.get(name, []), F32_RANGES.get(name, ranges)
            points = [p if isinstance(p, tuple) else (p,) for p in by_hand]
            points = [tuple(number(x) for x in p) for p in points]
            while len(points) < len(by_hand) + count:
                points.append(draw(ranges, number))
            for point in points:
                exact = function(*[mp.mpf(x) for x in point])
                high = float(exact)
                low = float(exact - mp.mpf(high))
                b = point[1] if len(point) == 2 else 0.0
                print(f'{{"math.{name}.{suffix}", {point[0].hex()}, {b.hex()}, {high.hex()}, {low.hex()}}},')


main()
