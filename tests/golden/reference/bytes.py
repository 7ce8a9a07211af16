#!/usr/bin/env python3
"""Writes tests/golden/isa/intrinsics/bytes.eva: what the intrinsics on bytes give, by Python's struct, binascii and codecs.

  bytes.py           writes the file
  bytes.py --check   fails when the file is not what it would write
"""
import binascii
import decimal
import struct
import sys

from written import without_fuel, write_or_check

SAMPLE = bytes.fromhex("0103fe80c2f7e979c0490fdb00")
BIG, SIGNED, SWAPPED = 16, 32, 64


def form(width, big=False, signed=False, swapped=False):
    return width + BIG * big + SIGNED * signed + SWAPPED * swapped


def piece(data, at, width, swapped):
    part = data[at:at + width]
    return part[2:] + part[:2] if swapped else part


def whole(data, at, width, big, signed, swapped):
    if at < 0 or at + width > len(data):
        return 0
    return int.from_bytes(piece(data, at, width, swapped), "big" if big else "little", signed=signed)


def real(data, at, width, big, swapped):
    if at < 0 or at + width > len(data):
        return "0.0"
    value = struct.unpack((">" if big else "<") + ("f" if width == 4 else "d"), piece(data, at, width, swapped))[0]
    if value != value:
        return "nan"
    return shortest_f32(value) if width == 4 else shortest_f64(value)


def shortest_f32(value):
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack("<f", float(text)) == struct.pack("<f", value):
            return as_golden(text)
    raise ValueError(value)


def shortest_f64(value):
    return as_golden(repr(value))


# As to_chars writes it: the shorter of fixed and scientific.
def as_golden(text):
    number = decimal.Decimal(text)
    sign, digits, exponent = number.as_tuple()
    digits = "".join(map(str, digits)).rstrip("0") or "0"
    fixed = f"{number:f}"
    fixed = fixed.rstrip("0").rstrip(".") if "." in fixed else fixed
    power = number.adjusted() if number else 0
    scientific = "-" * sign + digits[0] + ("." + digits[1:] if digits[1:] else "") + f"e{power:+03d}"
    if len(fixed) > len(scientific):
        return scientific
    return fixed if "." in fixed else fixed + ".0"


def crc(data, polynomial, rest, mask):
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = (rest >> 1) ^ (polynomial if rest & 1 else 0)
    return rest & mask


def crc16(data):
    return crc(data, 0xA001, 0xFFFF, 0xFFFF)


def function(name, signature, registers, lines):
    lines = [f"  {op:<13} {operands}" for op, operands in lines]
    return [f"function {name} {signature}", "  registers " + ", ".join(registers), *lines, "end"]


def number_at(name, kind, form, t, slot):
    """The number at r0 in form r1 of the slot."""
    own = kind != "i64"
    to = "r5" if own else "r0"
    return function(f"{name}_{form}", f"(r0: i64, r1: i64) -> ({kind})",
                    [f"r2: {t}@const", "r3: i64", "r4: i64"] + [f"r5: {kind}"] * own,
                    [("ref", f"r2, {slot}"), ("move", "r3, r0"), ("move", "r4, r1"),
                     ("intrinsic", f"{to}, bytes.{name}.{form}, r2"), ("return", to)])


def text_of(name, intrinsic, form, t, slot, to):
    capacity = {"short": 3, "long": 128}.get(to, 32)
    return function(f"{name}_{form}", "()", [f"r0: text({capacity})@state", f"r1: {t}@const"],
                    [("ref", f"r0, {to}"), ("ref", f"r1, {slot}"), ("intrinsic", f"-, bytes.{intrinsic}.{form}, r0"),
                     ("return", "-")])


def checksum_of(name, intrinsic, kind, form, t, slot):
    return function(f"{name}_{form}", f"() -> ({kind})", [f"r0: {t}@const", f"r1: {kind}"],
                    [("ref", f"r0, {slot}"), ("intrinsic", f"r1, bytes.{intrinsic}.{form}, r0"), ("return", "r1")])


def functions(form):
    """Of `form` list or array: one on each of its slots."""
    sample, text, check, long = ((f"[u8; {'<=' * (form == 'list')}{len(data)}]", form[0] + slot)
                                 for data, slot in ((SAMPLE, "a"), (TEXT, "t"), (CHECK, "c"), (LONG, "l")))
    return [line for one in (
        number_at("whole", "i64", form, *sample),
        number_at("f32", "f32", form, *sample),
        number_at("f64", "f64", form, *sample),
        text_of("hex", "hex", form, *sample, "out"),
        text_of("short_hex", "hex", form, *sample, "short"),
        text_of("long_hex", "hex", form, *long, "long"),
        text_of("text", "text", form, *text, "out"),
        text_of("no_text", "text", form, *sample, "out"),
        checksum_of("crc16", "crc16", "u16", form, *sample),
        checksum_of("crc32", "crc32", "u32", form, *sample),
        checksum_of("crc16_check", "crc16", "u16", form, *check),
        checksum_of("crc32_check", "crc32", "u32", form, *check)) for line in one]


