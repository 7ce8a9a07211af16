#!/usr/bin/env python3
"""eyeflow-infer computes an ONNX model as docs/models.md says. usage: infer_test.py EYEFLOW_INFER

The library is none of Debian's packages: EYEFLOW_ONNXRUNTIME names it. Without it only the error is tested.
"""
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import onnx_file

failed = 0


def expect(what, seen, wanted):
    global failed
    if seen != wanted:
        failed += 1
        print(f"{what}: {seen!r}, not {wanted!r}", file=sys.stderr)


def main(infer):
    done = subprocess.run([infer, "--library", "libnone.so", "x.onnx"], input=b"", capture_output=True)
    expect("no library", (done.returncode, b"install its shared library" in done.stderr), (1, True))
    library = os.environ.get("EYEFLOW_ONNXRUNTIME")
    if library is None:
        print("EYEFLOW_ONNXRUNTIME is not set: models themselves are not computed")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "means.onnx"
        path.write_bytes(onnx_file.mean_of_channels(3, 4, 5))
        random.seed(3)
        image = bytes(random.randrange(256) for _ in range(60))
        head = b"eyeflow-model 1 3 image(5, 4, rgb8)\n"
        done = subprocess.run([infer, "--library", library, path], input=head + 2 * (b"ask 7 60\n" + image), capture_output=True)
        lines = done.stdout.split(b"answer 7 12\n")
        expect("lines", (lines[0], len(lines), [len(line) for line in lines[1:]]), (b"ready\n", 3, [12, 12]))
        for line in lines[1:]:
            for channel, seen in enumerate(struct.unpack("<fff", line[:12])):
                mean = sum(image[channel::3]) / 20 / 255
                expect(f"mean of channel {channel}, to six digits", round(seen, 6), round(mean, 6))
        done = subprocess.run([infer, "--library", library, path], input=head.replace(b" 3 ", b" 2 ") + b"ask 1 60\n" + image, capture_output=True)
        expect("other shape", done.stdout.split(b"\n")[1], b"error 1 the model has 3 numbers in its outputs, and the task takes 2")
        done = subprocess.run([infer, "--library", library, path], input=head.replace(b"(5", b"(6"), capture_output=True)
        expect("other size", (done.returncode, b"takes 60 numbers, and the task gives 72" in done.stderr), (1, True))
        path.write_bytes(onnx_file.mean_times_speed(3, 4, 5))
        two = b"eyeflow-model 2 3 2\npicture image(5, 4, rgb8)\nspeed [f32; 1]\n"
        done = subprocess.run([infer, "--library", library, path], input=two + b"ask 1 64\n" + image + struct.pack("<f", 2.5),
                              capture_output=True)
        answer = done.stdout.split(b"answer 1 12\n")[-1]
        for channel, seen in enumerate(struct.unpack("<fff", answer)):
            mean = sum(image[channel::3]) / 20 / 255
            expect(f"mean of channel {channel} times the speed, to six digits", round(seen, 6), round(mean * 2.5, 6))
        done = subprocess.run([infer, "--library", library, path], input=two.replace(b"speed", b"velocity"), capture_output=True)
        expect("other name", (done.returncode, b"has no input 'velocity'; its inputs are speed, picture" in done.stderr), (1, True))
        done = subprocess.run([infer, "--library", library, path], input=head, capture_output=True)
        expect("too few", (done.returncode, b"takes 2 inputs (speed, picture), and the task gives 1" in done.stderr), (1, True))


if __name__ == "__main__":
    main(sys.argv[1])
    sys.exit(failed)
