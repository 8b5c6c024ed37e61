"""EPLS: the competition that makes a target without a label.

About 25 minutes; chapter 15.

K outputs have answered to n patches with numbers between 0 and 1. Each patch gets one winner, and
each output shall win its share of all patches. So who has won is inhibited: patch after patch, in
their order,

    k = argmax_j (answers[n, j] - inhibition[j])        the winner of patch n
    inhibition[k] = inhibition[k] + share               what a win costs

An output whose inhibition has come to 1 (above 1 - share / 2, for sums of floats are not exact) has
had its share. Add 1 more to it then: any other output comes before it, whatever it answers.

    answers      array (n, K)
    inhibition   array (K,): what earlier patches have left; leave it as it is, return a new one
    share        a number: K / N, where N is how many patches there are in all

Returns the winners, an array (n,) of whole numbers, and the inhibition (K,) after the last patch,
of the dtype that it had.

By hand, two outputs, share = 0.5, nobody inhibited at first:

    answers  0.9 0.2      the first wins:                    inhibition 0.5 0
             0.8 0.6      0.8 - 0.5 < 0.6, so the second:               0.5 0.5
             0.7 0.3      0.2 > -0.2: the first, which is full now:     2   0.5
             0.9 0.1      0.9 - 2 < 0.1 - 0.5: the second, full too:    2   2
"""

import numpy as np

from minicnn.course.exercises import todo


def compete(answers, inhibition, share):
    todo("the winners and the inhibition")


# ---- below: what checks the answer ---------------------------------------------------------------
from minicnn.course.exercises import replaced
from minicnn.learning import epls

RETURNS = ("the winners", "the inhibition")
HINTS = (
    "Which winner does patch 1 have, if the winner of patch 0 had not been inhibited?",
    "One loop over the patches; inside it np.argmax of one row of answers less the inhibition.",
    "Copy the inhibition first: inhibition = inhibition.copy().",
)
OWN = epls.compete


def truth(answers, inhibition, share):
    after = np.array(inhibition, order="C")
    return OWN(answers, after, share), after


def by_hand():
    answers = np.array([[0.9, 0.2], [0.8, 0.6], [0.7, 0.3], [0.9, 0.1]])
    return (answers, np.zeros(2), 0.5), (np.array([0, 1, 0, 1]), np.array([2.0, 2.0]))


def draw(seed, patches, outputs, strongest=0.0):
    """Answers of which some outputs give larger ones than others."""
    rng = np.random.default_rng(seed)
    return (1 - strongest) * rng.random((patches, outputs)) + strongest * rng.random(outputs)


def cases():
    yield "12 patches, 4 outputs", (draw(0, 12, 4), np.zeros(4), 1 / 3)
    yield "one output is always strong", (draw(1, 20, 5, 0.9), np.zeros(5), 0.25)
    yield "patches came before", (draw(2, 8, 3), np.array([0.25, 0.5, 0.0]), 0.5)
    yield "more outputs than patches", (draw(3, 3, 6), np.zeros(6), 2.0)
    # ten times 0.1 is less than 1 in floats
    yield "a share after ten wins", (draw(5, 20, 2, 0.9), np.zeros(2), 0.1)
    yield "shares that are not whole", (draw(4, 11, 4), np.zeros(4), 4 / 11)


def plug(answer):
    def compete(answers, inhibition, share):
        winners, after = answer(answers, inhibition.copy(), share)
        inhibition[...] = after
        return np.asarray(winners, np.int64)

    return replaced(epls, compete=compete)


def train():
    """The error of EPLS, epoch by epoch, on patches of four kinds."""
    rng = np.random.default_rng(5)
    kinds = rng.normal(size=(4, 10))
    patches = kinds[rng.integers(0, 4, 200)] + 0.3 * rng.normal(size=(200, 10))
    errors = []
    patches = patches.astype(np.float32)
    epls.learn(patches, 4, 12, watch=lambda epoch, error: errors.append(error))
    return errors


def key(answers, inhibition, share):
    inhibition = inhibition.copy()
    winners = np.zeros(len(answers), np.int64)
    for n in range(len(answers)):
        best = 0
        for k in range(len(inhibition)):
            if answers[n, k] - inhibition[k] > answers[n, best] - inhibition[best]:
                best = k
        winners[n] = best
        inhibition[best] += share
        if inhibition[best] > 1 - share / 2:
            inhibition[best] += 1
    return winners, inhibition


RULE = "answers[n, k] - inhibition[k] > answers[n, best] - inhibition[best]"
MUTANTS = {
    "nobody is inhibited": (
        RULE,
        "answers[n, k] > answers[n, best]",
        "The strongest answer wins, however often it has won before.",
    ),
    "a win makes strong": (
        RULE,
        "answers[n, k] + inhibition[k] > answers[n, best] + inhibition[best]",
        "Who has won wins the next time more easily. Which sign does the inhibition have?",
    ),
    "the weakest wins": (
        RULE,
        "answers[n, k] - inhibition[k] < answers[n, best] - inhibition[best]",
        "The winner is the output with the smallest number. The largest is asked for.",
    ),
    "only itself": (
        RULE,
        "answers[n, k] - inhibition[k] > answers[n, best]",
        "Both sides of the comparison are inhibited, also the best one so far.",
    ),
    "all are inhibited": (
        "inhibition[best] += share",
        "inhibition += share",
        "If all are inhibited alike, nobody is. Only the winner pays.",
    ),
    "a win costs what was answered": (
        "inhibition[best] += share",
        "inhibition[best] += share * answers[n, best]",
        "A win costs the same, whatever the answer was: each win is one patch.",
    ),
    "never full": (
        "if inhibition[best] > 1 - share / 2:",
        "if False:",
        "An output that has had its share still wins with a strong answer. What is added then?",
    ),
    "full too late": (
        "if inhibition[best] > 1 - share / 2:",
        "if inhibition[best] > 1 + share / 2:",
        "An output wins once more often than its share. At which inhibition is it full?",
    ),
    "full at 1 exactly": (
        "if inhibition[best] > 1 - share / 2:",
        "if inhibition[best] >= 1:",
        "Ten times 0.1 is a little less than 1 in floats, and such an output wins once more. Leave "
        "room for rounding, as the task does.",
    ),
    "full is only 1": (
        "inhibition[best] += 1",
        "inhibition[best] = 1",
        "At 1 exactly, an answer of 0.9 still comes before one of 0.1 that is inhibited by 0.3.",
    ),
}
