#!/usr/bin/env python3
"""Proves of the grammar of plain English that no text has two readings: at each choice, the next K tokens say which way it goes,
whatever stands around (the grammar is strong LL(K)), and such a grammar is unambiguous (Rosenkrantz and Stearns, "Properties of
deterministic top-down grammars", Information and Control 17, 1970).

  one_reading.py GRAMMAR.g4    fails with the choices where that is not so, and with what they have in common
"""
import pathlib
import re
import sys

K = 3
TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*' | [A-Za-z_]+ | [()|:;*+?] | \#\s*\w+""", re.VERBOSE)


def rules_of(text):
    """Rule by rule, its alternatives: each a row of symbols. A group becomes a rule of its own; `x?` is x or nothing, `x*` x and
    itself again or nothing, `x+` x, then `x*`. Terminals are words in quotes and names in capitals."""
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"^.*?;\s*options\s*\{[^}]*\}", "", text, flags=re.DOTALL)
    text = re.split(r"^[A-Z]\w*\s*:", text, flags=re.MULTILINE)[0]
    tokens = [t for t in TOKEN.findall(text) if not t.startswith("#")]
    rules, at = {}, 0

    def alternatives(owner):
        nonlocal at
        found, row = [], []
        while tokens[at] not in (";", ")"):
            token = tokens[at]
            at += 1
            if token == "|":
                found.append(row)
                row = []
                continue
            if token == "(":
                token = f"{owner}({len(rules)})"
                rules[token] = []
                rules[token] = alternatives(owner)
                at += 1
            while tokens[at] in "?*+":
                inner, mark = token, tokens[at]
                at += 1
                token = f"{owner}.{len(rules)}[{inner}{mark}]"
                if mark == "?":
                    rules[token] = [[inner], []]
                else:
                    rules[token] = [[inner, token], []]
                    if mark == "+":
                        again, token = token, f"{owner}.{len(rules)}[{inner}+]"
                        rules[token] = [[inner, again]]
            row.append(token)
        return found + [row]

    while at < len(tokens):
        name = tokens[at]
        at += 2
        rules[name] = []
        rules[name] = alternatives(name)
        at += 1
    return rules


def joined(left, right):
    """All ways to begin with one of `left` and go on with one of `right`, K tokens long at most."""
    return {a if len(a) == K else (a + b)[:K] for a in left for b in right} if right else set()


def beginnings(rules, first, row):
    ways = {()}
    for symbol in row:
        ways = joined(ways, first[symbol] if symbol in rules else {(symbol,)})
    return ways


def until_nothing_changes(sets, step):
    while True:
        before = {name: len(ways) for name, ways in sets.items()}
        step()
        if before == {name: len(ways) for name, ways in sets.items()}:
            return sets


def main():
    rules = rules_of(pathlib.Path(sys.argv[1]).read_text())
    first = {name: set() for name in rules}

    def grow_first():
        for name, rows in rules.items():
            for row in rows:
                first[name] |= beginnings(rules, first, row)

    until_nothing_changes(first, grow_first)
    follow = {name: set() for name in rules}
    follow[next(iter(rules))] = {()}

    def grow_follow():
        for name, rows in rules.items():
            for row in rows:
                for n, symbol in enumerate(row):
                    if symbol in rules:
                        follow[symbol] |= joined(beginnings(rules, first, row[n + 1:]), follow[name])

    until_nothing_changes(follow, grow_follow)
    wrong = 0
    for name, rows in rules.items():
        ways = [joined(beginnings(rules, first, row), follow[name]) for row in rows]
        for n, one in enumerate(ways):
            for m in range(n):
                both = sorted(one & ways[m])
                if both:
                    wrong += 1
                    print(f"{name}: {' '.join(rows[m]) or 'nothing'}, or {' '.join(rows[n]) or 'nothing'}? Both may begin with "
                          + "; ".join(" ".join(way) for way in both[:3]), file=sys.stderr)
    print(f"{len(rules)} rules, {sum(len(rows) > 1 for rows in rules.values())} choices, {wrong} of them not decided by "
          f"{K} tokens")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
