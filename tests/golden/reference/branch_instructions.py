#!/usr/bin/env python3
"""Where every comparison that is joined with a branch goes, worked out without the machine.

  branch_instructions.py          writes tests/golden/isa/compared/*.eva
  branch_instructions.py --check  fails when a file there is not what this script writes
"""
import sys

from value_instructions import F32T, F64T, I32, I64, U8, U16, U32, U64, Float, pairs, singles, unique
from written import write_or_check

TRIPS = 2  # that a loop's counter allows

COMPARE = {"eq": lambda b, c: b == c, "ne": lambda b, c: b != c, "lt": lambda b, c: b < c, "le": lambda b, c: b <= c}


class Branch:
    """`jump`: true when it was taken. `while`: a loop that nothing in it ends goes on until its trips are used up."""

    def __init__(self, form, name, t, constant=None):
        self.form, self.t, self.constant = form, t, constant
        self.holds = COMPARE[name] if form.endswith("_if") else lambda b, c: not COMPARE[name](b, c)
        self.mnemonic = f"{form}.{name}." + ("imm." if constant is not None else "") + t.name
        self.function = self.mnemonic.replace(".", "_")
        if constant is not None:
            self.function += f"_{constant}".replace("-", "minus_")

    def assembly(self):
        params = f"r0: {self.t.name}" + (f", r1: {self.t.name}" if self.constant is None else "")
        operands = "r0, r1" if self.constant is None else f"r0, {self.constant}"
        lines = [f"function {self.function} ({params}) -> (bool)"]
        result = "r2" if self.constant is None else "r1"
        if self.form.startswith("jump"):
            return lines + [f"  registers {result}: bool", f"  {self.mnemonic} taken, {operands}",
                            f"  return {result}", "taken:", f"  not.bool {result}, {result}", f"  return {result}", "end"]
        return lines + [f"  registers {result}: bool, trips: counter({TRIPS})", "  while.enter trips", "again:",
                        f"  {self.mnemonic} again, {operands}", f"  return {result}", "end"]

    def calls(self):
        cases = pairs(self.t, [(6, 5), (5, 6)]) if self.constant is None else singles(self.t, [abs(self.constant)])
        if isinstance(self.t, Float):
            cases = pairs(self.t, [(6.5, 5.5)])
        for case in cases:
            b, c = case if self.constant is None else (case[0], self.number())
            arguments = ", ".join(self.t.write(x) for x in case)
            holds = self.holds(b, c)
            if self.form.startswith("jump"):
                expected = "true" if holds else "false"
            else:
                expected = f"trap WhileLimit in {self.function} at 1" if holds else "false"
            yield f"{self.function}({arguments}) -> {expected}"

    def number(self):
        return self.constant if self.t.signed else self.t.wrap(self.constant)

    def bound(self):
        registers = 3 if self.constant is None else 2
        if self.form.startswith("jump"):
            return f"{self.function}: fuel 3, frame {registers} words, 0 calls deep, output 0 bytes"
        # while.enter, two trips of the test, return
        return f"{self.function}: fuel {1 + TRIPS + 1}, frame {registers + 1} words, 0 calls deep, output 0 bytes"


def branches(t):
    all_of_type = []
    for form in ("jump_if", "jump_unless", "while.repeat_if", "while.repeat_unless"):
        both_ways = ("lt", "le") if isinstance(t, Float) else ()
        for name in COMPARE if form.endswith("_if") else both_ways:
            all_of_type.append(Branch(form, name, t))
        if isinstance(t, Float):
            continue
        for name in ("eq", "ne", "lt") if form.endswith("_if") else ("lt",):
            all_of_type += [Branch(form, name, t, constant) for constant in (7, -1)]
    return all_of_type


def text_of(all_of_type):
    lines = ["// Written by tests/golden/reference/branch_instructions.py: change that, not this.",
             "// In loops, nothing changes between trips: what goes on goes on until the trips are used up.",
             "module compared isa 2"]
    for branch in all_of_type:
        lines += ["", *branch.assembly()]
    lines.append("=== calls")
    for branch in all_of_type:
        lines += unique(branch.calls()) + [""]
    lines.pop()
    lines.append("=== bounds")
    lines += [branch.bound() for branch in all_of_type]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check({f"compared/{t.name}.eva": text_of(branches(t))
                             for t in (I64, I32, U8, U16, U32, U64, F32T, F64T)}))
