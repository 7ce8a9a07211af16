#!/usr/bin/env python3
"""Reads the interpreter's object code: an instruction's handler ends in a jump to the next one and makes no call on the way.

    interpreter_handlers.py OBJECT OPCODES_DEF

What a handler may call: Journal::save, which a write comes to once a line; and, in rows that are long anyway, what does
their work. Nothing else: a call that the compiler left in a handler costs every instruction like it its stack frame.
"""
import re
import subprocess
import sys

# Rows whose work is done elsewhere: the host's functions, whole arrays, texts, rows of an output.
WORK_ELSEWHERE = re.compile(r"intrinsic|emit|text\..*|list\.copy|array\.(?!get|set).*")
RARE = "Journal::save"


def mnemonics(opcodes):
    """The rows in order, by clang's preprocessor: the table is made of macros."""
    source = f'#define EYEFLOW_OP(Name, mnemonic, ...) @mnemonic@\n#include "{opcodes}"\n'
    out = subprocess.run(["clang-19", "-E", "-P", "-x", "c", "-"], input=source, capture_output=True, text=True, check=True)
    rows = re.findall(r"@\s*([^@]+?)\s*@", out.stdout)
    return ["".join(re.findall(r'"([^"]*)"', row)) for row in rows]


def handlers(text):
    """By row: the lines of its code, each with its relocations behind it."""
    for block in re.split(r"\n(?=[0-9a-f]{8,16} <)", text):
        name = re.search(r"handle<\(eyeflow::vm::Op\)(\d+)>", block.split("\n", 1)[0])
        if name:
            yield int(name.group(1)), block.split("\n")[1:]


def problems(code, works_elsewhere):
    jumps = 0
    for n, line in enumerate(code):
        relocation = code[n + 1] if n + 1 < len(code) and "R_" in code[n + 1] else ""
        if re.search(r"\s(jmp\s+\*|br\s+x)", line):
            jumps += 1
        elif re.search(r"\s(call|bl|blr)\s", line) and not works_elsewhere and RARE not in line + relocation:
            yield f"it calls: {line.strip()} {relocation.strip()}"
        elif re.search(r"\spush\s+%(rbx|rbp|r1[2-5])", line) and not works_elsewhere:
            yield f"it saves registers: {line.strip()}"
    if jumps == 0:
        yield "it has no jump to the next handler"


def main():
    rows = mnemonics(sys.argv[2])
    text = subprocess.run(["objdump", "-d", "-r", "-C", "--no-show-raw-insn", sys.argv[1]],
                          capture_output=True, text=True, check=True).stdout
    seen, found = set(), []
    for row, code in handlers(text):
        seen.add(row)
        if rows[row] == "trap":  # the one that never goes on
            continue
        found += [f"{rows[row]}: {p}" for p in problems(code, WORK_ELSEWHERE.fullmatch(rows[row]))]
    found += [f"{name}: no handler in the object file" for n, name in enumerate(rows) if n not in seen]
    print("\n".join(found) or f"{len(rows)} handlers, each ends in a jump")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
