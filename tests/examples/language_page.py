#!/usr/bin/env python3
"""Every example in docs/language.md compiles, and its tests hold.

usage: language_page.py EYEFLOWC PAGE

A block with a `task` in it is a file. Any other is a piece: AROUND says by its first words what to put around it. A new
kind of piece fails here until it has its row. What the page marks as not built (NOT_YET) must be refused, by its name.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

# First words of a piece → (what stands before it, what stands behind it). An ellipsis in a piece stands for nothing.
AROUND = {
    "on window": ("task piece {\n  input vib : f32 m/s² at 100 Hz\n", "}\n"),
    "let loudest": ("task piece {\n  input v : f64\n  output o : value f64\n  state left : [f64; 8] = [0.0; 8]\n"
                    "  state right : [f64; 8] = [0.0; 8]\n  state xs : [f64; 8] = [0.0; 8]\n"
                    "  on v as x {\n    left[0] = x  right[0] = x  xs[0] = x\n",
                    "    o.set(loudest + clipped[0])\n  }\n}\n"),
    "state last": ("task piece {\n  input v : °C\n  output o : value °C\n  output p : switch = off\n"
                   "  fn heat(t: °C) { o.set(t) }\n  fn wait() { p.off() }\n", None),
    "alarm hot": ("task piece {\n  input t1 : °C\n  output siren : switch = off\n"
                  "  param limit : °C = 80 °C in 20 °C .. 120 °C\n", "}\n"),
    "let density": ("task piece {\n  input vib : f32 m/s² at 100 Hz\n  output o : value f32 m/s²\n"
                    "  on window vib[10 s] as w {\n    let samples = w.values\n", "    o.set(shaking)\n  }\n}\n"),
    "unit furlong": ("", "task piece {\n  input v : f64\n  output o : value L\n"
                         "  const lap = 8 furlong\n  on v as x { if x > lap / 1 km { o.set(volume(x * 1 pulse)) } }\n}\n"),
    "fn halves": ("", "task piece {\n  input v : f64\n  output o : value f64\n  state xs : [f64; 8] = [0.0; 8]\n"
                      "  on v as x {\n    xs[0] = x\n    let h = halves(xs)\n    o.set(h[0])\n  }\n}\n"),
}
# Files that pieces name, besides the tables that stand on the page.
FILES = {"parts/good.pgm": b"P5 2 1 255\n\x50\x51"}
AROUND["at 0 s   camera"] = ("task piece {\n  input camera : image(2, 1, gray8)\n  input level : mm\n"
                             "  output o : value f64\n  on camera as c { o.set(c.mean()) }\n"
                             "  on level as l { o.set(l / 1 mm) }\n}\ntest \"piece\" of piece {\n",
                             "  expect o == 130.0\n}\n")
# A task of the page → what the compiler says of it as long as the page marks it.
NOT_YET = {}


def blocks(page):
    """(language, line, text) of each fenced block."""
    text = page.read_text()
    for match in re.finditer(r"^```(\w*)\n(.*?)^```", text, re.S | re.M):
        yield match.group(1), text[:match.start()].count("\n") + 2, match.group(2)


def file_of(piece):
    """The piece as a file; None where nothing says what to put around it."""
    if re.search(r"^task ", piece, re.M):
        return piece
    for words, (before, behind) in AROUND.items():
        if not piece.startswith(words):
            continue
        piece = piece.replace("…", "")
        if behind is None:  # declarations, then what stands in a handler
            first, rest = piece.split("\n", 1)
            return f"{before}  {first}\n  on v as x {{\n{rest}    o.set(t)\n    last = x\n  }}\n}}\n"
        return before + piece + behind
    return None


def main(eyeflowc, page):
    failed = 0

    def fail(line, what):
        nonlocal failed
        failed += 1
        print(f"{page}:{line}: {what}", file=sys.stderr)

    seen = 0
    with tempfile.TemporaryDirectory() as folder:
        page_blocks = list(blocks(page))
        for language, _, text in page_blocks:
            if language == "csv":  # its first line says its name
                (pathlib.Path(folder) / text.split("\n", 1)[0].removeprefix("# ")).write_text(text)
        for name, content in FILES.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        kettle = next(text for _, _, text in page_blocks if text.startswith("task kettle"))
        AROUND['test "'] = (kettle, '\ntest "in a file" of kettle {\n  cases pause: duration, last: °C -> silent.active'
                            ' from "pauses.csv"\n  at 1 s water <- last\n  at 1 s + pause expect true\n}\n')
        for language, line, text in page_blocks:
            path = pathlib.Path(folder) / f"line_{line}.{'txt' if language == 'english' else 'eft'}"
            if language in ("toml", "csv") or re.match(r"\S+\.eft:\d+:", text):
                continue  # sites name files and brokers of theirs; messages have golden files
            source = text if language == "english" else file_of(text)
            if source is None:
                fail(line, f"nothing in AROUND begins like this piece: {text.splitlines()[0]}")
                continue
            path.write_text(source)
            seen += 1
            task = path.stem if language == "english" else re.search(r"^task (\w+)", source, re.M).group(1)
            verb = "test" if re.search(r"^test ", source, re.M) else "check"
            done = subprocess.run([eyeflowc, verb, path.name], cwd=folder, capture_output=True, text=True)
            if task in NOT_YET:
                if NOT_YET[task] not in done.stderr:
                    fail(line, f"task {task} is no longer refused with {NOT_YET[task]}: take its mark off\n{done.stderr}")
            elif done.returncode != 0:
                fail(line, f"eyeflowc {verb} says\n{done.stdout}{done.stderr}")
    if seen < 5:
        fail(1, f"only {seen} examples were found")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], pathlib.Path(sys.argv[2])) else 0)
