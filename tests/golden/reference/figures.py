#!/usr/bin/env python3
"""Every function of arrays that the language knows by name, and std.stats and std.signal, one by one against definitions.py,
which works in fractions, and against published values.

  figures.py          writes tests/golden/language/figures/*.eft
  figures.py --check  fails when a file there is not what this script writes, or shows not all of the functions

A line of a task is an expression; what it must print is the exact value, rounded here to so many digits that no error of a
correct calculation shows.
"""
import math
import pathlib
import re
import struct
import sys
import textwrap
from fractions import Fraction

import definitions as of
from definitions import exact
from written import without_fuel, write_or_check

ROOT = pathlib.Path(__file__).resolve().parents[3]
INVALID, INFINITE = "nan", "inf"  # the task makes them from its input, which is 0


def narrow(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def is_near_a_border(value, digits):
    """Whether the last bits of a float could decide how it is rounded."""
    past = Fraction(value) * 10 ** digits % 1
    return abs(past - Fraction(1, 2)) < Fraction(1, 250)


def rounded(value, digits):
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    nearest = math.floor(Fraction(value) * 10 ** digits + Fraction(1, 2))
    text = f"{abs(nearest):0{digits + 1}d}"
    return ("-" if nearest < 0 else "") + (text[:-digits] + "." + text[-digits:] if digits else text)


def as_written(xs):
    """The decimal numbers that a source has: published figures are of these, not of the nearest floats."""
    return [Fraction(str(x)) for x in xs]


def published(value, text, source):
    """A value that somebody else has printed: what is computed here must round to it."""
    digits = len(text.split(".")[1]) if "." in text else 0
    assert rounded(value, digits) == text, f"{source}: {text} is published, computed is {float(value)}"
    return value


class Task:
    def __init__(self, about, uses=""):
        self.about, self.uses, self.body, self.expected = about, uses, [], []

    def note(self, text):
        self.body += ["", *textwrap.wrap(text, 118, initial_indent="    // ", subsequent_indent="    // ")]

    def let(self, name, values, kind="f64", bound=None):
        """An array, of a fixed length or of at most `bound`; values are written as they are."""
        size = f"<={bound}" if bound is not None else len(values)
        text = ", ".join(x if isinstance(x, str) else repr(x) for x in values)
        self.body += textwrap.wrap(f"let {name} : [{kind}; {size}] = [{text}]", 118, initial_indent="    ",
                                   subsequent_indent="      ", break_long_words=False)
        return None if any(isinstance(x, str) for x in values) else \
            exact(narrow(x) if kind == "f32" else x for x in values)

    def say(self, line):
        self.body.append("    " + line)

    def show(self, expression, value, digits=10, unit=""):
        """One line: the expression, and behind it what it gives, with so many digits or, at a border, with fewer."""
        while digits and not isinstance(value, str) and is_near_a_border(value, digits):
            digits -= 1
        form = "" if digits is None or isinstance(value, bool) else f":.{digits}"
        self.body.append(f'    told.send(of: "{expression}", is: "{{{expression}{form}}}")')
        self.expected.append(f'0 told(of: "{expression}", is: "{rounded(value, digits or 0)}{unit}")')

    def show_array(self, name, values, digits=10, unit=""):
        for k, value in enumerate(values):
            self.show(f"{name}[{k}]", value, digits, unit)

    def text(self, name, faults=()):
        """The file; `faults` are pairs of a trap and the statements that end in it."""
        lines = ["// Written by tests/golden/reference/figures.py: change that, not this.",
                 *textwrap.wrap(self.about, 116, initial_indent="// ", subsequent_indent="// ")]
        if self.uses:
            lines.append(f"use {self.uses}")
        lines += ["", f"task {name} {{", "  input  v    : f64", "  input  fail : int",
                  "  output told : log { of: text(64), is: text(64) }", "", "  on v as zero {",
                  "    let nan = zero / zero", "    let inf = 1.0 / zero", *self.body, "  }"]
        inputs, expected = ["0,v,0"], list(self.expected)
        if faults:
            lines.append("  on fail as n {")
            for k, (trap, statement) in enumerate(faults):
                lines.append(f"    if n == {k} {{ {statement} }}")
                inputs.append(f"{1000 * (k + 1)},fail,{k}")
                expected.append(f'{1000 * (k + 1)} trap {trap} in "on fail", line {len(lines)}')
            lines.append("  }")
        else:
            lines.remove("  input  fail : int")
        return "\n".join([*lines, "}", "=== input", *inputs, "=== output", *expected]) + "\n"


# ---- Data --------------------------------------------------------------------------------------------------------------

NIST = "NIST, Statistical Reference Datasets"
MICHELSON = [round(299 + x / 1000, 2) for x in (   # speed of light in air, thousands of km/s
    850, 740, 900, 1070, 930, 850, 950, 980, 980, 880, 1000, 980, 930, 650, 760, 810, 1000, 1000, 960, 960, 960, 940, 960, 940,
    880, 800, 850, 880, 900, 840, 830, 790, 810, 880, 880, 830, 800, 790, 760, 800, 880, 880, 880, 860, 720, 720, 620, 860, 970,
    950, 880, 910, 850, 870, 840, 840, 850, 840, 840, 840, 890, 810, 810, 820, 800, 770, 760, 740, 750, 760, 910, 920, 890, 860,
    880, 720, 840, 850, 850, 780, 890, 840, 780, 810, 760, 810, 790, 810, 820, 850, 870, 870, 810, 740, 810, 940, 950, 800, 810,
    870)]
NORRIS_Y = [0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1, 778.1, 668.8, 339.3, 448.9, 10.8,
            557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6, 339.3, 888.0, 998.5, 778.9, 10.2, 117.6, 228.9, 668.4, 449.2,
            0.2]
NORRIS_X = [0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6, 775.5, 666.9, 338.0, 447.5, 11.6,
            556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8, 339.1, 887.2, 999.0, 779.0, 11.1, 118.3, 229.2, 669.1, 448.9,
            0.5]
ANSCOMBE_X = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0]
ANSCOMBE_Y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
NORRIS, ANSCOMBE = f"{NIST}, Norris", "Anscombe, Graphs in statistical analysis, The American Statistician 27, 1973, set I"


