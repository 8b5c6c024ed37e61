"""Stochastic gradient descent, and schedules for its learning rate.

    v <- momentum v + (gradient + weight_decay w)
    w <- w - lr v

Groups of parameters may have numbers of their own, for instance a new last layer a larger rate than
the layers that have learnt before.

A schedule is a function of the step that gives the factor on the learning rate; it never looks at
the clock, so a run on a slow machine learns the same.
"""

import math
from collections.abc import Callable, Iterable

from minicnn.basics.nearest import did_you_mean
from minicnn.engine.devices import array_module, device_of
from minicnn.engine.kernel import Kernel, prange
from minicnn.engine.op import contiguous
from minicnn.engine.tensor import Tensor

__all__ = [
    "SGD",
    "clip_grad_norm_",
    "constant",
    "cosine",
    "named_schedule",
    "plateau",
    "polynomial",
    "steps",
    "warm_up",
]

sgd_update = Kernel(
    "sgd_update",
    "g[size], rate, momentum, weight_decay, v[size], w[size]",
)


@sgd_update.cpu
def sgd_update_cpu(g, rate, momentum, weight_decay, v, w):
    for i in prange(len(w)):
        v[i] = momentum * v[i] + g[i] + weight_decay * w[i]
        w[i] -= rate * v[i]


sgd_update.gpu(
    r"""
extern "C" __global__ void sgd_update(
        const T* g, T rate, T momentum, T weight_decay, T* v, T* w, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    v[i] = momentum * v[i] + g[i] + weight_decay * w[i];
    w[i] -= rate * v[i];
}
"""
)


def _each_once(who, parameters):
    """The list without repetitions: twice the same gradient would be twice the step."""
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for k, p in enumerate(parameters):
        if not isinstance(p, Tensor):
            raise TypeError(f"{who}: parameters[{k}] is no Tensor, but {type(p).__name__}")
    return list({id(p): p for p in parameters}.values())


def _groups(parameters, numbers):
    """The groups as dicts, each with its list of Tensors; a plain list is one group."""
    if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
        kind = type(parameters).__name__
        raise TypeError(f"SGD: parameters is a {kind}; give a list, as network.parameters() does")
    parameters = list(parameters)
    if not any(isinstance(group, dict) for group in parameters):
        return [{"params": _each_once("SGD", parameters)}]
    for k, group in enumerate(parameters):
        if not isinstance(group, dict) or "params" not in group:
            raise ValueError(
                f"SGD: parameters[{k}] is no dict with params=[...], and others are: give groups "
                "alone, or Tensors alone"
            )
        if unknown := sorted(set(group) - set(numbers) - {"params"}, key=str):
            raise ValueError(
                f"SGD: parameters[{k}] has {unknown[0]!r}; a group has params, {', '.join(numbers)}"
                f"{did_you_mean(str(unknown[0]), [*numbers, 'params'])}"
            )
    return [group | {"params": _each_once("SGD", group["params"])} for group in parameters]


def _numbers(group):
    return group["lr"], group["momentum"], group["weight_decay"]


def _kind(array):
    return f"{array.dtype}{tuple(array.shape)} on the {device_of(array)}"


