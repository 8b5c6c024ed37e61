# %% [markdown]
# # Regions that have names
#
# - **Slides:** Классификация регионов; Классификация регионов – обучение;
#   Классификация регионов - тестирование; Классификация регионов - результаты
# - **Source:** minicnn/models/sds.py; minicnn/models/detection.py; minicnn/learning/regions.py;
#   minicnn/learning/svm.py; minicnn/ops/hinge_loss.py; minicnn/labelling/regions/suppression.py;
#   minicnn/labelling/regions/refine.py
# - **Exercises:** ex24_average_precision; ex25_region_suppression
#
# **The problem.** A label map says where there is dog, not how many dogs. Two of them side by side
# are one spot of one colour. Whoever wants to count them, or to cut one out, needs the objects one
# by one: a mask, a class, and how sure one is. In 2014 Hariharan, Arbelaez, Girshick and Malik took
# the two best tools of the time, one that finds regions which may be objects, whatever they are,
# and one that knows what things look like, and put one behind the other.

# %%
import numpy as np

import minicnn
from minicnn import Tensor, datasets
from minicnn import functional as F
from minicnn.course.lecturing import BLUE, RED, Table, figure, measured, picture, show, source
from minicnn.datasets.colours import palette
from minicnn.datasets.instances import background_of, of_picture
from minicnn.images.context import context
from minicnn.images.naming import named_objects
from minicnn.labelling.proposals.overlaps import mask_overlaps
from minicnn.labelling.regions.proposed import Proposed
from minicnn.labelling.regions.refine import enlarged, to_cells, to_pixels
from minicnn.labelling.regions.regions import boxes_of
from minicnn.labelling.regions.suppression import suppress
from minicnn.learning import checkpoints
from minicnn.learning.proposal_files import load_proposer
from minicnn.learning.samples import FIT, Sample
from minicnn.learning.svm import POSITIVE, C, train_svm
from minicnn.models.sds import SDS

# %% [markdown]
# ## 1. One by one
#
# Scenes know their objects. The same picture, as a label map and object by object.

# %%
data = datasets.load("scenes", size=(96, 128), train=60, val=40)
background = background_of(data)
proposer = load_proposer("edges")
scenes = [data.read(name) for name in data.names("train")]
samples = [
    Sample.of(scene, lambda image: Proposed.of(proposer, image, 60), background)
    for scene in scenes[:8]
]
shown = max(range(8), key=lambda k: len(of_picture(scenes[k], background)))
objects = of_picture(scenes[shown], background)
drawing, axes = figure(1, 3, size=(13, 3.4))
picture(axes[0], scenes[shown].image, "a scene")
picture(axes[1], minicnn.figures.colour_map(scenes[shown].labels, data.colours), "its labels")
masks = np.array([one.mask for one in objects])
painted = named_objects(
    scenes[shown].image, masks, palette(len(masks)), [data.classes[one.label] for one in objects]
)
picture(axes[2], painted, f"its {len(masks)} objects")
show(drawing, "What a label map cannot say: where one object ends and its neighbour begins")

# %% [markdown]
# ## 2. Two ways to look at a region
#
# Regions that may be objects come from edges (`examples/proposals.py` takes that apart). Each is
# shown to the network twice. Once as its **box**, a bit larger, so that one sees where it lies: the
# box fills the square but for 16 of 227 pixels on each side, in ours 4 of 56. And once as the
# **region** alone, the same square, in which everything else has the colour of the mean of all
# training pictures, which after subtraction is 0: it tells the network nothing.

# %%
source(SDS.cut_out)

# %%
sample = samples[shown]
drawing, axes = figure(2, 6, size=(13, 4.6))
for k in range(6):
    part = context(sample.proposed.boxes[k], 56, sample.proposed.size)
    square = part.of(sample.image)
    kept = sample.proposed.at(k, part.at) & part.inside
    picture(axes[0, k], square)
    picture(axes[1, k], np.where(kept[:, :, None], square, np.uint8((124, 116, 104))))
show(drawing, "Six regions: their boxes with some surroundings, and they alone")
network = SDS(2, width=0.1)
boxes, regions = network.cut_out(sample.image, sample.proposed, [0])
part = context(sample.proposed.boxes[0], 56, sample.proposed.size)
kept = sample.proposed.at(0, part.at) & part.inside
assert (regions[0][:, kept] == boxes[0][:, kept]).all()
assert (regions[0][:, ~kept] == 0).all()

