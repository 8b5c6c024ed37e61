"""Linear support vector machines by stochastic gradients: w and b of the smallest

    1/2 |w|^2 + 1/2 b'^2 + C sum of hinge losses        of w x + b,  b = BIAS b'

The gradient of the sum divided by C n, so that the loss is a mean, is what SGD with weight decay
1 / (C n) descends. It has a kink at every support vector, so the rate falls to 0: it begins at what
one example of the usual length would just jump over its margin with.

    one = train_svm(features, truth)        float32 (F + 1,): w, and b at the end
    machines = Machines(...)                one for each class, and its examples

Source: liblinear's problem (Fan et al. 2008, solver 3) with the numbers of Hariharan et al. 2014.
"""

import numpy as np

from minicnn import functional as F
from minicnn import optim
from minicnn.engine import randomness
from minicnn.engine.tensor import Tensor

C, BIAS, POSITIVE, LENGTH = 1e-3, 10.0, 2.0, 20.0  # LENGTH of features, on average
BATCH, STEPS = 512, 400
HARD, EASY = -1.0001, -1.2  # negatives above the first are taken in, those below the second go
FULL = 2000  # new negatives of a class, after which it is learnt again
NEVER = -100.0  # what a machine says that has seen no positive


def train_svm(features, truth, begin=None, steps=STEPS, seed=0):
    """float32 (F + 1,): w, and b at the end. features  float (n, F); truth  (n,): 1 or -1; begin:
    one that was learnt before."""
    n, width = features.shape
    x = np.concatenate([features, np.full((n, 1), BIAS, np.float32)], axis=1, dtype=np.float32)
    w = np.zeros((1, width + 1), np.float32)
    if begin is not None:
        w[0] = begin
        w[0, -1] /= BIAS
    w = Tensor(w, requires_grad=True)
    rate = 1 / (np.square(x).sum(axis=1).mean() + 1 / (C * n))
    falling = optim.polynomial(steps)
    decay = 1 / (C * n)
    learning = optim.SGD([w], float(rate), 0.9, weight_decay=decay, schedule=falling)
    truth = np.asarray(truth, np.float32)[:, None]
    for step in range(steps):
        some = slice(None)
        if n > BATCH:
            some = randomness.generator(seed, 11, step).integers(0, n, BATCH)
        loss = F.hinge_loss(F.linear(Tensor(x[some]), w), truth[some], pos_weight=POSITIVE)
        learning.zero_grad()
        loss.backward()
        learning.step()
    found = w.numpy()[0].copy()
    found[-1] *= BIAS
    return found


class Machines:
    """One support vector machine for each of `classes`, with the examples that it has. What has not
    learnt yet says -1 of everything: then every negative is hard.

    weight  float32 (classes, F + 1); learnt  bool (classes,)
    """

    def __init__(self, classes, width, seed=0):
        self.weight = np.zeros((classes, width + 1), np.float32)
        self.weight[:, -1] = -1
        self.learnt, self.seed = np.zeros(classes, bool), seed
        self.positives = [[] for _ in range(classes)]  # lists of float16 (n, F)
        self.negatives = [[] for _ in range(classes)]
        self.new = np.zeros(classes, np.int64)

    def scores(self, features):
        """float32 (n, classes)"""
        return features @ self.weight[:, :-1].T + self.weight[:, -1]

    def replace_positives(self, k, features):
        self.positives[k] = [features]

    def offer(self, k, features, scores):
        """Takes in those of these negatives of class k that are hard; learns it anew where there
        are many new ones."""
        hard = np.flatnonzero(scores >= HARD)
        if not len(hard) or not self._count(self.positives[k]):
            return
        self.negatives[k].append(features[hard])
        self.new[k] += len(hard)
        if self.new[k] >= FULL:
            self.learn(k)

    def learn(self, k):
        """Learns class k from what it has, and forgets its easy negatives."""
        if not self._count(self.positives[k]) or not self._count(self.negatives[k]):
            return
        yes, no = (np.concatenate(found[k]) for found in (self.positives, self.negatives))
        truth = np.repeat([1.0, -1.0], [len(yes), len(no)])
        begin = self.weight[k] if self.learnt[k] else None
        self.weight[k] = train_svm(np.concatenate([yes, no]), truth, begin, seed=self.seed)
        self.learnt[k] = True
        left = no @ self.weight[k, :-1] + self.weight[k, -1] >= EASY
        self.negatives[k], self.new[k] = [no[left]], 0

    def learn_all(self):
        for k in range(len(self.weight)):
            self.learn(k)

    def of(self, scale):
        """float32 (classes, F + 1): the machines for features that are not scaled; NEVER of those
        that have seen no positive, whatever they are asked."""
        found = self.weight.copy()
        found[:, :-1] *= scale
        found[~self.learnt] = np.append(np.zeros(found.shape[1] - 1, np.float32), NEVER)
        return found

    @staticmethod
    def _count(parts):
        return sum(map(len, parts))
