// kernels.wasm in V8: node [OPTIONS OF V8] wasm.js kernels.wasm; see README.md for what is asked on stdin.
"use strict";

const fs = require("fs");
const functions = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(process.argv[2])), {}).exports;
const now = () => Number(process.hrtime.bigint());
const known = {};  // by kernel: runs of a measurement

function timed(run, runs) {
  const begin = now();
  for (let n = 0; n < runs; n++) run();
  return now() - begin;
}

function answer(name, what) {
  const start = functions[`${name}_start`], run = functions[`${name}_run`];
  if (!run) return "none";
  if (what === "check") {
    start();
    run();
    run();
    const bits = Buffer.alloc(8);
    bits.writeDoubleBE(functions[`${name}_check`]());
    return bits.toString("hex");
  }
  const least = Number(what) * 1e6;
  if (!known[name]) {
    start();
    const begin = now();
    while (now() - begin < 200e6) run();  // until its compilers are done
    let runs = 1, ns = timed(run, runs);
    while (ns < least / 4) ns = timed(run, (runs *= 2));
    known[name] = Math.floor((runs * least) / ns) + 1;
  }
  return (timed(run, known[name]) / known[name]).toFixed(1);
}

let rest = "";
const chunk = Buffer.alloc(4096);
for (let size; (size = fs.readSync(0, chunk, 0, chunk.length, null)) > 0;) {
  rest += chunk.toString("utf8", 0, size);
  for (let end; (end = rest.indexOf("\n")) >= 0; rest = rest.slice(end + 1)) {
    const [name, what] = rest.slice(0, end).trim().split(" ");
    fs.writeSync(1, answer(name, what) + "\n");
  }
}
