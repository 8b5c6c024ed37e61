"""The networks in PyTorch's words: from parameters, by our names, and prepared pictures to scores
at their own resolution. Part of twins.py, which alone imports it."""

import torch
import torch.nn.functional as TF


def multi_scale(p, levels, network, training):
    """Farabet's network, `models/multi_scale.py` in the recipe `ours`."""
    maps = []
    for x in levels:
        for k in range(3):
            name = f"stages.stages.{k}"
            x = TF.relu(TF.conv2d(x, p[f"{name}.weight"], p[f"{name}.bias"]))
            if k < 2:
                x = TF.max_pool2d(x, 2)
        maps.append(x)
    height, width = maps[0].shape[2:]
    for k in range(1, len(maps)):
        larger = TF.interpolate(maps[k], scale_factor=2**k, mode="bilinear", align_corners=False)
        maps[k] = larger[:, :, :height, :width]
    x = TF.relu(TF.conv2d(torch.cat(maps, 1), p["hidden.weight"], p["hidden.bias"]))
    x = TF.dropout(x, network.options["dropout"], training)
    return TF.conv2d(x, p["classifier.weight"], p["classifier.bias"])


def patch(p, levels, network, training):
    """Grangier's network, `models/patch.py` in the recipe `ours`, on a whole picture."""
    first, (height, width) = (network.stride - 1) // 2, levels[0].shape[2:]
    more = [-(side - network.sees + 1) % network.stride for side in (width, height)]
    x = TF.pad(levels[0], (0, more[0], 0, more[1]))[:, :, first:, first:]
    for k in range(3):
        name = f"blocks.{k}.modules.0"
        x = TF.relu(TF.conv2d(x, p[f"{name}.weight"], p[f"{name}.bias"]))
        if k < 2:
            x = TF.max_pool2d(x, 2)
    return TF.conv2d(x, p["classifier.weight"], p["classifier.bias"])


def recurrent(p, levels, network, training):
    """Pinheiro and Collobert's network, `models/recurrent.py`: the scores of every instance with
    the number of pixels between two of them."""
    (x,), every, dilation, labels, answers = levels, 1, 1, None, []
    s, first = network.step, (network.field - network.step) // 2
    mean = torch.full((3, 1, s, s), 1 / s**2, device=x.device)
    for _ in range(network.instances):
        y = x if labels is None else torch.cat([labels, x], 1)
        dilated, stride = dilation, 1
        for k, (_, maps, pool) in enumerate(network.plan):
            weight = p[f"layers.{k}.weight"][:, -y.shape[1] :]
            y = TF.conv2d(y, weight, p[f"layers.{k}.bias"], dilation=dilated)
            if every * stride * pool <= network.stride:
                y = TF.max_pool2d(y, pool) if pool > 1 else y
                stride *= pool
            else:
                y = TF.max_pool2d(y, pool, stride=1, dilation=dilated)
                dilated *= pool
            y = y if maps is None else TF.relu(y)
        x = x[:, :, first * dilation :, first * dilation :]
        x = TF.conv2d(x, mean, None, stride, 0, dilation, 3)[:, :, : y.shape[2], : y.shape[3]]
        every, dilation, labels = every * stride, dilated, y.softmax(1)
        answers.append((y, every))
    return answers


def alexnet(p, x, network):
    """Krizhevsky, Sutskever and Hinton's network, `models/alexnet.py`, of crops less their mean."""
    o = network.options
    activation = {"relu": TF.relu, "tanh": torch.tanh}[o["nonlinearity"]]
    window = 3 if o["overlap"] else 2

    def pool(x):
        return TF.max_pool2d(x, window, 2)

    def norm(x):  # PyTorch divides alpha by the number of neighbours
        return TF.local_response_norm(x, 5, 5 * o["norm"], 0.75, 2.0) if o["norm"] else x

    x = x * (1 / o["spread"])
    for k in range(1, 6):
        geometry = getattr(network, f"conv{k}").geometry
        x = activation(TF.conv2d(x, p[f"conv{k}.weight"], p[f"conv{k}.bias"], *geometry))
        if k <= 2:
            x = pool(norm(x)) if o["order"] == "paper" else norm(pool(x))
    x = pool(x).flatten(1)
    for name in ("fc6", "fc7"):
        x = activation(TF.linear(x, p[f"{name}.weight"], p[f"{name}.bias"]))
    return TF.linear(x, p["fc8.weight"], p["fc8.bias"])


CLASSIFIERS = {"alexnet": alexnet}
NETWORKS = {
    "patch": patch,
    "single-scale": multi_scale,
    "multi-scale": multi_scale,
    "recurrent": recurrent,
}