def wave(n):
    """A signal of whole numbers without symmetry; `wave_in_task` makes the same."""
    return [(i * i * 7 + i * 3) % 31 - 15 for i in range(n)]


def wave_in_task(task, name, n, kind="f64"):
    zero = "0.0" if kind == "f64" else "f32(0.0)"
    task.say(f"var {name} = [{zero}; {n}]")
    task.say(f"for i in 0 ..< {n} {{ {name}[i] = {kind}((i * i * 7 + i * 3) mod 31 - 15) }}")
    return exact(wave(n))


# ---- Element by element ------------------------------------------------------------------------------------------------

def elements():
    t = Task("Arithmetic on whole arrays, element by element: what Python's fractions give for each pair.")
    operations = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}
    for kind, digits in (("f64", 10), ("f32", 4), ("int", None), ("i32", None)):
        whole = digits is None
        left, right = ([7, -3, 0, 12, -40], [2, 5, -9, 12, -1]) if whole else ([7.25, -3.0, 0.5, 1e3, -0.1], [2.0, 0.75, -9.0, 3.0, 0.3])
        t.note(f"{kind}: two arrays, an array and a value on either side.")
        xs, ys = t.let(f"{kind}_xs", left, kind), t.let(f"{kind}_ys", right, kind)
        one, of_one = ("3", Fraction(3)) if whole else ("1.5", Fraction(3, 2))

        def each(name, expression, values):
            t.say(f"let {kind}_{name} = {expression.replace('xs', kind + '_xs').replace('ys', kind + '_ys')}")
            t.show_array(f"{kind}_{name}", values, digits)

        for name, sign in (("sum", "+"), ("less", "-"), ("times", "*")) + (() if whole else (("by", "/"),)):
            f = operations[sign]
            each(name, f"xs {sign} ys", [f(x, y) for x, y in zip(xs, ys)])
            each(name + "_one", f"xs {sign} {one}", [f(x, of_one) for x in xs])
            each("one_" + name, f"{one} {sign} ys", [f(of_one, y) for y in ys])
        each("negated", "-xs", [-x for x in xs])
        each("absolute", "abs(xs)", [abs(x) for x in xs])
        each("least", "min(xs, ys)", [min(x, y) for x, y in zip(xs, ys)])
        each("most", "max(xs, ys)", [max(x, y) for x, y in zip(xs, ys)])
        each("clipped", f"min(max(xs, -{one}), {one})", [min(max(x, -of_one), of_one) for x in xs])
        if not whole:
            each("root", "sqrt(abs(xs))", [of.root(abs(x)) for x in xs])
    t.note("What is no number stays with its element. min and max give the first of their two unless the second is less, or "
           "greater: nothing is less than what is no number.")
    t.let("odd", ["nan", "inf", "-inf", "2.0"])
    t.let("even", ["1.0", "inf", "inf", "zero"])
    t.say("let odd_sum = odd + even")
    t.show_array("odd_sum", [INVALID, INFINITE, INVALID, 2])
    t.say("let odd_times = odd * even")
    t.show_array("odd_times", [INVALID, INFINITE, "-inf", 0])
    t.say("let odd_by = odd / even")
    t.show_array("odd_by", [INVALID, INVALID, INVALID, INFINITE])
    t.say("let odd_least = min(odd, even)")
    t.show_array("odd_least", [INVALID, INFINITE, "-inf", 0])
    t.say("let even_most = max(even, odd)")
    t.show_array("even_most", [1, INFINITE, INFINITE, 2])
    t.say("let odd_root = sqrt(odd)")
    t.show_array("odd_root", [INVALID, INFINITE, INVALID, of.root(Fraction(2))])
    t.note("Of one element, and of none.")
    t.let("one", [4.5])
    t.show_array("(one - 5.0 * one)", [-18])
    t.let("none", [], bound=3)
    t.show("(none * 2.0 + none).len", 0, None)
    return t.text("elements", (
        ("Overflow", "let xs = [n, 9223372036854775807]  told.send(of: \"\", is: \"{(xs + 1)[1]}\")"),
        ("Overflow", "let xs : [i32; 2] = [-2147483648, 1]  told.send(of: \"{n}\", is: \"{(-xs)[0]}\")"),
        ("Overflow", "let xs = [-9223372036854775808 + n - 2, 1]  told.send(of: \"\", is: \"{abs(xs)[0]}\")"),
        ("Overflow", "let xs : [i32; 2] = [65536, 1]  told.send(of: \"{n}\", is: \"{(xs * xs)[0]}\")")))