TEXT = "T1: 4 °C".encode() + b"\xc3"
CHECK = b"123456789"
LONG = bytes(range(7, 47))  # more digits than are written at once


def values(data):
    return "[" + ", ".join(str(b) for b in data) + "]"


def quoted(text):
    return '"' + text + '"'


def calls(k):
    lines = []
    n = len(SAMPLE)
    for width in (1, 2, 4, 8):
        for big in (False, True):
            for signed in (False, True):
                for swapped in (False, True) if width == 4 else (False,):
                    for at in (0, 3, n - width, n - width + 1, -1):
                        lines.append(f"whole_{k}({at}, {form(width, big, signed, swapped)}) -> "
                                     f"{as_i64(whole(SAMPLE, at, width, big, signed, swapped))}")
    for big in (False, True):
        for swapped in (False, True):
            for at in (2, 4, 8, n - 4, n - 3):
                lines.append(f"f32_{k}({at}, {form(4, big, False, swapped)}) -> {real(SAMPLE, at, 4, big, swapped)}")
        for at in (0, 4, n - 8, n - 7):
            lines.append(f"f64_{k}({at}, {form(8, big)}) -> {real(SAMPLE, at, 8, big, False)}")
    lines.append(f"hex_{k}() -> (); state.out = {quoted(binascii.hexlify(SAMPLE).decode())}")
    lines.append(f"short_hex_{k}() -> (); state.short = {quoted(binascii.hexlify(SAMPLE).decode()[:3])}")
    lines.append(f"long_hex_{k}() -> (); state.long = {quoted(binascii.hexlify(LONG).decode())}")
    lines.append(f"text_{k}() -> (); state.out = {quoted(TEXT.decode('utf-8', 'ignore'))}")
    lines.append(f"no_text_{k}() -> (); state.out = " + quoted("\\x01\\x03"))
    lines.append(f"crc16_{k}() -> {crc16(SAMPLE)}")
    lines.append(f"crc32_{k}() -> {binascii.crc32(SAMPLE)}")
    # The check values of the catalogue of parametrised CRC algorithms.
    assert crc16(CHECK) == 0x4B37 and binascii.crc32(CHECK) == 0xCBF43926
    lines.append(f"crc16_check_{k}() -> {0x4B37}")
    lines.append(f"crc32_check_{k}() -> {0xCBF43926}")
    return lines


def as_i64(value):
    return value - (1 << 64) if value >= 1 << 63 else value


def padded(size):
    return (size + 7) // 8 * 8


def text():
    n, m, c, l = len(SAMPLE), len(TEXT), len(CHECK), len(LONG)
    slots, at = [], 0
    for name, kind, size in (("la", f"[u8; <={n}]", 8 + n), ("lt", f"[u8; <={m}]", 8 + m), ("lc", f"[u8; <={c}]", 8 + c),
                             ("ll", f"[u8; <={l}]", 8 + l),
                             ("aa", f"[u8; {n}]", n), ("at", f"[u8; {m}]", m), ("ac", f"[u8; {c}]", c),
                             ("al", f"[u8; {l}]", l)):
        data = {"a": SAMPLE, "t": TEXT, "c": CHECK, "l": LONG}[name[1]]
        slots.append(f"slot const {at} {name}: {kind}@const = {values(data)}")
        at += padded(size)
    out = ["// Bytes as numbers, digits, text and checksums: made by reference/bytes.py.", "module bytes isa 1",
           f"region const {at}", "region state 192", *slots,
           'slot state 0 out: text(32)@state = "?"', "slot state 40 short: text(3)@state",
           "slot state 56 long: text(128)@state", ""]
    out += functions("list") + functions("array")
    out.append("""function bits_f32 (r0: f32) -> (i64)
  registers r1: i64
  intrinsic     r1, bytes.bits.f32, r0
  return        r1
end
function bits_f64 (r0: f64) -> (i64)
  registers r1: i64
  intrinsic     r1, bytes.bits.f64, r0
  return        r1
end
=== calls""")
    for k in ("list", "array"):
        out += calls(k)
    for value in ("0.0", "-0.0", "1.5", "-3.25", "inf", "nan"):
        bits = {"nan": (0x7FC00000, 0x7FF8000000000000)}.get(
            value, (int.from_bytes(struct.pack("<f", float(value)), "little"),
                    int.from_bytes(struct.pack("<d", float(value)), "little")))
        out.append(f"bits_f32({value}) -> {bits[0]}")
        out.append(f"bits_f64({value}) -> {as_i64(bits[1])}")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check({"intrinsics/bytes.eva": text()}, without_fuel))
