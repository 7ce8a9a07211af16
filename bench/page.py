"""The report as one HTML page: plots as SVG, no script, nothing from the network, light and dark. Used by report.py."""
import html
import math

import loops
from bounds import by_how_much, limit
from figures import short

WIDTH, LEFT, RIGHT = 960, 190, 84  # of a plot, of its labels, of its figures
ROW, BAR = 19, 12                  # height of a row, of the bar in it
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1b1b19; --soft: #5d5c57; --line: #e3e2dd; --axis: #aeada6;
  --interpreter: #2a78d6; --baseline: #c2541b; --other: #a5a49d; --holds: #1f7a3d; --missed: #b3261e; --bound: #8a3ffc; }
@media (prefers-color-scheme: dark) { :root { --paper: #191918; --ink: #f1f0ec; --soft: #b3b2ab; --line: #34332f;
  --axis: #6a6963; --interpreter: #5b9df0; --baseline: #ef8a50; --other: #75746d; --holds: #5fc481; --missed: #ff8a80;
  --bound: #be95ff; } }
body { margin: 0 auto; padding: 28px 24px 60px; max-width: 1000px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 42px 0 6px; }
p, .machine { color: var(--soft); margin: 0 0 12px; max-width: 800px; }
.machine span { margin-right: 22px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--axis); padding: 12px 12px 4px 0; }
td { border-bottom: 1px solid var(--line); padding: 5px 12px 5px 0; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
.holds { color: var(--holds); white-space: nowrap; } .missed { color: var(--missed); font-weight: 600; white-space: nowrap; }
.none { color: var(--soft); white-space: nowrap; } .why { color: var(--soft); font-weight: 400; white-space: normal; }
svg { display: block; width: 100%; min-width: 640px; height: auto; font: 12px system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
svg text { fill: var(--ink); } svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); } svg .one { stroke: var(--ink); }
svg .bound { stroke: var(--bound); stroke-dasharray: 4 3; } svg text.bound { fill: var(--bound); stroke: none; }
svg .spread { stroke: var(--ink); }
.interpreter { fill: var(--interpreter); } .baseline { fill: var(--baseline); } .other { fill: var(--other); }
.key { display: flex; gap: 20px; color: var(--soft); font-size: 13px; margin: 4px 0 6px; flex-wrap: wrap; }
.key i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 2px; vertical-align: -1px; }
"""


def text_of(value):
    return html.escape(str(value))


def css_class(way):
    return way if way in ("interpreter", "baseline") else "other"


class Plot:
    """Horizontal bars from 1 on a logarithmic scale: to the right slower than what it is compared with, to the left faster."""

    def __init__(self, rows, bounds, unit="×"):
        """rows: (label, way, low, median, high), or a label alone for a gap with a heading; bounds: (value, text)"""
        self.rows, self.bounds, self.unit = rows, sorted(bounds), unit
        values = [value for row in rows if len(row) > 1 for value in row[2:]] + [value for value, _ in bounds] + [1]
        low, high = min(values), max(values)
        self.low = max((step for step in STEPS if step <= low), default=STEPS[0])
        self.high = min((step for step in STEPS if step >= high), default=STEPS[-1])
        self.low = min(self.low, 0.5)
        self.top = 24 + 15 * len(bounds)
        self.height = self.top + ROW * len(rows) + 8

    def x(self, value):
        value = min(max(value, self.low), self.high)
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(value / self.low) / math.log(self.high / self.low)

    def grid(self):
        bottom = self.height - 4
        for step in STEPS:
            if self.low <= step <= self.high:
                x = self.x(step)
                yield f'<line class="{"one" if step == 1 else "grid"}" x1="{x:.1f}" x2="{x:.1f}" y1="{self.top - 4}" y2="{bottom}"/>'
                yield f'<text class="soft" x="{x:.1f}" y="{self.top - 9}" text-anchor="middle">{step:g}{self.unit}</text>'
        for n, (value, text) in enumerate(self.bounds):
            x, y = self.x(value), 12 + 15 * n
            yield f'<line class="bound" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 8}" y2="{bottom}"/>'
            yield f'<text class="bound" x="{x + 4:.1f}" y="{y}">{text_of(text)}</text>'

    def bar(self, y, label, way, low, median, high):
        start, end = sorted((self.x(1), self.x(median)))
        middle = y + ROW / 2
        yield f'<g><title>{text_of(label)}, {text_of(way)}: {short(median)}{self.unit} ({short(low)} – {short(high)})</title>'
        yield f'<rect x="{LEFT}" y="{y}" width="{WIDTH - LEFT}" height="{ROW}" fill="transparent"/>'
        yield (f'<rect class="{css_class(way)}" x="{start:.1f}" y="{middle - BAR / 2:.1f}" '
               f'width="{max(end - start, 1.5):.1f}" height="{BAR}" rx="2"/>')
        if high / low > 1.02:
            yield f'<line class="spread" x1="{self.x(low):.1f}" x2="{self.x(high):.1f}" y1="{middle}" y2="{middle}"/>'
        beside = max(end, self.x(high)) + 6
        yield f'<text x="{beside:.1f}" y="{middle + 4}">{short(median)}</text></g>'

    def svg(self, title):
        parts = [f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{text_of(title)}">', *self.grid()]
        last = None
        for n, row in enumerate(self.rows):
            y = self.top + ROW * n
            if len(row) == 1:
                parts.append(f'<text class="soft" x="0" y="{y + ROW / 2 + 5}">{text_of(row[0])}</text>')
                last = None
                continue
            if row[0] != last:
                parts.append(f'<text x="{LEFT - 10}" y="{y + ROW / 2 + 4}" text-anchor="end">{text_of(row[0])}</text>')
            last = row[0]
            parts += self.bar(y, *row)
        return '<div class="scroll">' + "\n".join(parts + ["</svg>"]) + "</div>"


def kernel_rows(kernels, kinds, tiers):
    rows = []
    for kind in kinds:
        of_kind = [row for row in kernels["kernels"] if row["kind"] == kind]
        if of_kind:
            rows.append((f"{kind} kernels",))
        for row in of_kind:
            rows += [(row["name"], tier, *(row["ratio"][tier][key] for key in ("low", "median", "high")))
                     for tier in tiers if tier in row["ratio"]]
    return rows


def key(ways):
    items = [f'<span><i style="background: var(--{css_class(way)})"></i>{text_of(way)}</span>' for way in ways]
    return '<div class="key">' + "".join(items) + "</div>"


def kernel_plots(kernels, bound):
    tiers = list(kernels["tiers"])
    parts = ["<h2>Kernels beside C</h2>",
             f"<p>Time of a run ÷ the time of the same work in C ({text_of(kernels['limit'])}), measured in turn in "
             f"{kernels['rounds']} rounds. Medians; the thin line is the middle half. Bars to the left are faster than C.</p>",
             key(tiers)]
    lines = [(bound["baseline_worst"], f"baseline, any kernel: {bound['baseline_worst']:g}"),
             (bound["baseline_geomean"], f"baseline, mean: {bound['baseline_geomean']:g}"),
             (bound["interpreter_scalar"], f"interpreter, mean of scalar kernels: {bound['interpreter_scalar']:g}")]
    parts.append(Plot(kernel_rows(kernels, ("scalar", "array"), tiers), lines).svg("ratio to C by kernel"))
    extra = kernel_rows(kernels, ("extra",), tiers)
    if extra:
        parts += ["<h2>Kernels that nobody tunes for</h2>", "<p>More scalar loads, in no mean with the others: are their "
                  "figures true of more?</p>", key(tiers), Plot(extra, []).svg("ratio to C, extra kernels")]
    loops = kernel_rows(kernels, ("loops",), tiers)
    if loops:
        parts += ["<h2>Array kernels written out as loops</h2>", "<p>C makes vector code of them, a tier does not: what "
                  "whole-array operations are for. In no mean with the others.</p>", key(tiers),
                  Plot(loops, []).svg("ratio to C, loops")]
    return parts


def mean_plot(kernels):
    rows = []
    for what, title in (("scalar_geomean", "scalar kernels"), ("array_geomean", "array kernels"),
                        ("extra_geomean", "extra kernels"), ("loops_geomean", "as loops")):
        ways = [(name, one[what]) for name, one in {**kernels["tiers"], **kernels["peers"]}.items() if one.get(what)]
        if ways:
            rows.append((title,))
        rows += [(name, name, value, value, value) for name, value in sorted(ways, key=lambda way: way[1])]
    missing = "; ".join(f"{name}: {why}" for name, why in kernels["missing"].items())
    return ["<h2>Beside other machines</h2>", "<p>Geometric means of the ratios to C in the same rounds. Peers have no "
            "operations on whole arrays to call and run those kernels as loops; C and V8 make vector code of them."
            f"{' Missing: ' + text_of(missing) + '.' if missing else ''}</p>",
            key([*kernels["tiers"], "other machines"]), Plot(rows, []).svg("geometric means")]


def peer_plot(kernels, bound):
    interpreter = kernels["tiers"].get("interpreter", {}).get("vs_best_interpreter_peer")
    if not interpreter:
        return []
    rows = [(name, "interpreter", value, value, value) for name, value in interpreter["kernels"].items()]
    lines = [(bound["interpreter_peer"], f"mean: {bound['interpreter_peer']:g}"),
             (bound["interpreter_peer_worst"], f"any kernel: {bound['interpreter_peer_worst']:g}")]
    return ["<h2>The interpreter beside the best interpreter of each kernel</h2>",
            "<p>Time ÷ that of the fastest of the other interpreters on the kernel. To the left is faster.</p>",
            Plot(rows, lines).svg("interpreter beside the best interpreter peer")]


def bound_table(rows):
    parts, group = ["<h2>Bounds</h2>", '<div class="scroll"><table>'], None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            parts.append(f'<tr><th>{text_of(group)}</th><th class="n">median</th><th class="n">middle half</th>'
                         '<th class="n">bound</th><th></th></tr>')
        unit = row["unit"] and " " + row["unit"]
        bound = limit(row)
        if row["holds"] is None:
            cells = ["", "", bound, '<span class="none">not measured</span>']
        else:
            spread = f"{short(row['low'])} – {short(row['high'])}" if len(row["measured"]) > 1 else ""
            state = ('<span class="holds">✓ holds</span>' if row["holds"] else
                     f'<span class="missed">✗ missed {by_how_much(row)}</span> <span class="why">{text_of(row["why"]).replace("`", "")}</span>')
            cells = [f"{short(row['median'])}{unit}", spread, bound, state]
        what = text_of(row["what"]).replace("`", "")
        parts.append(f"<tr><td>{what}</td>" + "".join(f'<td class="n">{cell}</td>' for cell in cells[:3]) +
                     f"<td>{cells[3]}</td></tr>")
    return parts + ["</table></div>"]


def loop_table(rows):
    head, *others = loops.table(rows)
    parts = ["<h2>Instructions an iteration</h2>", f"<p>{text_of(loops.NOTE).replace('`', '')}</p>",
             f"<p>{text_of(loops.missing(rows)).replace('`', '')}</p>" if loops.missing(rows) else "",
             '<div class="scroll"><table>', "<tr>" + "".join(f"<th>{text_of(cell)}</th>" for cell in head) + "</tr>"]
    parts += ["<tr>" + "".join(f"<td>{text_of(cell)}</td>" for cell in cells) + "</tr>" for cells in others]
    return parts + ["</table></div>"]


def page(report):
    """The whole page of what report.json holds."""
    bound = {row["key"]: row["bound"] for row in report["bounds"]}
    machine = "".join(f"<span>{text_of(name)}: {text_of(value)}</span>" for name, value in report["machine"].items())
    parts = ["<!doctype html>", '<html lang="en"><head><meta charset="utf-8"><title>EyeFlow: benchmarks</title>',
             '<meta name="viewport" content="width=device-width, initial-scale=1">', f"<style>{STYLE}</style></head><body>",
             "<h1>Benchmarks</h1>", f'<div class="machine">{machine}</div>']
    parts += bound_table(report["bounds"])
    parts += kernel_plots(report["kernels"], bound) + peer_plot(report["kernels"], bound) + mean_plot(report["kernels"])
    parts += loop_table(report["loops"])
    return "\n".join(parts + ["</body></html>", ""])
