import torch
from catmull_rom import grad, loss, point

P, *rest = point()


class Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, P):
        ctx.save_for_backward(P)
        return torch.tensor(loss(P.numpy(), *rest))

    @staticmethod
    def backward(ctx, g):
        (P,) = ctx.saved_tensors
        return g*torch.tensor(grad(P.numpy(), *rest))


torch.autograd.gradcheck(Loss.apply, (torch.tensor(P, requires_grad=True),))
