#!/usr/bin/env python3
"""Writes tests/golden/isa/intrinsics/images.eva: what the intrinsics on images give, in fractions and by the formulas of
ITU-R BT.601 written out.

  images.py           writes the file
  images.py --check   fails when the file is not what it would write
"""
import math
import random
import sys
from fractions import Fraction

from written import without_fuel, write_or_check

GRAY, RGB, BGR, YUYV = 1, 2, 3, 4
BYTES = {GRAY: 1, RGB: 3, BGR: 3, YUYV: 2}
random.seed(7)


def noise(count):
    return [random.choice((0, 1, 127, 128, 254, 255, random.randrange(256))) for _ in range(count)]


def half_up(value):
    return math.floor(value + Fraction(1, 2))


def overlap(n, size, m, out):
    """How much of cell m of `size` cells lies under cell n of `out` cells, as a part of cell n."""
    begin, end = max(Fraction(n, out), Fraction(m, size)), min(Fraction(n + 1, out), Fraction(m + 1, size))
    return max(Fraction(0), end - begin) * out


def resize(image, w, h, out_w, out_h, samples):
    out = []
    for y in range(out_h):
        for x in range(out_w):
            for s in range(samples):
                out.append(half_up(sum(overlap(y, h, row, out_h) * overlap(x, w, column, out_w)
                                       * image[(row * w + column) * samples + s]
                                       for row in range(h) for column in range(w))))
    return out


def clip(value):
    return max(0, min(255, math.floor(value)))


