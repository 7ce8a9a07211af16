"""What the programs themselves cost: time to the first event, memory, time to compile, sizes. Used by report.py.

Each figure is measured with the real programs of a build folder, on a task and a site made here in a temporary folder.
"""
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TASK = ROOT / "examples" / "monitor_t1.eft"
RUNS = 30
INSTANCES = 1000

SITE = """
[device]
name = "bench"

[sensor."T{{1..{sensors}}}"]
{source}
unit = "°C"

[switch."siren_T{{1..{sensors}}}"]
to   = "console"
safe = "off"

[log.history]
to = "none"

[alarms]
to = "console"

[[run]]
bundle = "monitor_t1.efb"
each   = {{ t1 = "T*" }}
bind   = {{ siren = "siren_{{t1}}", history = "history" }}
"""


class Programs:
    """A build's programs, and a signed bundle to run."""

    def __init__(self, build, folder):
        self.eyeflowc, self.eyeflow_vm = (build / "tools" / name for name in ("eyeflowc", "eyeflow-vm"))
        for program in (self.eyeflowc, self.eyeflow_vm):
            if not os.access(program, os.X_OK):
                raise SystemExit(f"{program} is missing: build it first (tools/dev build)")
        self.folder = folder
        self.key, self.bundle = folder / "bench.key", folder / "monitor_t1.efb"
        self.quietly(self.eyeflowc, "keygen", "-o", self.key)
        self.compile()

    def quietly(self, *command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def compile(self):
        self.quietly(self.eyeflowc, "build", TASK, "-o", self.bundle, "--key", self.key)

    def run(self, sensors, source, *options):
        """Starts the daemon on `sensors` instances; the caller ends it."""
        site = self.folder / "site.toml"
        site.write_text(SITE.format(sensors=sensors, source=source))
        return subprocess.Popen([self.eyeflow_vm, "run", "--site", site, "--key", f"{self.key}.pub", "--for", "1 min",
                                 *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.folder)


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


def milliseconds(function):
    values = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        done = function()
        values.append((time.perf_counter() - begin) * 1e3)
        if done is not None:
            end(done)
    return values


def first_event_ms(programs):
    """From the start of the process to the alarm that its first reading raises, as it arrives at the other end."""
    (programs.folder / "readings.csv").write_text("0,T1,86\n")

    def once():
        process = programs.run(1, 'from = "replay"\nfile = "readings.csv"\nspeed = 0.0')
        for line in process.stdout:
            if b"86" in line:
                return process
        raise SystemExit("the daemon ended without an alarm for its first reading")

    return milliseconds(once)


def resident_kb(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit("the daemon ended while its memory was measured")


def memory_mb(programs):
    """What 1,000 further instances add, each with its sensor and its switch, once each has had readings."""
    def settled(sensors):
        process = programs.run(sensors, 'from = "simulate"\nsimulate = { base = "70 °C", period = "200 ms" }')
        try:
            time.sleep(1.5)
            return resident_kb(process)
        finally:
            end(process)

    return [(settled(1 + INSTANCES) - settled(1)) / 1024 for _ in range(5)]


def generated_task(lines):
    """A task of about that many lines, as plants have them: sensors with alarms, handlers with arithmetic, a log."""
    parts = ["task generated {", "  output history : log { value: f64, at: time }"]
    for n in range((lines - 3) // 10):
        parts += [f"  input s{n} : °C at 1 Hz",
                  f"  output lamp{n} : switch = off",
                  f"  state mean{n} : °C = 20 °C",
                  f"  alarm hot{n} \"sensor {n} is {{s{n}:.1 °C}}\" when s{n} > {60 + n % 30} °C clear below 50 °C drives lamp{n}",
                  f"  on s{n} as t{n} {{",
                  f"    let d{n} = t{n} - mean{n}",
                  f"    mean{n} = mean{n} + 0.1 * d{n}",
                  f"    if abs(d{n}) > 5 K {{ history.send(value: d{n} / 1 K, at: event.time) }}",
                  "  }", ""]
    return "\n".join([*parts, "}", ""])


def compile_ms(programs):
    """What checking 1,000 lines and building 200 take, beyond the start of the process."""
    large, small = programs.folder / "large.eft", programs.folder / "small.eft"
    large.write_text(generated_task(1000))
    small.write_text(generated_task(200))
    start = statistics.median(milliseconds(lambda: programs.quietly(programs.eyeflowc, "--version")))
    check = milliseconds(lambda: programs.quietly(programs.eyeflowc, "check", large))
    build = milliseconds(lambda: programs.quietly(programs.eyeflowc, "build", small, "-o", programs.folder / "small.efb",
                                                  "--key", programs.key))
    return {"check_1000_ms": [ms - start for ms in check], "build_200_ms": [ms - start for ms in build]}


def mapped_kb(process, library):
    """Resident pages of a shared library."""
    total, inside = 0, False
    for line in pathlib.Path(f"/proc/{process.pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(":")
        if " " in name or "-" in name:  # the head of a mapping: addresses first
            inside = library in line
        elif name == "Rss" and inside:
            total += int(rest.split()[0])
    return total


def baseline_mb(programs):
    """What a daemon with the baseline tier has resident beyond one that interprets, whose share of the assembler's
    library counts as well."""
    def settled(tier):
        process = programs.run(1, 'from = "simulate"\nsimulate = { base = "70 °C", period = "50 ms" }', "--tier", tier)
        try:
            time.sleep(1)
            return resident_kb(process), mapped_kb(process, "asmjit")
        finally:
            end(process)

    values = []
    for _ in range(5):
        (interpreting, library), (compiling, _) = settled("interpreter"), settled("baseline")
        values.append((compiling - interpreting + library) / 1024)
    return values


def stripped_mb(programs):
    stripped = programs.folder / "stripped"
    programs.quietly("strip", "-o", stripped, programs.eyeflow_vm)
    return [stripped.stat().st_size / 1e6]


def tiers(build, programs):
    """What bench_tiers measures on the bundle: {tier: {what: values}}."""
    output = subprocess.run([build / "bench" / "bench_tiers", programs.bundle, f"{programs.key}.pub"], check=True,
                            capture_output=True, text=True).stdout
    return json.loads(output)


def of_tiers(measured):
    """The same by the keys of bounds.py."""
    figures = {"instance_bytes": measured["engine"]["instance_overhead_bytes"]}
    for tier, values in measured.items():
        if tier == "engine":
            continue
        figures[f"{tier}_ready_ms"] = [us / 1e3 for us in values["ready_us"]]
        figures[f"{tier}_prepare_us"] = values["prepare_us"]
        figures[f"{tier}_speed"] = [per_s / 1e6 for per_s in values["instructions_per_s"]]
        for name in ("floor", "exp"):
            figures[f"{tier}_call_{name}"] = values[f"call math.{name}.f64"]
    return figures


def measure(build):
    """{key of bounds.py: measured values}"""
    with tempfile.TemporaryDirectory() as folder:
        programs = Programs(build, pathlib.Path(folder))
        return {
            **of_tiers(tiers(build, programs)),
            "first_event_ms": first_event_ms(programs),
            "instances_mb": memory_mb(programs),
            "baseline_mb": baseline_mb(programs),
            "build_ms": milliseconds(programs.compile),
            **compile_ms(programs),
            "bundle_kb": [programs.bundle.stat().st_size / 1e3],
            "daemon_mb": stripped_mb(programs),
        }
