"""What other languages and books write leads here in one step: the caret, and how it is written here."""

from __future__ import annotations

import re
import time

import pytest

from gradcheck_cli.common.errors import GradcheckError, LanguageError, ShapeError
from gradcheck_cli.language import read_model
from gradcheck_cli.language.advice.other_spellings import FORMS, REMARKS, spelled_here, with_names
from gradcheck_cli.model.primitives.table import function_names

GIVEN = "param x = 0.5, y = 2, v[3] = [1, 2, 3], A[2,2] = [[2, 0.5], [0.5, 1]], u[2] = [1, 2]\n"

# a line, what the caret points at, and the way out
ARRAYS = [  # of three axes
    ("y = X.reshape(2, 6)", "reshape(X, 2, 6)"),
    ("y = X.view(2, -1)", "reshape(X, 2, -1)"),
    ("y = flatten(X)", "reshape(X, -1)"),
    ("y = X.permute(0, 2, 1)", "transpose(X, 0, 2, 1)"),
    ("y = swapaxes(X, 1, 2)", "transpose(x, (0, 2, 1))"),
    ("y = squeeze(X)", "reshape(x, [3,1,4])"),
    ("y = X[:,None,:,:]", "write reshape(X, [2,1,3,2])"),
    ("y = X[:,np.newaxis,:,:]", "reshape(x, [3,1,4])"),
    ("y = bmm(X, X)", 'einsum("bij,bjk->bik", X, X)'),
    ("y = np.sum(X, axis=(0,1), keepdims=True)", "sum(X, axis=(0,1), keepdims=True)"),
    ("y = torch.mean(X, dim=1)", "mean(X, axis=1)"),
    ("y = sum(X, 1)", "sum(X, axis=1)"),
    ("y = stack([X, X])", "stack(a, b, axis=0)"),
    ("y = X.T", "transpose(x, (0, 2, 1))"),
    ("y = X[..., 0]", "write : for each axis: X[:,:,0]"),
    ("y = X[:, ::2, 0]", "name the entries: v[[0, 2, 4]]"),
    ("y = X @ X", 'einsum("aij,ajk->aik", A, B)'),
    ('y = einsum("...i,i->...", X, X)', 'einsum("abi,i->ab", A, v)'),
    ('y = einsum("i,i,i,i->", X, X, X, X)', "of two of them first"),
    ("y = transpose(X, (0, 1, 1))", "each axis is named once"),
    ("y = dot(X[0,:,:], X[1,:,:])", "A @ B"),
    ("y = norm(X[0,:,:], 2)", "write norm(X[0,:,:]), or sum("),
    ("y = norm.cdf(X)", "write normal_cdf(X)"),
    ("y = nn.GELU(X)", "write gelu(X)"),
    ("y = softmin(X, 1)", "write softmax(-X)"),
    ("y = tensordot(X, X)", "write einsum("),
    ("y = kv(1, X)", "not among the functions"),
]


