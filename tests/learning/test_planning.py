"""Trainings in minutes: what is planned, how the plan follows the clock, and what is said of the
time that is left. No test measures time: the clocks are injected."""

import numpy as np
import pytest
from support.small_runs import SCENES
from support.toy_tasks import Clock, Weight, run_of, timed

import minicnn
from minicnn import optim
from minicnn.learning import checkpoints, fitting, timing
from minicnn.learning.planning import (
    LOOKS,
    Pace,
    looks_that_fit,
    new_total,
    steps_that_fit,
)
from minicnn.learning.progress import Progress


# ---------------------------------------------------------------------------------------- by table
@pytest.mark.parametrize(
    ("pieces", "shares"),
    [
        ([[0, 100]], {0: 0, 25: 0.25, 100: 1}),
        ([[0, 100], [50, 150]], {0: 0, 50: 0.5, 75: 0.625, 100: 0.75, 150: 1}),
        ([[0, 100], [80, 85]], {80: 0.8, 82: 0.88, 85: 1}),
        (
            [[0, 10], [5, 20], [10, 12]],
            {5: 0.5, 10: 0.5 + 0.5 / 3, 11: 0.5 + 0.5 / 3 + 1 / 6, 12: 1},
        ),
    ],
)
def test_the_share_that_is_over(pieces, shares):
    pace = Pace(pieces[0][1])
    for piece in pieces[1:]:
        pace.move_end(*piece)
    assert pace.pieces == pieces and pace.total == pieces[-1][1]
    for step, share in shares.items():
        assert pace.share(step) == pytest.approx(share)
        assert Pace(1, pieces).share(step) == pace.share(step)
    steps = [pace.share(step) for step in range(pace.total + 1)]
    assert all(a < b for a, b in zip(steps, steps[1:], strict=False))


def test_a_pace_that_was_never_moved_gives_the_very_rates_of_the_schedule():
    planned = optim.named_schedule("polynomial", 77, 10)
    rate = Pace(77).schedule(lambda total: optim.named_schedule("polynomial", total, 10))
    assert [rate(step) for step in range(77)] == [planned(step) for step in range(77)]


def test_moved_rates_are_those_of_the_plan_at_the_same_share():
    pace = Pace(100)
    rate = pace.schedule(lambda total: lambda step: 1 - step / total)
    pace.move_end(40, 240)
    assert rate(40) == pytest.approx(0.6) and rate(140) == pytest.approx(0.3)
    assert rate(240) == pytest.approx(0)


@pytest.mark.parametrize(
    ("seconds", "per_picture", "looks", "pictures", "expected"),
    [
        (100, 0.01, 12, 100, (12, 100)),  # 12 of the 15 s that are allowed
        (100, 0.02, 12, 100, (7, 100)),  # fewer looks
        (100, 0.1, 12, 100, (4, 37)),  # then at fewer pictures
        (100, 0.1, 2, 100, (2, 75)),  # never more often than was asked for
        (100, 0.4, 12, 100, (3, 12)),  # but rather once at twelve than four times at three
        (30, 0.36, 12, 20, (1, 12)),
        (10, 0.3, 12, 2, (2, 2)),
        (10, 1.0, 12, 100, (1, 1)),  # one of one, at least
        (1, 100.0, 12, 100, (1, 1)),
        (100, 0.0, 12, 100, (12, 100)),
        (1e6, 0.01, 12, 3, (12, 3)),
    ],
)
def test_looks_that_fit(seconds, per_picture, looks, pictures, expected):
    found = looks_that_fit(seconds, per_picture, looks, pictures)
    assert found == expected
    assert found[0] * found[1] * per_picture <= LOOKS * seconds or found == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((100, 0.5, 5, 4), 160), ((100, 0.5, 0, 0), 200), ((1, 10, 0, 0), 1), ((10, 0.1, 20, 4), 1)],
)
def test_steps_that_fit(arguments, expected):
    assert steps_that_fit(*arguments) == expected


@pytest.mark.parametrize(
    ("left", "per_step", "expected"),
    [(50, 1, None), (50.9, 1, None), (60, 1, 110), (20, 1, 70), (-5, 1, 51), (50, 0.1, 550)],
)
def test_new_totals(left, per_step, expected):
    assert new_total(50, left, per_step, Pace(100)) == expected


def test_a_plateau_divides_the_rate_at_the_step_that_it_says():
    """Also where the end has moved, in a training in minutes."""
    run = run_of(timed(Clock(), lambda step: 1.0, 0.1), Weight(), 1000, schedule="plateau")
    run.pace.move_end(50, 4000)
    run.config.stalls.divided.append(1000)
    rates = [run.optimizer.schedule(step) for step in (49, 999, 1000, 3999)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1])


