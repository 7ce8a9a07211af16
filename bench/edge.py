"""EyeFlow beside a relay written in C, Python with paho and Node-RED, through one kind of broker, in one call.

Every peer has a mosquitto of its own and stays up; rounds go over all of them, back and forth, so that each round is a
pair for every two of them. Everything runs pinned to one core. Used by report.py, alone by `tools/dev bench edge`.
"""
import getpass
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from events.edge import node_red
from figures import quartiles, short

ROOT = pathlib.Path(__file__).resolve().parents[1]
PEERS = ROOT / "bench" / "events" / "edge"
ROUNDS, STARTS = 15, 7
RATE, LATENCY_S, WINDOW_S = 1000, 2.0, 1.0
FIRST_PORT = 18883
BROKER = """listener {port} 127.0.0.1
listener {tls_port} 127.0.0.1
certfile {folder}/server.pem
keyfile {folder}/server.key
allow_anonymous true
user {user}
set_tcp_nodelay true
max_queued_messages 100000
persistence false
log_type error
log_dest stderr
"""


def start(command, folder, name):
    with open(folder / f"{name}.log", "w") as log:
        return subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                cwd=folder)


def stop(process):
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def pss_mb(pid, what="Pss"):
    """Proportional memory; of it with `Pss_Anon` what is no page of a file."""
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    return None


def mosquitto():
    return "/usr/sbin/mosquitto" if os.access("/usr/sbin/mosquitto", os.X_OK) else "mosquitto"


class Bench:
    """The programs, and a folder for what they write."""

    def __init__(self, build, folder):
        self.load = build / "bench" / "edge_load"
        self.folder = folder
        self.running = []
        self.missing = {}
        self.make_certificates()
        self.make_bundle(build)
        relay = [build / "bench" / "edge_relay"]
        self.commands = {
            "C": lambda port, tls: relay + [port, "0"],
            "EyeFlow": lambda port, tls: self.eyeflow(build, port, tls),
            "Python": lambda port, tls: ["/usr/bin/python3", PEERS / "relay.py", port, "0"],
        }
        if subprocess.run(["/usr/bin/python3", "-c", "import paho.mqtt.client"], capture_output=True).returncode != 0:
            self.missing["Python"] = "python3-paho-mqtt is not installed"
            del self.commands["Python"]
        program = self.find_node_red()
        if program:
            self.commands["Node-RED"] = lambda port, tls: node_red.command(
                program, self.folder / f"node-red-{port}", port, 0, 18780 + port % 100)
        else:
            self.missing["Node-RED"] = ("not found: npm install node-red in a folder outside of the repository, and "
                                        "EYEFLOW_NODE_RED=FOLDER")

    @staticmethod
    def find_node_red():
        folder = os.environ.get("EYEFLOW_NODE_RED")
        if not folder or not shutil.which("node"):
            return None
        program = pathlib.Path(folder) / "node_modules" / "node-red" / "red.js"
        return program if program.exists() else None

    def quietly(self, *command):
        subprocess.run([str(part) for part in command], check=True, cwd=self.folder, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)

    def make_certificates(self):
        self.quietly("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", "server.key", "-out", "server.pem", "-days", "2", "-subj", "/CN=edge",
                     "-addext", "subjectAltName=IP:127.0.0.1")

    def make_bundle(self, build):
        compiler = build / "tools" / "eyeflowc"
        self.quietly(compiler, "keygen", "-o", "key")
        self.quietly(compiler, "build", ROOT / "examples" / "relay.eft", "-o", "relay.efb", "--key", "key")

    def eyeflow(self, build, port, tls):
        """The example's site, on another broker and with a store of its own."""
        site = (ROOT / "examples" / "relay.toml").read_text()
        address = f'"mqtts://127.0.0.1:{tls}"\nca_file = "server.pem"' if tls else f'"mqtt://127.0.0.1:{port}"'
        site = site.replace('"mqtt://127.0.0.1:1883"', address)
        site = site.replace('"relay-data"', f'"data-{port}{"-tls" if tls else ""}"')
        path = self.folder / f"site-{port}{'-tls' if tls else ''}.toml"
        path.write_text(site)
        return [build / "tools" / "eyeflow-vm", "run", "--site", path, "--key", self.folder / "key.pub"]

    def start_broker(self, port, tls_port):
        config = self.folder / f"broker-{port}.conf"
        config.write_text(BROKER.format(port=port, tls_port=tls_port, folder=self.folder,
                                        user=getpass.getuser()))
        process = start([mosquitto(), "-c", config], self.folder, f"broker-{port}")
        self.running.append(process)
        return process

    def start_peer(self, name, port, tls=None):
        process = start(self.commands[name](port, tls), self.folder, f"{name}-{port}")
        self.running.append(process)
        return process

    def run_load(self, mode, port, pid, **options):
        command = [self.load, "--mode", mode, "--port", port, "--pid", pid]
        for key, value in options.items():
            command += [f"--{key}", value]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"edge_load {mode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def first_alarm_ms(self, name, port):
        """From the start of the process to its first alarm."""
        load = subprocess.Popen([str(self.load), "--mode", "first", "--port", str(port)], stdout=subprocess.PIPE,
                                text=True)
        load.stdout.readline()
        begin = time.monotonic_ns()
        peer = self.start_peer(name, port)
        answer = json.loads(load.stdout.readline())
        load.wait()
        stop(peer)
        return (answer["first_alarm_ns"] - begin) / 1e6 if answer["first_alarm_ns"] else None

    def stop_all(self):
        for process in reversed(self.running):
            stop(process)
        self.running.clear()


