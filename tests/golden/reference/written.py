"""What the scripts of this folder do with what they work out: write the golden files, or see whether they still say it."""
import difflib
import pathlib
import sys

GOLDEN = pathlib.Path(__file__).resolve().parent.parent


# What the runner adds of its own, fuel and the bounds of functions, is not every script's business.
def without_fuel(text):
    return "\n".join(line.split("; fuel ")[0].rstrip() for line in text.split("=== bounds")[0].splitlines()
                     if not line.startswith("fuel "))


def write_or_check(files, part=lambda text: text, below="isa"):
    """`files`: their text by their path below `below`; `part`: what of it the script works out. Gives the exit status."""
    wrong = 0
    for name, text in files.items():
        path = GOLDEN / below / name
        if sys.argv[1:] != ["--check"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            continue
        there = path.read_text() if path.exists() else ""
        if part(there) != part(text):
            wrong += 1
            print(f"{path} is not what {sys.argv[0]} works out; run it and read the diff", file=sys.stderr)
            sys.stderr.writelines(line + "\n" for line in difflib.unified_diff(
                part(there).splitlines(), part(text).splitlines(), "in the file", "computed", lineterm="", n=1))
    return 1 if wrong else 0
