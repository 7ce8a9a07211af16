#!/usr/bin/env python3
"""Runs what this folder measures on a build and writes bench/report/: REPORT.md, report.json, and index.html with plots.

  bench/report.py BUILD [OPTIONS FOR GOOGLE BENCHMARK]     everything
  bench/report.py BUILD kernels [--json FILE] [--filter TEXT] [--rounds N]
                                                           the kernels alone, in every tier and peer; a table on stdout
  bench/loops.py BUILD [KERNEL…]                           instructions an iteration alone; a table on stdout
  bench/report.py BUILD edge [--rounds N]                  the relays alone: EDGE.md and edge.json

REPORT.md and EDGE.md are the only places that figures in documents are taken from.
"""
import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys

import bounds
import compare_kernels
import edge
import google
import kernel_section
import loops
import page
import programs

ROOT = pathlib.Path(__file__).resolve().parents[1]
REPORT = ROOT / "bench" / "report"
STORE = "rows_100_a_commit/both_and_state/100"  # rows for queries and for the far side, and state


def text_of(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def machine(build):
    """What the figures were taken on."""
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
               platform.machine())
    compiler = next((line.split("=")[1].strip() for line in open(build / "CMakeCache.txt")
                     if line.startswith("CMAKE_CXX_COMPILER:")), "c++")
    return {"processor": f"{cpu}, {os.cpu_count()} cores visible",
            "system": f"{platform.system()} {platform.release()}",
            "compiler": text_of(compiler, "--version").splitlines()[0],
            "commit": text_of("git", "describe", "--always", "--dirty"),
            "load": f"{os.getloadavg()[0]:.2f} processes were running before"}


def kernels_alone(build, words):
    parser = argparse.ArgumentParser(prog="tools/dev bench kernels")
    parser.add_argument("--json", type=pathlib.Path, help="where to write all figures")
    parser.add_argument("--filter", default="", help="only kernels with this text in their name")
    parser.add_argument("--rounds", type=int, default=compare_kernels.ROUNDS)
    options = parser.parse_args(words)
    about = machine(build)
    kernels = compare_kernels.measure(build, options.rounds, lambda kernel: options.filter in kernel)
    if not kernels["kernels"]:
        sys.exit(f"no kernel's name contains '{options.filter}'")
    if options.json:
        options.json.write_text(json.dumps({"machine": about, **kernels}, ensure_ascii=False, indent=1) + "\n")
    print("\n".join(kernel_section.section(kernels)))


def tier_figures(kernels, events):
    """What the bounds of the tiers ask."""
    figures = {}
    baseline, interpreter = (kernels["tiers"].get(name, {}) for name in ("baseline", "interpreter"))
    beside = interpreter.get("vs_best_interpreter_peer", {})
    for key, value in (("baseline_geomean", baseline.get("geomean")), ("baseline_worst", baseline.get("worst")),
                       ("interpreter_scalar", interpreter.get("scalar_geomean")),
                       ("interpreter_array", interpreter.get("array_geomean")),
                       ("interpreter_peer", beside.get("geomean")), ("interpreter_peer_worst", beside.get("worst")),
                       ("json_to_alarm", google.speed_beside(events, "monitor_t1/interpreter", "monitor_t1/by_hand")),
                       ("json_to_alarm_baseline",
                        google.speed_beside(events, "monitor_t1/baseline", "monitor_t1/by_hand"))):
        if value is not None:
            figures[key] = [value]
    return {**figures, **array_figures(events)}


def array_figures(events):
    """The worst kernel on arrays beside a loop written by hand, the worst transform beside KissFFT: ratios of time."""
    figures = {}
    for key, base, of in (("array_kernels", "by_hand", "_4096 _64"), ("fft_kissfft", "kissfft", "fft_")):
        speeds = [google.speed_beside(events, name, name.replace("/kernel", "/" + base))
                  for name in events if name.endswith("/kernel") and any(part in name for part in of.split())]
        if speeds and None not in speeds:
            figures[key] = [1 / min(speeds)]
    return figures


def edge_alone(build, words):
    parser = argparse.ArgumentParser(prog="tools/dev bench edge")
    parser.add_argument("--rounds", type=int, default=edge.ROUNDS)
    options = parser.parse_args(words)
    relays, judged = measure_edge(build, options.rounds)
    print("\n".join(bounds.section(judged) + edge.section(relays)))


def measure_edge(build, count=edge.ROUNDS):
    """What the relays did, and the bounds on it; both in EDGE.md."""
    REPORT.mkdir(exist_ok=True)
    about = machine(build)
    relays = edge.measure(build, count)
    judged = [row for row in bounds.rows(edge.bound_figures(relays)) if row["group"] == bounds.EDGE]
    lines = ["# Edge benchmark", "", "Written by bench/report.py; run `tools/dev bench edge` to write it again.", "",
             "| | |", "|---|---|"] + [f"| {name} | {value} |" for name, value in about.items()] + [""]
    (REPORT / "EDGE.md").write_text("\n".join(lines + bounds.section(judged) + edge.section(relays)))
    (REPORT / "edge.json").write_text(json.dumps({"machine": about, "bounds": judged, **relays}, ensure_ascii=False,
                                                 indent=1) + "\n")
    return relays, judged


def everything(build, options):
    REPORT.mkdir(exist_ok=True)
    about = machine(build)
    kernels = compare_kernels.measure(build)
    lines, measured, events = [], {}, {}
    for program in google.programs(build):
        rows = google.run(program, options)
        lines += google.section(program.name, rows)
        events.update(rows)
    print("running the relays", file=sys.stderr)
    relays, _ = measure_edge(build)
    print("running the programs", file=sys.stderr)
    print("counting instructions", file=sys.stderr)
    counted = loops.measure(build)
    measured = {**tier_figures(kernels, events), **programs.measure(build), **edge.bound_figures(relays)}
    if STORE in events:
        measured["store_rows"] = google.figure(events[STORE])[0]
    judged = list(bounds.rows(measured))
    report = {"machine": about, "bounds": judged, "kernels": kernels, "loops": counted,
              "benchmarks": {name: google.figure(rows)[0] for name, rows in events.items()}}
    (REPORT / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    head = ["# Benchmarks", "", "Written by bench/report.py; run `tools/dev bench` to write it again. Medians over "
            "interleaved repetitions, and the middle half of them; figures of `by_hand` are speed relative to the same "
            "work in hand-written C++ (1 is as fast, 0.5 half as fast).", ""]
    head += ["| | |", "|---|---|"] + [f"| {name} | {value} |" for name, value in about.items()] + [""]
    (REPORT / "REPORT.md").write_text("\n".join(head + bounds.section(judged) + kernel_section.section(kernels) +
                                               loops.section(counted) + lines))
    (REPORT / "index.html").write_text(page.page(report))
    print(f"wrote REPORT.md, report.json and index.html in {REPORT.relative_to(ROOT)}", file=sys.stderr)


def main():
    if len(sys.argv) < 2 or not (pathlib.Path(sys.argv[1]) / "CMakeCache.txt").exists():
        sys.exit(__doc__)
    build, words = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    if words[:1] == ["kernels"]:
        kernels_alone(build, words[1:])
    elif words[:1] == ["edge"]:
        edge_alone(build, words[1:])
    else:
        everything(build, words)


if __name__ == "__main__":
    main()
