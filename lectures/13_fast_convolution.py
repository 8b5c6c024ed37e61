# %% [markdown]
# # Fast convolution
#
# - **Slides:** Deep learning; Многомасштабные признаки - результаты
# - **Source:** minicnn/ops/fast/im2col.py; minicnn/ops/fast/shift_and_add.py;
#   minicnn/ops/fast/shifted.py; minicnn/ops/fast/fourier.py; minicnn/ops/fast/dft16.py;
#   minicnn/ops/fast/complex_blocks.py; minicnn/ops/fast/winograd.py;
#   minicnn/ops/fast/winograd_analysis.py; minicnn/ops/fast/choose.py
# - **Exercises:** ex02_conv2d_forward; ex28_winograd_by_hand
#
# **The problem.** «Fast testing (real-time!)», says the slide, and then 0.6 seconds for a picture.
# Nearly all of that is convolution. The loops of chapter 04 are right, and far too slow.
# There are two ways to make them faster. Do the *same* multiplications in an order that the machine
# likes: a product of matrices, or sums of shifted pictures. Or do *fewer* multiplications: the
# Fourier transform, and Winograd's tiles. This chapter derives all four, and counts. It does not
# measure much, since seconds depend on the machine and counts do not.

# %%
import numpy as np

from minicnn import algorithm, datasets
from minicnn import functional as F
from minicnn.course.lecturing import BLACK, SIGNED, Table, figure, measured, picture, show, source
from minicnn.images.normalise import normalise_locally
from minicnn.ops.fast import dft16 as dft_module
from minicnn.ops.fast import winograd
from minicnn.ops.fast.choose import convolution, winograd_saves_time
from minicnn.ops.fast.im2col import im2col
from minicnn.ops.fast.shifted import add_shifted

random = np.random.default_rng(0)
scene = datasets.load("scenes", size=(96, 128)).split("train")[20].image
grey = normalise_locally(scene.mean(axis=2, dtype=np.float32)[None], window=15)[0].astype(
    np.float64
)

# %% [markdown]
# ## 1. How much is there to do?
#
# One output value costs $C K^2$ multiplications, and there are $F \cdot H_o \cdot W_o$ of them.
# The three convolutions of chapter 10 at 320x240 and all three scales:

