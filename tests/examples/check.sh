#!/bin/sh
# The examples do what is written beside them: usage check.sh EYEFLOWC, from the repository's root.
set -eu
eyeflowc=$1
failed=0
expect() { # TITLE EXPECTED-FILE, the output on stdin
  diff "$2" - || { echo "differs: $1"; failed=1; }
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The effects were worked out by hand from the recording.
(cd examples && "$eyeflowc" run monitor_t1.eft --replay monitor_t1.csv --until '45 s' 2>"$work/bad") |
  expect "monitor_t1 on its recording" examples/monitor_t1.effects.csv
echo "monitor_t1.csv:8: bad reading for t1: 'nan' is not a number; left out" | diff - "$work/bad" || failed=1

# The card in docs/card.md is the one that the program prints.
awk '/^    task / { on = 1 } on { sub(/^    /, ""); print } /^  a day/ { exit }' docs/card.md >"$work/card"
"$eyeflowc" card examples/monitor_t1.eft | expect "docs/card.md" "$work/card"

python3 tests/examples/bearing_health.py "$eyeflowc" || failed=1

# The sentences in plain English make a task, and the one of the readme is that of the example.
"$eyeflowc" check examples/*.txt 2>"$work/bad" || { cat "$work/bad"; failed=1; }
grep -qF "# $(cat examples/monitor_in_english.txt)" README.md || { echo "README.md shows another sentence"; failed=1; }

# The three tasks that the documents begin with stay short.
for example in monitor_t1 bearing_health line_qa; do
  lines=$(awk '/^task / { on = 1 } on { n++ } on && /^}/ { print n; exit }' "examples/$example.eft")
  [ "$lines" -lt 30 ] || { echo "examples/$example.eft: its task has $lines lines, 29 are the most"; failed=1; }
done

# The model that the site of line_qa is bound to is the one that lies beside it.
grep -q "$(sha256sum examples/dark_parts.json | cut -c1-64)" examples/line_qa.toml ||
  { echo "examples/line_qa.toml: the hash of dark_parts.json is another one"; failed=1; }

# Test blocks of the examples hold.
"$eyeflowc" test examples/*.eft || failed=1
exit $failed