def wait_until_it_works(bench, name, port, pid):
    """A peer counts from its first good round on; one that never has one says why in its log."""
    for _ in range(8):
        seen = bench.run_load("latency", port, pid, seconds=0.2, rate=200, hot=50)
        if seen["alarms"] == seen["hot"] and seen["uploaded"] == seen["events"]:
            return
        time.sleep(0.5)
    log = (bench.folder / f"{name}-{port}.log").read_text()[-2000:]
    raise RuntimeError(f"{name} does not do what a relay is to do: {seen}\n{log}")


def rounds(bench, count):
    """{peer: {what: values}}, one value a round."""
    ports = {name: FIRST_PORT + 2 * n for n, name in enumerate(bench.commands)}
    peers, found = {}, {name: {} for name in ports}
    for name, port in ports.items():
        bench.start_broker(port, port + 1)
        time.sleep(0.3)
        peers[name] = bench.start_peer(name, port)
    for name, port in ports.items():
        wait_until_it_works(bench, name, port, peers[name].pid)

    def keep(name, key, value):
        found[name].setdefault(key, []).append(value)

    for number in range(count):
        for name in (list(ports) if number % 2 == 0 else list(ports)[::-1]):
            port, pid = ports[name], peers[name].pid
            seen = bench.run_load("latency", port, pid, seconds=LATENCY_S, rate=RATE, hot=20)
            for key in ("p50_us", "p99_us", "cpu_us", "late_p99_us"):
                keep(name, key, seen[key])
            lost = seen["hot"] - seen["alarms"] + seen["events"] - seen["uploaded"]
            seen = bench.run_load("window", port, pid, seconds=WINDOW_S, window=50, hot=10)
            keep(name, "per_second", seen["per_second"])
            keep(name, "busy_cpu_us", seen["cpu_us"])
            keep(name, "lost", lost + seen["hot"] - seen["alarms"] + seen["events"] - seen["uploaded"])
            keep(name, "duplicates", seen["duplicates"])
            keep(name, "pss_mb", pss_mb(pid))
        print(f"  round {number + 1} of {count}", file=sys.stderr)
    bench.stop_all()
    return found


def starts(bench, found, count):
    port = FIRST_PORT + 50
    bench.start_broker(port, port + 1)
    time.sleep(0.3)
    for number in range(count):
        for name in bench.commands:
            if name == "Node-RED" and number >= 3:
                continue  # seconds each
            found[name].setdefault("first_alarm_ms", []).append(bench.first_alarm_ms(name, port))
    bench.stop_all()


def memory(bench, found):
    """Idle with a connection over TLS and the store open; the load comes over the plain listener."""
    port = FIRST_PORT + 60
    bench.start_broker(port, port + 1)
    time.sleep(0.3)
    for name in ("EyeFlow",):
        peer = bench.start_peer(name, port, port + 1)
        time.sleep(2)
        found[name]["tls_idle_pss_mb"] = [pss_mb(peer.pid)]
        found[name]["tls_idle_own_mb"] = [pss_mb(peer.pid, "Pss_Anon")]
        for _ in range(3):
            bench.run_load("latency", port, peer.pid, seconds=1, rate=RATE, hot=20)
            bench.run_load("window", port, peer.pid, seconds=1, window=50, hot=10)
        found[name]["tls_load_pss_mb"] = [pss_mb(peer.pid)]
        found[name]["tls_load_own_mb"] = [pss_mb(peer.pid, "Pss_Anon")]
    bench.stop_all()


