"""Benchmark programs made with Google Benchmark: run them, and show medians beside the variant `by_…`. Used by report.py.

A benchmark is named GROUP/VARIANT. The variants of a group run interleaved in one process, so that their ratio holds
on a machine whose speed wanders; the variant of a name in BASES is what the others are compared with.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

from figures import quartiles, scaled

REPETITIONS = 15
BASES = ("by_hand", "by_call")
# By Google Benchmark; bench_kernels and bench_tiers have ways of their own.
OTHERS = ("bench_kernels", "bench_tiers")
SETTINGS = re.compile(r"/(min_time|min_warmup_time|iterations|repeats|threads|real_time|process_time|manual_time)(:[^/]*)?")
TO_NS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def programs(build):
    return sorted(path for path in (build / "bench").glob("bench_*")
                  if os.access(path, os.X_OK) and path.is_file() and path.name not in OTHERS)


def run(program, options):
    """One benchmark program: {name: [a repetition's measurement…]} in the order of the program."""
    print(f"running {program.name}", file=sys.stderr)
    with tempfile.NamedTemporaryFile(suffix=".json") as output:
        subprocess.run([program, f"--benchmark_out={output.name}", "--benchmark_out_format=json",
                        f"--benchmark_repetitions={REPETITIONS}", "--benchmark_enable_random_interleaving=true",
                        "--benchmark_display_aggregates_only=true", *options], check=True, stdout=sys.stderr)
        rows = [row for row in json.load(output)["benchmarks"] if row["run_type"] == "iteration"]
    measured = {}
    # Interleaving shuffles the rows, and Google Benchmark appends its settings to the names.
    for row in sorted(rows, key=lambda row: (row["family_index"], row["per_family_instance_index"])):
        measured.setdefault(SETTINGS.sub("", row["run_name"]), []).append(row)
    return measured


def figure(rows):
    """Events per second where the benchmark counts them, else nanoseconds a turn: (values, unit)."""
    if all("items_per_second" in row for row in rows):
        return [row["items_per_second"] for row in rows], "/s"
    return [row["cpu_time"] * TO_NS[row["time_unit"]] for row in rows], "ns"


def speed_beside(measured, name, base):
    """How fast `name` is, `base` being 1; nothing when either was not measured (a filter)."""
    if name not in measured or base not in measured:
        return None
    (values, unit), (base_values, base_unit) = figure(measured[name]), figure(measured[base])
    if unit != base_unit:
        return None
    median, base_median = quartiles(values)[1], quartiles(base_values)[1]
    return median / base_median if unit == "/s" else base_median / median


def base_of(name, measured):
    """What a benchmark is compared with; nothing for that one itself, and where there is none."""
    group, _, variant = name.rpartition("/")
    return next((f"{group}/{base}" for base in BASES if f"{group}/{base}" in measured and variant != base), None)


def section(program, measured):
    base = next((base for base in BASES if any(name.endswith("/" + base) for name in measured)), BASES[0])
    lines = [f"## {program}", "", f"| benchmark | median | middle half | beside `{base}` |", "|---|---:|---:|---:|"]
    for name, rows in measured.items():
        values, unit = figure(rows)
        low, median, high = quartiles(values)
        speed = speed_beside(measured, name, base_of(name, measured))
        beside = "" if speed is None else f"{speed:.2f}"
        lines.append(f"| {name} | {scaled(median)}{unit} | {scaled(low)} – {scaled(high)} | {beside} |")
    return lines + [""]
