#!/usr/bin/env python3
"""Reads the include lines of every source file and fails on a wrong arrow.

  include_arrows.py              checks this repository
  include_arrows.py --self-test  shows that every rule below refuses a line that breaks only that rule

The two tables are the rules: which folder may include which, and where each outside library has its one home.
"""
import pathlib
import re
import sys

# A folder may include itself and these. Tests and benchmarks stand outside the house: they see all of it.
HOUSE = {
    "vm": [],
    "jit": ["vm"],
    "stdlib": ["vm"],
    "compiler": ["stdlib", "vm"],
    "runtime": ["jit", "stdlib", "vm"],
    "tools": ["compiler", "jit", "runtime", "stdlib", "vm"],
}
OUTSIDE = ["tests", "bench"]

# (library, its headers, its home: folders or files that a path may start with)
LIBRARIES = [
    ("ANTLR", r"antlr4-", ["compiler/english/", "compiler/parse/"]),
    ("the generated parser", r"EyeFlow\w*(Lexer|Parser|Visitor|Listener)\.h", ["compiler/english/", "compiler/parse/"]),
    ("asmjit", r"asmjit/", ["jit/baseline/"]),
    ("LLVM", r"(llvm|llvm-c|lld)/", ["jit/optimize/"]),
    ("SLEEF", r"sleef\.h", ["stdlib/"]),
    ("Highway", r"hwy/", ["stdlib/"]),
    ("simdjson", r"simdjson", ["runtime/payload/", "runtime/sync/"]),
    ("libjpeg-turbo", r"jpeglib\.h", ["stdlib/images/image_file"]),
    ("libpng", r"png\.h", ["stdlib/images/png_file"]),
    ("SQLite", r"sqlite3", ["runtime/storage/", "tools/eyeflow-collector/"]),
    ("cpp-httplib", r"httplib\.h", ["tools/eyeflow-collector/"]),
    ("zlib", r"zlib\.h", ["runtime/sync/compress"]),
    ("OpenSSL", r"openssl/", ["runtime/security/"]),
    ("toml++", r"toml(\+\+/|\.hpp|\.h)", ["runtime/site/", "tools/eyeflowc/project.cpp"]),
    ("libmosquitto", r"mosquitto", []),
    ("libgpiod", r"gpiod\.h", ["runtime/connectors/gpio"]),
    ("Asio", r"asio(\.hpp|/)", ["runtime/"]),
    ("spdlog", r"spdlog/", ["runtime/", "tools/"]),
    ("CLI11", r"CLI/", ["tools/"]),
    ("KissFFT", r"kiss_fft", []),
    ("FFTW", r"fftw3", []),
    ("OpenBLAS", r"cblas\.h", []),
    ("fmt", r"fmt/", ["stdlib/", "compiler/", "runtime/", "tools/"]),
    ("GoogleTest", r"(gtest|gmock)/", []),
    ("Google Benchmark", r"benchmark/", []),
    # vm and jit run on anything, stdlib and compiler ask the system for nothing; code pages,
    # the names that tools look for and the width of a processor's vectors are the exceptions.
    ("the operating system", r"(sys|linux|net|netinet|arpa)/|(unistd|fcntl|poll|pthread|signal|termios|dirent|dlfcn|link|"
     r"langinfo|malloc|sched|netdb|spawn|ucontext|syslog|pwd|grp|getopt)\.h|c?signal$",
     ["runtime/", "tools/", "jit/baseline/code_memory", "jit/baseline/symbols", "stdlib/kernels/sve_width"]),
    ("files, threads and streams of the standard library",
     r"(iostream|fstream|filesystem|thread|mutex|shared_mutex|condition_variable|future|semaphore)$",
     ["compiler/", "runtime/", "tools/"]),
]