# ---- Figures of one array ------------------------------------------------------------------------------------------------

def figures():
    t = Task("Figures of one array: sum, mean, min, max, rms, variance, stddev, kurtosis, argmax, argmin; dot and matmul.")
    functions = {"sum": lambda xs: sum(xs), "mean": of.mean, "min": min, "max": max, "rms": of.rms, "variance": of.variance,
                 "stddev": of.stddev, "kurtosis": of.kurtosis}
    t.note(f"{NIST}: Michelso, certified mean 299.852400000000 and standard deviation of a sample 0.0790105478190518; "
           "NumAcc1, 10000002 and 1. Of a sample is √(N / (N − 1)) of what stddev gives.")
    light = t.let("light", MICHELSON)
    published(of.mean(as_written(MICHELSON)), "299.852400000000", f"{NIST}, Michelso")
    published(of.sample_stddev(as_written(MICHELSON)), "0.0790105478190518", f"{NIST}, Michelso")
    for name, f in functions.items():
        t.show(f"{name}(light)", f(light), 8)
    t.show("(stddev(light) * sqrt(100.0 / 99.0))", of.sample_stddev(light), 12)
    t.show("argmax(light)", MICHELSON.index(max(MICHELSON)), None)
    t.show("argmin(light)", MICHELSON.index(min(MICHELSON)), None)
    near = t.let("near", [10000001.0, 10000003.0, 10000002.0])
    published(of.sample_stddev(near), "1.0", f"{NIST}, NumAcc1")
    for name in ("mean", "variance", "stddev", "kurtosis"):
        t.show(f"{name}(near)", functions[name](near))
    t.note("1 .. 5 are evenly spread: the kurtosis of n such is 3 − 6 (n² + 1) / (5 (n² − 1)).")
    five = t.let("five", [1.0, 2.0, 3.0, 4.0, 5.0])
    published(of.kurtosis(five), "1.7", "the discrete uniform distribution")
    t.show("kurtosis(five)", of.kurtosis(five))
    t.note("In f32, more elements than a vector has.")
    thin = t.let("thin", [0.5, -2.25, 3.0, 8.0, 8.0, -2.5, 1.0, 0.0, 4.0, 7.5, -1.0], "f32")
    for name, f in functions.items():
        t.show(f"{name}(thin)", f(thin), 4)
    t.show("argmax(thin)", 3, None)
    t.show("argmin(thin)", 5, None)
    t.note("Whole numbers: sums are exact though partial sums would not fit.")
    for kind, most in (("int", 2 ** 63 - 1), ("i32", 2 ** 31 - 1)):
        xs = t.let(f"{kind}_xs", [most, 5, -7, -most, -7, most, -most, most], kind)
        t.show(f"sum({kind}_xs)", sum(xs), None)
        for name, value in (("min", min(xs)), ("max", max(xs)), ("argmax", 0), ("argmin", 3)):
            t.show(f"{name}({kind}_xs)", value, None)
    t.note("The first of several that are greatest or least; of one element.")
    t.let("tied", [2.0, 9.0, -1.0, 9.0, -1.0, 9.0])
    t.show("argmax(tied)", 1, None)
    t.show("argmin(tied)", 2, None)
    t.let("zeros", ["0.0", "-0.0", "0.0"])
    t.show("argmax(zeros)", 0, None)
    t.show("argmin(zeros)", 0, None)
    alone = t.let("alone", [-2.5])
    for name in ("sum", "mean", "min", "max", "rms", "variance", "stddev"):
        t.show(f"{name}(alone)", functions[name](alone))
    t.show("argmax(alone)", 0, None)
    t.show("dot(alone, alone)", Fraction(25, 4))
    t.note("Nothing varies: no kurtosis, also where the sum of equal numbers is rounded. What is no number is passed on, and argmax finds it; of infinities there is no mean.")
    for name, values, kind in (("flat", [3.5] * 4, "f64"), ("tenths", [0.1] * 50, "f64"), ("thin_tenths", [0.1] * 7, "f32")):
        of_it = t.let(name, values, kind)
        t.show(f"mean({name})", of.mean(of_it), 5)
        for figure, value in (("variance", 0), ("stddev", 0), ("kurtosis", INVALID)):
            t.show(f"{figure}({name})", value, 17)
        t.show(f"argmax({name})", 0, None)
    t.show("kurtosis(alone)", INVALID)
    t.let("hole", ["1.0", "nan", "3.0", "nan"])
    for name in functions:
        t.show(f"{name}(hole)", INVALID)
    t.show("argmax(hole)", 1, None)
    t.show("argmin(hole)", 1, None)
    t.let("endless", ["1.0", "-inf", "3.0", "inf"])
    for name, value in {"sum": INVALID, "mean": INVALID, "min": "-inf", "max": INFINITE, "rms": INFINITE, "variance": INVALID,
                        "stddev": INVALID, "kurtosis": INVALID}.items():
        t.show(f"{name}(endless)", value)
    t.show("argmax(endless)", 3, None)
    t.show("argmin(endless)", 1, None)
    t.note("Of no elements.")
    t.let("none", [], bound=4)
    for name in functions:
        t.show(f"{name}(none)", 0 if name == "sum" else INVALID)
    t.show("dot(none, none)", 0)
    t.let("no_counts", [], "int", 4)
    t.show("sum(no_counts)", 0, None)
    t.note("An array with room left: only what is in use counts.")
    some = t.let("some", [5.0, 1.0, 2.0], bound=7)
    for name, f in functions.items():
        t.show(f"{name}(some)", f(some))
    t.show("argmin(some)", 1, None)
    t.note("Products of arrays and of matrices, row by row: 2·3 and 3·2, 1·1, 5·4 and 4·3, in f32 5·2 and 2·1.")
    other = t.let("other", [float(k % 7) - 2.5 for k in range(100)])
    t.show("dot(light, other)", of.dot(light, other), 6)
    thin_too = t.let("thin_too", [float(k % 5) - 1.5 for k in range(11)], "f32")
    t.show("dot(thin, thin_too)", of.dot(thin, thin_too), 4)
    for name, rows, inner, columns, kind in (("small", 2, 3, 2, "f64"), ("point", 1, 1, 1, "f64"), ("wide", 5, 4, 3, "f64"),
                                             ("slim", 5, 2, 1, "f32")):
        a = t.let(f"{name}_a", [float(k * k % 11) - 4.5 for k in range(rows * inner)], kind)
        b = t.let(f"{name}_b", [float(k * 3 % 8) + 0.25 for k in range(inner * columns)], kind)
        t.say(f"let {name} = matmul({name}_a, {name}_b, {rows})")
        t.show_array(name, of.matmul(a, b, rows), 4)
    empty = "let xs : [{0}; <=2] = []  told.send(of: \"{{n}}\", is: \"{{{1}(xs)}}\")"
    return t.text("figures", (
        *(("IndexOutOfRange", empty.format("f64", name)) for name in ("argmax", "argmin")),
        *(("IndexOutOfRange", empty.format("int", name)) for name in ("argmax", "argmin", "min", "max")),
        ("Overflow", "let xs = [n, 9223372036854775807]  told.send(of: \"\", is: \"{sum(xs)}\")"),
        ("LengthsDiffer", "let xs : [f64; <=2] = [1.0]  let ys : [f64; <=2] = []  told.send(of: \"{n}\", is: \"{dot(xs, ys)}\")")))


