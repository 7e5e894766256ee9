#!/usr/bin/env bash
# nerdamer@1.1.13 (npm), run with node
# Expected: nerdamer.diff(f, "x") and nerdamer("diff(f,x)") are two ways to ask for the same derivative, and the text of one
# can be read back.
# Seen: of acsch(x) the first gives 0.6180 at 2, the second -0.2236, which is right. Of log(1+e^x) both evaluate right, but the
# first writes a part of its e as 325368125/119696244, and its own text read back at 2.3 is 0.9193 instead of 0.9089.
# Why it matters: which of two documented calls was used decides whether the "symbolic" gradient is one; the logistic
# function is the first one that is handed over as text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" nerdamer@1.1.13
cat > "$folder/expected" <<'EXPECTED'
acsch at 2, right -0.2236
((1+sqrt(1+x^2))*x^(-1))^(-1) 0.6180
-(sqrt(1+x^(-2))*x^2)^(-1) -0.2236
log(1+e^x) at 2.3, right 0.9089
(1+119696244^(-x)*325368125^x)^(-1)*e^x 0.9089
text read back 0.9193
(1+e^x)^(-1)*e^x
EXPECTED
cat > "$folder/program.js" <<'PROGRAM'
const nerdamer = require("nerdamer/all.min");
const first = nerdamer.diff("acsch(x)", "x");
const second = nerdamer("diff(acsch(x),x)");
console.log("acsch at 2, right", (-1 / (2 * Math.sqrt(5))).toFixed(4));
console.log(first.toString(), first.buildFunction(["x"])(2).toFixed(4));
console.log(second.toString(), second.buildFunction(["x"])(2).toFixed(4));
const softplus = nerdamer.diff("log(1+e^x)", "x");
const back = nerdamer(softplus.toString(), { x: 2.3 }).evaluate();
console.log("log(1+e^x) at 2.3, right", (1 / (1 + Math.exp(-2.3))).toFixed(4));
console.log(softplus.toString(), softplus.buildFunction(["x"])(2.3).toFixed(4));
console.log("text read back", Number(back.text("decimals")).toFixed(4));
console.log(nerdamer("diff(log(1+e^x),x)").toString());
PROGRAM
node "$folder/program.js" > "$folder/seen"
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
