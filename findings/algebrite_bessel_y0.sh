#!/usr/bin/env bash
# algebrite@1.4.0 (npm), run with node
# Expected: d(bessely(x,0),x) is -bessely(x,1), as d(besselj(x,0),x) is -besselj(x,1).
# Seen: it is -besselj(x,1), a Bessel function of the other kind; from order 1 on the recurrence is right. Y0 at 1.5 rises
# with slope 0.4123; the answer says -0.5579.
# Why it matters: a table of derivatives is taken on trust, and one wrong line in it is found by a difference quotient
# only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" algebrite@1.4.0
cat > "$folder/expected" <<'EXPECTED'
besselj(x,0) -> -besselj(x,1)
bessely(x,0) -> -besselj(x,1)
besselj(x,1) -> besselj(x,0)-besselj(x,1)/x
bessely(x,1) -> bessely(x,0)-bessely(x,1)/x
EXPECTED
cat > "$folder/program.js" <<'PROGRAM'
const algebrite = require("algebrite");
for (const text of ["besselj(x,0)", "bessely(x,0)", "besselj(x,1)", "bessely(x,1)"]) {
  console.log(text, "->", algebrite.run(`d(${text},x)`));
}
PROGRAM
node "$folder/program.js" > "$folder/seen"
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
