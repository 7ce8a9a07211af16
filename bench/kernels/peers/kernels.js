// The kernels in JavaScript, for Node: the same work as NAME.c, on typed arrays. See README.md for what is asked on stdin.
"use strict";

const kernels = {};
const nextSeed = (seed) => (Math.imul(seed, 1664525) + 1013904223) >>> 0;
const noise = (seed) => (seed >>> 8) / 16777216.0;

function readingsOf(count) {
  const readings = new Float64Array(count);
  let seed = 12345;
  for (let i = 0; i < count; i++) {
    seed = nextSeed(seed);
    const phase = i % 2048;
    const triangle = phase < 1024 ? phase / 512.0 - 1.0 : 3.0 - phase / 512.0;
    readings[i] = 50.0 + 40.0 * triangle + 6.0 * (noise(seed) - 0.5);
  }
  return readings;
}

kernels.threshold = () => {
  const readings = readingsOf(16384);
  return () => {
    let where = 0, count = 0, sum = 0.0;
    for (let i = 0; i < 16384; i++) {
      const v = readings[i];
      if (where === 0) {
        if (v > 75.0) {
          if (++count >= 3) { where = 1; count = 0; sum += v; }
        } else if (v < 25.0) {
          if (++count >= 3) { where = 2; count = 0; sum -= v; }
        } else count = 0;
      } else if (where === 1) {
        if (v < 70.0) {
          if (++count >= 2) { where = 0; count = 0; sum += 1.0; }
        } else count = 0;
      } else if (v > 30.0) {
        if (++count >= 2) { where = 0; count = 0; sum += 0.5; }
      } else count = 0;
    }
    return sum;
  };
};

kernels.ewma = () => {
  const readings = readingsOf(16384);
  return () => {
    const a = 0.05;
    let m = 50.0, variance = 100.0, scores = 0.0;
    for (let i = 0; i < 16384; i++) {
      const d = readings[i] - m;
      const z = d / Math.sqrt(variance);
      if (z > 1.8 || z < -1.8) scores += z;
      m += a * d;
      variance = (1.0 - a) * (variance + a * d * d);
    }
    return scores + variance;
  };
};

kernels.sliding = () => {
  const readings = readingsOf(16384);
  return () => {
    const low = new Int32Array(128), high = new Int32Array(128);
    let lowHead = 0, lowTail = 0, highHead = 0, highTail = 0, sum = 0.0, spans = 0.0, means = 0.0;
    for (let i = 0; i < 16384; i++) {
      const v = readings[i];
      sum += v;
      if (i >= 100) {
        sum -= readings[i - 100];
        if (lowHead < lowTail && low[lowHead % 128] <= i - 100) lowHead++;
        if (highHead < highTail && high[highHead % 128] <= i - 100) highHead++;
      }
      while (lowTail > lowHead && readings[low[(lowTail - 1) % 128]] >= v) lowTail--;
      low[lowTail++ % 128] = i;
      while (highTail > highHead && readings[high[(highTail - 1) % 128]] <= v) highTail--;
      high[highTail++ % 128] = i;
      if (i >= 99) {
        spans += readings[high[highHead % 128]] - readings[low[lowHead % 128]];
        means += sum / 100.0;
      }
    }
    kernels.sliding.means = means;
    return spans;
  };
};

kernels.biquads = () => {
  const readings = readingsOf(4096), z1 = new Float64Array(4), z2 = new Float64Array(4);
  const b0 = [0.2, 0.25, 0.22, 0.3], b1 = [0.3, 0.28, 0.31, 0.25], b2 = [0.2, 0.25, 0.22, 0.3];
  const a1 = [-0.5, -0.45, -0.42, -0.3], a2 = [0.2, 0.23, 0.17, 0.15];
  return () => {
    let sum = 0.0;
    for (let i = 0; i < 4096; i++) {
      let x = readings[i];
      for (let n = 0; n < 4; n++) {
        const y = b0[n] * x + z1[n];
        z1[n] = b1[n] * x - a1[n] * y + z2[n];
        z2[n] = b2[n] * x - a2[n] * y;
        x = y;
      }
      sum += x;
    }
    return sum;
  };
};

