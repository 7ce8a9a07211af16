#!/usr/bin/env python3
"""How much a `match` of N values costs the compiler, in instructions of the processor, which valgrind counts: four times the values
may cost little more than four times the work, in the checker as in the lowering. Nothing here is timed.

  match.py EYEFLOWC
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FEW, MANY = 150, 600
# Searching a tree grows by a few percent beyond; comparing each value with each other would reach 4.6 and more.
MOST = 4.3
PARTS = {"check": "eyeflow::compiler::check_detail::TaskChecker::match_statement(", "lower": "eyeflow::compiler::lower("}


def task(kind, count):
    declared, type_, values, rest = "", "int", [str(3 * k) for k in range(count)], "else { total = 0 }"
    if kind == "enum":
        values = [f"v{k}" for k in range(count)]
        declared, type_, rest = "enum Kind { " + ", ".join(values) + " }", "Kind", ""
    if kind == "ranges":
        values = [f"{3 * k} .. {3 * k + 1}" for k in range(count)]
    if kind == "one arm":
        arms = [", ".join(values) + " { total = 1 }"]
    else:
        arms = [f"{value} {{ total = total + {k} }}" for k, value in enumerate(values)]
    return "\n".join([declared, "task matching {", f"  input v : {type_}", "  output o : value int", "  state total : int = 0",
                      "  on v as x {", "    match x {", *(f"      {arm}" for arm in arms), f"      {rest}", "    }",
                      "    o.set(total)", "  }", "}"]) + "\n"


def work(eyeflowc, source, folder):
    """By part, how many instructions ran in it and in all that it calls."""
    path, out = folder / "task.eft", folder / "callgrind.out"
    path.write_text(source)
    run = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                          *(f"--toggle-collect={part}*" for part in PARTS.values()), eyeflowc, "disasm", str(path)],
                         capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{eyeflowc} disasm gave {run.returncode}: {run.stdout[-500:]}{run.stderr[-2000:]}")
    listed = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)], capture_output=True, text=True,
                            check=True).stdout
    found = {}
    for line in listed.splitlines():
        count = re.match(r"\s*([\d,]+)", line)
        for name, part in PARTS.items():
            if count and f":{part}" in line:
                found[name] = max(found.get(name, 0), int(count[1].replace(",", "")))
    if found.keys() != PARTS.keys():
        sys.exit(f"counted were only {sorted(found)}: have the functions other names now?\n{listed[:2000]}")
    return found


def main():
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("numbers", "enum", "ranges", "one arm"):
            few, many = (work(sys.argv[1], task(kind, count), pathlib.Path(folder)) for count in (FEW, MANY))
            for name in PARTS:
                ratio = many[name] / few[name]
                wrong += ratio > MOST
                print(f"{kind}, {name}: {FEW} values {few[name]}, {MANY} values {many[name]}, {ratio:.2f} times"
                      + (f": more than {MOST}" if ratio > MOST else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
