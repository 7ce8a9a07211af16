#!/usr/bin/env python3
"""Random tasks, run by `eyeflowc run` and, from the same tree, by Python: both must send the same values.

The programs are made so that nothing overflows or is out of range (every value is reduced modulo 1009, every index
modulo the length); what they try is the lowering: registers that are used again, targets that are read and written,
nested loops with break and continue, logic, calls with effects, records, arrays, lists and texts by value, arrays as
arguments that are lent or copied.

usage: random_tasks.py EYEFLOWC [FIRST_SEED [COUNT]]
"""

import copy
import os
import random
import subprocess
import sys
import tempfile

M = 1009


class Break(Exception):
    pass


class Continue(Exception):
    pass


class Return(Exception):
    def __init__(self, value):
        self.value = value


def c_mod(a, b):
    return a - b * int(a / b)


class Maker:
    """Makes source and a Python closure for each piece side by side. A closure takes the environment: a dict."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.names = 0
        self.functions = []  # (name, kinds of the parameters: "int" or "array")
        self.arrays = ["zs"]  # readable arrays of 90, long enough to be lent to functions
        self.ints = []  # readable int locals and states
        self.vars = []  # writable ones
        self.loops = 0
        self.in_function = False
        self.depth = 0

    def fresh(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    # ---- Expressions

    def integer(self, depth):
        r = self.r
        kind = r.choice(["const", "var", "var", "var", "+", "*", "-", "if", "call", "xs", "rec", "min", "len", "ys", "call",
                         "long", "sum", "sum"])
        if depth <= 0:
            kind = r.choice(["const", "var"])
        if kind == "var" and self.ints:
            name = r.choice(self.ints)
            return name, lambda e: e[name]
        if kind in "+*-":
            a, fa = self.integer(depth - 1)
            b, fb = self.integer(depth - 1)
            op = {"+": lambda x, y: x + y, "*": lambda x, y: x * y, "-": lambda x, y: x - y}[kind]

            def compute(e):
                x = fa(e)
                return c_mod(op(x, fb(e)), M)

            return f"(({a} {kind} {b}) mod {M})", compute
        if kind == "if":
            c, fc = self.logic(depth - 1)
            return f"int({c})", lambda e: int(fc(e))
        if kind == "call" and self.functions:
            return self.call(r.choice(self.functions), depth)
        if kind == "xs":
            i, fi = self.integer(depth - 1)

            def element(e):  # read where it is when the index is known: the index may call what changes the array
                at = abs(fi(e)) % 5
                return e["xs"][at]

            return f"xs[abs({i}) mod 5]", element
        if kind == "long":
            array = r.choice(self.arrays)
            i, fi = self.integer(depth - 1)

            def long_element(e):
                at = abs(fi(e)) % 90
                return e[array][at]

            return f"{array}[abs({i}) mod 90]", long_element
        if kind == "sum":
            array = r.choice(self.arrays[-2:])
            return f"(sum({array}) mod {M})", lambda e: c_mod(sum(e[array]), M)
        if kind == "ys":
            i, fi = self.integer(depth - 1)
            return f"at_ys({i})", lambda e: at_ys(e, fi(e))
        if kind == "rec":
            field = r.choice(["a", "b"])
            return f"p.{field}", lambda e: e["p"][field]
        if kind == "min":
            a, fa = self.integer(depth - 1)
            b, fb = self.integer(depth - 1)
            word = r.choice(["min", "max"])
            op = min if word == "min" else max

            def least(e):
                x = fa(e)
                return op(x, fb(e))

            return f"{word}({a}, {b})", least
        if kind == "len":
            return "(ys.len + s.len)", lambda e: len(e["ys"]) + len(e["s"])
        n = r.randrange(-40, 41)
        return (f"{n}" if n >= 0 else f"({n})"), lambda e: n

    def call(self, function, depth):
        name, kinds = function
        args = [self.integer(depth - 1) if kind == "int" else self.array() for kind in kinds]

        def call(e):
            values = [f(e) for _, f in args]
            return e["functions"][name](e, values)

        return f"{name}({', '.join(a for a, _ in args)})", call

    # An argument: what it is when its turn comes.
    def array(self):
        name = self.r.choice(self.arrays)
        return name, lambda e: list(e[name])

    def logic(self, depth):
        r = self.r
        kind = r.choice(["<", "<=", "==", "!=", ">", ">=", "and", "or", "and", "or", "not", "text"])
        if depth <= 0 and kind in ("and", "or", "not"):
            kind = "<"
        if kind in ("and", "or"):
            a, fa = self.logic(depth - 1)
            b, fb = self.logic(depth - 1)
            if kind == "and":
                return f"({a} and {b})", lambda e: fa(e) and fb(e)
            return f"({a} or {b})", lambda e: fa(e) or fb(e)
        if kind == "not":
            a, fa = self.logic(depth - 1)
            return f"(not {a})", lambda e: not fa(e)
        if kind == "text":
            a, fa = self.integer(depth - 1)
            return f'(s == "{{{a}}}x")', lambda e: e["s"] == f"{fa(e)}x"[:24]
        a, fa = self.integer(depth - 1)
        b, fb = self.integer(depth - 1)
        op = {
            "<": lambda x, y: x < y,
            "<=": lambda x, y: x <= y,
            "==": lambda x, y: x == y,
            "!=": lambda x, y: x != y,
            ">": lambda x, y: x > y,
            ">=": lambda x, y: x >= y,
        }[kind]

        def compare(e):
            x = fa(e)
            return op(x, fb(e))

        return f"({a} {kind} {b})", compare

    # ---- Statements

    def block(self, depth, indent):
        ints, variables, arrays = list(self.ints), list(self.vars), list(self.arrays)
        parts = [self.statement(depth, indent + "  ") for _ in range(self.r.randrange(1, 5))]
        parts += [self.look_at(array, indent + "  ") for array in self.arrays[len(arrays):]]
        self.ints, self.vars, self.arrays = ints, variables, arrays
        source = "{\n" + "".join(p for p, _ in parts) + indent + "}"

        def run(e):
            for _, f in parts:
                f(e)

        return source, run

    # What became of an array, at the end of its block.
    def look_at(self, array, indent):
        def look(e):
            e["h"] = c_mod(e["h"] + sum(e[array]), M)

        return f"{indent}h = (h + sum({array})) mod {M}\n", look

    def statement(self, depth, indent):
        r = self.r
        kinds = ["declare", "assign", "assign", "assign", "if", "for", "each", "while", "xs", "push", "rec", "text",
                 "whole", "stop", "send", "long", "long", "name", "name", "pass"]
        kind = r.choice(kinds)
        if depth <= 0 and kind in ("if", "for", "each", "while"):
            kind = "assign"
        if kind == "send" and self.in_function:
            kind = "assign"
        if kind == "assign" and not self.vars:
            kind = "declare"
        if kind == "declare":
            v, f = self.integer(2)
            name = self.fresh("v_")
            word = r.choice(["let", "var", "var"])

            def declare(e):
                e[name] = f(e)

            self.ints.append(name)
            if word == "var":
                self.vars.append(name)
            return f"{indent}{word} {name} = {v}\n", declare
        if kind == "assign":
            name = r.choice(self.vars)
            v, f = self.integer(3)

            def assign(e):
                e[name] = f(e)

            return f"{indent}{name} = {v}\n", assign
        if kind == "if":
            arms = []
            for _ in range(r.randrange(1, 4)):
                c, fc = self.logic(2)
                b, fb = self.block(depth - 1, indent)
                arms.append((c, fc, b, fb))
            other = self.block(depth - 1, indent) if r.random() < 0.5 else None
            source = indent + " else ".join(f"if {c} {b}" for c, _, b, _ in arms)
            if other:
                source += f" else {other[0]}"

            def choose(e):
                for _, fc, _, fb in arms:
                    if fc(e):
                        return fb(e)
                if other:
                    other[1](e)
                return None

            return source + "\n", choose
        if kind in ("for", "each", "while"):
            return self.loop(kind, depth, indent)
        if kind == "xs":
            i, fi = self.integer(2)
            v, f = self.integer(2)

            def store(e):
                at = abs(fi(e)) % 5
                value = f(e)
                e["xs"][at] = value

            return f"{indent}xs[abs({i}) mod 5] = {v}\n", store
        takers = [function for function in self.functions if "array" in function[1]]
        if kind == "pass" and takers:
            v, f = self.call(r.choice(takers), 3)

            def take(e):
                result = f(e)
                e["g"] = c_mod(e["g"] + result, M)

            return f"{indent}g = ({v} + g) mod {M}\n", take
        if kind in ("long", "pass"):
            i, fi = self.integer(1)
            v, f = self.integer(2)
            array = r.choice([name for name in self.arrays if name[:2] in ("zs", "w_")])

            def store_long(e):
                at = abs(fi(e)) % 90
                value = f(e)
                e[array][at] = value

            return f"{indent}{array}[abs({i}) mod 90] = {v}\n", store_long
        if kind == "name":
            word = r.choice(["let", "var"])
            source, f = self.array()
            name = self.fresh("w_" if word == "var" else "l_")
            self.arrays.append(name)

            def name_array(e):
                e[name] = f(e)

            return f"{indent}{word} {name} = {source}\n", name_array
        if kind == "push":
            v, f = self.integer(2)
            # The value may push as well, by a function: there is room for that.
            return f"{indent}if ys.len > 6 {{ ys.clear() }}\n{indent}push_ys({v})\n", lambda e: push_checked(e, f)
        if kind == "rec":
            choice = r.choice(["swap", "field"])
            if choice == "swap":
                v, f = self.integer(1)

                def swap(e):
                    a = e["p"]["b"]
                    b = c_mod(e["p"]["a"] + f(e), M)
                    e["p"] = {"a": a, "b": b}

                return f"{indent}p = Pair(a: p.b, b: (p.a + {v}) mod {M})\n", swap
            v, f = self.integer(2)

            def field(e):
                e["p"]["a"] = f(e)

            return f"{indent}p.a = {v}\n", field
        if kind == "text":
            v, f = self.integer(2)
            if r.random() < 0.5:

                def text(e):
                    e["s"] = f"{f(e)}x"[:24]

                return f'{indent}s = "{{{v}}}x"\n', text

            def double(e):
                first = e["s"]
                e["s"] = (first + f"-{f(e)}")[:24]

            return f'{indent}s = "{{s}}-{{{v}}}"\n', double
        if kind == "whole":
            v, f = self.integer(1)
            return f"{indent}xs = [xs[4], {v}, xs[0], xs[1], xs[2]]\n", rotate_in_order(f)
        if kind == "stop" and self.loops > 0:
            c, fc = self.logic(1)
            word, error = r.choice([("break", Break), ("continue", Continue)])

            def stop(e):
                if fc(e):
                    raise error

            return f"{indent}if {c} {{ {word} }}\n", stop
        if kind == "stop" and self.in_function:
            c, fc = self.logic(1)
            v, f = self.integer(1)

            def leave(e):
                if fc(e):
                    raise Return(f(e))

            return f"{indent}if {c} {{ return {v} }}\n", leave
        if self.in_function:
            return "", lambda e: None
        a, fa = self.integer(2)
        b, fb = self.logic(1)
        return f"{indent}sink.send(n: {a}, b: {b}, t: s)\n", send_in_order(fa, fb)

    def loop(self, kind, depth, indent):
        r = self.r
        ints, variables = list(self.ints), list(self.vars)
        name = self.fresh("n_")
        if kind == "for":
            first, span = r.choice([0, 0, 3, -4]), r.randrange(0, 5)
            head = f"for {name} in {first} ..< {first + span}"
            values = lambda e: range(first, first + span)
            if r.random() < 0.3:
                n, fn = self.integer(1)
                head = f"for {name} in {first} ..< {first} + abs({n}) mod 4"
                values = lambda e: range(first, first + abs(fn(e)) % 4)
            self.ints.append(name)
        elif kind == "each":
            copy_name = self.fresh("c")
            array = r.choice(["xs", "ys"])
            size = "[int; 5]" if array == "xs" else "[int; <=40]"
            counter = self.fresh("k")
            head = f"let {copy_name} : {size} = {array}\n{indent}for {counter}, {name} in {copy_name}"
            values = lambda e: list(enumerate(e[array]))
            self.ints += [name, counter]
        else:
            limit = r.randrange(1, 6)
            c, fc = self.logic(2)
            counter = name
            head = f"var {counter} = 0\n{indent}while {counter} < {limit} and {c} max {limit + 1}"
        self.loops += 1
        b, fb = self.block(depth - 1, indent)
        self.loops -= 1
        self.ints, self.vars = ints, variables
        if kind == "while":
            b = "{\n" + indent + f"  {name} = {name} + 1" + b[1:]

            def turn(e):
                e[name] = 0
                while e[name] < limit and fc(e):
                    e[name] += 1
                    try:
                        fb(e)
                    except Break:
                        break
                    except Continue:
                        pass

            return f"{indent}{head} {b}\n", turn

        def run(e):
            for value in values(e):
                if kind == "each":
                    e[counter], e[name] = value
                else:
                    e[name] = value
                try:
                    fb(e)
                except Break:
                    break
                except Continue:
                    pass

        return f"{indent}{head} {b}\n", run

    def function(self):
        kinds = [self.r.choice(["int", "array"]) for _ in range(self.r.randrange(0, 4))]
        params = [self.fresh("a_") for _ in kinds]
        self.in_function = True
        saved = (list(self.ints), list(self.vars), list(self.arrays))
        for param, kind in zip(params, kinds):
            (self.ints if kind == "int" else self.arrays).append(param)
        b, fb = self.block(2, "  ")
        v, f = self.integer(2)
        self.ints, self.vars, self.arrays = saved
        self.in_function = False
        name = self.fresh("fn_")
        looks = [self.look_at(param, "    ") for param, kind in zip(params, kinds) if kind == "array"]
        types = {"int": "int", "array": "[int; 90]"}
        declared = ", ".join(f"{param}: {types[kind]}" for param, kind in zip(params, kinds))
        source = f"  fn {name}({declared}) -> int {b[:-3]}{''.join(s for s, _ in looks)}    return {v}\n  }}\n"

        def run(e, values):
            frame = Frame(e, dict(zip(params, values)))
            try:
                fb(frame)
                for _, look in looks:
                    look(frame)
                return f(frame)
            except Return as r:
                return r.value

        self.functions.append((name, kinds))
        return name, source, run


STATE = ("g", "h", "xs", "ys", "zs", "p", "s", "sent", "functions")


class Frame(dict):
    """A function's locals, over the task's state."""

    def __init__(self, outer, values):
        super().__init__(values)
        self.state = outer.state if isinstance(outer, Frame) else outer

    def __getitem__(self, name):
        return self.state[name] if name in STATE else super().__getitem__(name)

    def __setitem__(self, name, value):
        if name in STATE:
            self.state[name] = value
        else:
            super().__setitem__(name, value)


def at_ys(e, i):
    return e["ys"][abs(i) % len(e["ys"])] if e["ys"] else -1


def push_checked(e, value):
    if len(e["ys"]) > 6:
        e["ys"].clear()
    v = value(e)
    if len(e["ys"]) < 40:
        e["ys"].append(v)


def rotate_in_order(f):
    def rotate(e):
        a = e["xs"][4]
        b = f(e)
        x = e["xs"]
        e["xs"] = [a, b, x[0], x[1], x[2]]

    return rotate


def send_in_order(fa, fb):
    def send(e):
        x = fa(e)
        y = fb(e)
        e["sent"].append((x, int(y), e["s"]))

    return send


def make(seed):
    m = Maker(seed)
    functions, sources = {}, []
    m.ints = ["g", "h"]
    m.vars = ["g", "h"]
    for _ in range(m.r.randrange(0, 4)):
        name, source, run = m.function()
        functions[name] = run
        sources.append(source)
    m.ints.append("n")
    body, run = m.block(4, "  ")
    text = f"""record Pair {{ a: int, b: int }}