# %%
LAYERS = ((3, 16, 1), (16, 64, 2), (64, 256, 4))  # maps in, maps out, pixels per step
counts = []
for inputs, outputs, step in LAYERS:
    pixels = sum(240 * 320 // (step * 2**k) ** 2 for k in range(3))
    counts.append(pixels * 49 * inputs * outputs)
assert 6e9 < sum(counts) < 8e9
assert counts[2] > counts[1] > counts[0]  # small maps, but many pairs of them
Table(
    ("layer", "multiplications"),
    [(f"{i} -> {o}", f"{n:.2e}") for (i, o, _), n in zip(LAYERS, counts, strict=True)],
)

# %% [markdown]
# ## 2. The same work as a product of matrices
#
# Write each window as a column, $C K^2$ numbers below each other, and put all columns side by
# side. Write each filter as a row. Then convolution is one matrix product, and so are both
# gradients:
#
# $$Y = W \tilde{X}, \qquad \bar{X} = W^{T} \bar{Y}, \qquad \bar{W} = \bar{Y} \tilde{X}^{T}$$
#
# This *im2col* does not save a single multiplication. It even copies each pixel $K^2$ times. It
# wins because a product of matrices uses every number that it fetches many times, and because
# people have tuned it for forty years.

# %%
small = np.arange(20.0).reshape(4, 5)
windows = np.lib.stride_tricks.sliding_window_view(small, (3, 3))
columns = windows.reshape(-1, 9).T
drawing, axes = figure(1, 2, size=(11, 4.2))
shades = axes[0].imshow(small, cmap="viridis")
axes[0].set(title="4x5 pixels", xticks=[], yticks=[])
axes[1].imshow(columns, cmap="viridis")
axes[1].set(title="six windows of 3x3, each a column", xticks=range(6), yticks=[], xlabel="window")
for ax, values in ((axes[0], small), (axes[1], columns)):
    for (i, j), value in np.ndenumerate(values):
        ax.text(j, i, f"{value:g}", ha="center", va="center", color="w" if value < 12 else "k")
show(drawing, "Windows become columns; the pixel 7 stands in six of them")

# %%
ours = np.empty((9, 6))
getattr(im2col, "py_func", im2col)(small[None], 3, 3, 1, 1, 0, 0, 1, 1, 3, 0, ours)
assert np.array_equal(ours, columns)
filters = random.normal(size=(4, 9))
product = (filters @ columns).reshape(4, 2, 3)
assert np.allclose(product, F.conv2d(small[None, None], filters.reshape(4, 1, 3, 3)).numpy()[0])

# %%
source(im2col)

# %% [markdown]
# Each number is copied $K^2$ times, and then meets $F$ filters: a bargain for 256 of them, and none
# in the first layer, with 16. There nothing need be copied. Stored line after line, a picture moves
# up and left when one starts to read it later, so convolution is a sum of shifted pictures:

# %%
height, width = grey.shape
line, count = grey.ravel(), (height - 3) * width + width - 2  # up to the last whole window
taps = random.normal(size=(3, 3))
shifted = sum(taps[u, v] * line[u * width + v :][:count] for u in range(3) for v in range(3))
rows = np.append(shifted, [0, 0]).reshape(height - 2, width)[:, : width - 2]  # the seam is cut off
assert np.allclose(rows, F.conv2d(grey[None, None], taps[None, None]).numpy()[0, 0], atol=1e-5)

# %%
source(add_shifted)

# %% [markdown]
# ## 3. Fewer multiplications: the theorem
#
# The discrete Fourier transform of $n$ values is $X_k = \sum_p x_p\, \omega^{pk}$ with $\omega =
# e^{-2\pi i/n}$. Take the *circular* correlation $y_p = \sum_u w_u\, x_{p+u}$, where indices are
# taken modulo $n$. Its transform is
#
# $$Y_k = \sum_p \sum_u w_u\, x_{p+u}\, \omega^{pk}
#   = \sum_u w_u\, \omega^{-uk} \sum_q x_q\, \omega^{qk} = \overline{W_k}\, X_k$$
#
# with $q = p + u$, and $w$ real. A sum over all taps has become *one* product for each frequency.
# The transforms cost something, too. There is one for each map of a tile and a product for each
# *pair* of maps: with 64 maps and 256 results, 320 transforms and 16,384 products at each
# frequency. The 16,384 filters have to be transformed too, but once for all tiles; with few tiles
# that does not pay.

# %%
tile, filter_ = grey[30:46, 40:56], np.zeros((16, 16))
filter_[:7, :7] = random.normal(size=(7, 7))
by_transform = np.fft.ifft2(np.conj(np.fft.fft2(filter_)) * np.fft.fft2(tile)).real
direct = F.conv2d(tile[None, None], filter_[None, None, :7, :7]).numpy()[0, 0]
wrong = np.zeros((16, 16), bool)
wrong[10:], wrong[:, 10:] = True, True
drawing, axes = figure(1, 4, size=(13, 3.5))
picture(axes[0], tile, "a tile of 16x16")
picture(axes[1], filter_[:7, :7], "a filter of 7x7", cmap=SIGNED, vmin=-2.5, vmax=2.5)
span = np.abs(by_transform).max()
picture(axes[2], by_transform, "by transforms", cmap=SIGNED, vmin=-span, vmax=span)
for ax in axes[2:]:
    ax.plot([-0.5, 9.5, 9.5], [9.5, 9.5, -0.5], color=BLACK, linewidth=2.5)
error = np.abs(by_transform - np.pad(direct, ((0, 6), (0, 6))))
picture(axes[3], np.where(wrong, error, 0), "wrong outside of 10x10", cmap="viridis")
show(
    drawing,
    "Of a 16x16 tile under a 7x7 filter 10x10 results are right; the rest went round the circle",
)

# %%
assert direct.shape == (10, 10)
assert np.allclose(by_transform[:10, :10], direct)
assert error[wrong].max() > 1

# %% [markdown]
# **The circle.** The transform takes the tile as a ring: what leaves on the right comes in on the
# left. So of 16x16 results under a $K \times K$ filter only $(17-K)^2$ are right. The others are
# thrown away, and tiles overlap by $K - 1$ pixels. That is called *overlap-save* (Stockham 1966).
#
# **The count.** A real 16x16 tile has 256 numbers. Its transform has 256 complex ones, but half of
# them are conjugates of the others: 130 remain. A complex product needs three real ones, by Gauss:
# of $(a + ib)(c + id)$
#
# $$p = (a+b)\,c, \qquad \mathrm{re} = p - b\,(c+d), \qquad \mathrm{im} = p + a\,(d-c)$$
#
# So a tile costs 390 multiplications for a pair of maps, and gives $(17-K)^2$ results, each of
# which costs $K^2$ directly.


# %%
def saved(K, n=16):
    """Direct multiplications over those of an n x n tile, for one pair of maps."""
    frequencies = n * (n // 2 - 1) + 2 * (n // 2 + 1)  # columns 0 and n/2 are symmetric themselves
    return (n + 1 - K) ** 2 * K * K / (3 * frequencies)


a, b, c, d = random.normal(size=4)
p = (a + b) * c
assert np.isclose(complex(p - b * (c + d), p + a * (d - c)), (a + 1j * b) * (c + 1j * d))

# %%
print(
    f"7x7 under 16x16 tiles: {saved(7):.1f} times fewer; 3x3: {saved(3):.1f}; 1x1: {saved(1):.2f}"
)
assert dft_module.FREQUENCIES == 130 == 16 * 7 + 18
assert round(saved(7), 1) == 12.6 and saved(1) < 1

# %% [markdown]
# Larger tiles save even more on paper. But the spectra of all filters must lie in memory, 256
# numbers for each pair of maps with tiles of 16, and 1024 with tiles of 32. And transforms of 16
# values can be written out by hand.
#
# ## 4. Our source: sixteen values with twelve multiplications
#
# Cosine is symmetric: $x_n$ and $x_{n+8}$ meet the same cosine up to its sign. Add and subtract
# first, multiply after. As a matrix it would be 256 multiplications.

# %%
source(dft_module.dft16)

# %%
values, out = random.normal(size=16).astype(np.float32), np.zeros(16, np.float32)
getattr(dft_module.dft16, "py_func", dft_module.dft16)(values, 0, 1, out, 1)
truth = np.fft.fft(values)
assert np.allclose(out[:9], truth.real[:9], atol=1e-5)  # cosines
assert np.allclose(out[9:], -truth.imag[1:8], atol=1e-5)  # sines

# %% [markdown]
# All products at one frequency are one product of matrices again: tiles x maps times maps x
# filters (with four real products, not three, where nothing is then stored in between:
# `complex_blocks.py`). So it is a product of matrices after all, ten times smaller.
#
# ## 5. Small filters: two results with four multiplications
#
# Under 3x3 filters tiles of 16x16 save little. But three weights over four pixels $a, b, c, d$,
# that is two results with six multiplications, need only four:
#
# $$\begin{aligned} m_0 &= (a-c)\,w_0 & m_1 &= (b+c)\,\tfrac{w_0+w_1+w_2}{2} \\
# m_3 &= (b-d)\,w_2 & m_2 &= (c-b)\,\tfrac{w_0-w_1+w_2}{2} \end{aligned}
# \qquad y_0 = m_0+m_1+m_2, \quad y_1 = m_1-m_2-m_3$$
#
# Multiply out: $m_1+m_2 = c w_0 + b w_1 + c w_2$, $m_1-m_2 = b w_0 + c w_1 + b w_2$. (What depends
# on $w$ alone is computed once.) Where does it come from? Turned round, two gradients go back to
# four pixels as the product $(g_0 + g_1 z)(w_0 + w_1 z + w_2 z^2)$. It has four coefficients, so
# its values at four points will do: $0, 1, -1$ and infinity, the highest coefficient. And values of
# a product are products of values. With $A$ for the values of $g$, $G$ for those of $w$, and $B$ to
# interpolate,
#
# $$\bar{x} = B\,(A\bar{y} \odot G w), \qquad y = A^T (B^T x \odot G w), \qquad
# \bar{w} = G^T (B^T x \odot A\bar{y})$$
#
# The first is bilinear in $\bar{y}$ and $w$; its transposes are the two others.

# %%
line, taps, gradient = random.normal(size=4), random.normal(size=3), random.normal(size=2)
A, G, B = winograd.matrices((0, 1, -1), results=2)
assert np.allclose(A.T @ ((B.T @ line) * (G @ taps)), np.correlate(line, taps))
assert np.allclose(B @ ((A @ gradient) * (G @ taps)), np.convolve(gradient, taps))

# %% [markdown]
# **In two dimensions** each matrix is used down and across. F(4x4,3x3), tiles of 6x6 pixels, takes
# 36 multiplications for 144, and all products at one place are one product of matrices again.

# %%
A, G, B = winograd.matrices(winograd.POINTS)
tile, filter_ = grey[30:36, 50:56], random.normal(size=(3, 3))
pixels, weights = B.T @ tile @ B, G @ filter_ @ G.T
result = A.T @ (pixels * weights) @ A
names = "6x6 pixels", "$B^T X B$", "$G W G^T$", "36 products", "4x4 results"
drawing, axes = figure(1, 5, size=(14, 3.4))
for ax, a, name in zip(axes, (tile, pixels, weights, pixels * weights, result), names, strict=True):
    picture(ax, a, name, cmap=SIGNED, vmin=-np.abs(a).max(), vmax=np.abs(a).max())
show(drawing, "F(4x4,3x3): 36 multiplications give what takes 144 directly")
assert np.allclose(result, F.conv2d(tile[None, None], filter_[None, None]).numpy()[0, 0])

# %% [markdown]
# **Which points?** A point stands in $A$ with its cube, and numbers of unlike size lose digits
# where they are added. The error in float32, of the largest result, when 256 maps are added up:

# %%
pixels = np.maximum(random.normal(size=(40, 256, 6, 6)), 0)
filters = random.normal(size=(64, 256, 3, 3))
truth = F.conv2d(pixels, filters).numpy()
pixels, filters = pixels.astype(np.float32), filters.astype(np.float32)


def by_tiles(points):
    A, G, B = (m.astype(np.float32) for m in winograd.matrices(points))
    X, W = B.T @ pixels @ B, G @ filters @ G.T
    return A.T @ np.einsum("tkij,ckij->tcij", X, W, optimize=True) @ A


sets = (0, 1, -1, 2, -2), winograd.POINTS
windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3), axis=(2, 3))
ways = {f"tiles, points {points}": by_tiles(points) for points in sets}
ways["one product"] = np.einsum("tkijuv,ckuv->tcij", windows, filters, optimize=True)
with algorithm("simple"):
    ways["loops"] = F.conv2d(pixels, filters).numpy()