# %% [markdown]
# Either view alone misses something. In a box with two dogs nobody knows which of them is meant; a
# silhouette without surroundings may be a dog or the shadow of one. So there are three networks:
#
# - **A**: one network, fine-tuned on boxes, is shown both;
# - **B**: two networks, one fine-tuned on boxes, the other on regions;
# - **C**: two again, but their last layers are put together, and one loss teaches both.
#
# For B each network has to name the class by itself. For C it is enough that they do so together:
# the gradient that reaches one of them depends on what the other one has said already.
#
# ## 3. A quarter of each batch are objects
#
# A region is an object if it overlaps with one by half at least (`J`, common pixels by pixels of
# both), else it is nothing, which is a class of its own. How many are there of each?

# %%
fits = np.concatenate([sample.best["regions"][0][: sample.count] for sample in samples])
found = np.concatenate([s.overlaps["regions"][: s.count].max(axis=0) for s in samples])
share = (fits >= FIT).mean()
of_objects = (found >= FIT).mean()
print(f"{share:.0%} of the regions fit an object; {of_objects:.0%} of the objects are fitted")
assert 0.01 < share < 0.5

# %% [markdown]
# Drawn as they come, most of a batch would be nothing, and a network that always says so would be
# nearly always right: so it would begin. Of 64 regions 16 are objects, wherever a picture has one.
# What a batch makes dearer is not for ever: of the scores only their order within a class counts in
# the end.

# %%
source(Sample.drawn)

# %% [markdown]
# ## 4. A line between the classes
#
# The authors do not ask the network's own last layer in the end, but a linear support vector
# machine for each class on the 1,024 numbers (theirs: 8,192) below it. It minimises
#
# $$\frac{1}{2} |w|^2 + C \sum_n P_n \max(0,\; 1 - t_n (w x_n + b)), \qquad t_n = \pm 1$$
#
# Each example costs what it lacks to be right by 1. The gradient of the sum is
#
# $$\frac{\partial}{\partial w} = w - C \sum_{n:\, t_n (w x_n + b) < 1} P_n t_n x_n$$
#
# so at the minimum $w$ is a sum of the examples that lack something alone, the *support vectors*.
# All others could be missing, and nothing would change. That is what makes **hard negatives** work:
# of a hundred thousand regions that are nothing those that score below $-1$ need never be kept.

# %%
rng = np.random.default_rng(3)
truth = np.where(np.arange(300) % 5 == 0, 1, -1)
points = (rng.normal(size=(300, 2)) * 9 + truth[:, None] * 9).astype(np.float32)
line = train_svm(points, truth, steps=3000)
lacks = 1 - truth * (points @ line[:2] + line[2])
support = lacks > -0.05
again = train_svm(points[support], truth[support], steps=3000)
drawing, axes = figure(size=(6, 5))
for mine, colour in ((truth < 0, RED), (truth > 0, BLUE)):
    axes.plot(*points[mine & ~support].T, ".", color=colour, alpha=0.3)
    axes.plot(*points[mine & support].T, "o", color=colour, markersize=5)
across = np.array([-35.0, 35.0])
for one, style in ((line, "-"), (again, "--")):
    axes.plot(across, -(one[0] * across + one[2]) / one[1], style, color="0.3")
axes.set(xlim=(-35, 35), ylim=(-35, 35), aspect="equal")
show(drawing, "The line of all 300 points, and (dashed) that of the support vectors alone")
x = Tensor(np.zeros(4), requires_grad=True)
F.hinge_loss(x, [1.0, -1.0, 0.0, 1.0], pos_weight=POSITIVE, reduction="sum").backward()
assert x.grad.tolist() == [-POSITIVE, 1, 0, -POSITIVE]
cosine = again[:2] @ line[:2] / np.linalg.norm(again[:2]) / np.linalg.norm(line[:2])
assert cosine > 0.98
print(f"{support.sum()} of 300 points hold the line, C = {C:g}")

# %% [markdown]
# ## 5. Of those that share a pixel, only the best
#
# Of one house there are twenty regions: with its roof, without, with a piece of sky. Two objects
# have no pixel in common, so once the best is chosen, all that touch it are struck off. For boxes
# that would be wrong, since boxes of neighbours overlap: here masks are easier than boxes.

# %%
source(suppress)

# %%
masks = np.stack([sample.proposed.mask(k) for k in range(sample.count)])
order = suppress(masks, np.linspace(1, 0, len(masks)))
assert (masks[order].sum(axis=0) <= 1).all()
print(f"of {len(masks)} regions {len(order)} stay")

