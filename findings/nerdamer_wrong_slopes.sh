#!/usr/bin/env bash
# nerdamer@1.1.13 (npm), run with node
# Expected: diff() of log(x, 10) is 1/(x ln 10), that of atan2(2, x) is -2/(x^2 + 4): both are evaluated right as functions.
# Seen: the base is left out, 1/x comes back; atan2 is differentiated as if its second argument were a constant, 0 comes
# back (atan2(x, 2) is right).
# Why it matters: an angle from atan2 depends on both coordinates, and half of its gradient is missing without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" nerdamer@1.1.13
cat > "$folder/expected" <<'EXPECTED'
log(x,10) at 2 evaluated 0.5000 compiled 0.5000 differences 0.2171
log10(x) at 2 evaluated 0.2171 compiled 0.2171 differences 0.2171
atan2(2,x) at 1 evaluated 0.0000 compiled 0.0000 differences -0.4000
atan2(x,2) at 1 evaluated 0.4000 compiled 0.4000 differences 0.4000
EXPECTED
cat > "$folder/program.js" <<'PROGRAM'
const nerdamer = require("nerdamer/all.min");
const at = (text, x) => Number(nerdamer(text, { x }).evaluate().text("decimals"));
for (const [text, x] of [["log(x,10)", 2], ["log10(x)", 2], ["atan2(2,x)", 1], ["atan2(x,2)", 1]]) {
  const slope = nerdamer(`diff(${text},x)`);
  const difference = (at(text, x + 1e-4) - at(text, x - 1e-4)) / 2e-4;
  const evaluated = Number(slope.evaluate({ x }).text("decimals"));
  console.log(text, "at", x, "evaluated", evaluated.toFixed(4), "compiled", slope.buildFunction(["x"])(x).toFixed(4), "differences", difference.toFixed(4));
}
PROGRAM
node "$folder/program.js" > "$folder/seen"
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
