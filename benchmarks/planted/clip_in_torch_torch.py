import torch
from clip_in_torch import forgets_the_derivative, point

w, width, X, y = (torch.as_tensor(a, dtype=torch.double) for a in point())
torch.autograd.gradcheck(forgets_the_derivative, (w.requires_grad_(), width.requires_grad_(), X, y))