# Of C and the compiler, for everybody.
C_HEADERS = re.compile(r"(assert|complex|ctype|elf|errno|fenv|float|inttypes|limits|locale|math|setjmp|stdalign|stdarg|"
                       r"stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|time|wchar|endian)\.h$")
STANDARD = re.compile(r"\w+$")  # <vector>: no dot, no slash

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
SUFFIXES = {".h", ".hpp", ".cpp", ".cc", ".c", ".def", ".inc"}


def refusal(path, quote, header):
    """Why the file at `path` may not include `header`; None where it may."""
    folder = path.split("/")[0]
    target = header.split("/")[0]

    if quote == '"' and target in [*HOUSE, *OUTSIDE] and "/" in header:
        if folder in OUTSIDE or target == folder or target in HOUSE[folder]:
            return None
        allowed = ", ".join(HOUSE[folder]) or "nothing of the house"
        return f"{folder} may include {allowed}, not {target}. Move what is shared down, or hand it in from above"

    for library, headers, homes in LIBRARIES:
        if re.match(headers, header):
            if folder in OUTSIDE or any(path.startswith(home) for home in homes):
                return None
            return f"{library} lives in {' and '.join(homes) or 'tests and bench'} only. Include what its home offers"

    if quote == '"':
        return "headers of the house are included by their path from the root, as \"vm/isa/isa.h\""
    if folder in OUTSIDE or STANDARD.match(header) or C_HEADERS.match(header):
        return None
    return "this library has no home yet. Give it one in tests/architecture/include_arrows.py"


def wrong_arrows(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        reason = include and refusal(path, *include.groups())
        if reason:
            yield f"{path}:{number}: {line.strip()}\n    {reason}."


def check(root):
    files = [file for folder in [*HOUSE, *OUTSIDE] for file in sorted((root / folder).rglob("*"))
             if file.suffix in SUFFIXES]
    if not files:
        return ["no source files here: is this the repository?"], 0
    found = []
    for file in files:
        found += wrong_arrows(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))
    return found, len(files)


# Written out line by line, not derived from the tables: widening a table by mistake shows here.
REFUSED = """
vm/engine/x.cpp       "stdlib/math/x.h"
vm/engine/x.cpp       "compiler/check/x.h"
vm/engine/x.cpp       "jit/baseline/x.h"
vm/engine/x.cpp       "runtime/site/x.h"
vm/engine/x.cpp       "tools/eyeflowc/x.h"
vm/engine/x.cpp       "tests/golden/x.h"
jit/baseline/x.cpp    "stdlib/math/x.h"
jit/baseline/x.cpp    "compiler/check/x.h"
jit/baseline/x.cpp    "runtime/site/x.h"
stdlib/math/x.cpp     "jit/baseline/x.h"
stdlib/math/x.cpp     "compiler/check/x.h"
stdlib/math/x.cpp     "runtime/site/x.h"
compiler/check/x.cpp  "jit/baseline/x.h"
compiler/check/x.cpp  "runtime/security/x.h"
compiler/check/x.cpp  "tools/eyeflowc/x.h"
runtime/site/x.cpp    "compiler/check/x.h"
runtime/site/x.cpp    "tools/eyeflowc/x.h"
runtime/site/x.cpp    "bench/events/x.h"
tools/eyeflowc/x.cpp  "tests/golden/x.h"
tools/eyeflowc/x.cpp  "bench/events/x.h"
vm/isa/x.h            "isa.h"
tests/unit/x_test.cpp "helper.h"
compiler/check/x.cpp  <antlr4-runtime.h>
compiler/check/x.cpp  "EyeFlowParser.h"
runtime/site/x.cpp    <asmjit/x86.h>
jit/baseline/x.cpp    <llvm/IR/Module.h>
vm/isa/x.h            <sleef.h>
vm/isa/x.h            <hwy/highway.h>
runtime/site/x.cpp    <simdjson.h>
runtime/sync/x.cpp    <sqlite3.h>
runtime/sync/batch.cpp  <httplib.h>
runtime/sync/batch.cpp  <zlib.h>
tools/eyeflowc/x.cpp  <openssl/evp.h>
runtime/security/x.h  <toml++/toml.h>
runtime/site/x.cpp    <mosquitto.h>
runtime/connectors/mqtt.cpp  <mosquitto.h>
runtime/connectors/mqtt.cpp  <gpiod.h>
tools/eyeflow-vm/x.cpp  <asio/io_context.hpp>
compiler/check/x.cpp  <spdlog/spdlog.h>
runtime/site/x.cpp    <CLI/CLI.hpp>
vm/engine/x.cpp       <fmt/format.h>
vm/isa/x.cpp          <gtest/gtest.h>
tools/eyeflowc/x.cpp  <benchmark/benchmark.h>
stdlib/kernels/x.cpp  <kiss_fftr.h>
stdlib/kernels/x.cpp  <fftw3.h>
stdlib/kernels/x.cpp  <cblas.h>
vm/engine/x.cpp       <sys/mman.h>
compiler/check/x.cpp  <unistd.h>
jit/baseline/x.cpp    <sys/mman.h>
vm/engine/x.cpp       <thread>
stdlib/math/x.cpp     <iostream>
runtime/site/x.cpp    <jpeglib.h>
runtime/payload/x.cpp <png.h>
runtime/site/x.cpp    <unheard/of.h>
""".strip().splitlines()

