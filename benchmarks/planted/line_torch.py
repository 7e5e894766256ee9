import json
import subprocess

import torch

shapes = {"x": [2], "w": [2], "b": []}


def answer(w, b):
    point = {"x": [1, 2], "w": w.tolist(), "b": b.item()}
    asked = json.dumps({"parameters": ["w", "b"], "shapes": shapes, "point": point})
    ran = subprocess.run(["./line"], input=asked, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


class Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w, b):
        ctx.save_for_backward(w, b)
        return torch.tensor(answer(w, b)["loss"], dtype=torch.double)

    @staticmethod
    def backward(ctx, g):
        found = answer(*ctx.saved_tensors)["gradient"]
        return g*torch.tensor(found["w"], dtype=torch.double), g*torch.tensor(found["b"], dtype=torch.double)


w = torch.tensor([0.5, -1.0], dtype=torch.double, requires_grad=True)
b = torch.tensor(0.25, dtype=torch.double, requires_grad=True)
torch.autograd.gradcheck(Loss.apply, (w, b))
