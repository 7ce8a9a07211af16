#!/usr/bin/env python3
"""What array and list elements must do, on lists of Python's own.

  element_instructions.py          writes tests/golden/isa/elements/*.eva
  element_instructions.py --check  fails when a file there is not what this script writes
"""
import math
import sys

from value_instructions import BOOL, F32T, F64T, I32, I64, U8, U16, U32, U64, Trap
from written import write_or_check

INDICES = [0, 1, 2, 3, -1, (1 << 63) - 1, -(1 << 63), 1 << 32]
CAPACITY = 3
# Per type: what the array holds at first, and what is written into it.
VALUES = {
    BOOL: ([True, False, True], [False, True]),
    **{t: ([t.min, 1, t.max], [t.max, t.min, 7]) for t in (I64, I32, U8, U16, U32, U64)},
    **{t: ([-0.0, 1.5, math.inf], [-t.ieee.largest, t.ieee.smallest, math.nan]) for t in (F32T, F64T)},
}
# A NaN with a message in it: in memory every NaN is the same.
OTHER_NAN = {F32T: "nan(0xffc00001)", F64T: "nan(0x7ff8000000000001)"}
SIZE = {BOOL: 1, U8: 1, U16: 2, I32: 4, U32: 4, F32T: 4, I64: 8, U64: 8, F64T: 8}


def show(t, elements):
    return "[" + ", ".join(t.write(x) for x in elements) + "]"


def bounded(index, length):
    if not 0 <= index < length:
        raise Trap("IndexOutOfRange")
    return index


class Memory:
    """The slots of the file, as they are when a call begins."""

    def __init__(self, t):
        start = VALUES[t][0]
        self.slots = {"array": list(start), "list": list(start[:2]), "full": list(start), "empty": []}


def slots(t):
    lines, offset = [], 0
    for name, elements in Memory(t).slots.items():
        is_list = name != "array"
        kind = f"[{t.name}; {'<=' if is_list else ''}{CAPACITY}]@state"
        value = f" = {show(t, elements)}" if elements else ""
        lines.append(f"slot state {offset} {name}: {kind}{value}")
        offset += ((8 if is_list else 0) + CAPACITY * SIZE[t] + 7) // 8 * 8
    return [f"region state {(offset + 63) // 64 * 64}"] + lines


def function(t, name, slot, instruction, params, result):
    kind = f"[{t.name}; {'' if slot == 'array' else '<='}{CAPACITY}]@state"
    count = len(params)
    registers = [f"r{count}: {kind}"] + ([f"r{count + 1}: {t.name}"] if result else [])
    return [f"function {name} ({', '.join(f'r{n}: {p.name}' for n, p in enumerate(params))})"
            + (f" -> ({t.name})" if result else ""),
            f"  registers {', '.join(registers)}",
            f"  ref             r{count}, {slot}",
            f"  {instruction}",
            f"  return          {f'r{count + 1}' if result else '-'}",
            "end"]


def file_of(t):
    functions, calls = [], []

    def add(name, slot, instruction, params, result, cases, run):
        functions.append(["", *function(t, name, slot, instruction, params, result)])
        for case in cases:
            memory = Memory(t)
            before = {key: list(value) for key, value in memory.slots.items()}
            written = [other if isinstance(other, str) else p.write(other) for p, other in zip(params, case)]
            values = [math.nan if isinstance(x, str) else x for x in case]
            try:
                given = run(memory.slots[slot], *values)
                text = t.write(given) if result else "()"
                for key, elements in memory.slots.items():
                    if show(t, elements) != show(t, before[key]):
                        text += f"; state.{key} = {show(t, elements)}"
            except Trap as trap:
                text = f"trap {trap} in {name} at 1"
            calls.append(f"{name}({', '.join(written)}) -> {text}")

    new = VALUES[t][1] + ([OTHER_NAN[t]] if t in OTHER_NAN else [])
    writes = [(index, new[0]) for index in INDICES] + [(1, x) for x in new[1:]]

    def get(elements, index):
        return elements[bounded(index, len(elements))]

    def put(elements, index, x):
        elements[bounded(index, len(elements))] = x

    def push(elements, x):
        if len(elements) == CAPACITY:
            raise Trap("ListFull")
        elements.append(x)

    def fill(elements, x):
        elements[:] = [x] * len(elements)

    add("array_get", "array", f"array.get.{t.name:<6}r2, r1, r0", [I64], True, [(i,) for i in INDICES], get)
    add("array_set", "array", f"array.set.{t.name:<6}r2, r0, r1", [I64, t], False, writes, put)
    add("array_fill", "array", f"array.fill.{t.name:<5}r1, r0", [t], False, [(x,) for x in new], fill)
    for slot in ("list", "empty"):
        add(f"{slot}_get", slot, f"list.get.{t.name:<7}r2, r1, r0", [I64], True, [(i,) for i in INDICES], get)
        add(f"{slot}_set", slot, f"list.set.{t.name:<7}r2, r0, r1", [I64, t], False, writes, put)
    for slot in ("list", "empty", "full"):
        add(f"{slot}_push", slot, f"list.push.{t.name:<6}r1, r0", [t], False, [(x,) for x in new], push)

    lines = ["// Written by tests/golden/reference/element_instructions.py: change that, not this.",
             "module elements isa 1", *slots(t)]
    for body in functions:
        lines += body
    return "\n".join([*lines, "=== calls", *calls]) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check({f"elements/{t.name}.eva": file_of(t) for t in VALUES}))
