"""Losses in torch, each one number that moves with a parameter."""

from jax_losses import ARGUMENTS, point

__all__ = ["ARGUMENTS", "HEAD", "LOSSES", "point"]

HEAD = "import math\n\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"

LOSSES = (
    # entry by entry
    "(-v*v - (s - (v - s))).sum()",
    "(2**v).sum() + (v**2 - abs(v)**1.5).sum()",
    "torch.exp(v).sum() + torch.expm1(s)",
    ("(torch.log(v**2) + torch.log1p(v**2) + torch.sqrt(v**2 + 1) + torch.rsqrt(v**2 + 1)"
     " + torch.log2(v**2)).sum()"),
    ("(torch.sin(v) + torch.cos(v)*torch.tan(v) + torch.asin(v/3) + torch.acos(v/3)"
     " + torch.atan(v)).sum()"),
    ("(torch.sinh(v) + torch.cosh(v)*torch.tanh(v) + torch.asinh(v) + torch.acosh(v**2 + 2)"
     " + torch.atanh(v/3)).sum()"),
    "torch.sigmoid(v).sum() + F.relu(v).sum() + F.softplus(v).sum() + F.softplus(v, beta=2.0).sum()",
    "F.gelu(v).sum() + F.gelu(v, approximate='tanh').sum() + F.silu(v).sum() + F.mish(v).sum()",
    ("F.elu(v).sum() + F.leaky_relu(v, 0.2).sum() + F.selu(v).sum() + F.celu(v).sum()"
     " + F.elu(v, 0.5).sum()"),
    ("F.relu6(v).sum() + F.hardtanh(v).sum() + F.hardsigmoid(v).sum() + F.hardswish(v).sum()"
     " + F.softsign(v).sum()"),
    ("F.logsigmoid(v).sum() + F.tanhshrink(v).sum() + F.softshrink(v).sum()"
     " + F.threshold(v, 0.1, 20.0).sum() + F.glu(torch.cat([v, v])).sum()"),
    "F.prelu(v, s.reshape(1)).sum() + F.hardshrink(v).sum()",
    ("torch.erf(v).sum() + torch.erfc(v).sum() + torch.erfinv(v/3).sum() + torch.lgamma(v**2"
     " + 1).sum() + torch.digamma(v**2 + 1).sum()"),
    ("torch.special.ndtr(v).sum() + torch.logit(v**2/4).sum() + torch.xlogy(v**2, v**2 + 1).sum()"
     " + torch.special.log_ndtr(v).sum()"),
    ("torch.logaddexp(v, s).sum() + torch.hypot(v, s).sum() + torch.atan2(v, s + 3).sum()"
     " + torch.special.entr(v**2).sum()"),
    ("torch.maximum(v, s).sum() + torch.minimum(v, s).sum() + v.clamp(-0.1, 0.9).sum()"
     " + v.clamp(min=0).sum() + torch.clamp_max(v, 1).sum()"),
    ("torch.where(v > 0, v, v**3).sum() + torch.where(m, v, 0.0).sum() + ((v > 0)*v).sum()"
     " + v.masked_fill(v > 1, 0.5).sum()"),
    ("v.square().sum() + v.reciprocal().sum() + v.sign().sum() + torch.pow(v**2, s).sum()"
     " + v.neg().sum() + torch.sgn(v).sum() + v.abs().sum()"),
    "torch.remainder(v, 2.0).sum() + (v % 1.5).sum() + (v.double() + v.to(torch.float64)).sum()",
    ("((v > 0) & (v < 1)).sum()*s + (~(v > 0)*v).sum() + torch.lerp(v, v**2, 0.3).sum()"
     " + torch.addcmul(v, v, v, value=0.5).sum()"),
    ("v.add(s, alpha=2).sum() + torch.rsub(v, 1).sum() + torch.addcdiv(v, v, v**2 + 1).sum()"
     " + torch.true_divide(v, 2).sum() + (1 - v).sum()"),
    # products
    "v @ v + torch.dot(v, v) + torch.inner(v, v) + torch.vdot(v, v)",
    "(A @ v).sum() + (u @ A).sum() + (A @ B).sum() + torch.mv(A, v).sum()",
    "torch.outer(u, v).sum() + torch.trace(S @ S) + u @ S @ u",
    "torch.einsum('ij,kj->ik', A, X).sum() + torch.einsum('ij,ij->', A, A) + torch.einsum('ii', S)",
    ("torch.bmm(torch.stack([A, 2*A]), torch.stack([B, B])).sum() + (torch.stack([A, A*s]) @ v).sum()"
     " + torch.matmul(torch.stack([A, A*s]), B).sum()"),
    ("torch.einsum('bij,bjk->bik', torch.stack([A, 2*A]), torch.stack([B, B])).sum()"
     " + torch.tensordot(A, X, dims=([1], [1])).sum()"),
    "torch.addmm(S, A, B, alpha=2.0).sum() + F.linear(X, A, u).sum()",
    ("torch.kron(u, v).sum() + torch.linalg.cross(v, v**2).sum()"
     " + torch.linalg.multi_dot([A, B, S]).sum() + torch.matrix_power(S, 2).sum()"),
    # sums and their kin
    "A.sum(dim=0)[1] + A.sum(1)[0] + A.mean(-1)[1] + A.sum((0, 1)) + A.sum(dim=1, keepdim=True)[0, 0]",
    "(A - A.mean(dim=1, keepdim=True)).max()",
    ("torch.prod(v) + A.prod(dim=0).sum() + A.max(dim=1).values.sum() + A.min() + A.amax(1).sum()"
     " + A.amin()"),
    ("A.var() + A.std(dim=0).sum() + v.var(correction=0) + torch.var_mean(A)[1]"
     " + v.std(unbiased=False)"),
    ("torch.linalg.norm(v) + A.norm() + torch.linalg.norm(A, dim=1).sum() + v.norm(p=1)"
     " + torch.linalg.vector_norm(v, 3) + F.normalize(A).sum()"),
    ("torch.softmax(A, 1)[0, 1] + F.log_softmax(A, -1)[1, 2] + torch.logsumexp(A, 0).sum()"
     " + F.softmin(A, 0)[0, 0]"),
    ("torch.cumsum(v, 0)[1] + torch.cumprod(v, 0)[2] + torch.cumsum(A, 0).sum()"
     " + torch.logcumsumexp(v, 0)[1]"),
    ("torch.sort(v).values[0] + v.sort(descending=True)[0][0] + v.median() + v.topk(2).values.sum()"
     " + torch.diff(v).sum()**2"),
    "v.argmax()*s + v[v.argsort()][0]",
    "F.cosine_similarity(v, v**2, dim=0) + torch.dist(v, v**2) + F.pairwise_distance(A, A**2).sum()",
    "torch.cdist(A, X).sum() + F.pdist(X*s).sum()",
    # entries
    ("v[1]**2 + v[-1] + v[:2].sum() + v[::2].sum() + A[1].sum() + A[:, 1].sum() + A[0, 1:].sum()"
     " + A[..., 0].sum()"),
    ("v[torch.tensor([0, 0, 2])].sum() + A[torch.tensor([0, 1]), torch.tensor([1, 2])].sum()"
     " + (A.T)[y].sum() + v[m].sum()"),
    ("A.gather(1, torch.tensor([[1], [2]])).sum() + torch.index_select(A, 1, y).sum()"
     " + torch.take(A, y).sum() + F.embedding(y, A.T).sum()"),
    ("torch.cat([v, u]).prod() + torch.stack([v, v**2]).sum() + torch.hstack([u, v])[4]"
     " + torch.vstack([v, v**2])[1, 0] + torch.column_stack([v, v])[0, 1]"),
    ("A.reshape(3, 2)[2, 0] + A.flatten()[4] + A.T[1, 0] + v[:, None].sum() + v[None].squeeze().sum()"
     " + v.unsqueeze(0).sum() + A.view(-1)[3] + A.t()[2, 1]"),
    ("v.expand(2, 3).sum() + v.repeat(2).sum() + v.repeat_interleave(2).prod()"
     " + torch.tile(v, (2,)).sum() + torch.broadcast_to(v, (2, 3))[1, 1]"),
    ("F.pad(v, (1, 2)).sum() + (F.pad(A, (1, 0, 0, 2), value=2.0)**2).sum() + v.roll(1)[0]"
     " + v.flip(0)[0] + A.rot90()[0, 0]"),
    ("torch.diagonal(S).sum() + torch.diag(v)[1, 1] + torch.tril(S).sum() + torch.triu(S, 1).sum()"
     " + torch.diag_embed(v)[2, 2] + S.diag()[0]"),
    ("torch.stack([A, A*A]).permute(2, 0, 1)[1, 1, 1] + A.transpose(0, 1)[2, 1]"
     " + torch.stack([A, A*A]).movedim(0, -1)[1, 2, 1] + A.mT[0, 1]"),
    ("v.split(2)[0].sum() + v.chunk(3)[1].sum() + A.unbind(1)[2].sum() + v.narrow(0, 1, 2).sum()"
     " + v.unfold(0, 2, 1).sum()"),
    # in place
    ("H = torch.zeros(3, 2)\n"
     "for k in range(2):\n"
     "    H[k] = u*(k + 1)\n"
     "H[2, 0] = s\n"
     "return (H**2).sum()"),
    ("H = v.clone()\n"
     "H[H < 0] = 0.0\n"
     "H *= 2\n"
     "H += s\n"
     "H[1] -= v[0]\n"
     "return (H**2).sum()"),
    ("H = A.clone()\n"
     "row = H[0]\n"
     "row.mul_(2)\n"
     "H.T[1].add_(s)\n"
     "return (H**3).sum() + row.sum()"),
    ("H = torch.zeros(4)\n"
     "H.index_add_(0, torch.tensor([0, 0, 2]), v)\n"
     "H.scatter_add_(0, torch.tensor([1, 3]), u)\n"
     "return (H**2).sum()"),
    ("H = torch.zeros(3)\n"
     "H.scatter_(0, torch.tensor([2, 0]), u)\n"
     "H.index_put_((torch.tensor([1, 1]),), u, accumulate=True)\n"
     "return (H**2).sum()"),
    ("c = torch.zeros(2)\n"
     "c = c.add_(u)\n"
     "c.clamp_(min=0).tanh_()\n"
     "return c.sum() + v.masked_fill(m, 0.0).sum()"),
    ("total = 0.0\n"
     "for row in A:\n"
     "    total = total + row.max()*s\n"
     "return total"),
    ("x = torch.empty(2, 3)\n"
     "x[:, 0] = u\n"
     "x[:, 1:] = A[:, :2]\n"
     "return x.prod()"),
    ("out = torch.zeros(2)\n"
     "torch.mul(u, s, out=out)\n"
     "return out.sum()"),
    # matrices
    ("torch.linalg.solve(S, u).sum() + torch.linalg.inv(S).sum() + torch.linalg.det(S)"
     " + S.inverse()[0, 0]"),
    ("torch.linalg.slogdet(S)[1] + torch.linalg.cholesky(S)[1, 0] + torch.logdet(S)"
     " + torch.cholesky_inverse(torch.linalg.cholesky(S)).sum()"),
    ("torch.linalg.solve_triangular(S, u[:, None], upper=False).sum()"
     " + torch.cholesky_solve(u[:, None], torch.linalg.cholesky(S)).sum()"),
    "torch.linalg.eigvalsh(S)[0] + torch.linalg.matrix_norm(S)",
    # layers and losses
    "F.layer_norm(A, (3,), v, v**2).max() + F.layer_norm(A, (3,))[0, 0] + F.rms_norm(A, (3,)).sum()",
    ("F.batch_norm(X*s, None, None, training=True)[0, 1]"
     " + F.batch_norm(X*s, torch.zeros(3), torch.ones(3), v).sum()"),
    ("F.group_norm(A.reshape(1, 2, 3), 2, u, u**2).max()"
     " + F.instance_norm(A.reshape(1, 2, 3))[0, 1, 1]"),
    ("F.cross_entropy(X @ S.new_ones(3, 3) + v*X, y) + F.nll_loss(F.log_softmax(X*v, 1), y)"
     " + F.cross_entropy(X*v, y, reduction='sum')"),
    "F.cross_entropy(X*v, y, label_smoothing=0.1) + F.cross_entropy(X*v, torch.softmax(X, 1))",
    ("F.mse_loss(v, v**2) + F.l1_loss(v, v**2) + F.smooth_l1_loss(v, v**2) + F.huber_loss(v, v**2)"
     " + F.kl_div(F.log_softmax(v, 0), F.softmax(v**2, 0), reduction='sum')"),
    ("F.binary_cross_entropy_with_logits(v, torch.ones(3))"
     " + F.binary_cross_entropy(torch.sigmoid(v), torch.tensor([1.0, 0.0, 1.0]))"),
    ("F.hinge_embedding_loss(v, torch.tensor([1.0, -1.0, 1.0]))"
     " + F.soft_margin_loss(v, torch.tensor([1.0, -1.0, 1.0])) + F.poisson_nll_loss(v, v**2)"),
    ("F.gaussian_nll_loss(v, v**2, v**2 + 1) + F.triplet_margin_loss(A, A**2, A**3)"
     " + F.cosine_embedding_loss(A, A**2, torch.tensor([1, -1]))"),
    "F.conv2d(A.reshape(1, 1, 2, 3), S.reshape(1, 1, 2, 2), u[:1], padding=1).pow(2).sum()",
    "F.conv1d(A.reshape(1, 2, 3), B.reshape(3, 2, 1), v).prod()",
    "F.conv2d(X.reshape(1, 1, 4, 3)*s, S.reshape(1, 1, 2, 2), dilation=(2, 1), padding=(1, 0)).pow(2).sum()",
    "F.conv2d(X.reshape(1, 1, 4, 3)*s, S.reshape(1, 1, 2, 2), stride=(2, 1)).pow(2).sum()",
    ("F.conv_transpose2d(A.reshape(1, 2, 1, 3), X.reshape(2, 1, 2, 3)*s, u[:1], stride=(3, 2), padding=1,\n"
     "output_padding=(2, 1), dilation=(1, 2)).pow(2).sum()"),
    "F.conv_transpose1d(X.reshape(1, 4, 3)*s, B.reshape(2, 1, 3).repeat(2, 1, 1), groups=2).pow(2).sum()",
    ("F.max_pool2d(X.reshape(1, 1, 4, 3)*s, (2, 1)).sum()"
     " + F.avg_pool2d(X.reshape(1, 1, 4, 3)*s, 2).sum()"
     " + F.adaptive_avg_pool2d(X.reshape(1, 1, 4, 3)*s, 1).sum()"),
    ("F.scaled_dot_product_attention(A[None], A[None]*s, A[None]).pow(2).sum()"
     " + F.scaled_dot_product_attention(A[None], A[None], A[None], is_causal=True).sum()"),
    ("F.max_pool1d(v.reshape(1, 1, 3), 2, 1).sum() + F.avg_pool1d(v.reshape(1, 1, 3), 2, 1).sum()"
     " + F.interpolate(A.reshape(1, 2, 3), scale_factor=2).sum()"),
    ("torch.distributions.Normal(s, v**2 + 1).log_prob(v).sum()"
     " + torch.distributions.Categorical(logits=v).log_prob(torch.tensor(1))"),
    ("torch.distributions.MultivariateNormal(torch.zeros(2), scale_tril=torch.linalg.cholesky(S)).log_prob(u)"
     " + torch.distributions.kl_divergence(torch.distributions.Normal(v, 1.0),"
     " torch.distributions.Normal(0.0, 2.0)).sum()"),
    "torch.vmap(lambda row: torch.tanh(row @ v).sum())(X).sum()",
    "torch.func.grad(lambda x: (x**3).sum())(v).sum()",
    ("F.dropout(v, 0.5, training=False).sum() + nn.Softplus()(v).sum()"
     " + nn.Sequential(nn.Tanh(), nn.ReLU())(v).sum()"),
    "torch.utils.checkpoint.checkpoint(torch.tanh, v, use_reentrant=False).sum()",
)  # fmt: skip
