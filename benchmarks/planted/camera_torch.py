import torch
from camera import grad, loss, point

at = point()
t = torch.tensor(at.pop("t"), requires_grad=True)


class Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        ctx.save_for_backward(t)
        return torch.tensor(loss(t.numpy(), **at))

    @staticmethod
    def backward(ctx, g):
        (t,) = ctx.saved_tensors
        return g*torch.tensor(grad(t.numpy(), **at))


torch.autograd.gradcheck(Loss.apply, (t,))
