"""How long a step and a prediction take on this machine: before a training is planned, and of many
pictures."""

import itertools
import statistics
import time

STEPS, WARM = 8, 2  # steps that are timed; the first ones compile kernels
LONGEST = 10**9  # steps that may be drawn, to find those
ENOUGH = 0.3  # seconds of predictions
UPDATE = 1.05  # the update of the weights, and what feeding takes from the same cores


def measure(task):
    """(seconds of a step, seconds of a prediction on `val`, 0 without one): medians. The weights
    stay as they are."""
    times = []
    with task.feed(0, LONGEST) as loader:
        begun = time.perf_counter()
        for _, batch in itertools.islice(loader, STEPS):
            loss, _ = task.loss(batch)
            if loss is not None:
                loss.backward()
            times.append(time.perf_counter() - begun)
            begun = time.perf_counter()
    task.network.zero_grad()
    per_step = UPDATE * statistics.median(times[WARM:] or times)
    if not len(task.val):
        return per_step, 0.0
    task.validate(1)
    count = seconds = 0
    while seconds < ENOUGH and count < len(task.val):  # to begin and to end takes time, too
        count = min(max(4, 4 * count), len(task.val))
        begun = time.perf_counter()
        task.validate(count)
        seconds = time.perf_counter() - begun
    task.network.train()
    return per_step, seconds / count


def typical(seconds):
    """The median of seconds, without the first if there are more: that is when kernels are loaded,
    or compiled. NaN of none."""
    return statistics.median(seconds[1:] or seconds) if seconds else float("nan")