kernels.crc32 = () => {
  const bytes = new Uint8Array(16384), table = new Uint32Array(256);
  for (let i = 0; i < 16384; i++) bytes[i] = i * 7 + (i >> 8) * 13;
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let bit = 0; bit < 8; bit++) c = (c & 1) === 1 ? (c >>> 1) ^ 3988292384 : c >>> 1;
    table[i] = c;
  }
  return () => {
    let c = ~0;
    for (let i = 0; i < 16384; i++) c = table[(c ^ bytes[i]) & 255] ^ (c >>> 8);
    return ~c >>> 0;
  };
};

kernels.sieve = () => () => {
  const struck = new Uint8Array(50000);
  let sum = 0;
  for (let i = 2; i < 50000; i++) {
    if (struck[i]) continue;
    sum += i;
    for (let multiple = i * i; multiple < 50000; multiple += i) struck[multiple] = 1;
  }
  return sum;
};

kernels.mandelbrot = () => () => {
  let total = 0, last = 0.0;
  for (let row = 0; row < 64; row++)
    for (let column = 0; column < 64; column++) {
      const cr = (column / 64.0) * 3.0 - 2.0, ci = (row / 64.0) * 2.0 - 1.0;
      let zr = 0.0, zi = 0.0;
      for (let n = 0; n < 50; n++) {
        const r2 = zr * zr, i2 = zi * zi;
        if (r2 + i2 > 4.0) break;
        zi = 2.0 * zr * zi + ci;
        zr = r2 - i2 + cr;
        total++;
      }
      last += zr;
    }
  kernels.mandelbrot.steps = total;
  return last;
};

kernels.scan_json = () => {
  let text = "", seed = 12345;
  for (let n = 0; n < 500; n++) {
    seed = nextSeed(seed);
    const tenths = (seed >>> 8) % 1200;
    text += `{"sensor":"T${n % 16}","temp":${Math.trunc(tenths / 10)}.${tenths % 10},"ts":${1234567890 + n}}\n`;
  }
  const bytes = new Uint8Array(24000), size = text.length;
  bytes.set(Buffer.from(text));
  const isDigit = (byte) => byte >= 48 && byte <= 57;
  return () => {
    let at = 0, sum = 0.0;
    while (at < size) {
      if (bytes[at] !== 123) { at++; continue; }
      at++;
      while (bytes[at] !== 125) {
        while (bytes[at] === 32 || bytes[at] === 44) at++;
        if (bytes[at] !== 34) break;
        const key = ++at;
        while (bytes[at] !== 34) at++;
        const length = at - key;
        at++;
        if (bytes[at] !== 58) break;
        at++;
        if (bytes[at] === 34) {
          at++;
          while (bytes[at] !== 34) at++;
          at++;
        } else {
          let value = 0.0, scale = 1.0;
          for (; isDigit(bytes[at]); at++) value = value * 10.0 + (bytes[at] - 48);
          if (bytes[at] === 46) {
            at++;
            for (; isDigit(bytes[at]); at++) {
              scale *= 0.1;
              value += (bytes[at] - 48) * scale;
            }
          }
          if (length === 4 && bytes[key] === 116 && bytes[key + 1] === 101 && bytes[key + 2] === 109 &&
              bytes[key + 3] === 112 && value > 80.0) sum += value;
        }
      }
    }
    return sum;
  };
};

kernels.calls = () => {
  const readings = readingsOf(4096);
  const clamp = (x, low, high) => (x < low ? low : x > high ? high : x);
  const scaled = (x, gain, offset) => x * gain + offset;
  const blend = (a, b, weight) => a + (b - a) * clamp(weight, 0.0, 1.0);
  const level = (x) => (x < 20.0 ? 0 : x < 40.0 ? 1 : x < 60.0 ? 2 : 3);
  const filtered = (last, x) => blend(last, clamp(scaled(x, 1.02, -0.5), 15.0, 85.0), 0.25);
  return () => {
    let value = 50.0, sum = 0.0, count = 0, before = 2;
    for (let i = 0; i < 4096; i++) {
      const x = readings[i];
      value = filtered(value, x);
      const nowAt = level(value);
      if (nowAt !== before) count++;
      before = nowAt;
      sum += blend(value, x, 0.5);
    }
    kernels.calls.changes = count;
    return sum;
  };
};

