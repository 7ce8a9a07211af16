"""The kernels in Python: the same work as NAME.c, on lists. See README.md for what is asked on stdin.

Python computes in doubles: kernels of floats differ from C by rounding.
"""
import math
import struct
import sys
import time


def next_seed(seed):
    return (seed * 1664525 + 1013904223) & 0xFFFFFFFF


def noise(seed):
    return (seed >> 8) / 16777216.0


def readings_of(count):
    readings, seed = [], 12345
    for i in range(count):
        seed = next_seed(seed)
        phase = i % 2048
        triangle = phase / 512.0 - 1.0 if phase < 1024 else 3.0 - phase / 512.0
        readings.append(50.0 + 40.0 * triangle + 6.0 * (noise(seed) - 0.5))
    return readings


def threshold():
    readings = readings_of(16384)

    def run():
        where, count, total = 0, 0, 0.0
        for v in readings:
            if where == 0:
                if v > 75.0:
                    count += 1
                    if count >= 3:
                        where, count, total = 1, 0, total + v
                elif v < 25.0:
                    count += 1
                    if count >= 3:
                        where, count, total = 2, 0, total - v
                else:
                    count = 0
            elif where == 1:
                if v < 70.0:
                    count += 1
                    if count >= 2:
                        where, count, total = 0, 0, total + 1.0
                else:
                    count = 0
            elif v > 30.0:
                count += 1
                if count >= 2:
                    where, count, total = 0, 0, total + 0.5
            else:
                count = 0
        return total
    return run


def ewma():
    readings = readings_of(16384)

    def run():
        a, m, variance, scores = 0.05, 50.0, 100.0, 0.0
        for v in readings:
            d = v - m
            z = d / math.sqrt(variance)
            if z > 1.8 or z < -1.8:
                scores += z
            m += a * d
            variance = (1.0 - a) * (variance + a * d * d)
        return scores + variance
    return run


def sliding():
    readings = readings_of(16384)

    def run():
        low, high = [0] * 128, [0] * 128
        low_head = low_tail = high_head = high_tail = 0
        total, spans, means = 0.0, 0.0, 0.0
        for i, v in enumerate(readings):
            total += v
            if i >= 100:
                total -= readings[i - 100]
                if low_head < low_tail and low[low_head % 128] <= i - 100:
                    low_head += 1
                if high_head < high_tail and high[high_head % 128] <= i - 100:
                    high_head += 1
            while low_tail > low_head and readings[low[(low_tail - 1) % 128]] >= v:
                low_tail -= 1
            low[low_tail % 128] = i
            low_tail += 1
            while high_tail > high_head and readings[high[(high_tail - 1) % 128]] <= v:
                high_tail -= 1
            high[high_tail % 128] = i
            high_tail += 1
            if i >= 99:
                spans += readings[high[high_head % 128]] - readings[low[low_head % 128]]
                means += total / 100.0
        return spans
    return run


def biquads():
    readings, z1, z2 = readings_of(4096), [0.0] * 4, [0.0] * 4
    b0, b1, b2 = (0.2, 0.25, 0.22, 0.3), (0.3, 0.28, 0.31, 0.25), (0.2, 0.25, 0.22, 0.3)
    a1, a2 = (-0.5, -0.45, -0.42, -0.3), (0.2, 0.23, 0.17, 0.15)

    def run():
        total = 0.0
        for x in readings:
            for n in range(4):
                y = b0[n] * x + z1[n]
                z1[n] = b1[n] * x - a1[n] * y + z2[n]
                z2[n] = b2[n] * x - a2[n] * y
                x = y
            total += x
        return total
    return run


def crc32():
    data = bytes((i * 7 + (i >> 8) * 13) & 255 for i in range(16384))
    table = []
    for c in range(256):
        for _ in range(8):
            c = (c >> 1) ^ 0xEDB88320 if c & 1 else c >> 1
        table.append(c)

    def run():
        c = 0xFFFFFFFF
        for byte in data:
            c = table[(c ^ byte) & 255] ^ (c >> 8)
        return float(c ^ 0xFFFFFFFF)
    return run