errors = {name: np.abs(y - truth).max() / np.abs(truth).max() for name, y in ways.items()}
first, second, product, loops = errors.values()
assert second < first / 2 and second < 1e-5
assert product < second / 5 < loops < 0.6 * second
Table(("in float32", "error"), [(name, f"{e:.1e}") for name, e in errors.items()])

# %% [markdown]
# One product of matrices is off by a tenth of the better tiles, and the loops of chapter 04, which
# add up one by one, by a third to a half. Training notices none of it; float64, which is there to
# check, never goes this way. Small maps waste tiles: 13x13 results, as in AlexNet, take 4x4 of
# them. So the pictures of a batch are laid side by side, and cut as if they were one.
#
# **Which one is taken?** A rule decides for each call: by the filter's size, the number of maps,
# and how long the transforms take. Winograd's tiles are asked first.

# %%
source(convolution)

# %%
source(winograd_saves_time)

# %% [markdown]
# ## 6. An experiment: three algorithms, one result
#
# In float32 each has its own roundoff. Who is closest to the truth, which is float64?

# %%
x = random.normal(size=(1, 3, 60, 60))
w = random.normal(size=(16, 3, 7, 7)) / np.sqrt(3 * 49)
truth = F.conv2d(x, w).numpy()
errors = {}
for name in ("simple", "auto", "fast"):  # loops, shifted pictures, transforms
    with algorithm(name):
        y = F.conv2d(x.astype(np.float32), w.astype(np.float32)).numpy()
    errors[name] = float(np.linalg.norm(y - truth) / np.linalg.norm(truth))