task random_{seed} {{
  input k : int
  output sink : log {{ n: int, b: bool, t: text(24) }}
  state g : int = 1
  state h : int = 2
  state xs : [int; 5] = [1, 2, 3, 4, 5]
  state ys : [int; <=40] = []
  state zs : [int; 90] = [3; 90]
  state p : Pair = Pair(a: 6, b: 7)
  state s : text(24) = "s"
  fn at_ys(i: int) -> int {{
    if ys.len == 0 {{ return -1 }}
    return ys[abs(i) mod ys.len]
  }}
  fn push_ys(v: int) {{ if ys.len < 40 {{ ys.push(v) }} }}
{''.join(sources)}
  on k as n {{
    sink.send(n: n, b: true, t: s)
    if true {body}
    sink.send(n: g, b: g > h, t: s)
    sink.send(n: h, b: false, t: "{{xs[0]}},{{xs[4]}},{{p.a}},{{p.b}}")
  }}
}}
"""
    return text, functions, run


def expected(functions, run, readings):
    state = {"g": 1, "h": 2, "xs": [1, 2, 3, 4, 5], "ys": [], "zs": [3] * 90, "p": {"a": 6, "b": 7}, "s": "s", "sent": [],
             "functions": functions}
    for n in readings:
        e = Frame(state, {"n": n})
        state["sent"].append((n, 1, state["s"]))
        run(e)
        state["sent"].append((state["g"], int(state["g"] > state["h"]), state["s"]))
        text = f"{state['xs'][0]},{state['xs'][4]},{state['p']['a']},{state['p']['b']}"
        state["sent"].append((state["h"], 0, text[:24]))
    return state["sent"]


def check(eyeflowc, seed, folder):
    source, functions, run = make(seed)
    readings = [seed % 50, -3, 17, 500]
    path = os.path.join(folder, f"random_{seed}.eft")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    recording = os.path.join(folder, "in.csv")
    with open(recording, "w", encoding="utf-8") as file:
        file.writelines(f"{i},k,{n}\n" for i, n in enumerate(readings))
    done = subprocess.run([eyeflowc, "run", path, "--replay", recording], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()[1:]
    values = [line.split(",", 2)[2].strip('"') for line in lines]
    got = [(int(values[i]), int(values[i + 1] == "true"), values[i + 2]) for i in range(0, len(values), 3)]
    if done.returncode != 0 or "stopped" in done.stderr:
        return f"seed {seed}: {done.stderr.strip()[:2000]}\n{source}"
    want = expected(functions, run, readings)
    if got != want:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        return f"seed {seed}: row {at}: got {got[at:at + 1]}, Python says {want[at:at + 1]}\n{source}"
    return None


def main():
    eyeflowc = sys.argv[1]
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 150
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            problem = check(eyeflowc, seed, folder)
            if problem:
                failed += 1
                print(problem)
                if failed == 3:
                    break
    print(f"{count} random tasks, {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
