"""Reads a call as other languages write it. Gives how it is written here, with the author's arguments.

One table for all: NumPy, PyTorch, JAX, R, MATLAB, textbooks. Knows nothing of statements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gradcheck_cli.language.function_names import is_function
from gradcheck_cli.language.statement_words import LONG_LINE

__all__ = [
    "ARRAYS", "FORMS", "REMARKS", "arguments_behind", "closing_bracket", "is_module", "signs_beside",
    "spelled_here", "with_keyword", "with_names",
]  # fmt: skip

_LETTERS = ("x", "y", "z")

# Each name, or several, and the forms that it may have here: {0} is the first argument, {*} all of them. The
# first form counts whose functions exist and which has a place for each argument.
_TABLE: Mapping[str, tuple[str, ...]] = MappingProxyType({
    # linear algebra
    "tr": ("trace({0})",),
    "crossprod": ("{0}' @ {1}", "{0}' @ {0}"),
    "tcrossprod": ("{0} @ {1}'", "{0} @ {0}'"),
    "inverse matinv": ("inv({0})",),
    "determinant": ("det({0})",),
    "logabsdet": ("slogdet({0})",),
    "matmul mm mv": ("{0} @ {1}",),
    "bmm": ('einsum("bij,bjk->bik", {0}, {1})',),
    "inner vdot dotproduct dot_product": ("dot({0}, {1})",),
    "identity": ("eye({0})",),
    "diagonal": ("diag({0})",),
    "kronecker": ("kron({0}, {1})",),
    "outer_product ger": ("outer({0}, {1})",),
    "norm2 norm_2": ("norm({0})",),
    "sqnorm squared_norm norm_squared sumabs2": ("sum({0}^2)",),
    "quad_form quadform": ("{0}' @ {1} @ {0}",),
    "T t": ("{0}'",),
    "addmm addmv": ("{0} + {1} @ {2}",),
    "mldivide": ("solve({0}, {1})",),
    "linsolve solve_triangular triangular_solve cho_solve": ("solve({0}, {1})",),
    "lstsq": ("solve({0}' @ {0}, {0}' @ {1})",),
    "chol": ("cholesky({0})",),
    "triu": ("tril({0}')'",),
    "tensordot": ('einsum("ij,jk->ik", {0}, {1})',),
    "frobenius l2norm": ("norm({0})",),
    # sizes and parts of arrays
    "zeros zeros_like": ("0*ones({*})",),
    "ones_like": ("{0}^0",),
    "full": ("{1}*ones({0})",),
    "onehot one_hot": ("one_hot({*})", "eye({1})[{0},:]", "eye(10)[{0},:]"),
    "concatenate cat hstack append": ("concat({*})",),
    "vstack": ("[{*}]",),
    "view": ("reshape({*})",),
    "flatten ravel vec": ("reshape({0}, -1)",),
    "permute": ("transpose({*})",),
    # arithmetic
    "maximum fmax clamp_min": ("max({0}, {1})",),
    "minimum fmin clamp_max": ("min({0}, {1})",),
    "amax reduce_max": ("max({0})",),
    "amin reduce_min": ("min({0})",),
    "pow power": ("{0}^{1}",),
    "square sqr": ("{0}^2",),
    "cube": ("{0}^3",),
    "add plus": ("{0} + {1}",),
    "subtract sub minus": ("{0} - {1}",),
    "multiply mul times hadamard": ("{0}*{1}",),
    "divide div true_divide": ("{0}/{1}",),
    "neg negative": ("-{0}",),
    "reciprocal recip": ("1/{0}",),
    "abs2": ("{0}^2",),
    "mod2pi": ("mod({0}, 2*pi)",),
    "exp10": ("10^{0}",),
    "xexpx": ("{0}*exp({0})",),
    "xlog1py": ("{0}*log1p({1})",),
    "log1pexp log1p_exp": ("softplus({0})",),
    "log1psq": ("log1p({0}^2)",),
    "logaddexp2": ("log2(2^{0} + 2^{1})",),
    "logcumsumexp cumlogsumexp": ("log(cumsum(exp({0})))",),
    "softmin": ("softmax(-{0})",),
    "logcosh log_cosh": ("{0} + softplus(-2*{0}) - log(2)",),
    "factorial fact": ("gamma({0} + 1)",),
    "binom choose nCr comb nchoosek": ("exp(lgamma({0} + 1) - lgamma({1} + 1) - lgamma({0} - {1} + 1))",),
    "lchoose lbinom log_binom": ("lgamma({0} + 1) - lgamma({1} + 1) - lgamma({0} - {1} + 1)",),
    "trunc fix int": ("sign({0})*floor(abs({0}))",),
    "frac": ("{0} - floor({0})",),
    "remainder modulo": ("mod({0}, {1})",),
    "fmod rem": ("{0} - {1}*sign({0}/{1})*floor(abs({0}/{1}))",),
    "item clone copy numpy contiguous cpu float double asarray float64 float32 float16 int64 int32": ("{0}",),
    "relu_": ("relu({0})",),
    # sums
    "rowSums rowsum rowsums": ("sum({0}, axis=1)",),
    "colSums colsum colsums": ("sum({0}, axis=0)",),
    "rowMeans rowmeans": ("mean({0}, axis=1)",),
    "colMeans colmeans": ("mean({0}, axis=0)",),
    "average avg expectation reduce_mean": ("mean({0})",),
    "total summation Sigma reduce_sum": ("sum({0})",),
    "product Pi reduce_prod": ("prod({0})",),
    "sumsq sum_sq sum_of_squares": ("sum({0}^2)",),
    "variance": ("var({0})",),
    "stdev stddev": ("std({0})",),
    "lse log_sum_exp reduce_logsumexp": ("logsumexp({0})",),
    "l1": ("sum(abs({0}))",),
    "l2": ("norm({0})",),
    "mse mse_loss mean_squared_error": ("mean(({0} - {1})^2)",),
    "mae l1_loss": ("mean(abs({0} - {1}))",),
    "rmse": ("sqrt(mean(({0} - {1})^2))",),
    "sse rss": ("sum(({0} - {1})^2)",),
    "cross_entropy crossentropy": ("-sum({1}*log_softmax({0}))",),
    "bce bce_loss binary_cross_entropy": ("-mean({1}*log({0}) + (1 - {1})*log(1 - {0}))",),
    "bce_with_logits binary_cross_entropy_with_logits": ("mean(softplus({0}) - {1}*{0})",),
    "entropy": ("-sum(xlogy({0}, {0}))",),
    "xlogx": ("xlogy({0}, {0})",),
    "normalize l2_normalize": ("{0}/norm({0})",),
    "kl kl_div kl_divergence": ("sum(xlogy({0}, {0}/{1}))",),
    "huber huber_loss": ("where(abs({0}) < 1, {0}^2/2, abs({0}) - 1/2)",),
    "smooth_l1 smooth_l1_loss": ("where(abs({0} - {1}) < 1, ({0} - {1})^2/2, abs({0} - {1}) - 1/2)",),
    "hinge hinge_loss": ("max(1 - {0}*{1}, 0)",),
    "standardize layer_norm layernorm": ("({0} - mean({0}))/sqrt(mean(({0} - mean({0}))^2) + 1e-5)",),
    "cosine_similarity": ("dot({0}, {1})/(norm({0})*norm({1}))",),
    "cosine": ("dot({0}, {1})/(norm({0})*norm({1}))", "cos({0})"),
    "sine": ("sin({0})",),
    "tangent": ("tan({0})",),
    "logarithm": ("log({0})",),
    "logsig logsigmoid": ("log_sigmoid({0})",),
    "conv correlate": ("conv1d({*})",),
    "convolve": ("conv1d({0}, flip({1}))",),
    "conv2 convolve2d": ("conv2d({0}, flip({1}))",),
    "correlate2d Conv2d": ("conv2d({*})",),
    "maxpool maxpool2d max_pool2d max_pool1d MaxPool2d": ("max_pool({0}, {1})", "max_pool({0}, 2)"),
    "avgpool avgpool2d avg_pool2d avg_pool1d mean_pool AvgPool2d": ("avg_pool({0}, {1})", "avg_pool({0}, 2)"),
    "reverse fliplr flipud rot180": ("flip({0})",),
    # choices
    "masked_fill": ("where({1} > 0, {2}, {0})",),
    "heaviside step theta": ("({0} > 0)",),
    "H Theta Heaviside": ("({0} > 0)",),
    "indicator": ("({0})",),
    "if ifelse if_else select piecewise iif": ("where({0}, {1}, {2})",),
    # elementary functions
    "lg": ("log10({0})",),
    "ld lb": ("log2({0})",),
    "sgn signum": ("sign({0})",),
    "fabs absolute": ("abs({0})",),
    "sigma sigm logistic_sigmoid": ("sigmoid({0})",),
    "tg": ("tan({0})",),
    "ctg cotg cotan": ("cot({0})",),
    "arctg arctang": ("atan({0})",),
    "arcctg acot arccot": ("atan(1/{0})",),
    "sh": ("sinh({0})",),
    "ch": ("cosh({0})",),
    "th": ("tanh({0})",),
    "coth cth": ("1/tanh({0})",),
    "sech": ("1/cosh({0})",),
    "csch": ("1/sinh({0})",),
    "cosec cosecant": ("csc({0})",),
    "secant": ("sec({0})",),
    "asec arcsec": ("acos(1/{0})",),
    "acsc arccsc": ("asin(1/{0})",),
    "asech arcsech": ("acosh(1/{0})",),
    "acsch arccsch": ("asinh(1/{0})",),
    "acoth arcoth arccoth": ("atanh(1/{0})",),
    "sinpi": ("sin(pi*{0})",),
    "cospi": ("cos(pi*{0})",),
    "deg2rad radians": ("{0}*pi/180",),
    "rad2deg degrees": ("{0}*180/pi",),
    "lrelu": ("leaky_relu({0})",),
    "prelu": ("max({0}, 0) + {1}*min({0}, 0)",),
    "tanhshrink": ("{0} - tanh({0})",),
    "threshold": ("where({0} > {1}, {0}, {2})",),
    # distributions and special functions
    "phi normpdf norm_pdf normal_pdf dnorm": ("exp(-{0}^2/2)/sqrt(2*pi)",),
    "dpois": ("exp({0}*log({1}) - {1} - lgamma({0} + 1))",),
    "Phi cdf pnorm normcdf": ("normal_cdf({0})",),
    "qnorm ppf": ("normal_quantile({0})",),
    "erfi": ("2/sqrt(pi)*exp({0}^2)*dawson({0})",),
    "trigamma": ("polygamma(1, {0})",),
    "tetragamma": ("polygamma(2, {0})",),
    "erfcinv erfc_inv": ("erfinv(1 - {0})",),
    "logerfc": ("log(erfc({0}))",),
    "log_gamma logGamma lnGamma LogGamma": ("lgamma({0})",),
    # programs
    "array tensor matrix Tensor Matrix Array DeviceArray": ("{0}",),
    "c vector list tuple": ("[{*}]",),
})  # fmt: skip

FORMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: forms for names, forms in _TABLE.items() for name in names.split()}
)

_REMARKS: Mapping[str, str] = MappingProxyType({
    "len size numel length": "sizes are written out: a vector v[3] has 3 entries",
    "stop_gradient detach stopgrad": "what is not differentiated is data: declare it, data x = ...",
    "dropout": "nothing is drawn in a step: multiply with data, data mask[3] = [1, 0, 1]",
    "argsort": "the places of sorted entries have no derivative; the sorted entries are sort(x)",
    "argmax argmin": "the place of the largest entry has no derivative; the entry itself is max(x)",
    "squeeze unsqueeze expand_dims": "name the shape, with or without axes of length 1: reshape(x, [3,1,4])",
    "swapaxes moveaxis permutedims permute_dims": "name the order of all axes: transpose(x, (0, 2, 1))",
    "None newaxis": "axes of length 1 are written by reshape(x, [3,1,4])",
    "range arange linspace logspace": "write the numbers, [0, 1, 2], or a sum: sum(i = 0 to 2: ...)",
    "pinv": "write inv(A' @ A) @ A'",
    "conv_transpose1d conv_transpose2d conv2d_transpose ConvTranspose2d deconv": (
        "write conv2d_input(x, w, 28, 28) with the sizes of the result"
    ),
    "index_select take_along_axis": "data w[3] in 0 to 9 = [4, 0, 9] choose rows, E[w,:], or entries, p[w]",
    "cond": "write where(a > 0, b, c); the condition of a matrix is no function here",
    "tile repmat repeat": "of two copies of a vector: concat(v, v); copies as rows join by themselves: A + v",
    "cdist pdist": "squared distances of the rows of X: n + n' - 2*X @ X', after n = sum(X^2, axis=1)",
    "trapz trapezoid": "of a vector with 3 entries in steps of h: h*(v[0]/2 + v[1] + v[2]/2)",
    "I": "write eye(3) for the identity; a comparison is 1 or 0 by itself: (x > 0)",
    "nll nll_loss": "write -log_softmax(z)[y] for the scores z and data y in 0 to 9, the true class",
    "gammaincc igammac": "write 1 - gammainc(a, x), for a number a that is written out",
    "derivative grad gradient nabla D": "a derivative stands in a claim: claim d loss/d w0 = ...",
    "integral integrate quad": "integrals are not computed",
    "rand randn random normal uniform gaussian N": "what is drawn stands behind ~: param w[3] ~ normal(0, 1)",
    "load read_csv loadtxt genfromtxt open read": 'a file stands behind from: data x from "FILE"',
    "print": "every step is shown by gradcheck run -v",
    "svd svdvals": "write sqrt(eigvalsh(A' @ A)) for the singular values",
    "diff": "of a vector with 3 entries: v[1:3] - v[0:2]",
    "roll circshift": "of a vector with 3 entries: concat(v[2:3], v[0:2])",
    "eig eigh eigvals": "write eigvalsh(A) for a symmetric matrix; eigenvectors are no function here",
    "embedding lookup gather": "index by whole numbers: data w[3] in 0 to 9 = [4, 0, 9], and then E[w,:]",
    "fft rfft ifft": "there are no complex numbers: write the sums of cos and sin",
    "expm logm sqrtm": "functions of matrices are inv, det and products",
    "median": "of 5 entries: sort(x)[2]",
    "topk": "the 2 largest of 5 entries: sort(x)[3:5]",
    "cov": "of the columns of X[4,3]: (X - mean(X, axis=0))' @ (X - mean(X, axis=0))/3",
    "conv3d Conv3d": "windows have one or two axes: conv1d and conv2d",
    "besselk kv kn k0 k1 airy airyai zeta lambertw ellipk Ei betainc interp cummax qr lu rank unique": (
        "it is not among the functions: gradcheck functions lists them"
    ),
})  # fmt: skip
REMARKS: Mapping[str, str] = MappingProxyType(
    {name: remark for names, remark in _REMARKS.items() for name in names.split()}
)

ARRAYS = frozenset((
    "array", "tensor", "Array", "DeviceArray", "matrix", "Tensor", "Matrix", "c", "vector", "list", "tuple",
))  # fmt: skip
_BARE = "write the brackets alone: [1, 2, 3], or [[1, 2], [3, 4]]"

_ONE = re.compile(r"[\w.]+(?:\([^()]*\)|\[[^\[\]]*\])?")

_MODULES = frozenset((
    "F", "K", "T", "autograd", "cmath", "functional", "jax", "jnp", "lax", "linalg", "math", "mpmath", "nn",
    "np", "numpy", "onp", "random", "scipy", "sp", "special", "stats", "sympy", "tf", "theano", "torch", "tt",
))  # fmt: skip


def is_module(name: str) -> bool:
    """Whether programs import a library of functions under this name."""
    return name in _MODULES


def with_names(form: str, arguments: tuple[str, ...]) -> str | None:
    """A form with arguments in its places, letters where none are given. None where there are too few."""
    every = ", ".join(arguments) if arguments else ", ".join(_LETTERS[:2])
    places = [int(k) for k in re.findall(r"\{(\d)\}", form)]
    most = max(places, default=-1) + 1
    if arguments and len(arguments) < most:
        return None
    letters = arguments or _LETTERS
    found = re.sub(r"\{(\d)\}", lambda m: _bracketed(form, m, letters[int(m[1])]), form)
    return found.replace("{*}", every)


def _bracketed(form: str, place: re.Match[str], argument: str) -> str:
    """An argument, in brackets where operators stand beside it and in it."""
    before, after = form[: place.start()].rstrip(), form[place.end() :].lstrip()
    between = before[-1:] in ("", "(", ",", "[") and after[:1] in ("", ")", ",", "]")
    return argument if between or _ONE.fullmatch(argument) else f"({argument})"


def spelled_here(
    name: str, arguments: tuple[str, ...] = (), beside: tuple[str, str] = ("", "")
) -> str | None:
    """What is said of a function of other languages: how it is written here.

    `beside` are the signs in front of the call and behind it: a sum between factors stands in brackets.
    """
    if name in REMARKS:
        return REMARKS[name]
    if name in ARRAYS and not arguments:
        return _BARE
    if name == "transpose" and len(arguments) == 3:  # torch exchanges two axes, NumPy names all of them
        return REMARKS["swapaxes"]
    if is_function(name):
        given = _unpacked(arguments) if name == "ones" else arguments  # np.ones((2, 3))
        return "write " + (with_keyword(name, given) or f"{name}({', '.join(given) or 'x'})")
    if name not in FORMS and is_function(name.lower()):  # a layer: nn.GELU
        return spelled_here(name.lower(), arguments, beside)
    forms = FORMS.get(name)
    if forms is None:
        return None
    if any("{*}" in form for form in forms):
        arguments = _unpacked(arguments)
    known = [form for form in forms if all(map(is_function, re.findall(r"([a-z]\w*)\(", form)))]
    fitting = (with_names(form, arguments) for form in known)
    found = next((text for text in fitting if text is not None), None)
    if found is None and known:
        found = with_names(known[0], ())
    return None if found is None else f"write {_grouped(found, beside)}"


def signs_beside(code: str, start: int, end: int) -> tuple[str, str]:
    """What stands in front of a part of a formula and behind it, blanks left out."""
    return code[max(0, start - LONG_LINE) : start].rstrip()[-1:], code[end : end + LONG_LINE].lstrip()[:1]


def closing_bracket(code: str, opening: int) -> int:
    """The place behind the bracket that closes; the opening one where that is far."""
    depth = 0
    for place in range(opening, min(len(code), opening + 2 * LONG_LINE)):
        depth += (code[place] in "([") - (code[place] in ")]")
        if depth == 0:
            return place + 1
    return opening


def _grouped(form: str, beside: tuple[str, str]) -> str:
    """A form in brackets where a sign beside it would take only a part of it."""
    loosest = 0 if form.startswith("-") else _loosest(form)
    if loosest == len(_LOOSE):
        return form
    before, behind = beside
    is_taken = before in _TAKES_BEFORE[loosest] or behind in _TAKES_BEHIND[loosest]
    return f"({form})" if is_taken else form


def _loosest(form: str) -> int:
    """Which kind of sign holds a form together, outside of brackets."""
    depth, found = 0, len(_LOOSE)
    for place, sign in enumerate(form):
        depth += (sign in "([") - (sign in ")]")
        kind = next((k for k, signs in enumerate(_LOOSE) if sign in signs), found)
        if depth == 0 and place:
            found = min(found, kind)
    return found


_LOOSE = ("+-", "*/@", "^")  # signs of a form, the loosest first
_TAKES_BEFORE = (frozenset("-*/@^"), frozenset("/@^"), frozenset("^"))
_TAKES_BEHIND = (frozenset("*/@^'[."), frozenset("@^'[."), frozenset("^'[."))




def _unpacked(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """u and v for the list [u, v], alone or with keywords behind it."""
    listed = re.fullmatch(r"[\[(](.+,.+)[\])]", arguments[0]) if arguments else None
    return arguments if listed is None else (*arguments_behind(f"({listed[1]})", 0), *arguments[1:])


def with_keyword(function: str, arguments: tuple[str, ...]) -> str | None:
    """`sum(v, axis=0)` for `sum(v, 0)`: a number behind the arguments is what a keyword takes. Not that of
    norm(v, 2), which is the kind of norm."""
    from gradcheck_cli.model.primitives.table import resolve_function

    count = len(arguments)
    is_other = count > 1 and function != "norm" and resolve_function(function, count) is None
    record = resolve_function(function, count - 1) if is_other else None
    options = [] if record is None else [name for name in record.options if f"{name}=" in record.signature]
    if not options or not re.fullmatch(r"-?[0-9.]+", arguments[-1]):
        return None
    return f"{function}({', '.join(arguments[:-1])}, {options[0]}={arguments[-1]})"


_KEPT = re.compile(r"(axis|dim|keepdims?)\s*=\s*")


def _renamed(argument: str) -> str:
    """dim=1 as axis=1."""
    found = _KEPT.match(argument)
    if found is None:
        return argument
    return f"{'axis' if found[1] in ('axis', 'dim') else 'keepdims'}={argument[found.end() :]}"


def arguments_behind(code: str, at: int) -> tuple[str, ...]:
    """The arguments of a call whose bracket opens at `at`, of the keywords those that are read here; none
    where one is long."""
    depth, begin, found, quote = 0, at + 1, list[str](), ""
    for place in range(at, min(len(code), at + 2 * LONG_LINE)):
        sign = code[place]
        if sign in "\"'" and (quote or code[place - 1] in "(, "):
            quote = "" if quote == sign else quote or sign
        if quote:
            continue
        depth += (sign in "([") - (sign in ")]")
        if (sign == "," and depth == 1) or (sign in ")]" and depth == 0):
            found.append(code[begin:place].strip())
            begin = place + 1
        if depth == 0:
            found = [f'"{a[1:-1]}"' if a[:1] == a[-1:] == "'" else a for a in found]
            plain = tuple(_renamed(a) for a in found if _KEPT.match(a) or not re.match(r"\w+\s*=", a))
            return plain if all(0 < len(a) <= LONG_LINE for a in plain) else ()
    return ()