print({name: f"{error:.1e}" for name, error in errors.items()})
assert max(errors.values()) < 2e-6

# %% [markdown]
# All are at the limit of float32. One difference remains: a tile mixes its pixels, so the roundoff
# of the loudest is heard in all of it. Of a pixel of 1e9, or of a NaN, it would be all. So numbers
# are looked at before they go into tiles (`minicnn/ops/fast/magnitudes.py`: one pass, 1 to 4 % of
# the time), and arrays that hold such a one go to the other algorithms, whatever is asked for.
#
# ## 7. What the authors reported, what we measured
#
# Farabet et al. (2013) report 0.6 seconds for a picture at three scales on four cores; the lecture
# has 0.35 for one scale. Mathieu, Henaff and LeCun (2013) brought the transform to networks. Ours,
# whole network and preprocessing included:

# %%
seconds = measured("stanford, three scales: seconds a picture")
print(f"{float(seconds):g} s a picture on two cores\n{seconds.command}")
assert seconds < 0.6

# %% [markdown]
# Is that «real time»? A film shows 24 pictures a second. On two cores three scales name 11, one
# scale names 20, and CNN1, the plain network that chapter 12's authors compare theirs with, 50.

# %%
names = ("three scales", "one scale", "CNN1")
assert [round(1 / measured(f"stanford, {n}: seconds a picture")) for n in names] == [11, 20, 50]

