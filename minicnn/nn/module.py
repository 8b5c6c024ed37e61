"""Module: something that owns parameters, a layer or a network made of layers.

    class Net(nn.Module):
        def __init__(self):
            self.conv = nn.Conv2d(3, 16, 7)
            self.head = nn.Conv2d(16, 8, 1)

        def forward(self, x):
            return self.head(functional.relu(self.conv(x)))

Whatever Parameter or Module is an attribute belongs to the network, also in lists, tuples and dicts
that are attributes, and in those inside of them: `self.gains = [Parameter(..)]` is gains.0. What is
there twice counts once, under its first name.
The layers are in `layers.py`; users find all of these classes in `minicnn.nn`.
"""

import contextlib
import threading

import numpy as np

from minicnn.basics.nearest import did_you_mean
from minicnn.engine.tensor import Tensor


class Parameter(Tensor):
    """A Tensor that is learnt."""

    def __init__(self, data: np.ndarray | Tensor):
        super().__init__(data, requires_grad=True)


class Buffer(Tensor):
    """A Tensor that belongs to a network but is not learnt, such as the mean of its pictures: it is
    moved, saved and loaded with the parameters."""


def _members(module):
    """(name, value) of the Parameters and Modules that are attributes, or in lists, tuples and
    dicts that are: gains.0, heads.sky.1. They are searched without recursion into themselves."""
    watched = ("_watchers",)  # results on their way to somebody, not part of the network
    stack = [(k, v, ()) for k, v in reversed(vars(module).items()) if k not in watched]
    while stack:
        name, value, inside = stack.pop()
        if isinstance(value, Parameter | Buffer | Module):
            yield name, value
        elif isinstance(value, list | tuple | dict | set | frozenset) and id(value) not in inside:
            items = value.items() if isinstance(value, dict) else enumerate(value)
            found = [(f"{name}.{k}", item, (*inside, id(value))) for k, item in items]
            if isinstance(value, set | frozenset) and any(
                isinstance(item, Parameter | Module) for _, item, _ in found
            ):
                raise TypeError(
                    f"{type(module).__name__}.{name}: a set of parameters or modules has no order, "
                    "in which they could be saved; put them into a list"
                )
            stack.extend(reversed(found))