# ---- What is sorted ------------------------------------------------------------------------------------------------------

def percentiles():
    t = Task("median and percentile: number 7 of Hyndman and Fan, as R and NumPy have it.")
    sets = (("four", [1.0, 3.0, 2.0, 4.0], "f64"), ("five", [12.5, -3.0, 7.0, 7.0, 0.25], "f64"), ("alone", [-2.5], "f64"),
            ("two", [10.0, 4.0], "f64"), ("flat", [3.5] * 6, "f64"), ("light", MICHELSON, "f64"),
            ("thin", [3.0, -1.0, 2.0, 9.5, 2.0, -7.25], "f32"))
    t.note("Microsoft's example of PERCENTILE.INC: 1.9 of 1, 3, 2, 4 and 30 %.")
    published(of.percentile(exact([1, 3, 2, 4]), 30), "1.9", "PERCENTILE.INC")
    for name, values, kind in sets:
        xs = t.let(name, values, kind)
        digits = 4 if kind == "f32" else 10
        t.show(f"median({name})", of.percentile(xs, 50), digits)
        for p in ("0", "30", "33.3", "90", "99.9", "100"):
            part = Fraction(p) if kind == "f64" else Fraction(narrow(float(p)))
            t.show(f"percentile({name}, {p})", of.percentile(xs, part), digits)
        t.show(f"percentile({name}, 75 %)", of.percentile(xs, 75), digits)
    t.note("Outside 0 .. 100 there is none, nor of no elements, nor where something is no number. Infinities are sorted.")
    t.let("none", [], bound=4)
    t.show("median(none)", INVALID)
    t.show("percentile(none, 0)", INVALID)
    t.let("hole", ["1.0", "nan", "3.0"])
    t.show("median(hole)", INVALID)
    t.show("percentile(hole, 0)", INVALID)
    t.let("endless", ["inf", "1.0", "-inf", "3.0"])
    t.show("median(endless)", 2)
    t.show("percentile(endless, 0)", "-inf")
    t.show("percentile(endless, 100)", INFINITE)
    t.show("percentile(four, zero - 1.0)", INVALID)
    t.show("percentile(four, zero + 100.5)", INVALID)
    t.show("percentile(four, nan)", INVALID)
    some = t.let("some", [5.0, 1.0, 2.0], bound=7)
    t.show("median(some)", of.percentile(some, 50))
    t.show("percentile(some, 25)", of.percentile(some, 25))
    return t.text("percentiles")


# ---- Two arrays, curves, filters --------------------------------------------------------------------------------------------