# %% [markdown]
# `minicnn bench conv2d` times convolutions on your machine, beside PyTorch if it is installed, and
# `minicnn bench conv2d --algorithms` our own beside each other: loops, windows as columns, shifted
# pictures, tiles of Fourier and of Winograd.
#
# ## 8. Your turn
#
# If you did **ex02** with seven loops: write it again with windows as columns and one `@`, in five
# lines, and time both on a picture of 200x200. Then ask for a 1x1 filter: what is left of im2col?
#
# **ex28**: F(2,3) with a pencil, two results of three weights with four multiplications.

# %% [markdown]
# ### Two questions for paper
#
# **1.** Tiles of 16x16 with filters of 7x7 and of 3x3: how many times fewer multiplications for a
# pair of maps, transforms apart? Why is so little left for 3x3?
#
# <details><summary>Answer</summary>
#
# 7x7: $10^2 = 100$ results cost 4900 products directly and 390 in the tile, 12.6 times fewer. 3x3:
# $14^2 \cdot 9 = 1764$ to 390, 4.5 times. A product for each frequency costs the same for any
# filter; a small filter has less to save.
#
# </details>
#
# **2.** 16 maps of 320x240 as columns for filters of 7x7, float32: how many bytes are the columns,
# how many the maps?
#
# <details><summary>Answer</summary>
#
# $16 \cdot 49 \cdot 314 \cdot 234 \cdot 4 = 230$ million bytes, from $16 \cdot 320 \cdot 240 \cdot
# 4 = 4.9$ million. So one cuts the picture into strips, or does without columns.
#
# </details>
