"""EPLS: a learning rule without labels that asks for sparse answers, and gets features.

K filters look at N patches. A good code is sparse in two ways: of each patch few outputs speak
(population sparsity), and each output speaks seldom, but none is silent for ever (lifetime
sparsity). EPLS takes that at its word. It makes itself a target, one output for each patch and
N / K patches for each output, and then learns to hit it, as if the target were a label:

    H = sigmoid(X W^T + b)                        answers, (n, K)
    k = argmax_j (H[n, j] - a[j])                 for one patch n after the other: who wins?
    T[n, k] = 1,  a[k] = a[k] + K / N             who has won is inhibited
    a[k] = a[k] + 1                               when it has come to 1, after its N / K wins
    E = |H - T|^2                                 the error of a minibatch
    dE/dW = (2 (H - T) H (1 - H))^T X             through the sigmoid, whose slope is H (1 - H)

The inhibition `a` begins at 0 in every epoch; an output whose `a` has come to 1, after N / K wins,
has had its share: 1 more is added, so that any other output comes before it. The filters keep the
length 1. The authors take their step sizes from the variance of the gradients; here Adam does that,
with a rate that falls.

Patches are whitened first: their mean is taken away, and their principal components get the same
variance; those that are smallest are left out. That is linear, so it is folded into the filters.

The competition goes through the patches in their order, and each depends on all before. So it runs
on the host, one patch after the other, whatever device the products run on.

Source: Romero, Radeva, Gatta 2015 (arXiv 1402.5766), as far as it is known to us: papers of the
authors' group tell the rule, the constants are ours. Whitening: Coates, Ng, Lee 2011.
"""

from typing import NamedTuple

import numpy as np

from minicnn import functional as F
from minicnn.engine import randomness
from minicnn.engine.devices import array_module
from minicnn.engine.kernel import Kernel
from minicnn.engine.op import no_grad
from minicnn.engine.tensor import Tensor

BATCH = 500  # patches
RATE = 0.02  # of Adam, at the beginning; it falls to 0 along a line
MEMORY = (0.9, 0.999)  # of Adam, for the gradient and for its square
FLOOR = 0.01  # of the mean variance, is added to each: what is smaller is noise

competition = Kernel("competition", "h[N, K], share, inhibition[K], int64 winners[N]")


@competition.cpu
def competition_cpu(h, share, inhibition, winners):
    for n in range(len(h)):
        best = 0
        for k in range(1, len(inhibition)):
            if h[n, k] - inhibition[k] > h[n, best] - inhibition[best]:
                best = k
        winners[n] = best
        inhibition[best] += share
        if inhibition[best] > 1 - share / 2:  # it has had its share: any other comes before it
            inhibition[best] += 1


class Whitening(NamedTuple):
    """What was taken away from patches, float32 (d,), and the matrix (r, d) that made components of
    the same variance of what was left."""

    mean: np.ndarray
    matrix: np.ndarray

    def __call__(self, patches):
        return (patches - self.mean) @ self.matrix.T

    def patches(self, white):
        """The patches (n, d) that became these white ones, but for what was left out."""
        return white @ np.linalg.pinv(self.matrix).T + self.mean

    def folded(self, weight, bias):
        """(weight (K, d), bias (K,)) that say of a patch what those given say of a white one."""
        weight = weight @ self.matrix
        return weight, bias - weight @ self.mean


def whitening(patches, most):
    """The Whitening of patches, float32 (n, d), that keeps their `most` largest components."""
    mean = patches.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = patches - mean
    variance, directions = np.linalg.eigh((centred.T @ centred / len(patches)).astype(np.float64))
    variance, directions = variance[::-1][:most], directions.T[::-1][:most]
    variance = np.maximum(variance, 0)  # of a constant, rounding makes less than nothing
    scale = np.sqrt(variance + FLOOR * variance.mean() + 1e-12)
    return Whitening(mean, (directions / scale[:, None]).astype(np.float32))


def compete(answers, inhibition, share):
    """The winner of each patch, int64 (n,); raises the `inhibition` (K,) of each as it wins.

    answers  (n, K), in 0 .. 1, of the dtype of `inhibition`
    share    what a win costs: K / N, if N patches are shared among K outputs
    """
    winners = np.empty(len(answers), np.int64)
    answers = np.ascontiguousarray(answers)
    competition(answers, answers.dtype.type(share), inhibition, winners)
    return winners


def gradients(x, h, target):
    """(gw (K, d), gb (K,)) of the error |h - target|^2, h = sigmoid(x w^T + b), both (n, K)."""
    through = 2 * (h - target) * h * (1 - h)
    return through.T @ x, through.sum(axis=0)


def learn(patches, outputs, epochs, seed=0, device="cpu", watch=None):
    """(weight float32 (K, d), bias (K,), error, wins int64 (K,)): K = `outputs` filters of length
    1, the mean error of a patch in the last epoch, and how many patches each output won in it.

    patches  float32 (N, d), white
    watch    called with (epoch, mean error of a patch) after each epoch
    """
    count, size = patches.shape
    rng = randomness.generator(seed, 5)
    weight = rng.standard_normal((outputs, size)).astype(np.float32)
    weight = Tensor(weight / _lengths(weight, np)).to(device).data
    xp, adam, step = array_module(weight), [], 0
    learnt = [weight, xp.zeros(outputs, xp.float32)]
    adam = [[xp.zeros_like(p), xp.zeros_like(p)] for p in learnt]
    total = epochs * -(-count // BATCH)
    for epoch in range(epochs):
        order, error = rng.permutation(count), 0.0
        inhibition, wins = np.zeros(outputs, np.float32), np.zeros(outputs, np.int64)
        for first in range(0, count, BATCH):
            x = Tensor(patches[order[first : first + BATCH]]).to(device)
            with no_grad():
                answers = F.sigmoid(F.linear(x, *map(Tensor, learnt)))
            winners = compete(answers.numpy(), inhibition, outputs / count)
            wins += np.bincount(winners, minlength=outputs)
            target = np.zeros(answers.shape, np.float32)
            target[np.arange(len(winners)), winners] = 1
            target = Tensor(target).to(device).data
            error += float(((answers.data - target) ** 2).sum())
            rate = RATE * (1 - step / total)
            step += 1
            found = gradients(x.data, answers.data, target)
            for p, g, moments in zip(learnt, found, adam, strict=True):
                p -= _adam(g, moments, rate, step, xp)
            learnt[0] /= _lengths(learnt[0], xp)
        if watch is not None:
            watch(epoch, error / count)
    weight, bias = (Tensor(p).numpy() for p in learnt)
    return weight, bias, error / count, wins


def _lengths(weight, xp):
    return xp.sqrt((weight * weight).sum(axis=1, keepdims=True)) + np.float32(1e-12)


def _adam(gradient, moments, rate, step, xp):
    """The step that Kingma and Ba (2015) take: the gradient by its own size over the last steps."""
    for moment, value, keep in zip(moments, (gradient, gradient**2), MEMORY, strict=True):
        moment *= np.float32(keep)
        moment += np.float32(1 - keep) * value
    mean, square = (m / np.float32(1 - keep**step) for m, keep in zip(moments, MEMORY, strict=True))
    return (np.float32(rate) * mean / (xp.sqrt(square) + np.float32(1e-8))).astype(np.float32)
