"""What must hold, and where it does not: why. A bound is one row here; report.py brings the measured values by its key.

`why` is shown only where the bound is missed. It says what is known of the cause; the figure says by how much.
"""
from dataclasses import dataclass

from figures import quartiles, short


@dataclass
class Bound:
    key: str
    what: str
    unit: str
    relation: str  # "<", "≤" or "≥"
    bound: float
    why: str = ""

    def holds(self, value):
        return {"<": value < self.bound, "≤": value <= self.bound, "≥": value >= self.bound}[self.relation]


EDGE = "Edge, beside the same relay in C"
GROUPS = {
    "Tiers, beside C": [
        Bound("baseline_geomean", "baseline, geometric mean of the kernels", "", "≤", 1.5),
        Bound("baseline_worst", "baseline, worst kernel", "", "≤", 3),
        Bound("interpreter_scalar", "interpreter, geometric mean of scalar kernels", "", "≤", 6,
              "On `scan_json` and `calls` C keeps all in registers and predicts its branches; each of our instructions is an indirect jump of its own."),
        Bound("interpreter_array", "interpreter, geometric mean of array kernels", "", "≤", 1.5),
        Bound("interpreter_peer", "interpreter ÷ the best interpreter peer of each kernel, geometric mean", "", "≤", 0.7,
              "WebAssembly comes out of clang -O3, with small arrays in registers. What is left of ours is one jump an instruction: products of whole numbers that are added take two, a byte is widened by instructions of its own."),
        Bound("interpreter_peer_worst", "interpreter ÷ the best interpreter peer, worst kernel", "", "≤", 1.2,
              "Arrays of a few elements, as of `biquads`, are registers in the peer's module and memory in ours; sums of products of whole numbers, as in `calls`, take two instructions each."),
        Bound("json_to_alarm", "events per second of one core, JSON to alarm, interpreter ÷ by hand", "", "≥", 1 / 3),
        Bound("json_to_alarm_baseline", "the same, baseline ÷ by hand", "", "≥", 0.8,
              "Compiled code is a small part of an event; the rest, alarms, effects and their release at the handler's end, is the same in every tier."),
    ],
    "Loading": [
        Bound("baseline_speed", "baseline compiles a large task, million instructions of bytecode a second", "M/s", "≥", 5,
              "One pass analyses the bytecode, one emits; most of the time goes to finding values and places for them."),
        Bound("baseline_prepare_us", "baseline compiles monitor_t1", "µs", "<", 100),
        Bound("baseline_ready_ms", "bundle of monitor_t1, from checking its signature to ready, baseline", "ms", "≤", 1),
        Bound("interpreter_ready_ms", "the same, interpreter", "ms", "≤", 1),
    ],
    "Beside native code": [
        Bound("baseline_call_floor", "a call of the intrinsic math.floor, baseline ÷ C++", "", "≤", 2),
        Bound("baseline_call_exp", "a call of the intrinsic math.exp, baseline ÷ C++", "", "≤", 2),
    ],
    "Whole arrays": [
        Bound("array_kernels", "kernels on whole arrays ÷ a loop of intrinsics written by hand, worst", "", "≤", 1.1,
              "Where a sum or product may be a NaN, the kernel looks at each result, which the loop by hand does not."),
        Bound("fft_kissfft", "our Fourier transform ÷ KissFFT, worst of 1,024 and 1,000 points", "", "≤", 1),
    ],
    "Memory": [
        Bound("baseline_mb", "what the baseline adds to the daemon", "MB", "≤", 2),
        Bound("instance_bytes", "an instance of monitor_t1, beyond its own data", "bytes", "≤", 4096),
    ],
    EDGE: [
        Bound("edge_latency", "publish to alarm through a broker at 1,000 events a second, median, EyeFlow ÷ C", "", "≤", 1.15),
        Bound("edge_cpu", "CPU an event at 1,000 events a second, upload included, EyeFlow ÷ C", "", "≤", 1.3,
              "At this rate most of an event is the wake-up on cold caches, in C as well, and the thread that decides takes about what C's takes. Beyond it ours does what C does not do: rows are sealed in blocks, committed and deleted again, encoded, and their batches signed."),
        Bound("edge_throughput", "events a second, saturated, EyeFlow ÷ C", "", "≥", 0.8,
              "Everything shares one core: what sealing, committing and encoding each event takes is not there for the broker."),
        Bound("edge_idle_mb", "memory (PSS) idle, with TLS to the broker and the store open", "MB", "≤", 9,
              "Beside its own memory it is pages of program and libraries that are in use; EDGE.md says how much is its own."),
        Bound("edge_load_mb", "the same after load", "MB", "≤", 12,
              "As above."),
    ],
    "Storage": [
        Bound("store_rows", "rows durable and sealed, 100 a commit, in both files with state", "rows/s", "≥", 80_000),
    ],
    "Programs": [
        Bound("first_event_ms", "`eyeflow-vm`, process start to the alarm of the first reading", "ms", "<", 20),
        Bound("instances_mb", "1,000 further instances of monitor_t1, resident", "MB", "<", 10),
        Bound("build_ms", "`eyeflowc build examples/monitor_t1.eft`", "ms", "<", 40),
        Bound("check_1000_ms", "`eyeflowc check` of a task of 1,000 lines, beyond the start of the process", "ms", "<", 50),
        Bound("build_200_ms", "`eyeflowc build` of a task of 200 lines, beyond the start of the process", "ms", "<", 15,
              "Most of it is the parser's, which finds its way through the grammar anew in each process."),
        Bound("bundle_kb", "bundle of monitor_t1, signed", "KB", "<", 4),
        Bound("daemon_mb", "`eyeflow-vm`, stripped", "MB", "<", 4),
    ],
}


def rows(measured):
    """Each bound with its state: {group, what, unit, relation, bound, measured, median, holds, why}."""
    for group, bounds in GROUPS.items():
        for bound in bounds:
            values = measured.get(bound.key)
            low, median, high = quartiles(values) if values else (None,) * 3
            holds = bound.holds(median) if values else None
            yield {"group": group, "key": bound.key, "what": bound.what, "unit": bound.unit, "relation": bound.relation,
                   "bound": bound.bound, "measured": values or [], "low": low, "median": median, "high": high,
                   "holds": holds, "why": bound.why if holds is False else ""}


def by_how_much(row):
    factor = row["median"] / row["bound"] if row["relation"] != "≥" else row["bound"] / row["median"]
    return f"by a factor of {factor:.2f}"


def limit(row):
    """"≥ 80,000 rows/s"."""
    number = f"{row['bound']:,.0f}" if row["bound"] >= 1000 else f"{row['bound']:.4g}"
    return f"{row['relation']} {number}{row['unit'] and ' ' + row['unit']}"


def section(rows):
    """The bounds as Markdown; those of one group below each other."""
    lines, group = ["## Bounds", ""], None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            lines += [""] * (len(lines) > 2) + [f"| {group} | median | middle half | bound | |", "|---|---:|---:|---:|---|"]
        unit = row["unit"] and " " + row["unit"]
        bound = limit(row)
        if row["holds"] is None:
            lines.append(f"| {row['what']} | | | {bound} | not measured |")
            continue
        spread = f"{short(row['low'])} – {short(row['high'])}" if len(row["measured"]) > 1 else ""
        state = "holds" if row["holds"] else f"**missed** {by_how_much(row)}. {row['why']}".strip()
        lines.append(f"| {row['what']} | {short(row['median'])}{unit} | {spread} | {bound} | {state} |")
    return lines + [""]