def pairs():
    t = Task("Regression and figures of two arrays, interpolation, resampling and FIR.")
    t.note(f"{NORRIS}: certified slope 1.00211681802045 and R² 0.999993745883712. {ANSCOMBE}: slope 0.500, correlation 0.816.")
    xs, ys = t.let("norris_x", NORRIS_X), t.let("norris_y", NORRIS_Y)
    published(of.slope(as_written(NORRIS_X), as_written(NORRIS_Y)), "1.00211681802045", NORRIS)
    published(of.correlation(as_written(NORRIS_X), as_written(NORRIS_Y)) ** 2, "0.999993745883712", NORRIS)
    t.show("slope(norris_x, norris_y)", of.slope(xs, ys), 12)
    t.show("correlation(norris_x, norris_y)", of.correlation(xs, ys), 11)
    t.show("covariance(norris_x, norris_y)", of.covariance(xs, ys), 6)
    xs, ys = t.let("anscombe_x", ANSCOMBE_X), t.let("anscombe_y", ANSCOMBE_Y)
    published(of.slope(xs, ys), "0.500", ANSCOMBE)
    published(of.correlation(xs, ys), "0.816", ANSCOMBE)
    for name in ("covariance", "slope", "correlation"):
        t.show(f"{name}(anscombe_x, anscombe_y)", getattr(of, name)(xs, ys))
    xs, ys = t.let("thin_x", ANSCOMBE_X, "f32"), t.let("thin_y", ANSCOMBE_Y, "f32")
    for name in ("covariance", "slope", "correlation"):
        t.show(f"{name}(thin_x, thin_y)", getattr(of, name)(xs, ys), 4)
    t.note("Where x does not change there is no slope, where either does not, no correlation; nor of one point, or of none.")
    t.let("flat", [0.1] * 3)
    t.let("risen", [2.0, 4.0, 9.0])
    t.let("alone", [2.0])
    t.let("none", [], bound=4)
    t.let("hole", ["1.0", "nan"])
    t.let("rise", [1.0, 2.0])
    for name, values in (("slope", (INVALID, 0, INVALID, INVALID, INVALID)),
                         ("correlation", (INVALID, INVALID, INVALID, INVALID, INVALID)),
                         ("covariance", (0, 0, 0, INVALID, INVALID))):
        for of_what, value in zip(("flat, risen", "risen, flat", "alone, alone", "none, none", "rise, hole"), values):
            t.show(f"{name}({of_what})", value, 17)

    t.note("On straight lines between points; outside, the nearer end; where two points have one x, the first of them.")
    xs, ys = t.let("at", [-1.0, 0.5, 2.0, 10.0]), t.let("height", [4.0, -2.0, 7.0, 7.5])
    for x in ("-9.0", "-1.0", "-0.25", "0.5", "1.7", "2.0", "9.999", "10.0", "1e300"):
        t.show(f"interpolate(at, height, {x})", of.interpolate(xs, ys, Fraction(float(x))))
    xs, ys = t.let("thin_at", [0.0, 1.5, 4.0], "f32"), t.let("thin_height", [1.0, 2.0, -3.0], "f32")
    for x in ("0.75", "3.0"):
        t.show(f"interpolate(thin_at, thin_height, {x})", of.interpolate(xs, ys, Fraction(x)), 4)
    t.show("interpolate(at, height, nan)", INVALID)
    t.show("interpolate(at, height, inf)", Fraction(15, 2))
    t.show("interpolate(at, height, -inf)", 4)
    t.show("interpolate(alone, alone, 7.0)", 2)
    t.show("interpolate(none, none, 7.0)", INVALID)

    t.note("Stretched, pressed, of one and to one element.")
    some = t.let("some", [1.0, 4.0, -2.0, 0.5, 3.0])
    for n in (1, 2, 3, 5, 8, 13):
        t.say(f"let some_{n} = resample(some, {n})")
        t.show_array(f"some_{n}", of.resample(some, n))
    t.say("let alone_3 = resample(alone, 3)")
    t.show_array("alone_3", of.resample(exact([2]), 3))
    thin = t.let("thin", [1.0, 4.0, -2.5], "f32")
    t.say("let thin_5 = resample(thin, 5)")
    t.show_array("thin_5", of.resample(thin, 5), 4)

    t.note("FIR: by convolution; with 1, 4, 5 and 9 taps, for taps are done four at a time, and as many as samples.")
    signal = t.let("signal", [2.0, -1.0, 0.5, 3.0, 4.0, -6.0, 1.0, 7.0, 0.25, -2.0])
    for k in (1, 4, 5, 9, 10):
        taps = t.let(f"taps_{k}", [float(j * j % 7) - 1.75 for j in range(k)])
        t.say(f"let filtered_{k} = fir(signal, taps_{k})")
        t.show_array(f"filtered_{k}", of.fir(signal, taps))
    taps = t.let("thin_taps", [0.5, -0.25], "f32")
    t.say("let thin_filtered = fir(thin, thin_taps)")
    t.show_array("thin_filtered", of.fir(thin, taps), 4)
    t.say("let holes = fir([1.0, nan, 2.0, 3.0, 4.0], [0.5, 0.5])")
    t.show_array("holes", [INVALID, INVALID, Fraction(5, 2), Fraction(7, 2)])
    return t.text("pairs", (
        ("LengthsDiffer", "let xs : [f64; <=3] = [1.0, 2.0]  let ys : [f64; <=3] = [1.0]  told.send(of: \"{n}\", is: \"{slope(xs, ys)}\")"),))


# ---- Spectra ---------------------------------------------------------------------------------------------------------------

