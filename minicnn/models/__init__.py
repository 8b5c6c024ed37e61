"""The networks of the lecture by the names of the command line."""

from minicnn.basics.nearest import did_you_mean
from minicnn.models import (
    alexnet,
    edges,
    feedback,
    multi_scale,
    patch,
    recurrent,
    sds,
    shallow,
    three_layers,
    weak,
)

MODELS = {
    "patch": (patch.Patch, patch.RECIPES),
    "single-scale": (multi_scale.SingleScale, multi_scale.RECIPES),
    "multi-scale": (multi_scale.MultiScale, multi_scale.RECIPES),
    "recurrent": (recurrent.Recurrent, recurrent.RECIPES),
    "alexnet": (alexnet.AlexNet, alexnet.RECIPES),
    "feedback": (feedback.Feedback, feedback.RECIPES),
    "shallow": (shallow.Shallow, shallow.RECIPES),
    "edges": (edges.Edges, edges.RECIPES),
    "sds": (sds.SDS, sds.RECIPES),
    "weak": (weak.Weak, weak.RECIPES),
    "three-layers": (three_layers.ThreeLayers, three_layers.RECIPES),
}

# The options that a trained network may be given another value of, of whichever model.
CHANGEABLE = {name for cls, _ in MODELS.values() for name in cls.CHANGEABLE}


def find(name):
    """(class, recipes) of a model. Raises ValueError that lists the models."""
    if name not in MODELS:
        hint = did_you_mean(name, MODELS)
        raise ValueError(f"there is no model {name!r}; there are {', '.join(MODELS)}{hint}")
    return MODELS[name]


def recipe(name, which):
    """The settings of recipe 'ours' or 'faithful' of a model, as a dict."""
    recipes = find(name)[1]
    if which not in recipes:
        hint = did_you_mean(which, recipes)
        raise ValueError(f"{name} has no recipe {which!r}; it has {', '.join(recipes)}{hint}")
    return dict(recipes[which])
