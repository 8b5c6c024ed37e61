"""Wrong backwards of the normalisations, each of which the cases must catch: at AlexNet's alpha of
1e-4 gradient checks of common tolerances let all of them pass."""

import numpy as np
import pytest

from minicnn.checking import GradientError, gradcheck
from minicnn.ops import local_contrast_norm as contrast
from minicnn.ops import local_response_norm as response

ACROSS = [case for case in response.cases() if "within_map" not in case.options]


def wrong_response(mistake):
    """A backward of the op across maps, written over all pairs of maps, with one mistake in it."""

    def backward(self, gy):
        gy, C, (back, forth) = gy.reshape(self.x.shape), self.x.shape[1], self.reach[:2]
        x, S, y, a = self.x, self.S, self.y, 2 * self.a
        if mistake == "factor 2 lost":
            a /= 2
        if mistake == "even window not mirrored":
            back, forth = forth, back
        if mistake == "window one short":
            back -= 1
        if mistake == "beta forgotten":
            a /= self.beta
        gx = gy * S**-self.beta
        for i in range(C):
            for j in range(C):  # i lies in the window of j
                inside = j - back <= i <= j + forth and mistake != "no cross term"
                g = gy[:, i] if mistake == "g_i for g_j" else gy[:, j]
                if inside:
                    gx[:, i] -= a * self.beta * x[:, i] * g * y[:, j] / S[:, j]
        return gx.reshape(self.shape)

    return backward


def caught(cases, owner, name, wrong, monkeypatch):
    """The labels of the cases whose gradient check fails."""
    monkeypatch.setattr(owner, name, wrong)
    labels = set()
    for case in cases:
        try:
            gradcheck(lambda *a, case=case: case.function(*a, **case.options), *case.arrays)
        except GradientError:
            labels.add(case.label)
    return labels


EVERYWHERE = {case.label for case in ACROSS}


@pytest.mark.parametrize(
    "mistake,labels",
    [
        ("none", set()),
        ("no cross term", EVERYWHERE),
        ("factor 2 lost", EVERYWHERE),
        ("beta forgotten", EVERYWHERE),
        ("g_i for g_j", EVERYWHERE),
        ("window one short", EVERYWHERE - {"wider-than-maps"}),
        ("even window not mirrored", {"even"}),
    ],
)
def test_wrong_response_backwards_are_caught(mistake, labels, monkeypatch):
    wrong = wrong_response(mistake)
    assert caught(ACROSS, response.LocalResponseNorm, "backward", wrong, monkeypatch) == labels


def test_a_window_within_a_map_that_is_not_mirrored_is_caught(monkeypatch):
    kernel = response.local_response_norm_backward

    def not_mirrored(gy, x, S, y, c0, c1, p0, p1, *rest):
        kernel(gy, x, S, y, c1, c0, p1, p0, *rest)

    cases = [case for case in response.cases() if "within_map" in case.options]
    wrong = caught(cases, response, "local_response_norm_backward", not_mirrored, monkeypatch)
    assert wrong == {"within-even", "within-wider"}  # a side of 12, even as well


# ------------------------------------------------------------------------------------- contrast
def wrong_mean(mistake):
    """The transpose of the local mean with one mistake in it."""

    def transposed(self, g, C):
        w, corner = self.mirrored, self.after
        if mistake == "not mirrored":
            w = self.w
        if mistake == "corner of the forward window":
            corner = self.before
        inside = g if mistake in ("coef forgotten", "coef too late") else g / self.coef
        y = np.empty_like(g)
        contrast.window_sum(inside, w, *corner, y)
        if mistake == "coef too late":
            y /= self.coef
        return y[:, None] / (1 if mistake == "maps not counted" else C)

    return transposed


LABELS = {case.label for case in contrast.cases()}
UNEVEN = {"leaning", "subtract", "divide", "divide-floor"}


@pytest.mark.parametrize(
    "mistake,labels",
    [
        ("none", set()),
        ("not mirrored", UNEVEN),
        ("corner of the forward window", UNEVEN | {"even-floor"}),
        ("coef forgotten", LABELS),
        ("coef too late", LABELS),
        ("maps not counted", LABELS),
    ],
)
def test_wrong_means_are_caught(mistake, labels, monkeypatch):
    wrong = wrong_mean(mistake)
    assert caught(contrast.cases(), contrast.LocalMean, "transposed", wrong, monkeypatch) == labels


def wrong_division(mistake):
    def backward(self, gy):
        gT = -(gy * self.v).sum(axis=1) / self.T**2
        if mistake == "every map its own":
            gT = -(gy * self.v).mean(axis=1) / self.T**2
        gsigma = np.where(self.above, gT, 0)
        if mistake == "floor not regarded":
            gsigma = gT
        elif self.floor is None and mistake != "mean floor is a constant":
            gsigma = gsigma + (gT - gsigma).mean(axis=(1, 2), keepdims=True)
        if mistake == "factor 2 lost":
            gsigma = gsigma / 2
        spread = self.local_mean.transposed(gsigma / self.sigma, self.v.shape[1])
        return gy / self.T[:, None] + self.v * spread * (mistake != "T is a constant")

    return backward


DIVIDED = LABELS - {"subtract"}


@pytest.mark.parametrize(
    "mistake,labels",
    [
        ("none", set()),
        ("every map its own", DIVIDED),
        ("factor 2 lost", DIVIDED),
        ("T is a constant", DIVIDED),
        ("floor not regarded", DIVIDED),
        ("mean floor is a constant", DIVIDED - {"even-floor", "divide-floor"}),
    ],
)
def test_wrong_divisions_are_caught(mistake, labels, monkeypatch):
    wrong = wrong_division(mistake)
    assert (
        caught(contrast.cases(), contrast.LocalDivision, "backward", wrong, monkeypatch) == labels
    )