# -------------------------------------------------------------------------------- a whole training
def trained_in(minutes, guess, per_step, per_picture, **options):
    clock = Clock()
    looks, count = looks_that_fit(60 * minutes, per_picture, 12, 50)
    steps = steps_that_fit(60 * minutes, guess, per_picture * count, looks)
    task = timed(clock, per_step, per_picture, **options)
    run = run_of(task, Weight(), steps, validations=looks, lr=0.1, checkpoint_steps=10**9)
    run.config.val_pictures = count
    return fitting.fit(run, minutes, clock), clock


@pytest.mark.parametrize(
    ("guess", "per_step", "per_picture"),
    [
        (1.0, lambda step: 1.0, 0.1),
        (10.0, lambda step: 1.0, 0.1),  # was thought to be slower
        (0.1, lambda step: 1.0, 0.1),  # or faster
        (1.0, lambda step: 1.0 if step < 60 else 3.0, 0.1),  # becomes slower, another job began
        (1.0, lambda step: 1.0 if step < 60 else 0.2, 0.1),
        (1.0, lambda step: 1.0, 2.0),  # pictures that are large
    ],
)
def test_a_training_in_minutes_reaches_its_end_in_time(guess, per_step, per_picture):
    run, clock = trained_in(5, guess, per_step, per_picture, compiling=5.0)
    assert 0.97 * 300 < clock.now < 1.05 * 300
    assert run.task.spent <= 0.155 * clock.now
    assert run.steps_done == run.pace.total == run.config.total_steps
    assert run.pace.share(run.steps_done) == pytest.approx(1)
    rates = [r["rate"] for r in run.log.records if "rate" in r]
    assert rates == sorted(rates, reverse=True) and rates[-1] < 0.15 * 0.1  # without a jump
    looked = [r["step"] for r in run.log.records if "val_accuracy" in r]
    assert looked[-1] == run.steps_done and len(looked) == run.config.training.validations


@pytest.mark.parametrize(("thought", "real"), [(0.1, 0.1), (0.1, 0.4), (0.1, 1.0), (0.02, 0.2)])
def test_looks_that_take_longer_than_was_thought_become_fewer(thought, real, capsys):
    """5 minutes, 12 looks asked for, 50 pictures. The first look shows what a picture takes."""
    clock = Clock()
    looks, count = looks_that_fit(300, thought, 12, 50)
    run = run_of(timed(clock, lambda step: 1.0, real), Weight(), 280, validations=looks)
    run.config.val_pictures = count
    fitting.fit(run, 5, clock)
    looked = [r["step"] for r in run.log.records if "val_accuracy" in r]
    one = real * count
    assert looked[-1] == run.steps_done == run.pace.total and clock.now < 1.05 * 300
    assert run.task.spent <= max(LOOKS * 300, 2 * one) + 1e-6  # the first and the last stay
    assert len(looked) == looks if real == thought else len(looked) < looks


def test_it_is_said_at_how_few_pictures_is_looked(capsys):
    for few in (None, 7):
        run = run_of(timed(Clock(), lambda step: 1.0, 0.1), Weight(), 3, quiet=False)
        run.config.val_pictures = few
        fitting.fit(run)
        said = capsys.readouterr().err
        assert (", on 7 of 50 pictures, always the same" in said) == (few is not None)


def test_what_cannot_be_known_in_time_is_stopped_and_says_how_to_go_on(capsys, tmp_path):
    """Five steps of a minute each: nothing was measured before it was too late."""
    clock = Clock()
    run = run_of(timed(clock, lambda step: 60.0, 1.0), Weight(), 100, tmp_path, quiet=False)
    fitting.fit(run, 5, clock)
    assert run.steps_done == 6 and clock.now < 5 * 60 * 1.05 + 60 + 50
    said = capsys.readouterr().err
    assert f"5 minutes are over at step 6 of 100; go on with: minicnn resume {tmp_path}" in said


def test_a_resumed_run_has_the_very_rates(tmp_path):
    """The end moves while it trains in minutes; killed, it goes on without minutes, to that end."""
    options = {"data_options": SCENES, "quiet": True}
    settings = {"width": 0.1, "validations": 2, "warm_up": 3, "patches": 20}
    minicnn.train("patch", steps=20, out=tmp_path, settings=settings, **options)
    arrays, header = checkpoints.load(tmp_path / "last.safetensors")
    header |= {"step": 12, "pace": [[0, 15], [10, 30]], "total_steps": 30}
    checkpoints.save(tmp_path / "last.safetensors", arrays, header)
    run = minicnn.resume(tmp_path, quiet=True)
    rates = {r["step"]: r["rate"] for r in run.log.records if "rate" in r}
    planned = optim.named_schedule("polynomial", 15, 3)
    assert rates[30] == pytest.approx(run.config.training.lr * planned(15 * (2 / 3 + 19 / 60)))
    assert run.steps_done == 30 and run.config.pace == [[0, 15], [10, 30]]


