"""A whole AArch64 machine to run device programs on: Debian's kernel in qemu-system-aarch64, the programs and the
libraries they need in an initial RAM disk, a shell on the serial line.

The kernel and the shell come from a folder that `tools/dev` unpacks (tools/packages-machine.txt).
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

# First process of the machine: what a device's own start would have mounted, then a shell.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t debugfs debug /sys/kernel/debug
ip link set lo up
export PS1= PATH=/bin
stty -echo 2>/dev/null
echo the machine is up
exec setsid cttyhack sh
"""


def needed(program):
    """The libraries that an ELF file names."""
    text = subprocess.run(["objdump", "-p", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"NEEDED\s+(\S+)", text)


def with_libraries(programs, sysroot):
    """{path on the machine: file here} of the programs and everything that they load."""
    folders = [sysroot / "lib/aarch64-linux-gnu", sysroot / "usr/lib/aarch64-linux-gnu"]
    files = {f"/bin/{program.name}": program for program in programs}
    files["/lib/ld-linux-aarch64.so.1"] = next(f / "ld-linux-aarch64.so.1" for f in folders
                                                if (f / "ld-linux-aarch64.so.1").exists())
    todo = list(programs)
    while todo:
        for name in needed(todo.pop()):
            place = f"/lib/{name}"
            if place in files:
                continue
            found = next((f / name for f in folders if (f / name).exists()), None)
            if found is None:
                raise FileNotFoundError(f"{name} is not in {sysroot}; add its package to tools/packages-arm64.txt")
            files[place] = found
            todo.append(found)
    return files


def pack(folder, files, image):
    """A RAM disk with `files`, as {path on the machine: file here, or text}."""
    root = folder / "root"
    for directory in ("bin", "lib", "proc", "sys", "dev", "tmp"):
        (root / directory).mkdir(parents=True)
    for place, content in files.items():
        to = root / place.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            to.write_text(content)
        else:
            shutil.copy(content, to)
        to.chmod(0o755)
    names = "\0".join(str(p.relative_to(root)) for p in sorted(root.rglob("*")))
    with open(image, "wb") as out:
        subprocess.run(["cpio", "--null", "--create", "--format=newc", "--quiet"], input=names.encode(), stdout=out,
                       cwd=root, check=True)


class Machine:
    """Switched on by `with`, switched off at its end."""

    def __init__(self, machine_folder, files, patience_s=240):
        self.kernel = next(pathlib.Path(machine_folder, "boot").glob("vmlinuz-*"))
        self.files = {"/init": INIT, "/bin/busybox": pathlib.Path(machine_folder, "bin/busybox"), **files}
        self.patience_s = patience_s
        self.seen = ""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="eyeflow-machine-"))
        image = self.folder / "ramdisk"
        pack(self.folder, self.files, image)
        monitor = self.folder / "monitor"
        self.qemu = subprocess.Popen(
            ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "1", "-m", "512", "-display", "none",
             "-no-reboot", "-nic", "none", "-kernel", self.kernel, "-initrd", image, "-append",
             "console=ttyAMA0 quiet panic=-1", "-serial", "stdio", "-monitor", f"unix:{monitor},server,nowait"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        os.set_blocking(self.qemu.stdout.fileno(), False)
        try:
            self.wait_for("the machine is up")
            self.monitor = socket.socket(socket.AF_UNIX)
            self.monitor.connect(str(monitor))
            self.monitor.settimeout(self.patience_s)
            self._answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.qemu.kill()
        self.qemu.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self):
        try:
            self.seen += (self.qemu.stdout.read(65536) or b"").decode(errors="replace").replace("\r", "")
        except BlockingIOError:
            pass

    def wait_for(self, pattern, start=0):
        """Until the serial line showed the pattern; what was matched."""
        end = time.monotonic() + self.patience_s
        while True:
            self._read()
            found = re.search(pattern, self.seen[start:])
            if found:
                return found
            if self.qemu.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"no '{pattern}' on the serial line. It showed:\n{self.seen[-4000:]}")
            time.sleep(0.02)

    def shell(self, command):
        """Runs a command on the machine; its output and exit status."""
        start = len(self.seen)
        self.qemu.stdin.write(f"{command}; echo \"=status=$?=\"\n".encode())
        found = self.wait_for(r"=status=(\d+)=\n", start)
        return self.seen[start:start + found.start()], int(found.group(1))

    def _answer(self):
        text = ""
        while not text.endswith("(qemu) "):
            text += self.monitor.recv(65536).decode(errors="replace")
        return text

    def ask(self, command):
        """What the monitor, which stands outside of the machine, says."""
        self.monitor.sendall(command.encode() + b"\n")
        return self._answer()
