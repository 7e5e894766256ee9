#!/usr/bin/env bash
# mathjs@15.2.0 (npm), run with node
# Expected: derivative() keeps the constants of the formula to float64 accuracy; simplification joins and cancels terms.
# Seen: what it returns by default is simplified, and there a constant below about 1e-14 is taken for 0 and one within that
# of an integer for the integer: the slope of 1.38e-23*x^2 is 0, that of exp(-1.6e-19*x/(1.38e-23*300)) holds two
# Infinity. evaluate() of the same text is right, and so is the slope with {simplify: false}.
# Why it matters: formulas in SI units hold Boltzmann's constant and the elementary charge; their gradients vanish, and
# a check by differences of the formula says so only if it is scaled.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" mathjs@15.2.0
cat > "$folder/expected" <<'EXPECTED'
1e-14*x^2 -> 2e-14 * x | unsimplified at 0.1: 2.00000e-15
1e-15*x^2 -> 0 | unsimplified at 0.1: 2.00000e-16
1.38e-23*x^2 -> 0 | unsimplified at 0.1: 2.76000e-24
1.0000000000000002*x^2 -> 2 * x | unsimplified at 0.1: 0.200000
exp(-1.6e-19*x/(1.38e-23*300)) -> -(Infinity * exp(-(Infinity * x))) | unsimplified at 0.1: -0.810377
5.52e-23
EXPECTED
cat > "$folder/program.js" <<'PROGRAM'
const math = require("mathjs");
for (const text of ["1e-14*x^2", "1e-15*x^2", "1.38e-23*x^2", "1.0000000000000002*x^2", "exp(-1.6e-19*x/(1.38e-23*300))"]) {
  const raw = math.derivative(text, "x", { simplify: false }).evaluate({ x: 0.1 });
  console.log(text, "->", math.derivative(text, "x").toString(), "| unsimplified at 0.1:", raw.toPrecision(6));
}
console.log(math.evaluate("1.38e-23*x^2", { x: 2 }));
PROGRAM
node "$folder/program.js" > "$folder/seen"
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