class Module:
    """Base class of layers and networks."""

    training = True

    def __call__(self, *inputs):
        return self._watched(self.forward(*inputs))

    def forward(self, *inputs):
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def of_levels(self, levels):
        """What the module makes of each input of a list, as the levels of a pyramid are: a list."""
        return [self._watched(result) for result in self.forward_of_levels(levels)]

    def forward_of_levels(self, levels):
        """One after the other; a subclass may compute all of them together."""
        return [self.forward(level) for level in levels]

    def _watched(self, result):
        for thread, results in self.__dict__.get("_watchers", ()):
            if thread == threading.get_ident():  # what others compute meanwhile is theirs
                results.append(result)
        return result

    def children(self):
        """(name, Module) of the modules directly inside this one."""
        return ((name, value) for name, value in _members(self) if isinstance(value, Module))

    def named_modules(self):
        """(path, Module) of this module and all inside it, such as ('stages.0.conv', Conv2d), each
        once."""
        stack, seen = [("", self)], set()
        while stack:
            path, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            children = [(f"{path}.{name}" if path else name, m) for name, m in module.children()]
            stack.extend(reversed(children))

    def named_parameters(self):
        """(path, Parameter), each once, in a fixed order; shared ones under their first path.
        Raises ValueError where two would have one path, as of {1: p, "1": q}."""
        return self._named(Parameter)

    def named_buffers(self):
        """The same of the Buffers."""
        return self._named(Buffer)

    def _named(self, kind):
        seen, paths = set(), set()
        for path, module in self.named_modules():
            for name, value in _members(module):
                if isinstance(value, kind) and id(value) not in seen:
                    seen.add(id(value))
                    name = f"{path}.{name}" if path else name
                    if name in paths:
                        raise ValueError(
                            f"{type(self).__name__}: two {kind.__name__.lower()}s are called {name}"
                        )
                    paths.add(name)
                    yield name, value

    def parameters(self) -> list:
        """The parameters as a list."""
        return [p for _, p in self.named_parameters()]

    def train(self, mode: bool = True) -> "Module":
        """Training mode (dropout drops) for this module and all inside it."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> "Module":
        """Prediction mode."""
        return self.train(False)

    @contextlib.contextmanager
    def evaluating(self):
        """Prediction mode inside; each module is in its own mode again behind it."""
        before = [(module, module.training) for _, module in self.named_modules()]
        try:
            yield self.eval()
        finally:
            for module, mode in before:
                module.training = mode

    def zero_grad(self) -> None:
        """Forgets the gradients; backward() adds to what it finds."""
        for p in self.parameters():
            p.grad = None

    def to(self, device: str | None = None, dtype=None) -> "Module":
        """Moves all parameters and buffers, in place, to a device ('cpu', 'gpu', 'emulated'), and
        the floating ones to a floating dtype; returns self. Raises TypeError for another dtype."""
        if dtype is not None and np.dtype(dtype).kind != "f":
            raise TypeError(f"to: networks have weights of floating numbers, not {np.dtype(dtype)}")
        for p in self.state().values():
            p.data = Tensor(p.data).to(device, dtype if p.dtype.kind == "f" else None).data
            p.grad = None
        return self

    def freeze(self, *names: str) -> None:
        """Parameters of the modules called so keep their weights: no gradient is computed for them.
        All others learn. ValueError for a name that fits nothing, or if nothing is left to learn.
        """
        parameters = dict(self.named_parameters())
        frozen = {p for p in parameters for n in names if p == n or p.startswith(f"{n}.")}
        for name in names:
            if not any(p == name or p.startswith(f"{name}.") for p in frozen):
                hint = did_you_mean(name, [*dict(self.named_modules()), *parameters])
                raise ValueError(
                    f"freeze {name!r}: there is no such module; the parameters are "
                    f"{', '.join(parameters)}{hint}"
                )
        if parameters and len(frozen) == len(parameters):
            raise ValueError(f"freeze {', '.join(names)}: nothing is left to learn")
        for path, p in parameters.items():
            p.requires_grad = path not in frozen

    def state_dict(self) -> dict:
        """{path: numpy array} of all parameters and buffers."""
        return {path: p.numpy() for path, p in self.state().items()}

    def state(self):
        """{path: Parameter or Buffer}."""
        return dict(self.named_parameters()) | dict(self.named_buffers())

    def check_shapes(self, shapes):
        """ValueError that names what does not fit, if {path: shape} are not those of the
        parameters."""
        own = {path: p.shape for path, p in self.state().items()}
        missing, unknown = sorted(set(own) - set(shapes)), sorted(set(shapes) - set(own))
        if missing or unknown:
            raise ValueError(
                f"the weights do not fit this network: missing {missing[:3]}, unknown {unknown[:3]}"
            )
        for path, shape in own.items():
            if shape != tuple(shapes[path]):
                raise ValueError(
                    f"the weights do not fit: {path} is {tuple(shapes[path])} in the file, "
                    f"{shape} in the network"
                )

    def load_state_dict(self, state: dict) -> None:
        """Takes parameters and buffers from {path: array}. Raises ValueError that names what does
        not fit."""
        self.check_shapes({path: a.shape for path, a in state.items()})
        for path, p in self.state().items():
            p.data = Tensor(np.array(state[path])).to(p.device, p.dtype).data

    @contextlib.contextmanager
    def watch(self, names):
        """Collects what named modules give: `with net.watch(["stages.0"]) as seen: net(x)` fills
        seen["stages.0"] with a list, one result for each time that the module was called."""
        modules = dict(self.named_modules())
        unknown = [n for n in names if n not in modules]
        if unknown:
            known = list(filter(None, modules))
            hint = did_you_mean(unknown[0], known)
            raise KeyError(f"no module {unknown[0]!r}; there are {', '.join(known)}{hint}")
        seen = {name: [] for name in names}
        for name in names:
            modules[name].__dict__.setdefault("_watchers", []).append(
                (threading.get_ident(), seen[name])
            )
        try:
            yield seen
        finally:
            for name in names:
                watchers = modules[name]._watchers
                del watchers[next(k for k, w in enumerate(watchers) if w[1] is seen[name])]


class Sequential(Module):
    """Modules one after the other."""

    def __init__(self, *modules: Module):
        self.modules = list(modules)

    def forward(self, x):
        for module in self.modules:
            x = module(x)
        return x
