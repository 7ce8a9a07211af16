#!/usr/bin/env python3
"""Pins on a real GPIO chip: a button and two lamps on the PL061 of an AArch64 machine (machine.py).

  pins.py EYEFLOWC ARM64_BUILD SYSROOT MACHINE

The button is the machine's power button, line 3 of the chip, pressed from outside. What the lamps stand at is read from
the chip's data register, also from outside: neither goes through the programs under test.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from machine import Machine, with_libraries

TASK = """\
task press {
  input button: bool
  output lamp: switch = off
  output horn: switch = off
  output presses: log { count: int, down: bool }
  state count: int = 0
  state lit: bool = false
  on button {
    if button {
      count = count + 1
      lit = not lit
      lamp.set(lit)
      horn.set(lit)
    }
    presses.send(count: count, down: button)
  }
}
"""

SITE = """\
[device]
name = "machine"

[sensor.button]
gpio = { chip = "gpiochip0", line = 3, debounce = "5 ms" }

[switch.lamp]
gpio = { chip = "gpiochip0", line = 5 }

[switch.horn]
gpio = { chip = "gpiochip0", line = 6, active = "low" }

[log.presses]
to = "console"

[alarms]
to = "none"

[[run]]
bundle = "/press.efb"
bind = { button = "button", lamp = "lamp", horn = "horn", presses = "presses" }
"""

# The button springs back 100 ms after it was pressed: for 20 ms of debounce it was pressed and let go, for 1 s it was a
# spike. The chip has no line 99.
PRESSED, SPIKE = (
    SITE.replace('debounce = "5 ms"', f'edge = "rising", debounce = "{settle}"').replace("line = 6", "line = 99")
    for settle in ("20 ms", "1 s"))

LAMP, HORN = 1 << 5, 1 << 6
RUN = "eyeflow-vm run /press.efb --site /site.toml --key /key.pub"


def pins(machine):
    """The levels of the chip's lines: PL061 data register, all lines (Arm DDI 0190B, 3.3.1)."""
    return int(machine.ask("xp /1xw 0x90303fc").split(": ")[-1].split()[0], 16)


def expect(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, expected {wanted!r}")
    print(f"ok: {what}")


def press(machine, count):
    start = len(machine.seen)
    machine.ask("system_powerdown")
    # It springs back by itself. Pressed again before the task has seen that, it would only have bounced.
    machine.wait_for(rf'presses.*count={count} down=true(.|\n)*presses.*count={count} down=false', start)


def main():
    eyeflowc, build, sysroot, machine_folder = map(pathlib.Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        (folder / "press.eft").write_text(TASK)
        subprocess.run([eyeflowc, "keygen", "-o", folder / "key"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([eyeflowc, "build", folder / "press.eft", "-o", folder / "press.efb", "--key", folder / "key"],
                       check=True, stdout=subprocess.DEVNULL)
        files = with_libraries([build / "tools/eyeflow-vm"], sysroot)
        files |= {"/press.efb": folder / "press.efb", "/key.pub": folder / "key.pub", "/site.toml": SITE, "/pressed.toml": PRESSED,
                  "/spike.toml": SPIKE}
        with Machine(machine_folder, files) as machine:
            run(machine)


def run(machine):
    print(machine.shell("uname -rm")[0].strip())
    expect("the site is in order", machine.shell("eyeflow-vm site check /site.toml --key /key.pub")[1], 0)

    machine.shell(f"{RUN} & daemon=$!")
    machine.wait_for(r"gpiochip0.*1 inputs, 2 outputs")
    expect("lamp and horn are safe at the start, the horn's line high", pins(machine) & (LAMP | HORN), HORN)
    press(machine, 1)
    expect("a press lights the lamp and sounds the horn", pins(machine) & (LAMP | HORN), LAMP)
    press(machine, 2)
    expect("the next one ends both", pins(machine) & (LAMP | HORN), HORN)
    press(machine, 3)

    start = len(machine.seen)
    machine.shell(f"{RUN} --for 3s")
    machine.wait_for(r"line '\d': 'eyeflow' holds it", start)
    expect("a second program is refused the lines and the first goes on", pins(machine) & (LAMP | HORN), LAMP)
    press(machine, 4)
    press(machine, 5)
    expect("the lamp is on", pins(machine) & LAMP, LAMP)

    machine.shell("kill $daemon; wait $daemon")
    expect("at its end the daemon leaves them safe", pins(machine) & (LAMP | HORN), HORN)
    machine.shell(f"{RUN} & daemon=$!")
    press_when_up(machine)
    machine.shell("kill -9 $daemon; wait $daemon")
    start = len(machine.seen)
    machine.shell(f"{RUN} & daemon=$!")
    machine.wait_for(r"gpiochip0.*1 inputs, 2 outputs", start)
    expect("after a kill the lines are free, and safe again", pins(machine) & (LAMP | HORN), HORN)
    machine.shell("kill $daemon; wait $daemon")

    told = edges_told(machine, "/pressed.toml")
    expect("the rising edge of a press is told once, the falling one not", told, ["true"] * 2)
    expect("a line that the chip has not leaves the lamp to work", pins(machine) & LAMP, 0)
    expect("a spike that is shorter than the debounce is no press", edges_told(machine, "/spike.toml"), [])


def edges_told(machine, site):
    """What the button's edges came to, of two presses."""
    start = len(machine.seen)
    machine.shell(f"eyeflow-vm run /press.efb --site {site} --key /key.pub & daemon=$!")
    machine.wait_for(r"gpiochip0.*1 inputs, 1 outputs; the chip has no line '99'", start)
    for _ in range(2):
        machine.ask("system_powerdown")
        machine.shell("sleep 3")
    machine.shell("kill $daemon; wait $daemon")
    return re.findall(r"presses.*down=(\w+)", machine.seen[start:])


def press_when_up(machine):
    start = len(machine.seen)
    machine.wait_for(r"1 inputs, 2 outputs", max(0, start - 400))
    press(machine, 1)
    expect("it starts anew", pins(machine) & (LAMP | HORN), LAMP)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as problem:
        sys.exit(f"FAILED: {problem}")
