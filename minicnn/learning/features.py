"""Features learnt without labels, for `feedback`: the filters of a layer from patches of the maps
below it, what maps say at single pixels, and what can be told of a whole picture."""

import numpy as np

from minicnn import functional as F
from minicnn import optim
from minicnn.engine import randomness
from minicnn.engine.tensor import Tensor
from minicnn.learning import epls

# How the classifiers of whole pictures learn: there are few pictures, and many numbers of each
EPOCHS, BATCH, RATE, DECAY = 60, 50, 0.02, 0.03
CHUNK = 20_000  # rows of features that are summed at once


def drawn_patches(maps, size, count, rng):
    """float32 (count, C size size): patches from anywhere in maps (C, h, w), zeros around them."""
    around = size // 2
    padded = np.pad(maps, ((0, 0), (around, around), (around, around)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    rows, columns = (rng.integers(0, side, count) for side in maps.shape[1:])
    return windows[:, rows, columns].swapaxes(0, 1).reshape(count, -1)


def learn_layer(layer, patches, o, seed, device="cpu"):
    """Gives a Layer its filters, from patches (N, C size size) of the maps below it; `o` are the
    options of the network. Returns the mean error of a patch in the last epoch."""
    size = o["filter"] ** 2
    if layer.mix is not None:
        middles = patches.reshape(len(patches), -1, size)[:, :, size // 2]
        mix = epls.whitening(middles, o["mix"]).matrix
        layer.mix.weight.data[...] = Tensor(mix[:, :, None, None]).to(device).data
        patches = mix @ patches.reshape(len(patches), -1, size)
        patches = patches.reshape(len(patches), -1)
    white = epls.whitening(patches, o["components"])
    patches = white(patches)
    weight, bias, error, _ = epls.learn(patches, o["maps"], o["passes"], seed, device)
    if layer.rectified:  # in place of what EPLS has found: at that, nearly all answers are 0
        answers = patches @ weight.T
        bias = -np.quantile(answers, o["quiet"], axis=0).astype(np.float32)
        spread = np.maximum(answers + bias, 0).std(axis=0, dtype=np.float64) + 1e-6
        weight, bias = weight / spread[:, None], bias / spread
    weight, bias = white.folded(weight, bias)
    weight = weight.reshape(layer.filters.weight.shape)
    layer.filters.weight.data[...] = Tensor(weight.astype(np.float32)).to(device).data
    layer.filters.bias.data[...] = Tensor(bias.astype(np.float32)).to(device).data
    return error


def at_pixels(maps, rows, columns, side):
    """(pixels, C): maps (C, h, h) at these pixels of a square of `side`, between four numbers where
    the maps are coarser: what enlarging them bilinearly would give there."""
    count = maps.shape[1]
    corners = []
    for places in (rows, columns):
        t = ((places + 0.5) * count / side - 0.5).clip(0, count - 1)
        first = t.astype(np.int64)
        corners.append((first, np.minimum(first + 1, count - 1), (t - first).astype(np.float32)))
    (top, bottom, down), (left, right, across) = corners
    upper = maps[:, top, left] * (1 - across) + maps[:, top, right] * across
    lower = maps[:, bottom, left] * (1 - across) + maps[:, bottom, right] * across
    return (upper * (1 - down) + lower * down).T


def take_moments(heads, features):
    """Gives Heads the mean and the deviation of their features, (n, F) of any float dtype."""
    total = square = 0.0
    for first in range(0, len(features), CHUNK):
        part = features[first : first + CHUNK].astype(np.float64)
        total, square = total + part.sum(axis=0), square + (part * part).sum(axis=0)
    mean = total / len(features)
    spread = np.sqrt(np.maximum(square / len(features) - mean * mean, 0))
    spread = np.where(spread > 1e-3, spread, 1)  # a feature that never varies says nothing
    for p, value in ((heads.mean, mean), (heads.spread, spread)):
        p.data[...] = Tensor(value.astype(np.float32)).to(p.device).data


def learn_shares(heads, features, shares, folds, seed):
    """Teaches Heads which shares (n, K) the classes have in pictures of these features (n, F);
    number k learns nothing from the pictures whose fold is k."""
    count, classes, size = heads.weight.shape
    learnt = [heads.weight, heads.bias]
    for p in learnt:
        p.requires_grad = True
    steps = EPOCHS * -(-len(features) // BATCH)
    schedule = optim.warm_up(optim.polynomial(steps), min(100, steps))
    optimizer = optim.SGD(learnt, RATE, 0.9, weight_decay=DECAY, schedule=schedule)
    mine = (np.arange(count) != np.where(folds, folds, -1)[:, None]).astype(np.float32)
    for epoch in range(EPOCHS):
        order = randomness.generator(seed, 9, epoch).permutation(len(features))
        for first in range(0, len(features), BATCH):
            chosen = order[first : first + BATCH]
            x = Tensor(features[chosen]).to(heads.weight.device)
            x = ((x - heads.mean) / heads.spread).detach()
            scores = F.linear(x, heads.weight.reshape(-1, size), heads.bias.reshape(-1))
            said = F.log_softmax(scores.reshape(len(chosen), count, classes), dim=2)
            target = (mine[chosen][:, :, None] * shares[chosen][:, None]).astype(np.float32)
            loss = -(said * Tensor(target).to(x.device)).sum() / len(chosen)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for p in learnt:
        p.requires_grad = False
        p.grad = None
