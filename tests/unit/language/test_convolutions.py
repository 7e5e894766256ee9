"""Convolutions and pools as they are typed: layouts, keywords, and what does not fit."""

from __future__ import annotations

import pytest

from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.language import read_model, show

GIVEN = """param v[7], k[3], x[4,6], w[2,3], A[2,4,5], B[3,2,4,5], U[4,2,3], W[4,2,2,3], D[4,1,2,2], S[3,4,7]
"""
# formula: its shape
GOOD = {
    "conv1d(v, k)": (5,),
    "conv1d(v, k, stride=2, padding=1)": (4,),
    "conv1d(A, k)": (2, 4, 3),
    "conv1d(x[0:2,:], U)": (4, 4),
    "conv1d(S, U, groups=2, padding=1)": (3, 4, 7),
    "conv1d_input(v[0:5], k, 7)": (7,),
    "conv1d_input(conv1d(S, U, groups=2, stride=2), U, 7, groups=2, stride=2)": (3, 4, 7),
    "conv1d_weight(v, v[0:5], 3)": (3,),
    "conv1d_weight(S, S[:,:,0:5], 3)": (4, 4, 3),
    "conv2d(x, w)": (3, 4),
    "conv2d(A, w)": (2, 3, 3),
    "conv2d(B, w)": (3, 2, 3, 3),
    "conv2d(A, W)": (4, 3, 3),
    "conv2d(B, W)": (3, 4, 3, 3),
    "conv2d(B, W, stride=(2, 1), padding=(1, 0))": (3, 4, 3, 3),
    "conv2d(B, W, stride=[2, 1])": (3, 4, 2, 3),
    "conv2d(B, D, groups=2)": (3, 4, 3, 4),
    "conv2d_input(conv2d(B, D, groups=2), D, 4, 5, groups=2)": (3, 2, 4, 5),
    "conv2d_input(x[0:2,0:2], w, [3, 4])": (3, 4),
    "conv2d_weight(B, B[:,:,0:3,0:3], 2, 3)": (2, 2, 2, 3),
    "conv2d_weight(A, A[:,0:3,0:4], 2)": (2, 2, 2, 2),
    "max_pool(v, 2)": (3,),
    "max_pool(v, 3, stride=1)": (5,),
    "max_pool(x, 2)": (2, 3),
    "max_pool(B, 2)": (3, 2, 2, 2),
    "max_pool(B, [1, 2], stride=(1, 3))": (3, 2, 4, 2),
    "avg_pool(A, (2, 3), stride=1)": (2, 3, 3),
    "flip(A, axis=-1)": (2, 4, 5),
}


@pytest.mark.parametrize("formula", GOOD)
def test_shapes(formula: str) -> None:
    model = read_model(f"{GIVEN}z = {formula}\nloss = sum(z)")
    assert model.node("z").shape == GOOD[formula]
    text = show(model)
    assert show(read_model(text)) == text


BAD = [
    ("conv1d(x, w)", "conv1d of [4,6] and [2,3] does not fit", "kernels [O,C,k], or [k] alone"),
    ("conv2d(v, w)", "conv2d of [7] and [2,3] does not fit", "images [N,C,H,W] or [C,H,W]"),
    ("conv2d(x, W)", "conv2d of [4,6] and [4,2,2,3] does not fit", "[k,k] alone"),
    ("conv2d(A, D)", "kernels [4,1,2,2] have 1 channels, the input has 2", "[4,2,2,2] fit; or groups=2"),
    ("conv2d(A, W, groups=2)", "have 2 channels in each of 2 groups, the input has 2", "[4,1,2,3] fit"),
    ("conv2d(A, W, groups=3)", "groups=3 does not divide both the 2 channels and the 4 outputs", ""),
    ("conv2d(A, W, groups=0)", "groups of conv2d is a whole number from 1 on", "groups=2"),
    ("conv2d(A, W, stride=0)", "stride of conv2d is a whole number from 1 on, or 2 of them", "stride=2"),
    ("conv2d(A, W, stride=(1, 1, 1))", "stride of conv2d", "stride=2 or stride=(2, 1)"),
    ("conv2d(A, W, padding=-1)", "padding of conv2d is a whole number from 0 on", "padding=1"),
    ("conv2d(A, W, stride=0.5)", "stride is a whole number", ""),
    ("conv2d(A, W, dilation=2)", "no keyword dilation", "stride and padding and groups"),
    ("conv2d(A[:,0:1,:], W)", "a window of 2 by 3 is larger than 1 by 5, the image", "padding=1 adds zeros"),
    ("conv1d(v[0:1], k)", "a window of 3 is larger than 1, the image", "padding"),
    ("conv2d_input(x, w, 3, 3)", "conv2d of [3,3] with [2,3] is [2,1], this is [4,6]", "sizes of the image"),
    ("conv2d_input(x, w, 3, 3, 3)", "conv2d_input takes 2 sizes", "conv2d_input(a, b, 3, 3)"),
    ("conv2d_weight(x, w, 3)", "conv2d of [4,6] with [3,3] is [2,4], this is [2,3]", "sizes of the kernel"),
    ("conv2d_weight(A, w, 3)", "conv2d_weight of [2,4,5] and [2,3] does not fit", ""),
    ("conv2d_input(x, w)", "conv2d_input does not take 2 arguments", "conv2d_input(g, w, sizes)"),
    ("max_pool(v[0], 2)", "max_pool of a single number", ""),
    ("max_pool(v, [2, 2])", "a window of 2 axes, [7] has 1", "[1, 2]"),
    ("max_pool(x, 5)", "a window of 5 by 5 is larger than 4 by 6", ""),
    ("max_pool(x, 0)", "window of max_pool", ""),
    ("max_pool(x, 3, 2)", "has two readings", "max_pool(x, [3, 2]), or max_pool(x, 3, stride=2)"),
    ("max_pool(x)", "does not take 1 argument", "max_pool(x, k, stride=k)"),
    ("avg_pool(x, 2.5)", "avg_pool takes whole numbers", ""),
    ("flip(v[0])", "flip of a single number", ""),
    ("flip(v, axis=1)", "axis=1 does not fit the shape [7]", ""),
]


@pytest.mark.parametrize(("formula", "word", "way_out"), BAD)
def test_what_does_not_fit(formula: str, word: str, way_out: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        read_model(f"{GIVEN}loss = sum({formula})")
    assert word in caught.value.message
    assert way_out in (caught.value.help or "")
    assert caught.value.place is not None


def test_the_names_of_a_file_hide_them() -> None:
    for name in ("conv2d", "max_pool", "flip", "conv1d_weight"):
        assert read_model(f"param {name} = 2\nloss = {name}^2").parameters()[0].name == name