@pytest.mark.parametrize(("line", "way_out"), ARRAYS)
def test_spellings_of_arrays(line: str, way_out: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        read_model(f"param X[2,3,2] = 1\n{line}\nloss = sum(y)")
    assert way_out in (caught.value.help or "")


FUNCTIONS = [
    ("loss = tr(A)", "tr", "write trace(A)"),
    ("loss = Tr(A)", "Tr", "write trace(x)"),
    ("loss = sum(zeros(3) + v)", "zeros", "write 0*ones(3)"),
    ("loss = sum(maximum(v, 0))", "maximum", "write max(v, 0)"),
    ("loss = lg(x)", "lg", "write log10(x)"),
    ("loss = tg(x)", "tg", "write tan(x)"),
    ("loss = pow(x + y, 2)", "pow", "write (x + y)^2"),
    ("loss = matmul(A, u)[0]", "matmul", "write (A @ u)"),
    ("loss = mse(v, x)", "mse", "write mean((v - x)^2)"),
    ("loss = factorial(x)", "factorial", "write gamma(x + 1)"),
    ("loss = fmod(x, y)", "fmod", "write x - y*sign(x/y)*floor(abs(x/y))"),
    ("loss = \u03a3(v)", "\u03a3", "write sum(v)"),
    ("loss = if(x > 0, x, 0)", "if", "write where(x > 0, x, 0)"),
    ("loss = detach(x)", "detach", "data x = ..."),
    ("loss = len(v)", "len", "write 3"),
    ("loss = np.exp(x)", "np", "write exp(x)"),
    ("loss = np.maximum(x, 0)", "np", "write max(x, 0)"),
    ("loss = torch.nn.functional.relu(x)", "torch", "write relu(x)"),
    ("loss = math.pi*x", "math", "write pi"),
    ("loss = np.foo(x)", "np", "foo is no function here"),
    ("loss = v.sum()", ".", "write sum(v)"),
    ("loss = A.T.sum()", ".", "write sum(A')"),
    ("loss = v.dot(v)", ".", "write dot(v, v)"),
    ("loss = v.shape[0]", ".", "write 3"),
    ("loss = sum(v.^2)", ".", "write v^2"),
    ("loss = sum(v.*v)", ".", "write v*v"),
    ("loss = log(x, 2)", "log", "log(x)/log(b)"),
    ("loss = sum(A, dim=1)[0]", "dim", "axis=1"),
    ("loss = sin 2*x", "2", "write sin(2*x)"),
    ("loss = sin^2(x)", "(", "write sin(x)^2"),
    ("loss = sin^-1(x)", "(", "asin(x)"),
    ("loss = sum(diff(v))", "diff", "v[1:3] - v[0:2]"),
    ("loss = log1pexp(x + y)", "log1pexp", "write softplus(x + y)"),
    ("loss = logcosh(x)", "logcosh", "write x + softplus(-2*x) - log(2)"),
    ("loss = erfcinv(x)", "erfcinv", "write erfinv(1 - x)"),
    ("loss = acoth(y)", "acoth", "write atanh(1/y)"),
    ("loss = huber(x)", "huber", "write where(abs(x) < 1, x^2/2, abs(x) - 1/2)"),
    ("loss = kl_div(v, v)", "kl_div", "write sum(xlogy(v, v/v))"),
    ("loss = sum(triu(A))", "triu", "write tril(A')'"),
    ("loss = besselk(1, x)", "besselk", "not among the functions"),
    ("loss = np.einsum('ij,jk->ik', A, A)[0,0]", "np", 'write einsum("ij,jk->ik", A, A)'),
    ("loss = torch.logsumexp(v, 0)", "torch", "write logsumexp(v, axis=0)"),
    ("loss = sum(A.sum(1))", ".", "write sum(A, axis=1)"),
    ("loss = sum(A.transpose(0, 1))", ".", "transpose(x, (0, 2, 1))"),
    ("loss = sum(np.ones((2, 3)))", "np", "write ones(2, 3)"),
    ("loss = cdist(A, A)[0,0]", "cdist", "n + n' - 2*X @ X'"),
    ("loss = trapz(v)", "trapz", "v[2]/2"),
    ("loss = betainc(1, 2, x)", "betainc", "not among the functions"),
    ("loss = cond(A)", "cond", "no function here"),
    ("loss = A \\ u", "\\", "solve(A, b)"),
    ("loss = sum(I + A)", "I", "eye(3)"),
]
NUMBERS = [
    ("param m = [[1 2] [3 4]]", "2", "write [[1, 2], [3, 4]]"),
    ("param m = [[1. 2.]\n [3. -4.]]", "2.", "write [[1., 2.], [3., -4.]]"),
    ("param m = [0.99 1.52]", "1.52", "write [0.99, 1.52]"),
    ("param m = array([[1., 2.], [3., 4.]])", "array", "write [[1., 2.], [3., 4.]]"),
    ("param m = tensor([1., 2.], requires_grad=True)", "tensor", "write [1., 2.]"),
    ("param m = np.array([1, 2, 3])", "np", "write [1, 2, 3]"),
    ("param m = c(1, 2, 3)", "c", "write [1, 2, 3]"),
    ("param m = (1, 2, 3)", "1", "write [1, 2, 3]"),
    ("param m = {1, 2, 3}", "{1, 2, 3}", "write [1, 2, 3]"),
    ("data n = 1,000", "000", "write 1000, or 1.000"),
    ("data n = 1,000,000", "000", "write 1000000"),
    ("param m = 9.95D-01", "9.95", "write 9.95e-01"),
    ("param m = 1.5f", "1.5", "write 1.5"),
    ("param m = 0x10", "0", "write 16"),
    ("param m = True", "True", "write 1"),
]
STATEMENTS = [
    ("// a note", "/", "comments begin with #"),
    ("-- note", "-- note", "comments begin with #"),
    ("% note", "%", "comments begin with #"),
    ("loss = x // y", "/", "floor(x/y)"),
    ("loss = x % y", "%", "mod(x, y)"),
    ("param w: 2", ":", "write param w = 2"),
    ("param w : float = 2", ":", "write param w = 2"),
    ("param w <- 2", "<", "write param w = 2"),
    ("param w := 2", ":=", "write param w = 2"),
    ("param w 2", "2", "write param w = 2"),
    ("param w(2) = 1", "(", "write w[2]"),
    ("loss : x^2", ":", "write loss = x^2"),
    ("Let d1 = d loss/d x", "Let", "did you mean let?"),
    ("lett d1 = d loss/d x", "lett", "did you mean let?"),
    ("clam d loss/d x = 1", "clam", "did you mean claim?"),
    ("parameter w = 1", "parameter", "write param w = 1"),
    ("const k = 1", "const", "write data k = 1"),
    ("import numpy as np", "import", "without a module"),
    ("return x^2", "return", "write loss = x^2"),
    ("grad x = 2", "grad", "claim d loss/d w0"),
    ("claim grad loss = 1", "grad", "claim d loss/d x"),
    ("claim d loss d x = 1", "d", "write claim d loss/d x"),
    ("claim d loss/d x: 1", ":", "write claim d loss/d x = 1"),
    ("claim: d loss/d x = 1", ":", "write claim d loss/d x = 1"),
    ("loss = x\nclaim dx = 2", "dx", "write claim d loss/d x"),
    ("loss = x\nclaim grad_v = 2", "grad_v", "write claim d loss/d v"),
]
FORMULAS = [
    ("loss = x and y", "and", "(x)*(y)"),
    ("loss = x if x > 0 else 0", "if", "where("),
    ("loss = x ? 1 : 0", "?", "where("),
    ("loss = max{x, 0}", "{x, 0}", "write max(x, 0)"),
    ("loss = 1{x > 0}", "1", "(x > 0)"),
    ("loss = sum(v \u2299 v)", "\u2299", "v*v"),
    ("loss = trace(A^T)", "T", "A'"),
    ("loss = trace(A\u1d40)", "A\u1d40", "written A'"),
    ("loss = trace(A^\u22a4)", "\u22a4", "A'"),
    ("loss = trace(A\u207b\u00b9)", "\u207b\u00b9", "inv(A)"),
    ("loss = trace(A^{-1})", "{-1}", "inv(A)"),
    ("loss = u^T u", "T", "write u' @ u"),
    ("loss = <u, u>", "<", "write dot(u, u)"),
    ("loss = sum([u; u])", ";", "write concat(u, u)"),
    ("loss = \\frac{x}{y}", "{x}", "x/y"),
    ("loss = v(1)", "(", "v[1]"),
    ("loss = v_1", "v_1", "v[1]"),
    ("loss = v[-1]", "-", "write v[2]"),
    ("loss = e", "e", "exp(1)"),
    ("loss = \u00bd*x", "\u00bd", "write 1/2"),
]

CALLS = [
    ("sgn(x)", "sign(x)"), ("fabs(x)", "abs(x)"), ("ctg(x)", "cot(x)"), ("sh(x)", "sinh(x)"),
    ("ch(x)", "cosh(x)"), ("th(x)", "tanh(x)"), ("arctg(x)", "atan(x)"), ("sech(x)", "1/cosh(x)"),
    ("csch(x)", "1/sinh(x)"), ("coth(x)", "1/tanh(x)"), ("cosec(x)", "csc(x)"), ("lb(x)", "log2(x)"),
    ("square(x)", "x^2"), ("cube(x)", "x^3"), ("power(x, y)", "x^y"), ("multiply(x, y)", "x*y"),
    ("divide(x, y)", "x/y"), ("subtract(x, y)", "x - y"), ("add(x, y)", "x + y"), ("reciprocal(x)", "1/x"),
    ("average(v)", "mean(v)"), ("product(v)", "prod(v)"), ("lse(v)", "logsumexp(v)"),
    ("log_sum_exp(v)", "logsumexp(v)"), ("amax(v)", "max(v)"), ("amin(v)", "min(v)"),
    ("deg2rad(x)", "x*pi/180"), ("sigm(x)", "sigmoid(x)"), ("lrelu(x)", "leaky_relu(x)"),
    ("normpdf(x)", "exp(-x^2/2)/sqrt(2*pi)"), ("pnorm(x)", "normal_cdf(x)"),
    ("qnorm(x)", "normal_quantile(x)"), ("trigamma(x)", "polygamma(1, x)"), ("heaviside(x)", "(x > 0)"),
    ("ifelse(x > 0, x, 0)", "where(x > 0, x, 0)"),
    ("inverse(A)[0,0]", "inv(A)"), ("determinant(A)", "det(A)"), ("identity(2)[0,0]", "eye(2)"),
    ("diagonal(A)[0]", "diag(A)"), ("entropy(v)", "-sum(xlogy(v, v))"),
    ("crossprod(A)", "A' @ A"), ("rowSums(A)[0,0]", "sum(A, axis=1)"),
    ("mldivide(A, u)[0]", "solve(A, u)"), ("colMeans(A)[0,0]", "mean(A, axis=0)"),
    ("lchoose(y, x)", "lgamma(y + 1) - lgamma(x + 1) - lgamma(y - x + 1)"),
    ("dpois(y, x)", "exp(y*log(x) - x - lgamma(y + 1))"),
    ("tanhshrink(x)", "x - tanh(x)"), ("clamp_min(x, 0)", "max(x, 0)"),
    ("bce_loss(x, y)", "-mean(y*log(x) + (1 - y)*log(1 - x))"),
    ("masked_fill(v, v, 0)", "where(v > 0, 0, v)"), ("zeros((2, 3))", "0*ones(2, 3)"),
]


@pytest.mark.parametrize(("call", "form"), CALLS)
def test_a_function_by_another_name_is_written_out(call: str, form: str) -> None:
    with pytest.raises(LanguageError) as caught:
        read_model(f"{GIVEN}loss = {call}")
    assert caught.value.help == f"write {form}"
    assert caught.value.place is not None
    assert caught.value.place.column == len("loss = ") + 1


MORE = [
    ("param m = [1] 0.5 0.2", "0.5", "write [0.5, 0.2]"),
    ("param m = [np.float64(0.5), 1]", "np", "write 0.5"),
    ("param m = tensor([0.5, 0.2], grad_fn=<Mul>)", "<", "write [0.5, 0.2]"),
    ("param m = array([0.1, 0.2], dtype=float32)", "array", "write [0.1, 0.2]"),
    ("param m = [1 2; 3 4]", ";", "a matrix is written [[1, 2], [3, 4]]"),
    ("param m = [0.5, ..., 0.2]", ".", "save the array"),
    ("param m = [0.5, 0.2,]", "]", "write [0.5, 0.2]"),
    ("param m = 1 000", "1", "write 1000"),
    ("param m = [x y]", "y", "x, y"),
    ("param m ~ N(0, 1)", "N", "normal(0, 1)"),
    ("param m = randn(3)", "randn", "~ normal(0, 1)"),
    ("param m, q = 2, 3", "3", "write param m = 2, q = 3"),
    ("param m > 0 = 2", ">", "param m positive"),
    ("param m[3x2] = 1", "x2", "write m[3,2]"),
    ("param m[3][2] = 1", "[", "write m[3,2]"),
    ("param m[n] = 1", "n", "m[{n}]"),
    ("param m = 2,", ",", "remove it"),
    ("params: m = 2", ":", "write param m = 2"),
    ("seed = 1", "seed", "write seed 1"),
    ("points 8", "points", "write set points = 8"),
    ("set points 8", "set points 8", "write set points = 8"),
    ("```", "`", "remove the line"),
    ("- param q = 1", "-", "write param q = 1"),
    ("claims:", "claims", "# claims:"),
    ("loss is x", "is", "write loss = x"),
    ("loss <- x", "loss <- x", "write loss = x"),
    ("x.grad = 1", "x", "write claim d loss/d x"),
    ("claim x.grad = 1", "x", "write claim d loss/d x"),
    ("claim diff(loss, x) = 1", "diff", "write claim d loss/d x"),
    ("claim \\partial loss / \\partial x = 1", "\\", "write claim d loss/d x"),
    ("claim d^2 loss/d x^2 = 1", "d", "a first one"),
    ("claim d loss/d x, d loss/d y = 1", ",", "a line for each"),
    ("claim d loss/d x = ?", "?", "explain"),
    ("claim d loss/d x = 1 \u00b1 0.1", "\u00b1", "digits"),
    ('claim d loss/d x = "g.npz"', '"g.npz"', 'write claim d loss/d x from "g.npz"'),
    ('data q = "t.csv"', '"t.csv"', 'write data q from "t.csv"'),
    ('rows from "t.csv"', "from", "rows x, y from"),
    ("loss = A u", "u", "A @ u"),
    ("loss = (A@u)'u", "u", "(A@u)' @ u"),
    ("loss = A.u", ".", "A @ u"),
    ("loss = A\\u", "\\", "solve(A, u)"),
    ("loss = x \\cdot y", "\\", "write loss = x * y"),
    ("loss = \\sum_{i=1}^{3} v", "{i=1}", "sum(i = 1 to 3: v)"),
    ("loss = max(x, y, 0)", "max", "max(max(a, b), c)"),
    ("loss = sum(A, 0)[0]", "sum", "write sum(A, axis=0)"),
    ("loss = leaky_relu(x, 0.2)", "leaky_relu", "write leaky_relu(x, slope=0.2)"),
    ("loss = sum(softmax(A, 1))", "softmax", "write softmax(A, axis=1)"),
    ("loss = sum(x, y)", "sum", "write sum(x, axis="),
    ("loss = grad(x)", "grad", "in a claim"),
    ("loss = x /* c */", "/", "#"),
    ("$loss = \\frac{1}{2} x y$", "$", "write loss = 1/2*x*y"),
    ("loss = (v^2).sum()", ".", "write sum(v^2)"),
    ('{"w": 2}', '{"w": 2}', "a line for each name"),
    ("x.backward()", "x", "remove the line"),
    ("\\begin{align}", "{align}", "remove the line"),
    ("loss = x/2y", "y", "to divide by all of it, (2*y)"),
    ("loss = 2*np.add(x, y)", "np", "write (x + y)"),
    ("loss = x\nclaim \u2202L/\u2202x = 1", "L", "did you mean loss?"),
]

# neighbors, which the advice must not reach: a line that is read, or what is said of it
READ = [
    "c(a) = 2*a\nloss = c(x)",
    "mod = 2\nloss = mod*x",
    "T = 2\nloss = x^T",
    "e = 3\nloss = e^x",
    "np = 2\nloss = np*x",
    "loss = sum(v[0:2])",
    "param z[2] = [1,000]\nloss = sum(z)",
    "data t in {0, 1} = 1\nloss = t*x",
    "loss = x - -y",
    "loss = (x > 0)*(y > 0)",
    "a1 = x\nloss = a1",
    "points = 3\nloss = points*x",
    "N = 2\nloss = N*x",
    "L = x\nloss = L",
    "param m[2], q[2] = [1, 2]\nloss = sum(m*q)",
    "loss = x - 1",
    "loss = x*y - y*x",
]
SAID = [
    ("f = x\nloss = 3f", "a product is written 3*f"),
    ("for_1 = x\nloss = for_1 x", "a product is written for_1*x"),
    ("param z = 2,3", "the decimal sign is a point: 2.3"),
    ("loss = x2", "did you mean x?"),
    ("a1 = x\nloss = a2", "did you mean a1?"),
    ("and = x\nloss = and y", "a product is written and*y"),
    ("loss = sn(x)", "did you mean"),
    ("param q[2] = 1, 2", "write q[2] = [1, 2]"),
    ("param q, m = 1, 2, 3", "write m = [1, 2, 3]"),
    ("for k in v:", "repeat"),
    ("loss = x 12", "x*12"),
    ("loss = x y", "a product is written x*y"),
    ("loss = v[0 1]", "0*1"),
]


@pytest.mark.parametrize(("line", "caret", "way_out"), [*FUNCTIONS, *NUMBERS, *STATEMENTS, *FORMULAS, *MORE])
def test_another_spelling_leads_here(line: str, caret: str, way_out: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        read_model(GIVEN + line)
    place = caught.value.place
    assert place is not None
    assert place.text[place.column - 1 : place.column - 1 + place.width] == caret
    assert way_out in (caught.value.help or ""), str(caught.value)


@pytest.mark.parametrize("line", READ)
def test_what_is_read_is_still_read(line: str) -> None:
    assert read_model(GIVEN + line).steps


@pytest.mark.parametrize(("line", "help"), SAID)
def test_the_advice_does_not_reach_a_neighbor(line: str, help: str) -> None:
    with pytest.raises(LanguageError) as caught:
        read_model(GIVEN + line)
    assert help in (caught.value.help or ""), str(caught.value)


def typed(form: str) -> str:
    """A form with numbers in its places, whole ones where a size is meant."""
    text = with_names(form, ()) or ""
    if re.search(r"\b(?:eye|ones|one_hot|transpose|max_pool|avg_pool)\(", form):
        text = re.sub(r"\bx\b", "2", re.sub(r"\by\b", "3", text))
    return f"param x = 1, y = 2, z = 3\nloss = {text}"


def error_of(text: str) -> str | None:
    try:
        read_model(text)
    except ShapeError:
        return None
    except LanguageError as error:
        return error.message
    return None


def test_every_form_of_the_table_can_be_typed() -> None:
    """Shapes that do not fit, or a loss that is no number, are another matter."""
    for name, forms in FORMS.items():
        for form in forms:
            if not set(re.findall(r"([a-z]\w*)\(", form)) <= function_names() or "[i" in form:
                continue
            said = error_of(typed(form))
            assert said is None or "shape" in said, f"{name}: {said}"


def test_a_form_has_the_arguments_in_brackets_where_they_need_them() -> None:
    assert spelled_here("square", ("x + y",)) == "write (x + y)^2"
    assert spelled_here("maximum", ("x + y", "0")) == "write max(x + y, 0)"
    assert spelled_here("multiply", ("sin(x)", "v[0]")) == "write sin(x)*v[0]"
    assert spelled_here("nobody") is None


def test_no_remark_hides_a_form() -> None:
    assert not set(FORMS) & set(REMARKS)


@pytest.mark.parametrize(
    "text",
    [
        "param m = [" + "1" * 3000 + " x]",
        "param m = [" + "1 " * 3000 + "x]",
        "param m = [1] " + "1 " * 3000 + "x",
        "param m = " + "1," * 3000,
        "loss = " + "sin^" * 2000 + "2(x)",
        "claim " + "d " * 3000,
        "loss = " + "a." * 3000,
        "loss = tensor(" + "1, " * 3000 + "=<",
        "loss = }{k}<",
        "loss = ones()",
    ],
)
def test_advice_on_nonsense_is_quick(text: str) -> None:
    start = time.process_time()
    with pytest.raises(LanguageError):
        read_model(GIVEN + text)
    assert time.process_time() - start < 1
