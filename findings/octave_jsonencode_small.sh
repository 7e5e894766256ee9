#!/usr/bin/env bash
# GNU Octave 7.3.0: octave=7.3.0-2 (Debian 12)
# Expected: jsonencode writes every finite double so that jsondecode, or any other reader, gets it back, as sprintf("%.17g")
# does; and a single as it writes an array of singles.
# Seen: a positive number below eps = 2.2e-16 is written as 0, in arrays, too, without a warning; a negative one is not, and
# from eps on all digits are there.
# A number of class single is an error, "unsupported type", an array of two singles is not.
# Why it matters: a gradient that underflows to 1e-20 is not zero, and one that reaches another program as 0 looks like a
# dead unit; json is how Octave hands arrays to other languages.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v octave-cli > /dev/null || apt-get install --quiet=2 --no-install-recommends octave=7.3.0-2
octave-cli --version | grep -q "version 7.3.0" || { echo "this is not Octave 7.3.0"; exit 1; }
cat > "$folder/expected" <<'EXPECTED'
1e-15 -> 1e-15
2.3e-16 -> 2.3e-16
2.2e-16 -> 0
1e-20 -> 0
-1e-300 -> -1e-300
[1e-20 1] -> [0,1]
single(0.5) -> error: jsonencode: unsupported type
single([0.5 0.5]) -> [0.5,0.5]
EXPECTED
cat > "$folder/program.m" <<'PROGRAM'
for text = {"1e-15", "2.3e-16", "2.2e-16", "1e-20", "-1e-300", "[1e-20 1]", "single(0.5)", "single([0.5 0.5])"}
  try
    printf("%s -> %s\n", text{1}, jsonencode(eval(text{1})));
  catch problem
    printf("%s -> error: %s\n", text{1}, problem.message);
  end
end
PROGRAM
octave-cli "$folder/program.m" > "$folder/seen" 2> "$folder/errors"
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
