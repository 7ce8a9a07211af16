#!/usr/bin/env python3
"""The examples' own tests reach nearly all of them: usage coverage.py EYEFLOWC, from the repository's root."""
import json
import pathlib
import subprocess
import sys
import tempfile

FLOOR = 0.9  # of a file's lines


def main():
    examples = sorted(str(path) for path in pathlib.Path("examples").glob("**/*.eft"))
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "coverage.json"
        run = subprocess.run([sys.argv[1], "test", *examples, "--coverage-json", report], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(run.stdout + run.stderr)
        coverage = json.loads(report.read_text())
    assert (coverage["format"], coverage["version"]) == ("eyeflow-coverage", 1), coverage
    files = {file["file"]: file for file in coverage["files"]}
    missing = [path for path in examples if path not in files]
    if missing:
        sys.exit("no line of these has code, or no test: " + ", ".join(missing))
    failed = False
    for path, file in files.items():
        lines = file["lines"]
        if lines["covered"] < FLOOR * lines["all"]:
            failed = True
            never = [str(count["line"]) for count in file["counts"] if count["runs"] == 0]
            print(f"{path}: tests reach {lines['covered']} of {lines['all']} lines; never {', '.join(never)}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
