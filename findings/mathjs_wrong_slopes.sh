#!/usr/bin/env bash
# mathjs@15.2.0 (npm), run with node
# Expected: derivative() of acoth(x), of cbrt(x) and of (x^2)^(1/2), all real functions of mathjs itself at the points below.
# Seen: acoth has the wrong sign everywhere (1/(x^2-1) for 1/(1-x^2)); that of cbrt, which is real at -8, is a complex
# number there, since x^(-2/3) is taken on the principal branch; (x^2)^(1/2) is simplified to x first, with slope 1 at
# -2, while sqrt(x^2), the same function, keeps its -1, and (x^2)^(1/2) does with {simplify: false}.
# Why it matters: these slopes are taken as the symbolic truth that a hand-written gradient is compared with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" mathjs@15.2.0
cat > "$folder/expected" <<'EXPECTED'
acoth(x) at 2 -> -(1 / (1 - x ^ 2)) = 0.3333 | differences: -0.3333
cbrt(x) at -8 -> x ^ (-2 / 3) / 3 = -0.04167 - 0.07217i | differences: 0.0833
cbrt(x) at 8 -> x ^ (-2 / 3) / 3 = 0.08333 | differences: 0.0833
(x^2)^(1/2) at -2 -> 1 = 1 | differences: -1.0000
sqrt(x^2) at -2 -> x / sqrt(x ^ 2) = -1 | differences: -1.0000
(x^2)^(1/2) unsimplified at -2 = -1
EXPECTED
cat > "$folder/program.js" <<'PROGRAM'
const math = require("mathjs");
const h = 1e-6;
for (const [text, x] of [["acoth(x)", 2], ["cbrt(x)", -8], ["cbrt(x)", 8], ["(x^2)^(1/2)", -2], ["sqrt(x^2)", -2]]) {
  const slope = math.derivative(text, "x");
  const difference = (math.evaluate(text, { x: x + h }) - math.evaluate(text, { x: x - h })) / (2 * h);
  console.log(text, "at", x, "->", slope.toString(), "=", math.format(slope.evaluate({ x }), 4), "| differences:", difference.toFixed(4));
}
const raw = math.derivative("(x^2)^(1/2)", "x", { simplify: false });
console.log("(x^2)^(1/2) unsimplified at -2 =", math.format(raw.evaluate({ x: -2 }), 4));
PROGRAM
node "$folder/program.js" > "$folder/seen"
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
