"""The kernels in every tier and in the peers, beside C, in rounds: each round measures each way once. Used by report.py.

The measured programs all wait on stdin and answer one question at a time, pinned to one core, so that only one of them
runs; bench/kernels/peers/README.md says what is asked.
"""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

from figures import geomean, quartiles

HERE = pathlib.Path(__file__).resolve().parent / "kernels"
ROOT = HERE.parents[1]
ROUNDS = 15
LEAST_MS = 3
CORE = 0
LIMIT = "clang-19 -O3 -march=native -ffp-contract=off"
TO_WASM = ("clang-19 --target=wasm32 -O3 -nostdlib -ffp-contract=off -mbulk-memory -mnontrapping-fptoint -Wl,--no-entry "
           "-Wl,--strip-all -Wl,--export-all -Wl,-z,stack-size=262144").split()
ARRAY_AS_LOOPS = "_loops"  # what a peer without array operations runs for an array kernel


class Way:
    """A process that answers; `prefix` stands before the kernel's name in a question."""

    def __init__(self, name, process, prefix="", interprets=False, in_doubles=False):
        self.name, self.process, self.prefix = name, process, prefix
        self.interprets, self.in_doubles = interprets, in_doubles

    def ask(self, kernel, what):
        self.process.stdin.write(f"{self.prefix}{kernel} {what}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit(f"{self.name} ended when it was asked for {kernel}")
        return None if answer == "none" else answer


def started(command):
    def pin():
        try:
            os.sched_setaffinity(0, {CORE})
        except OSError:
            pass  # fewer cores than we think: unpinned, then

    return subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            preexec_fn=pin, cwd=ROOT)


def ours(build):
    """(C and the tiers as ways, {kernel: kind} in the order of bench/kernels/CMakeLists.txt)"""
    process = started([build / "bench" / "bench_kernels", "--serve", "--core", str(CORE)])
    first = process.stdout.readline().split()
    variants = process.stdout.readline().split()
    if first[:1] != ["kernels"]:
        raise SystemExit("bench_kernels does not start: its kernels differ from C, or do not compile (see above)")
    return [Way(name, process, name + " ") for name in variants[1:]], dict(word.split(":") for word in first[1:])


def make_wasm(folder):
    """kernels.wasm and kernels_simd.wasm, or nothing where clang has no linker for them."""
    sources = [path for path in sorted(HERE.glob("*.c")) if "<stdio.h>" not in path.read_text()]
    made = []
    for name, options in (("kernels.wasm", []), ("kernels_simd.wasm", ["-msimd128"])):
        command = [*TO_WASM, *options, f"-I{ROOT}", *sources, "-o", folder / name]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None, None
        made.append(folder / name)
    return made


def peers(folder):
    """(ways, {name: why it is not here})"""
    plain, simd = make_wasm(folder)
    from_sources = "built from its sources: bench/kernels/peers/README.md"
    # name, program, its arguments, where it comes from, whether it interprets, whether it knows only doubles
    wanted = [
        ("wasm3", os.environ.get("EYEFLOW_WASM3"), [plain], from_sources, True, False),
        ("WAMR", os.environ.get("EYEFLOW_WAMR"), [plain], from_sources, True, False),
        ("LuaJIT -joff", "luajit", ["-joff", "kernels.lua"], "package luajit", True, True),
        ("Python", "python3", ["kernels.py"], "package python3", True, True),
        ("LuaJIT", "luajit", ["kernels.lua", "ffi"], "package luajit", False, True),
        ("V8 Liftoff", "node", ["--liftoff-only", "wasm.js", simd], "package nodejs", False, False),
        ("V8 TurboFan", "node", ["--no-liftoff", "wasm.js", simd], "package nodejs", False, False),
        ("Node", "node", ["kernels.js"], "package nodejs", False, False),
    ]
    ways, missing = [], {}
    for name, program, words, source, interprets, in_doubles in wanted:
        if not program or not shutil.which(program):
            missing[name] = f"not installed ({source})"
        elif None in words:
            missing[name] = "no kernels.wasm (packages clang-19, lld-19)"
        else:
            words = [HERE / "peers" / word if str(word).startswith(("kernels.", "wasm.")) else word for word in words]
            ways.append(Way(name, started([program, *words]), "", interprets, in_doubles))
    return ways, missing


