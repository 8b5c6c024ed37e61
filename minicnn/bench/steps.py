"""How long does a training step of a model take, and where does the time go?"""

import numpy as np

from minicnn import datasets, models, optim
from minicnn.engine import randomness
from minicnn.engine.profiling import profile
from minicnn.engine.tensor import Tensor


def profile_step(model, size=(240, 320), steps=3, device="cpu"):
    """Lines of text: the time of a training step of `model` (its name) on a drawn scene of `size`
    (H, W), by operation; the mean over `steps`, after one that compiles and warms up."""
    cls, _ = models.find(model)
    if cls.task != "pixels" or cls.learnt_by == "hand-made":
        raise ValueError(
            f"bench: {model} has no step of learning to name every pixel, which is timed here; "
            "multi-scale has one"
        )
    dataset = datasets.load("scenes", size=size)
    picture = dataset.split("train")[0]
    randomness.manual_seed(0)
    network = cls(len(dataset.classes)).to(device)
    sgd = optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    labels = np.ascontiguousarray(picture.labels[None])

    def step():
        inputs = [Tensor(a[None]).to(device) for a in network.preprocess(picture.image)]
        loss, _ = network.loss(inputs, labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()

    step()
    with profile() as table:
        for _ in range(steps):
            step()
    head = f"{model}: a training step on a picture of {size[0]}x{size[1]}, mean of {steps}"
    return [head, "", *table.lines(steps)]
