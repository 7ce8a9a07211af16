#!/usr/bin/env python3
"""A model for examples/line_qa.eft without any library: dark images are bad parts. Its file says what dark is.

usage: dark_parts.py FILE      what docs/models.md says on standard input and output
"""
import json
import struct
import sys


def main(path):
    threshold = json.load(open(path))["dark below"]
    words = sys.stdin.buffer.readline().split()
    if words[:2] != [b"eyeflow-model", b"1"] or words[2] != b"2":
        sys.exit("dark_parts.py: it answers two numbers, good and bad")
    answer(b"ready\n")
    while line := sys.stdin.buffer.readline():
        _, number, size = line.split()
        image = sys.stdin.buffer.read(int(size))
        mean = sum(image) / len(image)
        bad = min(1.0, max(0.0, 0.5 + (threshold - mean) / 50))
        answer(b"answer %d 8\n" % int(number) + struct.pack("<ff", 1 - bad, bad))


def answer(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
