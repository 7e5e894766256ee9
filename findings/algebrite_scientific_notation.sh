#!/usr/bin/env bash
# algebrite@1.4.0 (npm), run with node
# Expected: 1e-20*x^2 is a small multiple of x^2, its slope 2e-20*x.
# Seen: without a decimal point the e is Euler's number: 1e-20*x^2 is e - 20*x^2 and its slope is -40*x. 1.0e-20*x^2 is
# read as meant, but printed as "0.000000...*x": floats are written with six decimals and three dots.
# Why it matters: the text of other programs (JavaScript, Python, C print 1e-20 in this very form) is taken without an
# error as another formula; and the answer's numbers cannot be read back by any of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" algebrite@1.4.0
cat > "$folder/expected" <<'EXPECTED'
1e-20*x^2 -> -20*x^2+e | slope -40*x
1.0e-20*x^2 -> 0.000000...*x^2.0 | slope 0.000000...*x
1e-3*x^2 -> -3*x^2+e | slope -6*x
1.0e-3*x^2 -> 0.001*x^2.0 | slope 0.002*x
1.0*x/3 -> 0.333333...*x | slope 0.333333...
EXPECTED
cat > "$folder/program.js" <<'PROGRAM'
const algebrite = require("algebrite");
for (const text of ["1e-20*x^2", "1.0e-20*x^2", "1e-3*x^2", "1.0e-3*x^2", "1.0*x/3"]) {
  console.log(text, "->", algebrite.run(text), "| slope", algebrite.run(`d(${text},x)`));
}
PROGRAM
node "$folder/program.js" > "$folder/seen"
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
