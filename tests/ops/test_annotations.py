"""What a reader, or an editor, is told about the arguments of public functions."""

import inspect

import pytest

from minicnn import functional, gradcheck, nn, optim
from minicnn.checking import gradient_errors
from minicnn.nn import Module, init, tables

SCHEDULES = [optim.constant, optim.steps, optim.cosine, optim.polynomial, optim.warm_up]
FUNCTIONS = [
    *(getattr(functional, name) for name in functional.__all__),
    *(gradcheck, gradient_errors, optim.clip_grad_norm_, optim.named_schedule, *SCHEDULES),
    *(optim.SGD.step, optim.SGD.zero_grad, Module.train, Module.eval, Module.parameters),
    *(Module.freeze, Module.state_dict, Module.load_state_dict, Module.zero_grad),
    *(tables.full, tables.one_to_one, tables.grouped, tables.random_fan_in, tables.explicit),
    *(init.kaiming_normal, init.uniform, init.zeros, optim.SGD.__init__),
    *(
        layer.__init__
        for layer in vars(nn).values()
        if "__init__" in getattr(layer, "__dict__", ())
    ),
]


def unsaid(function):
    """The arguments without a type, and «return» where that of the result is missing."""
    signature = inspect.signature(function)
    arguments = [p for p in signature.parameters.values() if p.name != "self"]
    names = [p.name for p in arguments if p.annotation is p.empty]
    made = function.__name__ == "__init__"
    return names + ["return"] * (not made and signature.return_annotation is signature.empty)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__qualname__)
def test_types_are_given(function):
    assert unsaid(function) == []


def test_a_missing_type_would_be_seen():
    def half(input: float, other):
        pass

    assert unsaid(half) == ["other", "return"]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__qualname__)
def test_an_argument_that_may_be_left_out_as_none_says_so(function):
    for p in inspect.signature(function).parameters.values():
        assert p.default is not None or "None" in str(p.annotation), p.name