def measure(build, count=ROUNDS):
    """{"peers": {peer: {what: values}}, "missing": {peer: why}, …}"""
    core = min(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        bench = None
        try:
            bench = Bench(build, pathlib.Path(folder))
            os.sched_setaffinity(0, {core})  # and with it everything that is started from here
            found = rounds(bench, count)
            starts(bench, found, STARTS)
            memory(bench, found)
        finally:
            os.sched_setaffinity(0, before)
            if bench:
                bench.stop_all()
        return {"peers": found, "missing": bench.missing, "rounds": count, "rate": RATE}


def ratios(edge, key, name, to="C"):
    """One for each round."""
    peers = edge["peers"]
    return [a / b for a, b in zip(peers[name][key], peers[to][key]) if b]


def bound_figures(edge):
    """What bounds.py asks."""
    ours = edge["peers"]["EyeFlow"]
    return {"edge_latency": ratios(edge, "p50_us", "EyeFlow"), "edge_cpu": ratios(edge, "cpu_us", "EyeFlow"),
            "edge_throughput": ratios(edge, "per_second", "EyeFlow"), "edge_idle_mb": ours["tls_idle_pss_mb"],
            "edge_load_mb": ours["tls_load_pss_mb"]}


NOTE = """From a sensor's event to the alarm and to the far side, through mosquitto on loopback, everything pinned to one core: publisher, broker,
relay, listener and far side. Events of about 115 bytes of JSON, every one uploaded in batches of 100 or a second, an alarm
for those above 80. Medians of {rounds} rounds over all relays, in turn; at {rate:,} events a second (a fifth of them
alarms), and saturated (a tenth alarms, 50 outstanding). CPU is of the relay's process alone, uploads included. EyeFlow also
commits every event to its encrypted store before it is uploaded; the others keep events in memory. Lost: alarms or uploads
that did not come; the others' events are uploaded as they came, EyeFlow's as rows of number and temperature, of the same size."""

ROWS = [("p50_us", "publish to alarm, median, µs"), ("p99_us", "publish to alarm, 99 of 100, µs"),
        ("cpu_us", "CPU an event, µs"), ("per_second", "events a second, saturated"),
        ("busy_cpu_us", "CPU an event, saturated, µs"), ("pss_mb", "memory (PSS) after load, MB"),
        ("first_alarm_ms", "process start to first alarm, ms")]


def section(edge):
    names = list(edge["peers"])
    lines = ["## Edge: sensor to alarm", "", NOTE.format(**edge), ""]
    lines += ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for key, what in ROWS:
        cells = []
        for name in names:
            values = [value for value in edge["peers"][name].get(key, []) if value is not None]
            cells.append(short(statistics.median(values)) if values else "")
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    lost = [sum(edge["peers"][name]["lost"]) for name in names]
    lines.append("| lost, all rounds | " + " | ".join(f"{value:,}" for value in lost) + " |")
    ours = edge["peers"]["EyeFlow"]
    lines += ["", f"EyeFlow with TLS to the broker and its store open: {short(ours['tls_idle_pss_mb'][0])} MB PSS idle, "
              f"{short(ours['tls_load_pss_mb'][0])} MB after load. Of that, {short(ours['tls_idle_own_mb'][0])} and "
              f"{short(ours['tls_load_own_mb'][0])} MB are its own; the rest are pages of the program and of libraries.", "",
              "Ratios round by round, EyeFlow ÷ the other: median (middle half).", "",
              "| | " + " | ".join(name for name in names if name != "EyeFlow") + " |", "|---|" + "---:|" * (len(names) - 1)]
    for key, what in ROWS:
        if key == "first_alarm_ms":
            continue
        cells = []
        for name in names:
            if name == "EyeFlow":
                continue
            low, median, high = quartiles(ratios(edge, key, "EyeFlow", name))
            cells.append(f"**{short(median)}** ({short(low)} – {short(high)})")
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    lines += [f"\n{name}: {why}." for name, why in edge["missing"].items()]
    return lines + [""]
