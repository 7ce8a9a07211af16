#!/usr/bin/env python3
"""What the instructions on whole arrays must do: the instructions on scalars, once an element, and sums in their order.

  array_instructions.py          writes tests/golden/isa/arrays/*.eva
  array_instructions.py --check  fails when a file there is not what this script writes
"""
import math
import sys
from fractions import Fraction

from value_instructions import F32T, F64T, I32, I64, Trap, checked_ops, float_ops, ordered_ops
from written import write_or_check

PARTIALS = 32
SIZE = {I64: 8, I32: 4, F64T: 8, F32T: 4}

# name in the mnemonic, instruction on scalars, order of the operands
PAIRS = [(name, name, "bc") for name in ("add", "sub", "mul", "min", "max")]
ONES = [("neg", "neg", "b"), ("abs", "abs", "b")]
SCALARS = [("add_scalar", "add", "bc"), ("sub_scalar", "sub", "bc"), ("mul_scalar", "mul", "bc"),
           ("min_scalar", "min", "bc"), ("max_scalar", "max", "bc"), ("sub_from", "sub", "cb")]
FLOAT_PAIRS = [("div", "div", "bc")]
FLOAT_ONES = [("sqrt", "sqrt", "b")]
FLOAT_SCALARS = [("div_scalar", "div", "bc"), ("div_into", "div", "cb")]


def is_float(t):
    return t in (F64T, F32T)


def meanings(t):
    ops = (float_ops if is_float(t) else checked_ops)(t) + ordered_ops(t)
    return {op.mnemonic.split(".")[0]: op.meaning for op in ops}


def arrays(t):
    """Slots of the file: eleven elements, so that vectors of 2, 4 and 8 have a rest."""
    if is_float(t):
        x = t.values() + [-2.5, 3.0]
        return {"left": x, "right": x[4:] + x[:4], "other": x[7:] + x[:7]}
    x = [-8, -1, 0, 1, 7, 100, -100, 12, 13, -14, 15]
    edge = [t.min, t.max, 0, 1, -1, 2, 3, 4, 5, 6, 7]
    return {"left": x, "right": x[3:] + x[:3], "edge": edge, "late": x[:10] + [t.min]}


def sums(t):
    """For each: what an addition in another order would change."""
    if not is_float(t):
        return {"small": list(range(1, 41)), "full": [t.max, 1] + [0] * 37 + [-1], "over": [t.max] * 39 + [1],
                "under": [t.min, -1]}
    big = 2.0 ** t.ieee.precision
    return {"small": [float(n) for n in range(1, 41)],
            "same_partial": [big] + [0.0] * 31 + [1.0],           # lost: they meet at once
            "same_fold": [big, 1.0] + [0.0] * 15 + [1.0],         # kept: 1 and 17 meet before they meet 0
            "tenths": [t.ieee.round(Fraction(n, 10)) for n in range(70)],
            "opposed": [math.inf] + [0.0] * 40 + [-math.inf], "nothing": [-0.0, -0.0]}


def pinned_sum(t, elements):
    if not is_float(t):
        return t.checked(sum(elements))
    partials = [0.0] * PARTIALS
    for n, x in enumerate(elements):
        partials[n % PARTIALS] = t.ieee.add(partials[n % PARTIALS], x)
    while len(partials) > 1:
        half = len(partials) // 2
        partials = [t.ieee.add(a, b) for a, b in zip(partials[:half], partials[half:])]
    return partials[0]


def show(t, elements):
    return "[" + ", ".join(t.write(x) for x in elements) + "]"


def file_of(t):
    kind = lambda elements, region: f"[{t.name}; {len(elements)}]@{region}"
    mean = meanings(t)
    given, summed = arrays(t), sums(t)
    state = {"to": [0] * len(given["left"]) if not is_float(t) else [0.0] * len(given["left"]), **given}
    lines, slot_lines, functions, calls = [], [], [], []
    for region, slots in (("const", summed), ("state", state)):
        offset = 0
        for name, elements in slots.items():
            value = "" if name == "to" else f" = {show(t, elements)}"
            slot_lines.append(f"slot {region} {offset} {name}: {kind(elements, region)}{value}")
            offset += (len(elements) * SIZE[t] + 7) // 8 * 8
        lines.append(f"region {region} {offset if region == 'const' else (offset + 63) // 64 * 64}")

    def add(name, mnemonic, sources, scalar, run):
        """One function: to = mnemonic(sources…, scalar), called with each scalar there is."""
        registers, body, operands = [], [], []
        first = 0 if scalar is None else 1
        for n, slot in enumerate(sources):
            registers.append(f"r{first + n}: {kind(state[slot], 'state')}")
            body.append(f"  ref           r{first + n}, {slot}")
            operands.append(f"r{first + n}")
        if scalar is not None:
            operands.append("r0")
        functions.append(["", f"function {name} ({'' if scalar is None else f'r0: {t.name}'})",
                          f"  registers {', '.join(registers)}", *body,
                          f"  {mnemonic:<22}{', '.join(operands)}", "  return        -", "end"])
        for c in [None] if scalar is None else scalar:
            try:
                after = run(c)
                text = "()" if show(t, after) == show(t, state[sources[0]]) else f"(); state.{sources[0]} = {show(t, after)}"
            except Trap as trap:
                text = f"trap {trap} in {name} at {len(body)}"
            calls.append(f"{name}({'' if c is None else t.write(c)}) -> {text}")

    def apply(op, order, b, c):
        return mean[op](b) if order == "b" else mean[op](b, c) if order == "bc" else mean[op](c, b)

    others = [slot for slot in given if slot != "left"]
    for name, op, order in PAIRS + (FLOAT_PAIRS if is_float(t) else []):
        for slot in others:
            add(f"{name}_{slot}", f"array.{name}.{t.name}", ["to", "left", slot], None,
                lambda c, slot=slot: [apply(op, order, *x) for x in zip(given["left"], given[slot])])
        add(f"{name}_in_place", f"array.{name}.{t.name}", ["left", "left", "left"], None,
            lambda c: [apply(op, order, x, x) for x in given["left"]])
    for name, op, order in ONES + (FLOAT_ONES if is_float(t) else []):
        for slot in given:
            add(f"{name}_{slot}", f"array.{name}.{t.name}", ["to", slot], None,
                lambda c, slot=slot: [apply(op, order, x, None) for x in given[slot]])
    scalars = [3.0, -0.0, math.inf, math.nan] if is_float(t) else [3, -1, t.max]
    for name, op, order in SCALARS + (FLOAT_SCALARS if is_float(t) else []):
        for slot in ("left", others[-1]):
            add(f"{name}_{slot}", f"array.{name}.{t.name}", ["to", slot], scalars,
                lambda c, slot=slot: [apply(op, order, x, c) for x in given[slot]])
    for slot, elements in summed.items():
        name = f"sum_{slot}"
        functions.append(["", f"function {name} () -> ({t.name})", f"  registers r0: {kind(elements, 'const')}, r1: {t.name}",
                          f"  ref           r0, {slot}", f"  array.sum.{t.name:<12}r1, r0", "  return        r1", "end"])
        try:
            calls.append(f"{name}() -> {t.write(pinned_sum(t, elements))}")
        except Trap as trap:
            calls.append(f"{name}() -> trap {trap} in {name} at 1")

    lines = ["// Written by tests/golden/reference/array_instructions.py: change that, not this.",
             "module arrays isa 2", *lines, *slot_lines]
    for body in functions:
        lines += body
    return "\n".join([*lines, "=== calls", *calls]) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check({f"arrays/{t.name}.eva": file_of(t) for t in SIZE}))
