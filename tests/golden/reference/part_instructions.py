#!/usr/bin/env python3
"""What parts of arrays and texts in them must do, on lists and bytes of Python's own.

  part_instructions.py          writes tests/golden/isa/parts/*.eva
  part_instructions.py --check  fails when a file there is not what this script writes
"""
import pathlib
import sys

from element_instructions import SIZE, VALUES, show
from value_instructions import U8, Trap

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "isa" / "parts"
FIRSTS = [0, 1, 3, 4, 5, -1, (1 << 63) - 1, 1 << 32]
WHOLE, PAIR = 5, 2


def padded(size):
    return (size + 7) // 8 * 8


def parts_of(t):
    start, new = VALUES[t]
    array = (list(start) + list(new))[:WHOLE]
    array += [start[0]] * (WHOLE - len(array))
    pair = [new[0], new[1]]
    lines = ["// Written by tests/golden/reference/part_instructions.py: change that, not this.", "module parts isa 5",
             f"region state {(padded(WHOLE * SIZE[t]) + padded(PAIR * SIZE[t]) + 63) // 64 * 64}",
             f"slot state 0 whole: [{t.name}; {WHOLE}]@state = {show(t, array)}",
             f"slot state {padded(WHOLE * SIZE[t])} pair: [{t.name}; {PAIR}]@state = {show(t, pair)}"]
    for name, to, of in (("part", "pair", "whole"), ("put", "whole", "pair")):
        types = {"whole": f"[{t.name}; {WHOLE}]@state", "pair": f"[{t.name}; {PAIR}]@state"}
        lines += ["", f"function {name} (r0: i64)", f"  registers r1: {types[to]}, r2: {types[of]}",
                  f"  ref             r1, {to}", f"  ref             r2, {of}",
                  f"  array.{name}.{t.name:<{9 - len(name)}} r1, r2, r0", "  return          -", "end"]
    lines.append("=== calls")
    for name in ("part", "put"):
        for first in FIRSTS:
            if not 0 <= first <= WHOLE - PAIR:
                lines.append(f"{name}({first}) -> trap IndexOutOfRange in {name} at 2")
                continue
            after = array[first:first + PAIR] if name == "part" else array[:first] + pair + array[first + PAIR:]
            slot, before = ("pair", pair) if name == "part" else ("whole", array)
            changed = f"; state.{slot} = {show(t, after)}" if show(t, after) != show(t, before) else ""
            lines.append(f"{name}({first}) -> (){changed}")
    return "\n".join(lines) + "\n"


def quoted(text):
    return '"' + text + '"'


def texts():
    size = 12
    kept = bytes([3, 0]) + "aµ".encode() + bytes([2, 0]) + b"\xc3x" + bytes([9, 1])
    kept += bytes(size - len(kept))
    lines = ["// Written by tests/golden/reference/part_instructions.py: change that, not this.", "module texts isa 5",
             "region state 64",
             f"slot state 0 bytes: [u8; {size}]@state = {show(U8, list(kept))}",
             "slot state 16 long: text(12)@state",
             "slot state 32 short: text(2)@state",
             "slot state 40 given: text(12)@state"]
    for name, to in (("read", "long"), ("read_short", "short")):
        lines += ["", f"function {name} (r0: u16)",
                  f"  registers r1: text({12 if to == 'long' else 2})@state, r2: [u8; {size}]@state",
                  f"  ref             r1, {to}", "  ref             r2, bytes", "  text.part       r1, r2, r0",
                  "  return          -", "end"]
    lines += ["", "function write (r0: u16)", f"  registers r1: [u8; {size}]@state, r2: text(12)@state",
              "  ref             r1, bytes", "  ref             r2, given", "  text.put        r1, r2, r0",
              "  return          -", "end", "=== calls"]

    def text_at(at):
        if at + 2 > size or at + 2 + (length := kept[at] | kept[at + 1] << 8) > size:
            raise Trap("IndexOutOfRange")
        raw = kept[at + 2:at + 2 + length]
        while True:
            try:
                return raw.decode()
            except UnicodeDecodeError as wrong:
                raw = raw[:wrong.start]

    for name, slot, capacity in (("read", "long", 12), ("read_short", "short", 2)):
        for at in (0, 1, 5, 9, 10, 11, 12, 65535):
            try:
                text = text_at(at)
                while len(text.encode()) > capacity:
                    text = text[:-1]
                lines.append(f"{name}({at}) -> ()" + (f"; state.{slot} = {quoted(text)}" if text else ""))
            except Trap as trap:
                lines.append(f"{name}({at}) -> trap {trap} in {name} at 2")
    for given, at in (("", 0), ("", 10), ("", 11), ("héé", 0), ("héé", 5), ("héé", 6), ("abcdefghij", 0), ("abcdefghijk", 0)):
        put = bytes([len(given.encode()), 0]) + given.encode()
        if at + len(put) > size:
            outcome = "trap IndexOutOfRange in write at 2"
        else:
            after = kept[:at] + put + kept[at + len(put):]
            outcome = "()" + (f"; state.bytes = {show(U8, list(after))}" if after != kept else "")
        lines.append(f"write({at}) with state.given = {quoted(given)} -> {outcome}")
    return "\n".join(lines) + "\n"


def main():
    check = sys.argv[1:] == ["--check"]
    wrong = 0
    for name, text in [*((t.name, parts_of(t)) for t in VALUES), ("texts", texts())]:
        path = FOLDER / f"{name}.eva"
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            wrong += 1
            print(f"{path} is not what part_instructions.py works out; run it and read the diff", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
