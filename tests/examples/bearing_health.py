#!/usr/bin/env python3
"""The bearing example on a made-up machine, from the repository's root.

  bearing_health.py EYEFLOWC   runs it, and fails when its readings beside the example are not those that --write writes
  bearing_health.py --write    writes what the example's tests feed: one window while all is well, and one of a worn bearing

For 90 s it shakes at 12 Hz; then a bearing begins to hum at 31 Hz. The windows of the first minute are learned, the next
three are normal, and every one after that must say 31 Hz.
"""
import math
import pathlib
import subprocess
import sys
import tempfile

RATE, SECONDS, FAULT = 100, 130, 90


def samples():
    seed = 1
    for n in range(RATE * SECONDS):
        seed = (seed * 1103515245 + 12345) % 2**31
        noise = seed / 2**31 - 0.5
        t = n / RATE
        value = 9.81 + math.sin(2 * math.pi * 12 * t) + 0.2 * noise
        if t >= FAULT:
            value += 1.5 * math.sin(2 * math.pi * 31 * t)
        yield n * 1000 // RATE, value


def window(second):
    """Ten seconds as the example's tests feed them."""
    values = [value for _, value in samples()][RATE * second:RATE * (second + 10)]
    return "vib [m/s²]\n" + "".join(f"{value:.3f}\n" for value in values)


def main():
    files = {"healthy": window(0), "worn": window(FAULT)}
    for name, text in files.items():
        path = pathlib.Path(f"examples/vibration_{name}.csv")
        if sys.argv[1] == "--write":
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path} is not what bearing_health.py --write writes")
    if sys.argv[1] == "--write":
        return
    eyeflowc = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        replay = pathlib.Path(folder) / "vibration.csv"
        replay.write_text("".join(f"{ms},vib,{value:.6f}\n" for ms, value in samples()))
        run = subprocess.run([eyeflowc, "run", "examples/bearing_health.eft", "--replay", replay, "--until",
                              f"{SECONDS + 1} s"], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stdout + run.stderr)
    effects = [line.split(",") for line in run.stdout.splitlines()[1:]]
    raised = [float(time) for time, output, value in effects if (output, value) == ("alarm.changed", "raised")]
    rows = [(float(time), value) for time, output, value in effects if output == "maintenance.dominant"]
    fault_ms = 1000 * (FAULT + 10)
    if raised != [fault_ms] or len(rows) < 3 or rows[0][0] != fault_ms or any(value != "31.0" for _, value in rows):
        sys.exit("expected one alarm, and rows that say 31 Hz, from 100 s on:\n" + run.stdout + run.stderr)


if __name__ == "__main__":
    main()