def sieve():
    def run():
        struck, total = bytearray(50000), 0
        for i in range(2, 50000):
            if struck[i]:
                continue
            total += i
            for multiple in range(i * i, 50000, i):
                struck[multiple] = 1
        return float(total)
    return run


def mandelbrot():
    def run():
        total, last = 0, 0.0
        for row in range(64):
            for column in range(64):
                cr, ci = column / 64.0 * 3.0 - 2.0, row / 64.0 * 2.0 - 1.0
                zr = zi = 0.0
                for _ in range(50):
                    r2, i2 = zr * zr, zi * zi
                    if r2 + i2 > 4.0:
                        break
                    zi = 2.0 * zr * zi + ci
                    zr = r2 - i2 + cr
                    total += 1
                last += zr
        return last
    return run


def scan_json():
    data, seed = bytearray(), 12345
    for n in range(500):
        seed = next_seed(seed)
        tenths = (seed >> 8) % 1200
        data += b'{"sensor":"T%d","temp":%d.%d,"ts":%d}\n' % (n % 16, tenths // 10, tenths % 10, 1234567890 + n)
    size = len(data)

    def is_digit(byte):
        return 48 <= byte <= 57

    def run():
        at, total = 0, 0.0
        while at < size:
            if data[at] != 123:
                at += 1
                continue
            at += 1
            while data[at] != 125:
                while data[at] == 32 or data[at] == 44:
                    at += 1
                if data[at] != 34:
                    break
                at += 1
                key = at
                while data[at] != 34:
                    at += 1
                length = at - key
                at += 1
                if data[at] != 58:
                    break
                at += 1
                if data[at] == 34:
                    at += 1
                    while data[at] != 34:
                        at += 1
                    at += 1
                else:
                    value, scale = 0.0, 1.0
                    while is_digit(data[at]):
                        value = value * 10.0 + (data[at] - 48)
                        at += 1
                    if data[at] == 46:
                        at += 1
                        while is_digit(data[at]):
                            scale *= 0.1
                            value += (data[at] - 48) * scale
                            at += 1
                    if (length == 4 and data[key] == 116 and data[key + 1] == 101 and data[key + 2] == 109
                            and data[key + 3] == 112 and value > 80.0):
                        total += value
        return total
    return run


def calls():
    readings = readings_of(4096)

    def clamp(x, low, high):
        if x < low:
            return low
        if x > high:
            return high
        return x

    def scaled(x, gain, offset):
        return x * gain + offset

    def blend(a, b, weight):
        return a + (b - a) * clamp(weight, 0.0, 1.0)

    def level(x):
        if x < 20.0:
            return 0
        if x < 40.0:
            return 1
        if x < 60.0:
            return 2
        return 3

    def filtered(last, x):
        return blend(last, clamp(scaled(x, 1.02, -0.5), 15.0, 85.0), 0.25)

    def run():
        value, total, count, before = 50.0, 0.0, 0, 2
        for x in readings:
            value = filtered(value, x)
            now_at = level(value)
            if now_at != before:
                count += 1
            before = now_at
            total += blend(value, x, 0.5)
        return total
    return run


def text():
    readings, seed = [], 12345
    for _ in range(64):
        seed = next_seed(seed)
        readings.append((seed >> 8) / 65536.0 - 100.0)

    def run():
        count, equal = 0, 0
        for i, x in enumerate(readings):
            line = f"sensor T{i}: {x:.1f} of {x / 3.0:.3f}, {i * 37} readings"
            count += len(line)
            if line == "sensor T7: 24.6 of 8.205, 259 readings":
                equal += 1
        return float(count)
    return run


def circle(count, c1, s1):
    """Points of the unit circle, clockwise, by turning: the same roundings as in C."""
    wr, wi, c, s = [], [], 1.0, 0.0
    for _ in range(count):
        wr.append(c)
        wi.append(-s)
        c, s = c * c1 - s * s1, s * c1 + c * s1
    return wr, wi


def noises(count):
    values, seed = [], 12345
    for _ in range(count):
        seed = next_seed(seed)
        values.append(noise(seed) - 0.5)
    return values


def fft1024_loops():
    readings = noises(1024)
    wr, wi = circle(512, 0.9999811752826011, 0.006135884649154475)
    swap = [int(f"{i:010b}"[::-1], 2) for i in range(1024)]
    re, im = [0.0] * 1024, [0.0] * 1024

    def run():
        for i in range(1024):
            re[swap[i]] = readings[i]
            im[i] = 0.0
        half = 1
        while half < 1024:
            groups = 512 // half
            for group in range(groups):
                for j in range(half):
                    c, s = wr[j * groups], wi[j * groups]
                    u = group * 2 * half + j
                    v = u + half
                    xr, xi = re[v] * c - im[v] * s, re[v] * s + im[v] * c
                    re[v] = re[u] - xr
                    im[v] = im[u] - xi
                    re[u] += xr
                    im[u] += xi
            half *= 2
        power = 0.0
        for i in range(512):
            power = power + re[i] * re[i] + im[i] * im[i]
        return power
    return run


def fft1000_loops():
    readings = noises(1000)
    wr, wi = circle(1000, 0.9999802608561371, 0.006283143965558951)
    re, im = [0.0] * 1000, [0.0] * 1000

    def run():
        re[:] = readings
        im[:] = [0.0] * 1000
        length = 1
        for radix in (2, 2, 2, 5, 5, 5):
            count = 1000 // (length * radix)
            xr, xi = re[:], im[:]
            for p in range(length * radix):
                start, to = p % length * radix * count, p * count
                for k in range(count):
                    sum_r, sum_i, turn = xr[start + k], xi[start + k], 0
                    for t in range(1, radix):
                        turn += p * count
                        if turn >= 1000:
                            turn -= 1000
                        at = start + t * count + k
                        sum_r += xr[at] * wr[turn] - xi[at] * wi[turn]
                        sum_i += xr[at] * wi[turn] + xi[at] * wr[turn]
                    re[to + k] = sum_r
                    im[to + k] = sum_i
            length *= radix
        power = 0.0
        for i in range(500):
            power = power + re[i] * re[i] + im[i] * im[i]
        return power
    return run


def dot_rms_loops():
    values = noises(8192)
    a, b = values[0::2], values[1::2]

    def run():
        products, squares = [0.0] * 32, [0.0] * 32
        for i in range(0, 4096, 32):
            for n in range(32):
                products[n] += a[i + n] * b[i + n]
                squares[n] += a[i + n] * a[i + n]
        half = 16
        while half:
            for n in range(half):
                products[n] += products[n + half]
                squares[n] += squares[n + half]
            half //= 2
        return products[0] + math.sqrt(squares[0] / 4096.0)
    return run


def matmul_loops():
    values = noises(8192)
    a, b = values[0::2], values[1::2]

    def run():
        c = [0.0] * 4096
        for row in range(64):
            for k in range(64):
                x = a[row * 64 + k]
                for column in range(64):
                    c[row * 64 + column] += x * b[k * 64 + column]
        return c[65] + c[4000]
    return run


KERNELS = {f.__name__: f for f in (threshold, ewma, sliding, biquads, crc32, sieve, mandelbrot, scan_json, calls, text,
                                   fft1024_loops, fft1000_loops, dot_rms_loops, matmul_loops)}

# ---- stdin: "KERNEL check" and "KERNEL LEAST_MS" ---------------------------------------------------------------------


def timed(run, runs):
    begin = time.thread_time_ns()
    for _ in range(runs):
        run()
    return time.thread_time_ns() - begin


def answer(name, what, known):
    if name not in KERNELS:
        return "none"
    if what == "check":
        run = KERNELS[name]()
        run()
        return struct.pack(">d", run()).hex()
    if name not in known:
        run = KERNELS[name]()
        run()
        known[name] = run, max(1, int(float(what) * 1e6 / timed(run, 1)))
    run, runs = known[name]
    return f"{timed(run, runs) / runs:.1f}"


def main():
    known = {}
    for line in sys.stdin:
        name, what = line.split()
        print(answer(name, what, known), flush=True)


if __name__ == "__main__":
    main()