def pixels(image, form):
    for n in range(len(image) // BYTES[form]):
        if form == GRAY:
            yield (image[n],) * 3
        elif form == RGB:
            yield tuple(image[3 * n:3 * n + 3])
        elif form == BGR:
            yield tuple(reversed(image[3 * n:3 * n + 3]))
        else:
            y, u, v = image[2 * n], image[n // 2 * 4 + 1], image[n // 2 * 4 + 3]
            c, d, e = y - 16, u - 128, v - 128
            yield (clip(Fraction(298 * c + 409 * e + 128, 256)), clip(Fraction(298 * c - 100 * d - 208 * e + 128, 256)),
                   clip(Fraction(298 * c + 516 * d + 128, 256)))


def recolor(image, form, to):
    out = []
    for r, g, b in pixels(image, form):
        if to == GRAY:
            out.append(r if form == GRAY else math.floor(Fraction(77 * r + 150 * g + 29 * b + 128, 256)))
        else:
            out += [r, g, b] if to == RGB else [b, g, r]
    return out


def crop(image, w, x, y, out_w, out_h, size):
    return [image[((y + row) * w + x) * size + n] for row in range(out_h) for n in range(out_w * size)]


def samples(image, form):
    return [s for p in pixels(image, form) for s in p] if form == YUYV else image


class File:
    def __init__(self):
        self.consts, self.states, self.functions, self.calls = [], [], [], []
        self.at = {"const": 0, "state": 0}

    def slot(self, region, name, count, values=None):
        begins = f" = [{', '.join(map(str, values))}]" if values else ""
        text = f"slot {region} {self.at[region]} {name}: [u8; {count}]@{region}{begins}"
        (self.consts if region == "const" else self.states).append(text)
        self.at[region] += (count + 7) // 8 * 8

    def make(self, name, intrinsic, image, out_size, numbers, expected):
        """One image, or two, to another one; `expected` None: nothing is done."""
        self.slot("const", "i" + name, len(image), image)
        self.slot("state", "o" + name, out_size)
        first = len(numbers)
        parameters = ", ".join(f"r{n}: i64" for n in range(first))
        registers = [f"r{first}: [u8; {out_size}]@state", f"r{first + 1}: [u8; {len(image)}]@const"]
        registers += [f"r{first + 2 + n}: i64" for n in range(first)]
        lines = [f"function {name} ({parameters})", "  registers " + ", ".join(registers),
                 f"  ref           r{first}, o{name}", f"  ref           r{first + 1}, i{name}"]
        lines += [f"  move          r{first + 2 + n}, r{n}" for n in range(first)]
        lines += [f"  intrinsic     -, {intrinsic}, r{first}", "  return        -", "end"]
        self.functions.append("\n".join(lines))
        changed = "" if expected is None or not any(expected) else f"; state.o{name} = [{', '.join(map(str, expected))}]"
        self.calls.append(f"{name}({', '.join(map(str, numbers))}) -> (){changed}")

    def bins(self, name, intrinsic, image, counts):
        """A histogram into as many words as `counts` has."""
        self.slot("const", "i" + name, len(image), image)
        self.states.append(f"slot state {self.at['state']} o{name}: [i64; {len(counts)}]@state")
        self.at["state"] += 8 * len(counts)
        self.functions.append("\n".join([
            f"function {name} ()", f"  registers r0: [i64; {len(counts)}]@state, r1: [u8; {len(image)}]@const",
            f"  ref           r0, o{name}", f"  ref           r1, i{name}", f"  intrinsic     -, {intrinsic}, r0",
            "  return        -", "end"]))
        self.calls.append(f"{name}() -> (); state.o{name} = [{', '.join(map(str, counts))}]")

    def sample(self, name, intrinsic, image, expected):
        """One of the samples that `expected` has by pixel and number."""
        self.slot("const", "i" + name, len(image), image)
        self.functions.append("\n".join([
            f"function {name} (r0: i64, r1: i64) -> (u8)",
            f"  registers r2: [u8; {len(image)}]@const, r3: i64, r4: i64, r5: u8", f"  ref           r2, i{name}",
            "  move          r3, r0", "  move          r4, r1", f"  intrinsic     r5, {intrinsic}, r2",
            "  return        r5", "end"]))
        self.calls += [f"{name}({n}, {s}) -> {value}" for (n, s), value in expected.items()]

    def figure(self, name, intrinsic, images, expected, kind="f64"):
        registers, lines = [], [f"function {name} () -> ({kind})"]
        for n, image in enumerate(images):
            self.slot("const", f"i{name}{n}", len(image), image)
            registers.append(f"r{n}: [u8; {len(image)}]@const")
        registers.append(f"r{len(images)}: {kind}")
        lines.append("  registers " + ", ".join(registers))
        lines += [f"  ref           r{n}, i{name}{n}" for n in range(len(images))]
        lines += [f"  intrinsic     r{len(images)}, {intrinsic}, r0", f"  return        r{len(images)}", "end"]
        self.functions.append("\n".join(lines))
        self.calls.append(f"{name}() -> {expected}")


def shape(w, out_w, size):
    return w + (out_w << 16) + (size << 32)


def shown(value):
    return repr(float(value))


def text():
    f = File()
    for n, (w, h, out_w, out_h, s) in enumerate(((4, 4, 2, 2, 1), (3, 2, 2, 2, 3), (2, 2, 3, 3, 1), (5, 1, 2, 1, 1),
                                                 (1, 3, 4, 2, 2), (7, 5, 3, 4, 1), (2, 1, 2, 1, 3))):
        image = noise(w * h * s)
        f.make(f"resize{n}", "image.resize", image, out_w * out_h * s, [w, out_w, s], resize(image, w, h, out_w, out_h, s))
    image = noise(12)
    f.make("resize_wrong", "image.resize", image, 4, [5, 2, 1], None)
    f.make("resize_none", "image.resize", image, 4, [0, 2, 1], None)
    for form in BYTES:
        for to in (GRAY, RGB, BGR):
            image = noise(4 * BYTES[form])
            f.make(f"recolor{form}{to}", "image.recolor", image, 4 * BYTES[to], [form + 16 * to], recolor(image, form, to))
    f.make("recolor_wrong", "image.recolor", noise(12), 5, [RGB + 16 * GRAY], None)
    f.make("recolor_none", "image.recolor", noise(12), 6, [RGB + 16 * YUYV], None)
    f.make("recolor_half", "image.recolor", noise(6), 3, [YUYV + 16 * GRAY], None)
    image = noise(4 * 3 * 3)
    f.make("crop", "image.crop", image, 2 * 2 * 3, [1, 1, shape(4, 2, 3)], crop(image, 4, 1, 1, 2, 2, 3))
    f.make("crop_all", "image.crop", image, 36, [0, 0, shape(4, 4, 3)], image)
    f.make("crop_right", "image.crop", image, 2 * 2 * 3, [3, 1, shape(4, 2, 3)], None)
    f.make("crop_below", "image.crop", image, 2 * 2 * 3, [1, 2, shape(4, 2, 3)], None)
    f.make("crop_left", "image.crop", image, 2 * 2 * 3, [-1, 1, shape(4, 2, 3)], None)
    f.make("crop_above", "image.crop", image, 2 * 2 * 3, [1, -1, shape(4, 2, 3)], None)
    a, b = noise(7), noise(9)
    mean = Fraction(sum(a), 7)
    f.figure("mean", "image.mean", [a], shown(mean))
    even = [0, 2, 4, 10]
    f.figure("stddev", "image.stddev", [even], shown(math.sqrt(Fraction(sum(v * v for v in even), 4) - Fraction(sum(even), 4) ** 2)))
    f.figure("stddev_flat", "image.stddev", [[9] * 3], "0.0")
    f.figure("difference", "image.difference", [a, b], shown(Fraction(sum(abs(x - y) for x, y in zip(a, b)), 7)))
    f.figure("difference_turned", "image.difference", [b, a],
             shown(Fraction(sum(abs(x - y) for x, y in zip(a, b)), 7)))
    a, b = noise(7), noise(9)
    yuv, other = noise(24), noise(16)
    for form, images in (("", (a, b)), (".yuyv", (yuv, other))):
        which = YUYV if form else GRAY
        x, y = (samples(image, which) for image in images)
        word = form[1:]
        if form:
            mean = Fraction(sum(x), len(x))
            f.figure("mean_yuyv", "image.mean.yuyv", [yuv], shown(mean))
            spread = float(Fraction(sum(s * s for s in x), len(x))) - float(mean) * float(mean)
            f.figure("stddev_yuyv", "image.stddev.yuyv", [yuv], shown(math.sqrt(spread)))
            f.figure("difference_yuyv", "image.difference.yuyv", [yuv, other],
                     shown(Fraction(sum(abs(s - t) for s, t in zip(x, y)), len(y))))
            f.sample("sample", "image.sample.yuyv", other, {
                **{(n, s): y[3 * n + s] for n in range(8) for s in range(3)},
                **{place: 0 for place in ((8, 0), (-1, 0), (0, 3), (0, -1))}})
            f.figure("mean_short", "image.mean.yuyv", [[1, 2, 3]], "0.0")
            f.figure("stddev_short", "image.stddev.yuyv", [[1, 2, 3]], "0.0")
            f.figure("difference_short", "image.difference.yuyv", [[1, 2, 3], yuv], "0.0")
        f.figure("least" + word, "image.min" + form, [images[0]], min(x), "u8")
        f.figure("greatest" + word, "image.max" + form, [images[1]], max(y), "u8")
        for count in (1, 3, 256):
            f.bins(f"bins{word}{count}", "image.histogram" + form, images[0],
                   [sum(s * count // 256 == k for s in x) for k in range(count)])
    image = noise(16)  # the last of the constants: behind it nothing can be read
    f.make("resize_end", "image.resize", image, 4, [4, 2, 1], resize(image, 4, 4, 2, 2, 1))
    state = (f.at["state"] + 63) // 64 * 64
    return "\n".join(["// Images brought to another size, format, part; and their figures: made by reference/images.py.",
                      "module images isa 1", f"region const {f.at['const']}", f"region state {state}", *f.consts, *f.states,
                      "", *f.functions, "=== calls", *f.calls]) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check({"intrinsics/images.eva": text()}, without_fuel))
