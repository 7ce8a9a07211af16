#!/usr/bin/env python3
"""What every value instruction must give, worked out without the machine: Python's integers and exact fractions.

  value_instructions.py          writes tests/golden/isa/value/*.eva
  value_instructions.py --check  fails when a file there is not what this script writes
"""
import math
import sys
from fractions import Fraction

from ieee754 import F32, F64, INF, NAN
from written import write_or_check


class Trap(Exception):
    pass


# ---- Types ----------------------------------------------------------------------------------------------------------

class Integer:
    def __init__(self, name, bits, signed):
        self.name, self.bits, self.signed = name, bits, signed
        self.min = -(1 << (bits - 1)) if signed else 0
        self.max = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1

    def write(self, x):
        assert self.min <= x <= self.max, (self.name, x)
        return str(x)

    def wrap(self, x):
        return x % (1 << self.bits)

    def checked(self, x):
        if not self.min <= x <= self.max:
            raise Trap("Overflow")
        return x

    def values(self):
        if self.signed:
            return [self.min, self.min + 1, -8, -1, 0, 1, 7, self.max]
        return [0, 1, 2, 7, self.max // 2, self.max // 2 + 1, self.max - 1, self.max]


class Float:
    def __init__(self, name, ieee):
        self.name, self.ieee = name, ieee

    def write(self, x):
        return self.ieee.write(x)

    def values(self):
        near = self.ieee.round(Fraction(1, 10))
        return [0.0, -0.0, 1.5, near, -self.ieee.largest, self.ieee.smallest, INF, -INF, NAN]


class Boolean:
    name = "bool"

    def write(self, x):
        return "true" if x else "false"

    def values(self):
        return [False, True]


BOOL = Boolean()
I64, I32 = Integer("i64", 64, True), Integer("i32", 32, True)
U8, U16, U32, U64 = (Integer(f"u{bits}", bits, False) for bits in (8, 16, 32, 64))
F32T, F64T = Float("f32", F32), Float("f64", F64)


# ---- Meanings --------------------------------------------------------------------------------------------------------

def divide_toward_zero(b, c):
    if c == 0:
        raise Trap("DivideByZero")
    quotient = abs(b) // abs(c)
    return quotient if (b < 0) == (c < 0) else -quotient


def remainder(b, c):
    return b - c * divide_toward_zero(b, c)


class Op:
    def __init__(self, mnemonic, params, result, meaning, cases, fuel=1):
        self.mnemonic, self.params, self.result = mnemonic, params, result
        self.meaning, self.cases, self.fuel = meaning, cases, fuel
        self.function = mnemonic.replace(".", "_")

    def assembly(self):
        count = len(self.params)
        given = [f"r{n}" for n in range(count)]
        params = ", ".join(f"{r}: {type_.name}" for r, type_ in zip(given, self.params))
        return [f"function {self.function} ({params}) -> ({self.result.name})",
                f"  registers r{count}: {self.result.name}",
                f"  {self.mnemonic:<14}{', '.join([f'r{count}', *given])}",
                f"  return        r{count}",
                "end"]

    def calls(self):
        for case in self.cases:
            arguments = ", ".join(type_.write(x) for type_, x in zip(self.params, case))
            try:
                expected = self.result.write(self.meaning(*case))
            except Trap as trap:
                expected = f"trap {trap} in {self.function} at 0"
            yield f"{self.function}({arguments}) -> {expected}"

    def bound(self):
        return f"{self.function}: fuel {self.fuel + 1}, frame {len(self.params) + 1} words, 0 calls deep, output 0 bytes"


def pairs(type_, more=()):
    return [(b, c) for b in type_.values() for c in type_.values()] + list(more)


def singles(type_, more=()):
    return [(b,) for b in type_.values()] + [(b,) for b in more]


def checked_ops(t):
    ordinary = [(1234, 567), (-1234, 567), (1234, -567), (-1234, -567), (-7, 2), (7, -2),
                (1 << (t.bits // 2), 1 << (t.bits // 2 - 1)), (1 << (t.bits // 2), -(1 << (t.bits // 2 - 1)))]
    two = lambda name, meaning, fuel=1: Op(f"{name}.{t.name}", [t, t], t, meaning, pairs(t, ordinary), fuel)
    one = lambda name, meaning: Op(f"{name}.{t.name}", [t], t, meaning, singles(t, [42, -42]))
    return [
        two("add", lambda b, c: t.checked(b + c)),
        two("sub", lambda b, c: t.checked(b - c)),
        two("mul", lambda b, c: t.checked(b * c)),
        two("div", lambda b, c: t.checked(divide_toward_zero(b, c)), 8),
        two("mod", remainder, 8),
        one("neg", lambda b: t.checked(-b)),
        one("abs", lambda b: t.checked(abs(b))),
    ]


def modular_ops(t):
    ordinary = [(200, 99), (99, 200), (16, 16), (170, 85)]
    two = lambda name, meaning, fuel=1: Op(f"{name}.{t.name}", [t, t], t, meaning, pairs(t, ordinary), fuel)
    shifts = [(b, c) for b in (1, 0xA5, t.max) for c in (0, 1, 4, t.bits - 1, t.bits, t.bits + 1, t.max)]
    return [
        two("add", lambda b, c: t.wrap(b + c)),
        two("sub", lambda b, c: t.wrap(b - c)),
        two("mul", lambda b, c: t.wrap(b * c)),
        two("div", divide_toward_zero, 8),
        two("mod", remainder, 8),
        two("and", lambda b, c: b & c),
        two("or", lambda b, c: b | c),
        two("xor", lambda b, c: b ^ c),
        Op(f"not.{t.name}", [t], t, lambda b: t.wrap(~b), singles(t, [170])),
        Op(f"shl.{t.name}", [t, t], t, lambda b, c: t.wrap(b << (c % t.bits)), shifts),
        Op(f"shr.{t.name}", [t, t], t, lambda b, c: b >> (c % t.bits), shifts),
    ]


def float_ops(t):
    f = t.ieee
    half_unit = Fraction(2) ** -f.precision  # half the distance from 1 to the next number
    above_one = float(1 + 2 * half_unit)
    ordinary = [(f.round(Fraction(1, 10)), f.round(Fraction(2, 10))),
                (1.0, float(half_unit)),                 # a tie: stays at the even 1
                (above_one, float(half_unit)),           # a tie: goes up to the even one
                (1.0, float(half_unit * Fraction(3, 2))),
                (1.0, 3.0), (-2.0, 3.0), (10.0, 0.1 if f is F64 else f.round(Fraction(1, 10))),
                (f.largest, f.largest), (f.smallest, f.smallest), (f.smallest, 0.5), (f.smallest, 2.0),
                (f.smallest, 1.5)]
    two = lambda name, meaning, fuel=1: Op(f"{name}.{t.name}", [t, t], t, meaning, pairs(t, ordinary), fuel)
    one = lambda name, result, meaning, more=(), fuel=1: Op(f"{name}.{t.name}", [t], result, meaning,
                                                           singles(t, more), fuel)
    return [
        two("add", f.add),
        two("sub", f.subtract),
        two("mul", f.multiply),
        two("div", f.divide, 8),
        one("neg", t, f.negate, [-2.5]),
        one("abs", t, lambda b: NAN if math.isnan(b) else abs(b), [-2.5]),
        one("sqrt", t, f.square_root, [1.0, 2.0, 3.0, 4.0, 0.25, above_one, f.largest, -1.0], 8),
        one("is_nan", BOOL, math.isnan),
    ]


def ordered_ops(t):
    more = [(5, 6), (6, 5), (6, 6)]
    if isinstance(t, Float):
        more = [(5.5, 6.5), (6.5, 5.5), (6.5, 6.5), (-1.0, 1.0)]
    compare = lambda name, meaning: Op(f"{name}.{t.name}", [t, t], BOOL, meaning, pairs(t, more))
    choose = lambda name, meaning: Op(f"{name}.{t.name}", [t, t], t, meaning, pairs(t, more))
    return [
        compare("eq", lambda b, c: b == c),
        compare("ne", lambda b, c: b != c),
        compare("lt", lambda b, c: b < c),
        compare("le", lambda b, c: b <= c),
        choose("min", lambda b, c: c if c < b else b),
        choose("max", lambda b, c: c if b < c else b),
    ]


# The second operand stands in the instruction: sign-extended, and for u8 to u64 taken modulo 2^width.
class Immediate(Op):
    def __init__(self, name, t, constant, meaning, fuel=1):
        number = constant if t.signed else t.wrap(constant)
        super().__init__(f"{name}.imm.{t.name}", [t], t, lambda b: meaning(b, number), singles(t, [100]), fuel)
        self.constant = constant
        self.function += f"_{constant}".replace("-", "minus_")

    def assembly(self):
        lines = super().assembly()
        lines[2] += f", {self.constant}"
        return lines


def immediate_ops(t):
    meanings = {"add": lambda b, c: t.checked(b + c), "mul": lambda b, c: t.checked(b * c)}
    if not t.signed:
        meanings = {"add": lambda b, c: t.wrap(b + c), "mul": lambda b, c: t.wrap(b * c), "and": lambda b, c: b & c,
                    "or": lambda b, c: b | c, "xor": lambda b, c: b ^ c}
    ops = [Immediate(name, t, c, meaning) for name, meaning in meanings.items() for c in (3, -3, 32767, -32768)]
    ops += [Immediate("div", t, c, divide_toward_zero if not t.signed else
                      lambda b, c: t.checked(divide_toward_zero(b, c)), 8) for c in (7, -1, 0)]
    ops += [Immediate("mod", t, c, remainder, 8) for c in (7, -1, 0)]
    if not t.signed:
        ops += [Immediate("shl", t, c, lambda b, c: t.wrap(b << (c % t.bits))) for c in (1, t.bits + 3, -1)]
        ops += [Immediate("shr", t, c, lambda b, c: b >> (c % t.bits)) for c in (1, t.bits + 3, -1)]
    return ops


# The first operand is what the result is added to; the product is rounded before.
class Product(Op):
    def __init__(self, name, t, meaning):
        near = t.ieee.round(Fraction(1, 10))
        edges = [0.0, -0.0, near, -t.ieee.largest, t.ieee.smallest, INF, NAN]
        cases = [(a, b, c) for a in edges for b in edges for c in edges]
        # 1 - 2^-p squared is 1 - 2^(1-p) + 2^-2p: what is lost by rounding the product shows when 1 is taken away.
        almost = float(1 - Fraction(2) ** -t.ieee.precision)
        cases += [(-1.0, almost, almost), (1.0, almost, almost), (3.0, 1.5, 2.5), (t.ieee.largest, t.ieee.largest, 2.0)]
        super().__init__(f"{name}.{t.name}", [t, t, t], t, meaning, cases)

    def assembly(self):
        lines = super().assembly()
        return [lines[0], f"  {self.mnemonic:<14}r0, r1, r2", "  return        r0", "end"]

    def bound(self):
        return f"{self.function}: fuel {self.fuel + 1}, frame 3 words, 0 calls deep, output 0 bytes"


def product_ops():
    return [Product(name, t, lambda a, b, c, t=t, join=join: join(t.ieee)(a, t.ieee.multiply(b, c)))
            for t in (F64T, F32T)
            for name, join in (("mul_add", lambda f: f.add), ("mul_sub", lambda f: f.subtract))]


def bool_ops():
    return [
        Op("not.bool", [BOOL], BOOL, lambda b: not b, singles(BOOL)),
        Op("eq.bool", [BOOL, BOOL], BOOL, lambda b, c: b == c, pairs(BOOL)),
        Op("ne.bool", [BOOL, BOOL], BOOL, lambda b, c: b != c, pairs(BOOL)),
    ]


def fits(t, x):
    if not t.min <= x <= t.max:
        raise Trap("ConversionOutOfRange")
    return x


def to_whole(how):
    def meaning(b):
        if math.isnan(b) or math.isinf(b):
            raise Trap("ConversionOutOfRange")
        exact = Fraction(b)
        # Out of range is said of the number itself: 2^63 - 0.5 does not exist as an f64.
        if not -(1 << 63) <= exact < (1 << 63):
            raise Trap("ConversionOutOfRange")
        return fits(I64, how(exact))
    return meaning


def round_half_away(x):
    return math.floor(x + Fraction(1, 2)) if x >= 0 else math.ceil(x - Fraction(1, 2))


def conversion_ops():
    convert = lambda to, source, meaning, more=(), fuel=1: Op(f"{to.name}.from.{source.name}", [source], to, meaning,
                                                              singles(source, more), fuel)
    wide = [1 << 31, (1 << 31) - 1, -(1 << 31), -(1 << 31) - 1, 0x1_0000_0001, 0xFFFF_FFFF, 256, 255, 65536, -256]
    # Around the bits that a float drops: ties to even both ways, and just beside them.
    dropped = [(1 << 53) + 1, (1 << 53) + 3, (1 << 24) + 1, (1 << 24) + 3, (1 << 62) + (1 << 38), (1 << 62) + (1 << 38) + 1,
               (1 << 54) + 2, (1 << 54) + 6]
    ops = [convert(I64, BOOL, int)]
    ops += [convert(I64, source, lambda b: b) for source in (I32, U8, U16, U32)]
    ops += [convert(to, I64, to.wrap, wide) for to in (U8, U16, U32, U64)]
    ops += [convert(I32, I64, lambda b: fits(I32, b), wide), convert(I64, U64, lambda b: fits(I64, b), [1 << 63])]
    for to in (F64T, F32T):
        ops.append(convert(to, I64, to.ieee.round, dropped + [-x for x in dropped]))
        ops.append(convert(to, U64, to.ieee.round, dropped + [(1 << 64) - 1024, (1 << 64) - 1025, (1 << 63) + 1025]))
    keep = lambda f: lambda b: b if math.isnan(b) or math.isinf(b) else f.round(Fraction(b), math.copysign(1.0, b) < 0)
    ops.append(convert(F64T, F32T, keep(F64)))
    narrow = [0.2, 16777217.0, 16777219.0, 3.4028235677973362e38, 3.4028235677973366e38, 7.006492321624085e-46,
              7.006492321624086e-46, 1e-40, -1e300]
    ops.append(convert(F32T, F64T, keep(F32), narrow))
    fractions = [0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.49999999999999994, -0.49999999999999994, 1e18, -1e18,
                 4503599627370495.5, 4503599627370496.5, -4503599627370495.5, 9223372036854774784.0,
                 9223372036854775808.0, -9223372036854775808.0, -9223372036854777856.0]
    for name, how in (("round", round_half_away), ("floor", math.floor), ("ceil", math.ceil), ("trunc", math.trunc)):
        ops.append(Op(f"i64.{name}", [F64T], I64, to_whole(how), singles(F64T, fractions), 2))
    return ops


def move_ops():
    ops = []
    for t in (BOOL, I64, I32, U8, U16, U32, U64, F32T, F64T):
        op = Op("move", [t], t, lambda b: b, singles(t))
        op.function = f"move_{t.name}"
        ops.append(op)
    return ops


FILES = {
    "bool": bool_ops(),
    "move": move_ops(),
    "products": product_ops(),
    "conversions": conversion_ops(),
    **{t.name: checked_ops(t) + ordered_ops(t) + immediate_ops(t) for t in (I64, I32)},
    **{t.name: modular_ops(t) + ordered_ops(t) + immediate_ops(t) for t in (U8, U16, U32, U64)},
    **{t.name: float_ops(t) + ordered_ops(t) for t in (F32T, F64T)},
}


# ---- Files -----------------------------------------------------------------------------------------------------------

def unique(lines):
    return list(dict.fromkeys(lines))


def text_of(ops):
    lines = ["// Written by tests/golden/reference/value_instructions.py: change that, not this.", "module value isa 2"]
    for op in ops:
        lines += ["", *op.assembly()]
    lines.append("=== calls")
    for op in ops:
        lines += unique(op.calls()) + [""]
    lines.pop()
    lines.append("=== bounds")
    lines += [op.bound() for op in ops]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check({f"value/{name}.eva": text_of(ops) for name, ops in FILES.items()}))
