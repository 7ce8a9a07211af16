#!/usr/bin/env python3
"""How many instructions an iteration of the innermost loops takes in compiled code, beside clang's code for the same C.
Used by report.py: under an emulator no time means anything, but what a loop is made of can be counted for any processor.

  bench/loops.py BUILD [KERNEL…]     prints the table
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
KERNELS = ROOT / "bench" / "kernels"
SYSROOT = ROOT / "build" / "sysroot-arm64"
# What the tier makes for each; C for the processors that have the same.
TARGETS = {"x86-64": ["-march=x86-64-v3"], "aarch64": ["--target=aarch64-linux-gnu", f"--sysroot={SYSROOT}"]}
AS_IT_IS = ["-O3", "-ffp-contract=off"]
ONE_BY_ONE = [*AS_IT_IS, "-fno-vectorize", "-fno-slp-vectorize", "-fno-unroll-loops"]
NOTE = """Machine instructions in an iteration of each innermost loop of a kernel's handler, in the order of the code: with all
branches of the body, without what stands behind the code (traps, a line's first change, NaNs). Counted in what
`eyeflowc disasm --tier baseline` prints, which is the same on every machine. C is clang-19's assembly of the same kernel,
`-O3 -ffp-contract=off` for x86-64 with AVX2 and for AArch64; in brackets an element at a time (without vectors and
unrolling): only those numbers are of the same work. No loop: it was unrolled, or it is in what is called; kernels without one at all are left out."""

# Unconditional, conditional: what they are called, and where they go.
JUMP = re.compile(r"(?:short )?(?:jmp|b)\s+(?:short )?(?P<to>[.\w$]+)$")
BRANCH = re.compile(r"(?:short )?(?:j(?!mp)\w+|b\.\w+|cbn?z|tbn?z)\s+(?:.*,\s*)?(?:short )?(?P<to>[.\w$]+)$")
LEAVES = re.compile(r"(?:ret\w*|br|ud2|brk)\b")


def ours(listing):
    """{function: [instruction or "label:"…]} of what `eyeflowc disasm` prints."""
    functions, items = {}, None
    for line in listing.splitlines():
        if line.startswith("function "):
            name = line.removeprefix("function ")
            items = functions.setdefault(name[1:].split('"')[0] if name.startswith('"') else name.split(" ")[0], [])
        elif line.startswith("  ; traps and what rarely happens"):
            items = None
        elif items is not None and (found := re.match(r"  ;     (?:([0-9A-F][0-9A-F.]+)\s+|\s+)(\S.*)$", line)):
            text = found.group(2)
            if text.endswith(":") or (found.group(1) and not text.startswith(("align", ".", "db"))):
                items.append(text.removeprefix("short ") if text[0] != "L" else text)
    return functions


def of_clang(assembly):
    """The same of clang -S."""
    functions, items, names = {}, None, set(re.findall(r"\.type\s+(\w+),\s*[@%]function", assembly))
    for line in assembly.splitlines():
        line = re.split(r"\s+(?:#|//)", line)[0].rstrip()
        if found := re.match(r"([.\w$]+):", line):
            if found.group(1) in names:
                items = functions.setdefault(found.group(1), [])
            elif found.group(1).startswith(".Lfunc_end"):
                items = None
            elif items is not None:
                items.append(found.group(1) + ":")
        elif items is not None and line.startswith("\t") and not line.startswith("\t."):
            items.append(" ".join(line.split()))
    return functions


def blocks_of(items):
    """[(instructions, successors)], the first one the entry. Branches to labels that are not here leave."""
    starts, label_at, instructions = {0}, {}, []
    for item in items:
        if item.endswith(":"):
            label_at[item[:-1]] = len(instructions)
            starts.add(len(instructions))
        else:
            instructions.append(item)
            if JUMP.match(item) or BRANCH.match(item) or LEAVES.match(item):
                starts.add(len(instructions))
    order = sorted(start for start in starts if start < len(instructions))
    number = {start: n for n, start in enumerate(order)}
    blocks = []
    for n, start in enumerate(order):
        end = order[n + 1] if n + 1 < len(order) else len(instructions)
        last, follows = instructions[end - 1], []
        jump, branch = JUMP.match(last), BRANCH.match(last)
        if not jump and not LEAVES.match(last) and end < len(instructions):
            follows.append(number[end])
        if (jump or branch) and label_at.get((jump or branch)["to"]) in number:
            follows.append(number[label_at[(jump or branch)["to"]]])
        blocks.append((end - start, follows))
    return blocks


def innermost_loops(items):
    """Instructions in an iteration of each loop with no other loop in it, by the natural loops of the control flow."""
    blocks = blocks_of(items)
    if not blocks:
        return []
    everything = set(range(len(blocks)))
    before = {n: [] for n in everything}
    for n, (_, follows) in enumerate(blocks):
        for to in follows:
            before[to].append(n)
    dominators = {n: everything for n in everything} | {0: {0}}
    changed = True
    while changed:
        changed = False
        for n in sorted(everything - {0}):
            known = [dominators[m] for m in before[n]]
            found = (set.intersection(*known) if known else set()) | {n}
            if found != dominators[n]:
                dominators[n], changed = found, True
    loops = {}
    for n, (_, follows) in enumerate(blocks):
        for head in follows:
            if head in dominators[n]:
                body, work = {head}, [n]
                while work:
                    if (block := work.pop()) not in body:
                        body.add(block)
                        work += before[block]
                loops.setdefault(head, set()).update(body)
    return [sum(blocks[n][0] for n in body) for head, body in sorted(loops.items())
            if not any(other in body for other in loops if other != head)]


def loops_of(functions, is_kernel):
    return [count for name, items in functions.items() if is_kernel(name) for count in innermost_loops(items)]


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def of_tier(build, kernel, target):
    listing = run(build / "tools" / "eyeflowc", "disasm", KERNELS / f"{kernel}.eft", "--tier", "baseline", "--target", target)
    return loops_of(ours(listing), lambda name: name != "on start")


def of_c(kernel, target, options):
    try:
        assembly = run("clang-19", *TARGETS[target], *options, f"-I{ROOT}", "-S", "-o", "-", KERNELS / f"{kernel}.c")
    except (OSError, subprocess.CalledProcessError):
        return None  # no compiler, or no sysroot
    start = kernel + "_start"
    return loops_of(of_clang(assembly), lambda name: name != start)


def measure(build, kernels=None):
    """[{kernel, target: {tier, c, c_one_by_one}}]; lists of counts, None where there is no compiler for it."""
    kernels = kernels or sorted(path.stem for path in KERNELS.glob("*.eft"))
    return [{"kernel": kernel, **{target: {"baseline": of_tier(build, kernel, target),
                                           "c": of_c(kernel, target, AS_IT_IS),
                                           "c_one_by_one": of_c(kernel, target, ONE_BY_ONE)} for target in TARGETS}}
            for kernel in kernels]


def counts(values):
    return "not built" if values is None else " · ".join(map(str, values)) if values else "no loop"


def table(rows):
    """The head, then a row a kernel; those whose loops are all in what they call are left out."""
    yield ["kernel", *(title for target in TARGETS for title in (f"{target}, baseline", "C"))]
    for row in rows:
        if not any(row[target]["baseline"] for target in TARGETS):
            continue
        cells = [row["kernel"]]
        for target in TARGETS:
            one = row[target]
            plain = f" ({counts(one['c_one_by_one'])})" if one["c"] else ""
            cells += [counts(one["baseline"]), counts(one["c"]) + plain]
        yield cells


def missing(rows):
    """Why a column is empty, if one is."""
    if any(row["aarch64"]["c"] is None for row in rows):
        return "Not built: clang-19 finds no AArch64 headers; `tools/dev build arm64` unpacks them."
    return ""


def section(rows):
    head, *others = table(rows)
    lines = ["## Instructions an iteration", "", NOTE, "", "| " + " | ".join(head) + " |", "|---|" + "---|" * (len(head) - 1)]
    lines += ["| " + " | ".join(cells) + " |" for cells in others]
    return lines + (["", missing(rows)] if missing(rows) else []) + [""]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print("\n".join(section(measure(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]))))
