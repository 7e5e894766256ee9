#!/usr/bin/env bash
# openmdao==3.45.1, numpy==2.4.6
# Expected: check_partials looks at the partial derivatives and changes none of them; called twice, it says the same twice.
# Seen: partials that are declared as constants (val=) are replaced by the finite differences that they are compared with.
# The first check finds an error of 5, the second an error of exactly 0, and assert_check_partials passes.
# Why it matters: a check in the set-up and one in the test, or a check in a notebook cell that is run again, and the wrong
# constant is declared right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openmdao==3.45.1 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
first declared: [1.0, 1.0, 1.0] differences: [2.0, 4.0, 6.0] error: 5.0
second declared: [2.0, 4.0, 6.0] differences: [2.0, 4.0, 6.0] error: 0.0
assert_check_partials passes
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import numpy as np
import openmdao.api as om
from openmdao.utils.assert_utils import assert_check_partials


class Square(om.ExplicitComponent):
    def setup(self):
        self.add_input("x", np.array([1.0, 2.0, 3.0]))
        self.add_output("y", np.zeros(3))
        self.declare_partials("y", "x", val=np.eye(3))

    def compute(self, inputs, outputs):
        outputs["y"] = inputs["x"] ** 2


problem = om.Problem()
problem.model.add_subsystem("c", Square())
problem.setup(force_alloc_complex=True)
problem.run_model()
for call in ("first", "second"):
    data = problem.check_partials(out_stream=None, method="cs")
    entry = data["c"]["y", "x"]
    print(call, "declared:", np.diag(entry["J_fwd"]).tolist(), "differences:", np.diag(entry["J_fd"]).tolist(),
          "error:", float(entry["abs error"].forward))
assert_check_partials(data)
print("assert_check_partials passes")
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