def test_it_really_trains_in_minutes(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "measure", lambda task: (0.004, 0.001))
    settings = {"width": 0.1, "patches": 20}
    options = {"data_options": SCENES, "settings": settings, "quiet": True}
    run = minicnn.train("patch", minutes=0.01, out=tmp_path, **options)
    assert run.steps_done >= 1 and run.config.training.validations >= 1
    with pytest.raises(ValueError, match="one of epochs, steps and minutes"):
        minicnn.train("patch", minutes=1, steps=1, **options)


def test_measuring_leaves_the_weights_and_looks_long_enough():
    clock, seen = Clock(), []
    run = run_of(timed(clock, lambda step: 1.0, 0.1), Weight(), 10)
    validate = run.task.validate
    run.task.validate = lambda count: seen.append(count) or validate(count)
    before = run.network.w.numpy().copy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing.time, "perf_counter", clock)
        per_step, per_picture = timing.measure(run.task)
    assert np.array_equal(before, run.network.w.numpy()) and run.network.w.grad is None
    assert per_step == pytest.approx(timing.UPDATE) and per_picture == pytest.approx(0.1)
    assert seen == [1, 4]


# ----------------------------------------------------------------------------------- the time left
def progress_of(total=100, validations=4, limit=None, looked_at=50):
    clock = Clock()
    task = timed(clock, lambda step: 1.0, 0.1, looked_at)
    run = run_of(task, Weight(), total, validations=validations)
    return Progress(run, limit, clock), run, clock


def take(progress, run, clock, seconds):
    clock.now += seconds
    run.steps_done += 1
    progress.step(run.steps_done, 1.0, 0.5)


def test_nothing_is_said_before_five_warm_steps_and_compiling_does_not_count():
    progress, run, clock = progress_of(looked_at=0)
    for seconds in (30.0, 9.0, 2.0, 2.0, 2.0, 2.0):  # two that compile, and four
        take(progress, run, clock, seconds)
        assert progress.seconds_left() is None and progress._left() == ""
    take(progress, run, clock, 2.0)
    assert progress.seconds_left() == 2.0 * 93 and progress._left() == ", 0.5 steps/s, 3:06 left"


def test_a_look_in_between_is_no_step_and_what_looks_are_left_counts():
    progress, run, clock = progress_of()
    for _ in range(10):
        take(progress, run, clock, 1.0)
    assert progress.seconds_left() == 90 and progress.looks_left() == 4
    for _ in range(15):
        take(progress, run, clock, 1.0)
    clock.now += 60
    progress.looked(60)
    take(progress, run, clock, 1.0)
    assert progress.seconds_per_step() == 1 and progress.looks_left() == 3
    assert progress.seconds_left() == 74 + 3 * 60
    while run.steps_done < 100:
        take(progress, run, clock, 1.0)
    assert progress.seconds_left() == 0 and progress.looks_left() == 0


@pytest.mark.parametrize(
    ("total", "validations", "expected"),
    [
        (24, 12, range(2, 25, 2)),  # as many steps between them, where that can be
        (100, 4, range(25, 101, 25)),
        (23, 12, None),
        (100, 7, None),
        (997, 12, None),
        (5, 12, range(1, 6)),  # one a step at most
        (7, 1, [7]),
    ],
)
def test_there_are_as_many_looks_as_were_asked_for(total, validations, expected):
    """Evenly spread, the last at the end; and so many are expected."""
    clock, left = Clock(), []
    run = run_of(timed(clock, lambda step: 1.0, 0.1), Weight(), total, validations=validations)
    look = run.validate

    def counted(count):
        left.append(Progress(run, None, clock).looks_left())
        return look(count)

    run.validate = counted
    fitting.fit(run, None, clock)
    looked = [r["step"] for r in run.log.records if "val_accuracy" in r]
    assert looked[-1] == total and len(looked) == min(total, validations)
    assert left == [*range(len(looked))][::-1]  # that one is done
    gaps = np.diff([0, *looked])
    assert gaps.max() - gaps.min() <= 1 and list(expected or looked) == looked


def test_the_limit_is_the_longest_that_can_be_left():
    progress, run, clock = progress_of(limit=480)
    clock.now += 200  # compiled
    for _ in range(9):
        take(progress, run, clock, 10.0)
    assert progress.seconds_left() == 480 - 290
    clock.now += 1000
    assert progress.seconds_left() == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "0:05"), (75, "1:15"), (3 * 3600 + 62, "3:01:02"), (3599.9, "59:59")]
)
def test_clocks(seconds, text):
    from minicnn.learning.progress import duration

    assert duration(seconds) == text


def test_the_end_is_the_end():
    """Time that is left behind the last step is no reason for another, whose rate would be 0."""
    clock = Clock()
    run = run_of(timed(clock, lambda step: 1.0, 0.0), Weight(), 12, lr=0.1, validations=2)
    fitting.fit(run, 12.4 / 60, clock)
    assert run.steps_done == run.pace.total == 12 and run.config.pace == [[0, 12]]
