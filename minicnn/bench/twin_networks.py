"""The networks in PyTorch's words: from parameters, by our names, and prepared pictures to scores
at their own resolution, or to features. Part of twin_sides.py, which alone imports it."""

import itertools

import torch
import torch.nn.functional as TF


def multi_scale(p, levels, network, training):
    """Farabet's network, `models/multi_scale.py` in the recipe `ours`. The hidden layer is applied
    to each scale at its own size, as there: with all maps side by side it takes 6 % longer."""
    maps = []
    for x in levels:
        for k in range(3):
            name = f"stages.stages.{k}"
            x = TF.relu(TF.conv2d(x, p[f"{name}.weight"], p[f"{name}.bias"]))
            if k < 2:
                x = TF.max_pool2d(x, 2)
        maps.append(x)
    (height, width), each = maps[0].shape[2:], p["hidden.weight"].split(maps[0].shape[1], 1)
    x = TF.conv2d(maps[0], each[0], p["hidden.bias"])
    for k in range(1, len(maps)):
        small = TF.conv2d(maps[k], each[k])
        larger = TF.interpolate(small, scale_factor=2**k, mode="bilinear", align_corners=False)
        x = x + larger[:, :, :height, :width]
    x = TF.dropout(TF.relu(x), network.options["dropout"], training)
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


def alexnet_maps(p, x, network, part=""):
    """The maps of the fifth layer of Krizhevsky, Sutskever and Hinton's network, `models/
    alexnet.py` in the recipe `ours`, of crops less their mean; its parameters' names begin with
    `part`."""
    o = network.options
    x = x * (1 / o["spread"])
    for k in range(1, 6):
        name, geometry = f"{part}conv{k}", getattr(network, f"conv{k}").geometry
        x = TF.relu(TF.conv2d(x, p[f"{name}.weight"], p[f"{name}.bias"], *geometry))
        if k <= 2:
            x = alexnet_pool(alexnet_norm(x, network))
    return x


def alexnet_pool(x):
    return TF.max_pool2d(x, 3, 2)


def alexnet_norm(x, network):  # PyTorch divides alpha by the number of neighbours
    alpha = 5 * network.options["norm"]
    return TF.local_response_norm(x, 5, alpha, 0.75, network.options["norm_bias"]) if alpha else x


def alexnet_hidden(p, x, network, part="", training=False):
    """What its seventh layer says."""
    x = alexnet_pool(alexnet_maps(p, x, network, part)).flatten(1)
    for k in (6, 7):
        name = f"{part}fc{k}"
        x = TF.relu(TF.linear(x, p[f"{name}.weight"], p[f"{name}.bias"]))
        x = TF.dropout(x, network.options["dropout"], training)
    return x


def alexnet(p, x, network):
    x = alexnet_hidden(p, x - p["mean"], network)
    return TF.linear(x, p["fc8.weight"], p["fc8.bias"])


def three_layers(p, x, network):
    """`models/three_layers.py`"""
    for k, place in enumerate((0, 3, 6)):
        w, b = (p[f"stages.modules.{place}.{name}"] for name in ("weight", "bias"))
        x = TF.relu(TF.conv2d(x, w, b, padding=w.shape[2] // 2))
        x = TF.max_pool2d(x, 2) if k < 2 else x
    return TF.linear(x.mean((2, 3)), p["classifier.weight"], p["classifier.bias"])


def sds(p, boxes, regions, network, training):
    """What Hariharan's two pathways say of regions, `models/sds.py`."""
    box = alexnet_hidden(p, boxes, network.box, "box.", training)
    region = alexnet_hidden(p, regions, network.region, "region.", training)
    return torch.cat([box, region], 1)


def weak(p, x, network):
    """What AlexNet says at every place of padded pictures, six layers of it (`models/weak.py`)."""
    x, side = alexnet_maps(p, x, network), network.side
    lost = 2 + 2 * (side - 1)
    x = TF.max_pool2d(TF.pad(x, (lost // 2, lost - lost // 2) * 2), 3, 1)
    weight = p["fc6.weight"].unflatten(1, (-1, side, side))
    return TF.relu(TF.conv2d(x, weight, p["fc6.bias"], dilation=2))


def weak_head(p, x, network, training):
    """The scores of the places."""
    for k in (0, 3, 6):
        x = TF.relu(TF.conv2d(x, p[f"head.modules.{k}.weight"], p[f"head.modules.{k}.bias"]))
        x = TF.dropout(x, network.options["dropout"], training) if k < 6 else x
    return TF.conv2d(x, p["head.modules.8.weight"], p["head.modules.8.bias"])


def feedback(p, x, network):
    """Gatta, Romero and van de Weijer's network, `models/feedback.py` in the recipe `ours`. As
    there, no map is enlarged to be classified, since PyTorch is faster so, too."""
    said, last = None, len(network.iterations) - 1
    for number in range(last + 1):
        maps = levels(p, x, said, network, number)
        side = network.options["side"] // (1 if number == last else 4)
        scores = classified(p, maps, side, network, number)
        said = scores.softmax(1)
    return scores


def levels(p, x, said, network, number):
    """All that a classifier of an iteration reads."""
    iteration, cells = network.iterations[number], network.options["cells"]
    if said is not None:
        enlarged = TF.interpolate(said, size=x.shape[2:], mode="bilinear")
        x = torch.cat([x, enlarged], 1)
    found = [x]
    for k, layer in enumerate(iteration.layers):
        part = f"iterations.{number}.layers.{k}"
        x = x if layer.mix is None else TF.conv2d(x, p[f"{part}.mix.weight"])
        x = TF.conv2d(x, p[f"{part}.filters.weight"], p[f"{part}.filters.bias"], padding=1)
        x = TF.relu(TF.max_pool2d(x, 2))
        found.append(x)
    averaged = [
        TF.avg_pool2d(maps, maps.shape[2] // cells) for maps in found if maps.shape[2] > cells
    ]
    return found + averaged + (surroundings(said) if said is not None else [])


def surroundings(said):
    found = []
    for times in (2, 4):
        coarse = TF.avg_pool2d(said, times)
        height, width = coarse.shape[2:]
        wide = TF.pad(coarse, (2, 2, 2, 2), mode="replicate")
        for y in (2, 0, 4):
            for x in (2, 0, 4):
                found.append(wide[:, :, y : y + height, x : x + width])
    return found


def classified(p, maps, side, network, number):
    """Scores (1, classes, side, side): of each level at its own size, then brought to `side`."""

    def folded(name):
        mean, spread, weight, bias = (
            p[f"iterations.{number}.{name}.{part}"] for part in ("mean", "spread", "weight", "bias")
        )
        weight = weight[0] / spread
        return weight, bias[0] - weight @ mean

    means = torch.cat([m.mean((2, 3)) for m in maps[: 1 + network.options["levels"]]], 1)
    told = TF.linear(means, *folded("whole")).softmax(1)
    weight, bias = folded("classifier")
    joined = [list(same) for _, same in itertools.groupby(maps, key=lambda m: m.shape[2])]
    maps = [torch.cat(same, 1) if len(same) > 1 else same[0] for same in joined]
    parts = weight.split([m.shape[1] for m in maps] + [told.shape[1]], 1)
    total = TF.linear(told, parts[-1], bias)[:, :, None, None]
    for m, part in zip(maps, parts, strict=False):
        scores = TF.conv2d(m, part[:, :, None, None])
        if m.shape[2] > side:
            scores = TF.avg_pool2d(scores, m.shape[2] // side)
        elif m.shape[2] < side:
            scores = TF.interpolate(scores, size=(side, side), mode="bilinear")
        total = total + scores
    return total