def number(bits):
    return struct.unpack(">d", bytes.fromhex(bits))[0]


def same_work(way, kernel, asked, expected):
    """Whether the way's `check` is that of C: to the bit, or nearly, where its numbers or its algorithm are others."""
    found = way.ask(asked, "check")
    if found is None:
        return False
    close = abs(number(found) - number(expected)) <= 1e-4 * abs(number(expected))
    exact = not way.in_doubles and asked == kernel
    if found != expected and (exact or not close):
        raise SystemExit(f"{way.name}: {asked} gives {number(found)!r}, but C gives {number(expected)!r}")
    return True


def measure_kernel(kernel, kind, own, others, rounds):
    """{way: [ns a run, by round]}"""
    asked = {way: kernel for way in own}
    expected = own[0].ask(kernel, "check")
    for way in others:
        for name in (kernel, kernel + ARRAY_AS_LOOPS):
            if same_work(way, kernel, name, expected):
                asked[way] = name
                break
    values = {way.name: [] for way in asked}
    for _ in range(rounds):
        for way, name in asked.items():
            values[way.name].append(float(way.ask(name, LEAST_MS)))
    return values


def summary(rows, way, interpreters):
    """What the issue of a tier is: means and the worst kernel of ratios to C, and beside the best interpreter."""
    counted = [row for row in rows if row["kind"] in ("scalar", "array") and way in row["ratio"]]
    result = {}
    for key, kinds in (("geomean", ("scalar", "array")), ("scalar_geomean", ("scalar",)), ("array_geomean", ("array",)),
                       ("extra_geomean", ("extra",)), ("loops_geomean", ("loops",))):
        ratios = [row["ratio"][way]["median"] for row in rows if row["kind"] in kinds and way in row["ratio"]]
        result[key] = geomean(ratios) if ratios else None
    if not counted:
        return result
    worst = max(counted, key=lambda row: row["ratio"][way]["median"])
    result["worst"], result["worst_kernel"] = worst["ratio"][way]["median"], worst["name"]
    beside = {}
    for row in counted:
        others = [row["ns"][name]["median"] for name in interpreters if name in row["ns"]]
        if others:
            beside[row["name"]] = row["ns"][way]["median"] / min(others)
    if beside:
        worst = max(beside, key=beside.get)
        result["vs_best_interpreter_peer"] = {"geomean": geomean(beside.values()), "worst": beside[worst],
                                              "worst_kernel": worst, "kernels": beside}
    return result


def measure(build, rounds=ROUNDS, chosen=lambda kernel: True):
    """Everything about the kernels, as `tools/dev bench kernels --json FILE` writes it."""
    with tempfile.TemporaryDirectory() as folder:
        own, kinds = ours(build)
        others, missing = peers(pathlib.Path(folder))
        rows = []
        for kernel, kind in kinds.items():
            if not chosen(kernel):
                continue
            print(f"kernel {kernel}", file=sys.stderr)
            values = measure_kernel(kernel, kind, own, others, rounds)
            row = {"name": kernel, "kind": kind, "ns": {}, "ratio": {}}
            for name, ns in values.items():
                ratios = [value / limit for value, limit in zip(ns, values["c"])]
                row["ns"][name] = dict(zip(("low", "median", "high"), quartiles(ns)))
                if name != "c":
                    row["ratio"][name] = dict(zip(("low", "median", "high"), quartiles(ratios)))
            rows.append(row)
        for way in {way.process: way for way in own + others}.values():
            way.process.stdin.close()
            way.process.wait()
    interpreters = [way.name for way in others if way.interprets]
    return {
        "limit": LIMIT,
        "rounds": rounds,
        "tiers": {way.name: summary(rows, way.name, interpreters) for way in own[1:]},
        "peers": {way.name: {"interprets": way.interprets, **summary(rows, way.name, [])} for way in others},
        "missing": missing,
        "kernels": rows,
    }
