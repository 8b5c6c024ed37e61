# %% [markdown]
# # More data, better quality: accuracy against the number of training pictures
#
# `python examples/more_data.py` trains one network again and again on drawn scenes, each time for
# as many steps, but from more and more different pictures; in about two minutes on two cores.
# `--data stanford-background --steps 2000` does it on photographs, if they are installed, in about
# twelve minutes on one core: of 143 new ones 49.2, 62.7, 68.0 and 69.9 % of the pixels are right
# after 7, 31, 125 and 500 pictures. Pictures go to the folder `more-data-story`.

# %%
import argparse
from pathlib import Path

from matplotlib.figure import Figure
from tqdm import tqdm

import minicnn
from minicnn import datasets, figures, optim
from minicnn import functional as F
from minicnn.images.jitter import jitter
from minicnn.inference.baselines import baselines
from minicnn.learning.metrics import score
from minicnn.models.multi_scale import MultiScale

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=600, help="of each training, a picture a step")
parser.add_argument("--data", default="scenes", help="or stanford-background")
parser.add_argument("--tests", type=int, default=40, help="pictures to test on")
given = parser.parse_known_args()[0]  # a notebook has arguments of its own
steps, story = given.steps, Path("more-data-story")
story.mkdir(exist_ok=True)

# %% [markdown]
# ## 1. The data

# %%
drawn = {"size": (120, 160), "train": max(steps, 12), "test": given.tests}
data = datasets.load(given.data, **(drawn if given.data == "scenes" else {"fold": 1}))
pictures, test = data.split("train"), list(data.split("test"))
figures.contact_sheet(data).savefig(story / "1-data.png")
most = min(steps // 4, len(pictures))  # so that each is seen four times or more
counts = sorted({max(1, most // k) for k in (64, 16, 4, 1)})
order = minicnn.engine.randomness.generator(0).permutation(
    len(pictures)
)  # files lie sorted by kind

# %% [markdown]
# ## 2. The same training from few pictures and from many
# Every network takes the same number of steps, and sees its pictures mirrored half of the time.


# %%
def learn(pictures, steps, name):
    minicnn.manual_seed(0)
    network = MultiScale(len(data.classes), width=0.25, dropout=0.0)
    schedule = optim.warm_up(optim.polynomial(steps), steps // 10)
    optimizer = optim.SGD(network.parameters(), lr=0.01, momentum=0.9, schedule=schedule)
    for step in tqdm(range(steps), desc=name):
        picture = pictures[step % len(pictures)]
        rng = minicnn.engine.randomness.generator(0, step)
        image, labels = jitter(picture.image, picture.labels, rng, flip=True)
        inputs = [minicnn.Tensor(level[None]) for level in network.preprocess(image)]
        scores = network.scores(inputs, labels.shape)
        loss = F.cross_entropy(scores, labels[None], ignore_index=datasets.VOID)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


seen, new, maps = [], [], {}
for count in counts:
    name = f"{count} picture{'s' * (count > 1)}"
    own = [pictures[k] for k in order[:count]]
    network = learn(own, steps, name)
    seen.append(score(network, own[:40], data.classes)[0].pixel_accuracy)
    new.append(score(network, test, data.classes)[0].pixel_accuracy)
    maps[name] = [network.predict(p.image).argmax(axis=0) for p in test[:3]]
    print(f"{name:13} {seen[-1]:6.1%} right of those that it saw, {new[-1]:6.1%} of new ones")
figures.compare_sheet(test[:3], maps, data.classes, data.colours).savefig(story / "2-maps.png")

# %% [markdown]
# ## 3. The curve: what was seen is known by heart, what is new is learnt from many

# %%
rules = baselines([pictures[k] for k in order[:most]], test, data.classes)
best = max(confusion.pixel_accuracy for confusion in rules.values())
figure = Figure(figsize=(8, 5), dpi=110, layout="constrained")
axes = figure.subplots()
axes.plot(counts, seen, "o--", color="#0072B2", label="pictures that it saw")
axes.plot(counts, new, "o-", color="#D55E00", label="new pictures")
axes.axhline(best, color="0.6", label="the best rule without a network")
axes.set_xscale("log")
axes.set_xticks(counts, counts)
axes.minorticks_off()
axes.set(xlabel=f"training pictures, {steps} steps in all", ylabel="share of right pixels")
axes.legend()
figure.savefig(story / "3-more-data.png")
