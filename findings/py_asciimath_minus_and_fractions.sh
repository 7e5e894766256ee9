#!/usr/bin/env bash
# py-asciimath==0.3.0, lark-parser==0.12.0
# Expected: AsciiMath text of a formula becomes LaTeX of the same formula: x^-1 and e^-x with the sign in the exponent,
# f(x)/g(x) as a fraction of two function values.
# Seen: the exponent is the minus sign alone, 1 and x follow on the line; the fraction takes x and g, so that f times x/g
# times x is written; x^y^z becomes a double superscript, which TeX refuses. With brackets, e^(-x), it is right.
# Why it matters: exp(-x), 1/x and quotients of functions are what gradients are made of, and the picture shows another
# formula than the one that was checked.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check py-asciimath==0.3.0 lark-parser==0.12.0
cat > "$folder/expected" <<'EXPECTED'
x^-1 -> ${x}^{-} 1$
e^-x -> ${e}^{-} x$
e^(-x) -> ${e}^{- x}$
f(x)/g(x) -> $f \frac{x}{g} \left(x\right)$
x^y^z -> ${x}^{y} ^ z$
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import logging

from py_asciimath.translator.translator import ASCIIMath2Tex

logging.disable(logging.CRITICAL)
translator = ASCIIMath2Tex(log=False, inplace=True)
for text in ("x^-1", "e^-x", "e^(-x)", "f(x)/g(x)", "x^y^z"):
    print(text, "->", translator.translate(text, displaystyle=False, from_file=False, pprint=False))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