kernels.text = () => {
  const readings = new Float64Array(64);
  let seed = 12345;
  for (let i = 0; i < 64; i++) {
    seed = nextSeed(seed);
    readings[i] = (seed >>> 8) / 65536.0 - 100.0;
  }
  return () => {
    let bytes = 0, equal = 0;
    for (let i = 0; i < 64; i++) {
      const x = readings[i];
      const line = `sensor T${i}: ${x.toFixed(1)} of ${(x / 3.0).toFixed(3)}, ${i * 37} readings`;
      bytes += line.length;
      if (line === "sensor T7: 24.6 of 8.205, 259 readings") equal++;
    }
    kernels.text.equal = equal;
    return bytes;
  };
};

kernels.fft1024_loops = () => {
  const readings = new Float64Array(1024), swap = new Uint16Array(1024);
  const wr = new Float64Array(512), wi = new Float64Array(512), re = new Float64Array(1024), im = new Float64Array(1024);
  let seed = 12345, c = 1.0, s = 0.0;
  for (let k = 0; k < 512; k++) {
    wr[k] = c;
    wi[k] = -s;
    const next = c * 0.9999811752826011 - s * 0.006135884649154475;
    s = s * 0.9999811752826011 + c * 0.006135884649154475;
    c = next;
  }
  for (let i = 0; i < 1024; i++) {
    seed = nextSeed(seed);
    readings[i] = noise(seed) - 0.5;
    let left = i, reversed = 0;
    for (let bit = 0; bit < 10; bit++) {
      reversed = reversed * 2 + (left & 1);
      left >>= 1;
    }
    swap[i] = reversed;
  }
  return () => {
    for (let i = 0; i < 1024; i++) {
      re[swap[i]] = readings[i];
      im[i] = 0.0;
    }
    for (let half = 1; half < 1024; half *= 2) {
      const groups = (512 / half) | 0;
      for (let group = 0; group < groups; group++)
        for (let j = 0; j < half; j++) {
          const c = wr[j * groups], s = wi[j * groups], u = group * 2 * half + j, v = u + half;
          const xr = re[v] * c - im[v] * s, xi = re[v] * s + im[v] * c;
          re[v] = re[u] - xr;
          im[v] = im[u] - xi;
          re[u] += xr;
          im[u] += xi;
        }
    }
    let power = 0.0;
    for (let i = 0; i < 512; i++) power = power + re[i] * re[i] + im[i] * im[i];
    return power;
  };
};

kernels.fft1000_loops = () => {
  const readings = new Float64Array(1000), wr = new Float64Array(1000), wi = new Float64Array(1000);
  const re = new Float64Array(1000), im = new Float64Array(1000), xr = new Float64Array(1000), xi = new Float64Array(1000);
  let seed = 12345, c = 1.0, s = 0.0;
  for (let k = 0; k < 1000; k++) {
    wr[k] = c;
    wi[k] = -s;
    const next = c * 0.9999802608561371 - s * 0.006283143965558951;
    s = s * 0.9999802608561371 + c * 0.006283143965558951;
    c = next;
    seed = nextSeed(seed);
    readings[k] = noise(seed) - 0.5;
  }
  return () => {
    re.set(readings);
    im.fill(0.0);
    let length = 1;
    for (let stage = 0; stage < 6; stage++) {
      const radix = stage >= 3 ? 5 : 2, count = (1000 / (length * radix)) | 0;
      xr.set(re);
      xi.set(im);
      for (let p = 0; p < length * radix; p++) {
        const from = (p % length) * radix * count, to = p * count;
        for (let k = 0; k < count; k++) {
          let sumR = xr[from + k], sumI = xi[from + k], turn = 0;
          for (let t = 1; t < radix; t++) {
            turn += p * count;
            if (turn >= 1000) turn -= 1000;
            const at = from + t * count + k;
            sumR += xr[at] * wr[turn] - xi[at] * wi[turn];
            sumI += xr[at] * wi[turn] + xi[at] * wr[turn];
          }
          re[to + k] = sumR;
          im[to + k] = sumI;
        }
      }
      length *= radix;
    }
    let power = 0.0;
    for (let i = 0; i < 500; i++) power = power + re[i] * re[i] + im[i] * im[i];
    return power;
  };
};

