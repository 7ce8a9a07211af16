#!/usr/bin/env python3
"""Runs the benchmark programs of a build folder and writes bench/report/: what they printed (JSON) and REPORT.md.

  bench/report.py BUILD_FOLDER [OPTIONS FOR GOOGLE BENCHMARK]

Then it measures what the programs themselves cost (bounds.py).

A benchmark is named GROUP/VARIANT. The variants of a group run interleaved in one process, so that their ratio holds
on a machine whose speed wanders; the variant `by_hand` is what the others are compared with. REPORT.md is the only
place that figures in documents are taken from.
"""
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

import bounds

ROOT = pathlib.Path(__file__).resolve().parents[1]
REPORT = ROOT / "bench" / "report"
REPETITIONS = 15
SETTINGS = re.compile(r"/(min_time|min_warmup_time|iterations|repeats|threads|real_time|process_time|manual_time)(:[^/]*)?")


def text_of(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def machine(build):
    """What the figures were taken on, as (name, value) rows."""
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
               platform.machine())
    compiler = next((line.split("=")[1].strip() for line in open(build / "CMakeCache.txt")
                     if line.startswith("CMAKE_CXX_COMPILER:")), "c++")
    return [("processor", f"{cpu}, {os.cpu_count()} cores visible"),
            ("system", f"{platform.system()} {platform.release()}"),
            ("compiler", text_of(compiler, "--version").splitlines()[0]),
            ("commit", text_of("git", "describe", "--always", "--dirty"))]


def run(program, options):
    """One benchmark program: {name: [a repetition's measurement…]} in the order of the program."""
    output = REPORT / f"{program.name}.json"
    print(f"running {program.name}", file=sys.stderr)
    subprocess.run([program, f"--benchmark_out={output}", "--benchmark_out_format=json",
                    f"--benchmark_repetitions={REPETITIONS}", "--benchmark_enable_random_interleaving=true",
                    "--benchmark_display_aggregates_only=true", *options], check=True, cwd=ROOT)
    measured = {}
    rows = [row for row in json.loads(output.read_text())["benchmarks"] if row["run_type"] == "iteration"]
    # Interleaving shuffles the rows, and Google Benchmark appends its settings to the names.
    for row in sorted(rows, key=lambda row: (row["family_index"], row["per_family_instance_index"])):
        measured.setdefault(SETTINGS.sub("", row["run_name"]), []).append(row)
    return measured


def scaled(value):
    """1234567 as '1.23 M': three digits that count."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def figure(rows):
    """Median and quartiles of events per second where the benchmark counts them, else of nanoseconds a turn."""
    if all("items_per_second" in row for row in rows):
        values, unit = [row["items_per_second"] for row in rows], "/s"
    else:
        to_ns = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
        values, unit = [row["cpu_time"] * to_ns[row["time_unit"]] for row in rows], "ns"
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return statistics.median(values), low, high, unit


def section(program, measured):
    lines = [f"## {program}", "", "| benchmark | median | middle half | beside `by_hand` |", "|---|---:|---:|---:|"]
    figures = {name: figure(rows) for name, rows in measured.items()}
    for name, (median, low, high, unit) in figures.items():
        group = name.rsplit("/", 1)[0]
        base = figures.get(f"{group}/by_hand")
        ratio = ""
        if base and not name.endswith("/by_hand") and base[3] == unit:
            ratio = f"{median / base[0]:.2f}" if unit == "/s" else f"{base[0] / median:.2f}"
        lines.append(f"| {name} | {scaled(median)}{unit} | {scaled(low)} – {scaled(high)} | {ratio} |")
    return lines + [""]


def main():
    if len(sys.argv) < 2 or not (pathlib.Path(sys.argv[1]) / "CMakeCache.txt").exists():
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    programs = sorted(path for path in (build / "bench").glob("bench_*")
                      if os.access(path, os.X_OK) and path.is_file() and path.name != "bench_kernels")
    if not programs:
        sys.exit(f"no program bench_* in {build / 'bench'}: build it first (tools/dev build)")
    REPORT.mkdir(exist_ok=True)
    lines = ["# Benchmarks", "",
             "Written by bench/report.py; run `tools/dev bench` to write it again. Medians of "
             f"{REPETITIONS} interleaved repetitions; the last column is speed relative to the same work in "
             "hand-written C++ (1 is as fast, 0.5 half as fast).", ""]
    lines += ["| | |", "|---|---|"] + [f"| {name} | {value} |" for name, value in machine(build)] + [""]
    ratio = []
    for program in programs:
        measured = run(program, sys.argv[2:])
        lines += section(program.name, measured)
        if {"monitor_t1/by_hand", "monitor_t1/interpreter"} <= measured.keys():
            ratio = [figure(measured["monitor_t1/interpreter"])[0] / figure(measured["monitor_t1/by_hand"])[0]]
    print("running the programs", file=sys.stderr)
    costs = bounds.measure(build)
    if ratio:  # not with a filter
        costs.insert(0, ("events per second of one core, interpreter, beside `by_hand`", "", ratio, ("≥", 1 / 3)))
    (REPORT / "bounds.json").write_text(json.dumps(
        [{"what": what, "unit": unit, "measured": values, "bound": bound} for what, unit, values, (_, bound) in costs],
        ensure_ascii=False, indent=1) + "\n")
    lines += bounds.section(costs)
    (REPORT / "REPORT.md").write_text("\n".join(lines))
    print(f"wrote {(REPORT / 'REPORT.md').relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