# %% [markdown]
# ## 6. Masks drawn anew
#
# A region ends where an edge is, and an object need not: a white paw on snow has none. But what a
# network has seen of a cat's box says that there should be a paw. So the box is cut into 10 x 10
# cells, and a logistic regression for each says from the 1,024 numbers, and from the mask, whether
# the object fills it. Borders come from the picture again: each superpixel takes the mean of the
# cells below it. On the left an object, in the middle what 100 cells know of it, on the right these
# at the pixels.

# %%
largest = max(objects, key=lambda one: one.mask.sum()).mask[None]
box = enlarged(boxes_of(largest))
cells = to_cells(largest, box)
back = to_pixels(cells[0] >= 0.5, box[0], largest.shape[1:]) >= 0.5
drawing, axes = figure(1, 3, size=(12, 3.2))
for ax, array, title in zip(
    axes, (largest[0], cells[0], back), ("a mask", "its cells", "and back"), strict=True
):
    picture(ax, np.repeat(np.uint8(255 * np.asarray(array, float))[:, :, None], 3, 2), title)
kept = float(mask_overlaps(largest, back[None])[0, 0])
show(drawing, f"10 x 10 cells keep a mask but for its details: J {kept:.2f}")
assert 0.5 < kept < 1

# %% [markdown]
# ## 7. What are the two views worth?
#
# The shipped `alexnet` has never seen a scene. It describes the objects of 60 scenes, as boxes and
# as regions, 512 numbers each; and beside each of them what the same scissors cut out elsewhere in
# the same scene, where no object is. A support vector machine learns which is which. How often is
# it right in 40 other scenes?

# %%
arrays = checkpoints.load_model("alexnet")[0].state_dict()
network = SDS(len(data.classes))
begun = {k: a for k, a in network.adapted(arrays).items() if ".fc8" not in k}
network.load_state_dict(network.state_dict() | begun)


def elsewhere(mask, taken, rng):
    """The mask at another place, where hardly anything is taken; None if there is none."""
    for _ in range(20):
        moved = np.roll(mask, rng.integers(8, 88, 2), axis=(0, 1))
        if (moved & taken).sum() < 0.1 * mask.sum():
            return moved
    return None