def weighed(pairs):
    """One number in which every bin counts with a weight of its own, so that none can be wrong unseen."""
    return sum((((k // 2) % 7 + 1) if k % 2 == 0 else ((k // 2) % 5 + 1)) * x for k, x in enumerate(pairs))


WEIGHED = """  fn weighed(pairs: [f64; n]) -> f64 {
    var total = 0.0
    for k in 0 ..< n / 2 { total = total + pairs[2 * k] * f64(k mod 7 + 1) + pairs[2 * k + 1] * f64(k mod 5 + 1) }
    return total
  }
"""


def spectra():
    t = Task("Fourier transforms of any length: powers of two, of 3 and 5, primes, and 1,000; spectra, power densities, bands "
             "and windows. Each bin is a sum of its own in the definition; `weighed` is a sum in which every bin counts.")
    t.note("1, 2 … 8, whose transform stands in many a textbook.")
    known = of.fft(exact(range(1, 9)))
    for k, text in ((0, "36"), (2, "-4.0000"), (3, "9.6569"), (4, "-4.0000"), (5, "4.0000"), (7, "1.6569"), (8, "-4.0000")):
        published(known[k], text, "the ramp of eight")
    t.say("let ramp = fft([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])")
    t.show_array("ramp", known)
    for n in (2, 3, 5, 7, 12, 13, 15, 97, 101, 128, 243, 250, 997, 1000, 1009, 1024):
        xs = wave_in_task(t, f"wave_{n}", n)
        pairs = of.fft(xs)
        t.say(f"let bins_{n} = fft(wave_{n})")
        t.show(f"weighed(bins_{n})", weighed(pairs), 6)
        for k in sorted({2, 3, n // 3 * 2, n // 2 * 2, n // 2 * 2 + 1}):
            if k < len(pairs):
                t.show(f"bins_{n}[{k}]", pairs[k], 8)
    for n in (8, 15, 97):
        xs = wave_in_task(t, f"thin_{n}", n, "f32")
        pairs = of.fft(xs)
        t.say(f"let thin_bins_{n} = fft(thin_{n})")
        for k in sorted({0, 2, 3, n // 3 * 2, n // 2 * 2}):
            t.show(f"thin_bins_{n}[{k}]", pairs[k], 3)
    t.note("Windows, and what they do to transforms, amplitudes and power densities, for an even and an odd length.")
    for by in ("hann", "hamming", "blackman"):
        for n in (1, 2, 7, 8):
            t.say(f"let {by}_{n} = {by}({n})")
            t.show_array(f"{by}_{n}", of.window(by, n))
    hann = of.window("hann", 1000)
    published(1000 * sum(w * w for w in hann) / sum(hann) ** 2, "1.50", "Harris, equivalent noise bandwidth")
    published(sum(of.window("blackman", 1000)) / 1000, "0.42", "Harris, coherent gain")
    for n in (12, 15):
        xs = exact(wave(n))
        for by in ("", "hann", "hamming", "blackman"):
            name, more = f"{by or 'plain'}_of_{n}", f", window: {by}" if by else ""
            t.say(f"let {name}_fft = fft(wave_{n}{more})")
            t.show_array(f"{name}_fft", of.fft(xs, by), 9)
            t.say(f"let {name}_amplitudes = spectrum(wave_{n}{more})")
            t.show_array(f"{name}_amplitudes", of.spectrum(xs, by))
            t.say(f"let {name}_densities = psd(wave_{n}, 48 Hz{more})")
            t.show_array(f"{name}_densities", of.psd(xs, 48, by), 9, " 1/Hz")
    t.note("The power of all is the mean of the squares, whatever the length (Parseval); a band has its lower end, not its upper.")
    densities = of.psd(exact(wave(12)), 48)
    assert abs(of.band(densities, 4, 0, 25) - of.mean(exact([x * x for x in wave(12)]))) < Fraction(1, 10 ** 30)
    for low, high in ((0, 25), (0, 24), (4, 12), (8, 8), (9, 3), (-50, 1000), (5, 7)):
        t.show(f"band(plain_of_12_densities, 4 Hz, {low} Hz, {high} Hz)", of.band(densities, 4, low, high), 9)
    t.note("A sine of amplitude 3 that fills whole periods shows as 3, by Hann's window half of it in the bins beside.")
    t.say("var sine = [0.0; 1000]")
    t.say("for i in 0 ..< 1000 { sine[i] = 0.5 + 3.0 * sin(2.0 * pi * f64(i) * 50.0 / 1000.0) }")
    t.say("let sine_plain = spectrum(sine)")
    t.say("let sine_hann = spectrum(sine, window: hann)")
    for k, plain, by_hann in ((0, Fraction(1, 2), Fraction(1, 2)), (49, 0, Fraction(3, 2)), (50, 3, 3), (51, 0, Fraction(3, 2))):
        t.show(f"(sine_plain[{k}] + 1.0)", plain + 1)
        t.show(f"(sine_hann[{k}] + 1.0)", by_hann + 1)
    thin = exact(wave(8))
    t.say("let thin_amplitudes = spectrum(thin_8)")
    t.show_array("thin_amplitudes", of.spectrum(thin), 3)
    t.say("let thin_densities = psd(thin_8, 8 Hz, window: hann)")
    t.show_array("thin_densities", of.psd(thin, 8, "hann"), 2, " 1/Hz")
    t.show("band(thin_densities, 1 Hz, 1 Hz, 3 Hz)", of.band(of.psd(thin, 8, "hann"), 1, 1, 3), 2)
    t.note("Nothing but zeros; one that is no number is in every bin.")
    t.say("let silent = spectrum([zero; 10])")
    t.show("max(silent)", 0)
    t.say("let lost = spectrum([1.0, nan, 2.0, 3.0, 4.0, 5.0])")
    t.show_array("lost", [INVALID] * 4)
    text = t.text("spectra")
    return text.replace("  on v as zero {", WEIGHED + "  on v as zero {")


# ---- One value after the other ----------------------------------------------------------------------------------------------

# NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4: λ = 0.3, starts at 50.
EWMA_OF = [52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
EWMA_IS = ("50.60 49.52 50.56 50.18 50.16 49.21 49.75 49.85 50.26 50.33 50.11 49.36 49.52 50.05 49.38 49.92 50.73 51.23 51.94 "
           "51.99").split()
# Montgomery, "Introduction to Statistical Quality Control", the tabular CUSUM: target 10, slack 0.5, limit 5.
CUSUM_OF = [9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08, 9.37, 10.62, 10.31,
            8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31, 10.52]
CUSUM_HIGH = ("0.00 0.00 0.00 1.16 2.82 2.50 0.04 1.00 0.00 0.00 0.00 0.97 0.98 0.00 0.00 0.00 0.12 0.00 0.00 0.34 0.74 0.00 1.79 "
              "2.79 2.89 3.47 3.35 4.47 5.28 5.30").split()
CUSUM_LOW = ("0.05 1.56 1.77 0.00 0.00 0.00 1.46 0.00 0.30 0.00 0.47 0.00 0.00 0.10 0.00 0.13 0.00 0.00 0.98 0.00 0.00 0.17 0.00 "
             "0.00 0.00 0.00 0.00 0.00 0.00 0.00").split()


def one_at_a_time():
    t = Task("std.stats and std.signal: what has been seen so far, against sums over all of it.", "std.signal, std.stats")
    t.note(f"running: {NIST}, Michelso, certified mean 299.852400000000 and standard deviation 0.0790105478190518.")
    light = t.let("light", MICHELSON)
    t.say("var seen : running = running()")
    t.show("seen.variance()", 0)
    t.say("seen.add(light[0])")
    t.show("seen.mean", light[0])
    t.show("seen.stddev()", 0)
    t.say("for i in 1 ..< 100 { seen.add(light[i]) }")
    t.show("seen.count", 100, None)
    t.show("seen.mean", of.mean(light))
    t.show("seen.stddev()", of.sample_stddev(light), 12)
    t.show("seen.variance()", of.sample_stddev(light) ** 2, 12)

    t.note("ewma: NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4, printed with two digits there; the variance is that "
           "of all values with their weights. z-scores: 0 while nothing has varied.")
    data = [50.0, *EWMA_OF]
    values = t.let("process", data)
    t.say("var slow : ewma = ewma(alpha: 0.3)")
    t.show("slow.score(7.0)", 0)
    for k in range(len(data)):
        middle, spread = of.ewma(values[:k + 1], Fraction(0.3))
        t.show(f"slow.add(process[{k}])", published(middle, EWMA_IS[k - 1], "6.3.2.4") if k else middle)
        if k in (0, 1, 4, 20):
            t.show("slow.variance", spread)
            t.show("slow.stddev()", of.root(spread))
            t.show("slow.score(51.0)", (51 - middle) / of.root(spread) if spread else 0)
    t.say("var still : ewma = ewma(alpha: 1.0)")
    t.say("let first = still.add(4.0)")
    t.show("still.add(9.0)", 9)
    t.show("still.score(10.0)", 0)

    t.note("cusum: Montgomery, Introduction to Statistical Quality Control, with two digits there: the 29th sample shows the "
           "change.")
    values = t.let("samples", CUSUM_OF)
    t.say("var drift : cusum = cusum(target: 10.0, slack: 0.5, limit: 5.0)")
    for k in range(len(values)):
        high, low = of.cusum(values[:k + 1], 10, Fraction(1, 2))
        t.show(f"drift.add(samples[{k}])", k >= 28, None)
        t.show("drift.high", published(high, CUSUM_HIGH[k], "Montgomery"))
        t.show("drift.low", published(low, CUSUM_LOW[k], "Montgomery"))
    t.say("drift.reset()")
    t.show("(drift.high + drift.low)", 0)
    t.say("let down = drift.add(4.0)")
    t.show("drift.low", Fraction(11, 2))
    t.show("down", True, None)

    t.note(f"line: {NORRIS}, certified slope 1.00211681802045 and intercept -0.262323073774029. 0 while x has not changed.")
    xs, ys = t.let("norris_x", NORRIS_X), t.let("norris_y", NORRIS_Y)
    certain_x, certain_y = as_written(NORRIS_X), as_written(NORRIS_Y)
    published(of.mean(certain_y) - of.slope(certain_x, certain_y) * of.mean(certain_x), "-0.262323073774029", NORRIS)
    t.say("var fit : line = line()")
    t.show("fit.slope()", 0)
    t.say("fit.add(norris_x[0], norris_y[0])")
    t.show("fit.slope()", 0)
    t.show("fit.at(99.0)", ys[0])
    t.say("for i in 1 ..< 36 { fit.add(norris_x[i], norris_y[i]) }")
    t.show("fit.slope()", of.slope(xs, ys), 12)
    t.show("fit.at(0.0)", of.mean(ys) - of.slope(xs, ys) * of.mean(xs), 11)
    t.show("fit.at(1234.5)", of.mean(ys) + of.slope(xs, ys) * (Fraction(2469, 2) - of.mean(xs)), 8)

    t.note("kalman: by precisions; without drift it is the mean, each value counting alike, of what is known and what was read.")
    readings = t.let("readings", [1.0, 3.0, 6.0, 2.0, -4.0, 2.5])
    for name, drift, noise, before in (("level", "0.5", "2.0", "1e12"), ("fixed", "0.0", "4.0", "4.0")):
        t.say(f"var {name} : kalman = kalman(drift: {drift}, noise: {noise}, variance: {before})")
        for k in range(len(readings)):
            value, variance = of.kalman(readings[:k + 1], Fraction(drift), Fraction(noise), Fraction(float(before)))
            t.show(f"{name}.add(readings[{k}])", value)
            t.show(f"{name}.variance", variance)
        if name == "fixed":
            assert value == sum(readings) / 7 and variance == Fraction(4, 7)

    t.note("Filters of second order, by the difference equation from the cookbook's formulas. At a quarter of the rate, lowpass is "
           "the Butterworth filter that every textbook has: 0.2929 (1 + 2 z⁻¹ + z⁻²) / (1 + 0.1716 z⁻²).")
    b, a = of.cookbook("lowpass", Fraction(1, 4), of.root(Fraction(1, 2)))
    published(b[0] / a[0], "0.2929", "Butterworth")
    published(a[2] / a[0], "0.1716", "Butterworth")
    steps = t.let("steps", [1.0, 0.0, 0.0, 2.5, -1.0, 4.0, 4.0, 4.0, -3.0, 0.5])
    half = of.root(Fraction(1, 2))
    for name, kind, frequency, q, made in (
            ("quarter", "lowpass", 25, half, "lowpass(100 Hz, 25 Hz)"), ("low", "lowpass", 10, half, "lowpass(100 Hz, 10 Hz)"),
            ("peaked", "lowpass", 5, 4, "lowpass(100 Hz, 5 Hz, 4.0)"), ("high", "highpass", 10, half, "highpass(100 Hz, 10 Hz)"),
            ("middle", "bandpass", 10, 2, "bandpass(100 Hz, 10 Hz, 2.0)"), ("hum", "notch", 20, 5, "notch(0.1 kHz, 20 Hz, 5.0)")):
        b, a = of.cookbook(kind, Fraction(frequency, 100), Fraction(q))
        t.say(f"var {name} : biquad = {made}")
        for field, value in (("b0", b[0]), ("b1", b[1]), ("b2", b[2]), ("a1", a[1]), ("a2", a[2])):
            t.show(f"({name}.{field} + 1.0)", value / a[0] + 1)
        for k, y in enumerate(of.biquad(steps, b, a)):
            t.show(f"{name}.next(steps[{k}])", y)

    t.note("running_spectrum and peak: means and standard deviations of the bins over all spectra learned, in f32.")
    learned = [[1.0, 3.0, 4.0], [3.0, 5.0, 4.0], [2.0, 8.0, 4.0]]
    t.say("var normal : running_spectrum(3) = running_spectrum(3, least: 3)")
    for k, s in enumerate(learned):
        t.let(f"spectrum_{k}", s, "f32")
        t.say(f"normal.learn(spectrum_{k})")
        t.show("normal.ready", k == 2, None)
    margin = Fraction(narrow(0.05))
    for name, s in (("usual", [2.0, 5.0, 4.0]), ("odd", [9.0, 0.0, 4.5])):
        t.let(name, s, "f32")
        t.show(f"normal.distance({name})", of.distance([exact(x) for x in learned], exact(s), margin), 4)
        t.show(f"(peak({name}, 0.5 Hz) / 1 Hz)", {"usual": Fraction(1, 2), "odd": 1}[name])
    return t.text("one_at_a_time")


FILES = {"elements": elements, "figures": figures, "percentiles": percentiles, "pairs": pairs, "spectra": spectra,
         "one_at_a_time": one_at_a_time}


def not_shown(texts):
    """Functions of the language and of its modules that no file calls. Those of bytes and images have scripts of their own."""
    table = (ROOT / "compiler/check/array_functions.def").read_text().split("// Of bytes")[0]
    names = re.findall(r'^EYEFLOW_ARRAY_FUNCTION\(\w+, "(\w+)"', table, re.MULTILINE)
    for module in ("stats", "signal"):
        source = (ROOT / f"stdlib/library/std/{module}.eft").read_text()
        names += re.findall(r"^\s*(?:fn|record) (\w+)", source, re.MULTILINE)
    everything = "\n".join(texts)
    return [name for name in names if not re.search(rf"\b{name}\(|: {name} =", everything)]


if __name__ == "__main__":
    files = {f"figures/{name}.eft": make() for name, make in FILES.items()}
    missing = not_shown(files.values())
    if missing:
        print("no file shows: " + ", ".join(missing), file=sys.stderr)
    sys.exit(write_or_check(files, without_fuel, "language") or (1 if missing else 0))
