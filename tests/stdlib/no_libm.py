#!/usr/bin/env python3
"""Fails if one of our libraries calls the system's libm, whose results change with its version and the CPU.

    no_libm.py NM LIBM LIBRARY…

Whatever LIBM exports must not be wanted by a LIBRARY. What both the C library and libm have, and what is exact on
every machine, is allowed by name below; there is no need for any of it so far.
"""
import re
import subprocess
import sys

EXACT = set()


def symbols(nm, path, *options):
    text = subprocess.run([nm, *options, path], check=True, capture_output=True, text=True).stdout
    return text.splitlines()


def main():
    nm, libm, *libraries = sys.argv[1:]
    exported = {match[1] for line in symbols(nm, libm, "-D", "--defined-only")
                if (match := re.search(r" [TWi] ([a-z]\w*)(?:@|$)", line))}
    if "sin" not in exported:
        sys.exit(f"{libm} exports no sin: this is not libm")
    failures = [f"{library}: calls {name} of libm; take SLEEF's deterministic one or write it (stdlib/intrinsics/exact.h)"
                for library in libraries
                for line in symbols(nm, library, "--undefined-only")
                if (match := re.search(r" U (\w+)", line)) and (name := match[1]) in exported - EXACT]
    print("\n".join(failures) or f"{len(exported)} functions of libm, none called by {len(libraries)} libraries")
    return bool(failures)


sys.exit(main())