class SGD:
    """Stochastic gradient descent with momentum and weight decay (L2), PyTorch's form.

    parameters  list of Tensors, each learnt once, also if it stands there twice; or of groups, each
                a dict with such a list as "params" and, where they differ from the others, its own
                "lr", "momentum", "weight_decay". A step reads `.grad` (None: left alone)
    lr          learning rate; `schedule(step)` multiplies it, that of each group too

    `param_groups` lists the groups with all their numbers, `parameters` what is in them, in order.
    """

    def __init__(
        self,
        parameters: list,
        lr: float,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        schedule: Callable | None = None,
    ):
        numbers = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        self.param_groups = [numbers | group for group in _groups(parameters, numbers)]
        self.parameters = [p for group in self.param_groups for p in group["params"]]
        if not self.parameters:
            raise ValueError("SGD: there are no parameters to learn")
        if len(_each_once("SGD", self.parameters)) < len(self.parameters):
            raise ValueError("SGD: a parameter is in two groups; which of the rates is its own?")
        for lr, momentum, weight_decay in map(_numbers, self.param_groups):
            if not lr >= 0 or not 0 <= momentum < 1 or not weight_decay >= 0:
                raise ValueError(
                    f"SGD: lr={lr}, momentum={momentum}, weight_decay={weight_decay}: rates are at "
                    "least 0, momentum below 1"
                )
        self.schedule = schedule or constant()
        self.steps_done = 0
        self.velocity = [array_module(p.data).zeros(p.shape, p.dtype) for p in self.parameters]

    @property
    def rate(self):
        """The learning rate of the next step, that of the first group."""
        return self.param_groups[0]["lr"] * self.schedule(self.steps_done)

    def step(self) -> None:
        """One update of every parameter from its gradient. Raises ValueError, and changes none,
        where a parameter, its gradient and its velocity differ in shape, dtype or device."""
        self._check()
        factor, velocity = self.schedule(self.steps_done), iter(self.velocity)
        for group in self.param_groups:
            lr, momentum, weight_decay = _numbers(group)
            for p in group["params"]:
                v = next(velocity)
                if p.grad is None:
                    continue
                p.data, g = contiguous(p.data, p.grad)
                if device_of(p.data) == "cpu" and not p.data.flags.writeable:  # as a mapped file is
                    p.data = p.data.copy()
                numbers = map(p.dtype.type, (lr * factor, momentum, weight_decay))
                sgd_update(g.reshape(-1), *numbers, v.reshape(-1), p.data.reshape(-1))
                p.version += 1
        self.steps_done += 1

    def _check(self):
        """All before the first is changed: half a step cannot be taken back."""
        for k, (p, v) in enumerate(zip(self.parameters, self.velocity, strict=True)):
            if p.grad is None:
                continue
            kinds = [_kind(a) for a in (p.data, p.grad, v)]
            if len(set(kinds)) > 1:
                raise ValueError(
                    f"SGD: parameter {k} is {kinds[0]}, its gradient {kinds[1]} and its velocity "
                    f"{kinds[2]}; they must agree. Who gives a parameter other data makes a new "
                    "SGD afterwards"
                )

    def zero_grad(self) -> None:
        """Forgets the gradients; without it backward() adds to those of the last step."""
        for p in self.parameters:
            p.grad = None


def clip_grad_norm_(parameters: list | Tensor, max_norm: float) -> float:
    """Shortens the gradient, that of all parameters together, to the length `max_norm` if it is
    longer. Returns the length that it had. What goes through many layers can grow without warning.
    `parameters` are Tensors, or a single one. Raises ValueError for a length that is no number of
    at least 0, TypeError for what is no Tensor.
    """
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm={max_norm}: expected a number of at least 0")
    gradients = [p.grad for p in _each_once("clip_grad_norm_", parameters) if p.grad is not None]
    norm = math.sqrt(sum(float((g.astype("f8") ** 2).sum()) for g in gradients))
    if norm > max_norm:
        for g in gradients:
            g *= g.dtype.type(max_norm / norm)
    return norm


def constant() -> Callable:
    """The factor 1, always."""
    return lambda step: 1.0


def steps(every: int, factor: float = 0.1) -> Callable:
    """Multiplies by `factor` after every `every` steps."""
    return lambda step: factor ** (step // every)


def cosine(total: int) -> Callable:
    """Falls from 1 to 0 over `total` steps along half a cosine."""
    return lambda step: 0.5 * (1 + math.cos(math.pi * min(step, total) / total))


def polynomial(total: int, power: float = 0.9) -> Callable:
    """Falls from 1 to 0 over `total` steps as (1 - step / total)^power."""
    return lambda step: max(0.0, 1 - step / total) ** power


def plateau(divided: list, factor: float = 0.1) -> Callable:
    """Multiplies by `factor` after each of the steps in the list, which may grow on the way: by
    those at which somebody has seen that nothing gets better any more."""
    return lambda step: factor ** sum(step >= at for at in divided)


def warm_up(schedule: Callable, over: int) -> Callable:
    """Rises linearly over the first `over` steps, then follows `schedule`."""
    return lambda step: schedule(step) * min(1.0, (step + 1) / (over + 1))


SCHEDULES = {  # by name, for a training of so many steps
    "polynomial": polynomial,
    "cosine": cosine,
    "steps": lambda total: steps(max(1, total // 3)),
    "constant": lambda total: constant(),
    "plateau": lambda total: plateau([]),  # whoever looks at `val` says when
}


def named_schedule(name: str, total: int, over: int = 0) -> Callable:
    """The schedule of this name for a training of `total` steps, after a warm-up over `over` steps,
    or a tenth of the training if that is shorter. Raises ValueError that lists the names."""
    if name not in SCHEDULES:
        hint = did_you_mean(name, SCHEDULES)
        raise ValueError(f"schedule {name!r}: choose {', '.join(SCHEDULES)}{hint}")
    if total < 1:
        raise ValueError(f"schedule {name!r}: {total} steps; a training has at least 1")
    schedule = SCHEDULES[name](total)
    return warm_up(schedule, min(over, total // 10)) if over else schedule