ALLOWED = """
vm/engine/x.cpp       "vm/isa/opcodes.def"
vm/engine/x.cpp       <vector>
vm/engine/x.cpp       <stdint.h>
stdlib/math/x.cpp     "vm/base/result.h"
stdlib/math/x.cpp     <sleef.h>
compiler/check/x.cpp  "stdlib/math/x.h"
compiler/parse/x.cpp  <antlr4-runtime.h>
compiler/parse/x.cpp  "EyeFlowParser.h"
runtime/host/x.cpp    "jit/baseline/x.h"
runtime/host/x.cpp    <asio/io_context.hpp>
runtime/host/x.cpp    <sys/socket.h>
jit/baseline/code_memory.cpp  <sys/mman.h>
runtime/host/x.cpp    <thread>
runtime/payload/x.cpp <simdjson.h>
runtime/security/x.h  <openssl/evp.h>
runtime/site/x.cpp    <toml++/toml.h>
runtime/mqtt/stream.cpp  <sys/socket.h>
tools/eyeflowc/x.cpp  "compiler/check/x.h"
tools/eyeflowc/x.cpp  "runtime/security/x.h"
tools/eyeflowc/x.cpp  <CLI/CLI.hpp>
tests/unit/x_test.cpp "runtime/site/x.h"
tests/unit/x_test.cpp <gtest/gtest.h>
bench/events/x.cpp    <benchmark/benchmark.h>
""".strip().splitlines()


def self_test():
    """Each rule refuses a line that breaks only that rule, and lets right lines pass."""
    failures = []
    for lines, refused in ((REFUSED, True), (ALLOWED, False)):
        for line in lines:
            path, header = line.split()
            if bool(list(wrong_arrows(path, f"// first line\n  #  include {header}\n"))) != refused:
                failures.append(f"{path}: #include {header} should be {'refused' if refused else 'allowed'}")
    for library, headers, _ in LIBRARIES:
        if not any(re.match(headers, line.split()[1].strip('<>"')) for line in REFUSED):
            failures.append(f"{library}: no line in the self-test shows that its rule can refuse")
    return failures


def main():
    if sys.argv[1:] == ["--self-test"]:
        failures = self_test()
        summary = "every rule refuses what breaks it"
    elif not sys.argv[1:]:
        failures, count = check(pathlib.Path(__file__).resolve().parents[2])
        summary = f"{count} files, no wrong arrow"
    else:
        sys.exit(__doc__)
    print("\n".join(failures) or summary)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