function floatPairs() {
  const a = new Float32Array(4096), b = new Float32Array(4096);
  let seed = 12345;
  for (let i = 0; i < 4096; i++) {
    seed = nextSeed(seed);
    a[i] = noise(seed) - 0.5;
    seed = nextSeed(seed);
    b[i] = noise(seed) - 0.5;
  }
  return [a, b];
}

kernels.dot_rms_loops = () => {
  const [a, b] = floatPairs();
  const products = new Float32Array(32), squares = new Float32Array(32), f = Math.fround;
  return () => {
    products.fill(0.0);
    squares.fill(0.0);
    for (let i = 0; i < 4096; i += 32)
      for (let n = 0; n < 32; n++) {
        products[n] += f(a[i + n] * b[i + n]);
        squares[n] += f(a[i + n] * a[i + n]);
      }
    for (let half = 16; half > 0; half >>= 1)
      for (let n = 0; n < half; n++) {
        products[n] += products[n + half];
        squares[n] += squares[n + half];
      }
    return products[0] + f(Math.sqrt(f(squares[0] / 4096.0)));
  };
};

kernels.matmul_loops = () => {
  const [a, b] = floatPairs(), c = new Float32Array(4096), f = Math.fround;
  return () => {
    c.fill(0.0);
    for (let row = 0; row < 64; row++)
      for (let k = 0; k < 64; k++) {
        const x = a[row * 64 + k];
        for (let column = 0; column < 64; column++) c[row * 64 + column] += f(x * b[k * 64 + column]);
      }
    return c[65] + c[4000];
  };
};

// ---- stdin: "KERNEL check" and "KERNEL LEAST_MS" ---------------------------------------------------------------------

const fs = require("fs");
const now = () => Number(process.hrtime.bigint());
const known = {};  // by kernel: {run, runs}

function timed(run, runs) {
  const begin = now();
  for (let n = 0; n < runs; n++) run();
  return now() - begin;
}

function answer(name, what) {
  if (!kernels[name]) return "none";
  if (what === "check") {
    const run = kernels[name]();
    run();
    const bits = Buffer.alloc(8);
    bits.writeDoubleBE(run());
    return bits.toString("hex");
  }
  const least = Number(what) * 1e6;
  if (!known[name]) {
    const run = kernels[name]();
    const begin = now();
    while (now() - begin < 200e6) run();  // until its compilers are done
    let runs = 1, ns = timed(run, runs);
    while (ns < least / 4) ns = timed(run, (runs *= 2));
    known[name] = {run, runs: Math.floor((runs * least) / ns) + 1};
  }
  const {run, runs} = known[name];
  return (timed(run, runs) / runs).toFixed(1);
}

// One line at a time, synchronously: nothing of the event loop runs beside a kernel.
function lines(handle) {
  let rest = "";
  const chunk = Buffer.alloc(4096);
  for (;;) {
    const size = fs.readSync(0, chunk, 0, chunk.length, null);
    if (size === 0) return;
    rest += chunk.toString("utf8", 0, size);
    for (let end; (end = rest.indexOf("\n")) >= 0; rest = rest.slice(end + 1)) handle(rest.slice(0, end));
  }
}

lines((line) => {
  const [name, what] = line.trim().split(" ");
  fs.writeSync(1, answer(name, what) + "\n");
});
