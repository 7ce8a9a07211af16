"""The kernels as Markdown. Used by report.py."""
from figures import short

NOTE = """Time of a run ÷ the time of C ({limit}) in the same round: medians of {rounds} rounds, each of which
measures every column once, pinned to one core. 1 is as fast as C. Every result is that of C to the bit; Lua and Python
compute in doubles. Peers have no operations on whole arrays to call: they run those kernels as loops, V8 and C as
vector code. In no mean with the others: kernels of the kind _extra_, which nobody tunes for, and _loops_, array kernels written
out. `text` is not in WebAssembly, which has no formatting of its own."""


def cell(row, way):
    return short(row["ratio"][way]["median"]) if way in row["ratio"] else ""


def table(rows, ways, low_high=()):
    lines = ["| kernel | kind | C, µs | " + " | ".join(ways) + " |", "|---|---|---:|" + "---:|" * len(ways)]
    for row in rows:
        cells = []
        for way in ways:
            text = cell(row, way)
            if way in low_high and text:
                ratio = row["ratio"][way]
                text = f"**{text}** ({short(ratio['low'])} – {short(ratio['high'])})"
            cells.append(text)
        lines.append(f"| {row['name']} | {row['kind']} | {short(row['ns']['c']['median'] / 1e3)} | " + " | ".join(cells) + " |")
    return lines


def means(kernels):
    lines = ["| geometric mean | scalar | array | both | worst of both | extra | loops |", "|---|---:|---:|---:|---|---:|---:|"]
    for name, one in {**kernels["tiers"], **kernels["peers"]}.items():
        figures = [short(one[key]) if one.get(key) else "" for key in ("scalar_geomean", "array_geomean", "geomean")]
        worst = f"{short(one['worst'])} ({one['worst_kernel']})" if one.get("worst") else ""
        others = [short(one[key]) if one.get(key) else "" for key in ("extra_geomean", "loops_geomean")]
        lines.append(f"| {name} | " + " | ".join(figures) + f" | {worst} | " + " | ".join(others) + " |")
    lines += [f"| {name} | {why} | | | | | |" for name, why in kernels["missing"].items()]
    return lines


def section(kernels):
    tiers, peers = list(kernels["tiers"]), list(kernels["peers"])
    lines = ["## Kernels", "", NOTE.format(**kernels), ""]
    lines += table(kernels["kernels"], tiers, tiers) + [""] + means(kernels) + [""]
    if peers:
        lines += ["### Peers, kernel by kernel", ""] + table(kernels["kernels"], tiers + peers) + [""]
    return lines
