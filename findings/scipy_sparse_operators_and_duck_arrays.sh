#!/usr/bin/env bash
# scipy==1.17.1, numpy==2.4.6
# Expected: an array of a class of its own, which answers both of NumPy's protocols (__array_ufunc__ and
# __array_function__), has the operators and a high __array_priority__, is asked by all operators of a sparse matrix
# or by none; and S @ x is np.matmul(S, x).
# Seen: S + x, S - x and S / x ask it, S @ x and S * x read its numbers without a word and give plain arrays; x @ S
# and np.matmul(S, x) ask it again.
# Why it matters: recorders, units and automatic differentiation are such classes. What they record ends at S @ x with
# numbers that are right at this point and move with nothing; no error says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
dense @ x Recorder
dense * x Recorder
dense + x Recorder
sparse + x Recorder
sparse - x Recorder
sparse / x Recorder
sparse @ x ndarray
sparse * x coo_array
x @ sparse Recorder
x * sparse Recorder
np.matmul(sparse, x) Recorder
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import numpy as np
import scipy.sparse
from numpy.lib.mixins import NDArrayOperatorsMixin


class Recorder(NDArrayOperatorsMixin):
    __array_priority__ = 1000.0

    def __init__(self, values):
        self.values = np.asarray(values)

    shape = property(lambda self: self.values.shape)
    ndim = property(lambda self: self.values.ndim)
    dtype = property(lambda self: self.values.dtype)
    size = property(lambda self: self.values.size)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return Recorder(getattr(ufunc, method)(*map(plain, inputs), **options))

    def __array_function__(self, function, types, args, kwargs):
        return Recorder(function(*map(plain, args), **kwargs))


def plain(x):
    if isinstance(x, Recorder):
        return x.values
    return x.toarray() if scipy.sparse.issparse(x) else x


x, dense, sparse = Recorder([1.0, 2.0, 3.0]), np.eye(3), scipy.sparse.csr_array(np.eye(3))
for name, found in (
    ("dense @ x", dense @ x), ("dense * x", dense * x), ("dense + x", dense + x),
    ("sparse + x", sparse + x), ("sparse - x", sparse - x), ("sparse / x", sparse / x),
    ("sparse @ x", sparse @ x), ("sparse * x", sparse * x),
    ("x @ sparse", x @ sparse), ("x * sparse", x * sparse), ("np.matmul(sparse, x)", np.matmul(sparse, x)),
):
    print(name, type(found).__name__)
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