def described(scenes, seed):
    """(numbers (n, 1024), 1 of an object or -1) of objects, and of as many pieces of scenes."""
    features, truth, rng = [], [], np.random.default_rng(seed)
    for scene in scenes:
        found = [one.mask for one in of_picture(scene, background) if one.mask.sum() > 60][:3]
        taken = scene.instances > 0
        pairs = [(mask, elsewhere(mask, taken, rng)) for mask in found]
        masks = [mask for pair in pairs if pair[1] is not None for mask in pair]
        if masks:
            masks, none = np.array(masks), np.zeros((0, 1), np.uint8)
            pieces = Proposed(scene.labels.astype(np.uint16), none, boxes_of(masks), masks)
            features.append(network.describe(scene.image, pieces))
            truth += [1, -1] * (len(masks) // 2)
    return np.concatenate(features), np.array(truth)


x, y = described(scenes, 0)
new, truth = described([data.read(name) for name in data.names("val")], 1)
half, shares = network.units // 2, {}
views = {"box": np.s_[:, :half], "region": np.s_[:, half:], "both": np.s_[:, :]}
for view, part in views.items():
    scale = 20 / np.linalg.norm(x[part], axis=1).mean()
    line = train_svm(scale * x[part], y)
    said = scale * new[part] @ line[:-1] + line[-1]
    right, wrong = said[truth > 0], said[truth < 0]  # how often does the object score higher?
    shares[view] = float((right[:, None] > wrong).mean())
print(f"{len(y)} pieces to learn from, {len(truth)} to be told apart")
print({view: f"{share:.1%}" for view, share in shares.items()})
Table(
    ("what is looked at", "the object scores higher"), [(k, f"{v:.1%}") for k, v in shares.items()]
)

# %%
assert min(shares.values()) > 0.6  # by lot: a half
assert shares["both"] > min(shares["box"], shares["region"])

# %% [markdown]
# Here the box alone does as well as both: a drawn object fills most of its box. On photographs, in
# section 8, two views are worth more.
#
# ## 8. What the authors reported, what we measured
#
# **AP^r.** All regions of a class, of all pictures, are put in a row by their scores. From the best
# on, one is right if it overlaps by more than half with an object of its class that is still free.
# AP^r is the area under the curve of precision against recall; AP^r_vol its mean over overlaps of
# 0.1 to 0.9.
#
# The authors: all 20 classes, masks of SBD, a network that had seen 1.2 million photographs, crops
# of 227 pixels. Ours: six classes of animals and people, 319 pictures of `val`, a network that had
# seen 21,600 photographs of 64 pixels, crops of 56.

# %%
AUTHORS = {"A": 42.9, "B": 47.0, "C": 47.7, "C, drawn anew": 49.7, "components": None}
ours = {n: measured(f"voc2012-animals, sds: {n}") for n in AUTHORS}
rows = [(n, f"{v:g} %" if v else "", f"{ours[n]:g} %") for n, v in AUTHORS.items()]
Table(("mean AP^r at 0.5", "authors, VOC 2012 val", "ours, its animals"), rows)

# %%
assert ours["C, drawn anew"] > ours["A"] > ours["components"] + 5  # as the authors had it
assert ours["B"] > ours["C, drawn anew"]  # but here the two that learn apart are better

# %% [markdown]
# The order is nearly the authors'. Between A and C nothing is sure (intervals in the results), and
# B, two networks that learn apart, is above both: one loss for two pathways has more to find, and
# here it saw 48,000 regions, not 12.8 million.
#
# **What the small pre-training costs.** Regions are there: of a hundred for each picture one fits
# an object in four cases of five (`lectures/results/README.md`). Names are missing: of the first
# 445 regions 198 are another animal than is said. A million
# photographs had told the authors' network breeds of dogs from each other before it saw the first
# region; ours had seen a hundred classes, 64 pixels wide, and learns the rest from 940 pictures.
#
# **«Not fully deep learning: can it be better?»** asks the slide in the end. Here edges are learnt
# by one network, regions built by an algorithm, ranked by a forest, named by a second network,
# suppressed by a rule and drawn by a hundred regressions; no gradient goes through all of it. So no
# part knows what the others need: edges are learnt for people's lines, not for these objects, and a
# region that is lost at the beginning nobody brings back. What a part is worth that learns can be
# measured by leaving it out. `examples/region_table.py --components RUN` does without regions, and
# takes the connected pieces of what a dense network says: 0.3 %, for it knows no animals from each
# other and joins those that touch. `--gradients` looks for regions without learnt edges: 10.8 % in
# the place of 11.1 (network C, masks drawn anew), so it is not the edges that decide here.

# %% [markdown]
# ## 9. Your turn
#
# **ex24**, the overlap of masks and AP^r; **ex25**, non-maximum suppression of regions. With both
# you have written all that stands between the scores of a network and the numbers of the table.
#
# ### Two questions for paper
#
# **1.** After suppression no two regions of a class in a picture share a pixel. Can two of them
# have J above 1/2 with the same object? Can one have it with two objects, which share no pixel
# either? What follows for the kind «duplicate», and for the order in which regions choose their
# objects?
#
# <details><summary>Answer</summary>
#
# What is in either of region R and object O is at least the object, so $J > 1/2$ asks for
# $|R \cap O| > |O| / 2$: more than half of the object lies in the region. Two regions without a
# common pixel cannot both have more than half of it. And $J > 1/2$ also asks for
# $|R \cap O| > |R| / 2$, so one region cannot have it with two objects. Above 1/2 each region has
# one object at most, and each object one region: there are no duplicates, and any order gives the
# same pairs. Only a region's place in the list depends on its score. At 0.1, where AP^r_vol begins,
# or without suppression, none of that holds.
#
# </details>
#
# **2.** A cat is a body of 10x10 pixels and a tail, a line of 10 pixels that goes on to the right
# of its upper row. The region has the body alone: how large is J of the masks, how large that of
# the boxes? Now the object is the diagonal of a square of n x n pixels, and the region the whole
# square: once more, both. Which of AP^r and AP^b does each mistake cost?
#
# <details><summary>Answer</summary>
#
# Body alone: $J = 100 / 110 = 0.91$ of masks; the boxes have 100 and 200 pixels, $J = 1/2$, which
# is not above 1/2. So it is right for AP^r, with room to spare, and wrong for AP^b. The square
# around the diagonal: boxes $J = 1$, masks $J = n / n^2 = 1 / n$: right for AP^b, and for AP^r
# wrong from $n = 2$ on. Thin parts decide about boxes and hardly about masks; a region that is no
# more than a box is the other way round.
#
# </details>
