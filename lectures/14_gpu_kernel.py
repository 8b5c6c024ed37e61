# %% [markdown]
# # The same kernel on a GPU
#
# - **Slides:** Deep learning; Архитектура для ImageNet (2012)
# - **Source:** minicnn/ops/relu.py; minicnn/ops/conv2d.cu; minicnn/engine/kernel.py;
#   minicnn/engine/launching.py; minicnn/emulator/cuda.h
# - **Exercises:** ex21_cuda_avg_pool_backward
#
# **The problem.** The network of 2012 learnt for six days on two graphics cards. On processors it
# would have taken many times as long. A GPU has thousands of threads, and what they run is C with
# a few more words. Every operation of this package has such a text beside its CPU loops. In this
# chapter you read one, write one, break it, and see *why* it broke, on any laptop: the package
# compiles the same text with g++ and runs its threads one by one, with an eye on every access to
# memory.

# %%
import numpy as np
from matplotlib.patches import Rectangle

from minicnn import device, emulator
from minicnn import functional as F
from minicnn.course.lecturing import BLUE, COLOURS, RED, Table, figure, show, source
from minicnn.emulator import cupy
from minicnn.engine.tensor import Tensor
from minicnn.ops.conv2d import conv2d_forward
from minicnn.ops.relu import relu_forward

if reason := emulator.why_not():
    raise SystemExit(f"this chapter compiles C++: {reason}")
random = np.random.default_rng(0)

# %% [markdown]
# ## 1. The picture: a grid of blocks of threads
#
# All threads run the same function at the same time. Each asks who it is and does one element.
# Threads come in *blocks*, here of 8; blocks come in a *grid*. Ten elements need two blocks, and
# the last six threads have nothing to do. They must know it.

# %%
drawing, axes = figure(size=(11, 2.6))
for i in range(16):
    block, thread = divmod(i, 8)
    works = i < 10
    colour = COLOURS[block] if works else "0.88"
    axes.add_patch(Rectangle((i + 0.4 * block, 0), 0.9, 1, color=colour))
    axes.text(
        i + 0.4 * block + 0.45,
        0.5,
        str(thread),
        ha="center",
        va="center",
        color="w" if works else "0.4",
    )
    axes.text(i + 0.4 * block + 0.45, -0.45, f"y[{i}]" if works else "-", ha="center", fontsize=12)
axes.text(3.9, 1.25, "block 0", ha="center")
axes.text(12.3, 1.25, "block 1", ha="center")
axes.set(xlim=(-0.2, 16.6), ylim=(-0.7, 1.7))
axes.set_axis_off()
show(drawing, "Two blocks of eight threads for ten elements: i = block * 8 + thread, if i < 10")

# %% [markdown]
# ## 2. The formula
#
# Let $B$ be the size of a block. Thread $t$ of block $b$ computes element
#
# $$i = b\,B + t, \qquad \mathrm{if}\; i < n, \qquad \mathrm{blocks} = \lceil n / B \rceil$$
#
# That is all there is to the index. Everything else follows from one rule: *a thread computes one
# element of the result and writes only that*. Then no two threads ever write to the same place,
# and their order does not matter.
#
# ## 3. Our source, twice the same
#
# ReLU for the CPU and for the GPU. The loop over $i$ has become the thread.

# %%
source(relu_forward)

# %%
source(relu_forward, "gpu")

# %% [markdown]
# It is started by `relu_forward(x, y)` with arrays of the GPU. Here with arrays of the emulator,
# whose module has the names of CuPy:

# %%
host = random.normal(size=(3, 5)).astype(np.float32)
with device("emulated"):
    y = F.relu(Tensor(cupy.asarray(host)))
print(y.device, y.shape)
assert y.device == "emulated"
assert np.array_equal(y.numpy(), np.maximum(host, 0))

# %% [markdown]
# ## 4. Write one, and break it
#
# Average pooling in one dimension, two pixels to one: `y[i] = (x[2i] + x[2i+1]) / 2`. First
# without the guard.


# %%
def launch(body, x, y, n, grid, block, **mode):
    """Runs a kernel with the given body, every access being checked."""
    head = 'extern "C" __global__ void halve(const float* x, float* y, int n) {\n'
    kernel = cupy.RawKernel(head + body + "\n}", "halve")
    with emulator.checked(**mode):
        kernel((grid,), (block,), (x, y, np.int32(n)))


def said(body, *arguments, **mode):
    """What the emulator says of a kernel: a sentence, or «nothing»."""
    try:
        launch(body, *arguments, **mode)
        return "nothing to complain of"
    except emulator.KernelError as error:
        return str(error)


x = cupy.asarray(np.arange(20, dtype=np.float32))
index = "  int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
no_guard = index + "  y[i] = (x[2 * i] + x[2 * i + 1]) / 2;"
guarded = index + "  if (i < n) y[i] = (x[2 * i] + x[2 * i + 1]) / 2;"
y = cupy.zeros(10, np.float32)
out_of_bounds = said(no_guard, x, y, 10, 2, 8)
print("without the guard:", out_of_bounds)
print("with it:          ", said(guarded, x, y, 10, 2, 8))

# %%
assert "out of bounds" in out_of_bounds and "x[20]" in out_of_bounds
assert np.array_equal(cupy.asnumpy(y), np.arange(10) * 2 + 0.5)

# %% [markdown]
# On a real GPU the first one often *works*: it reads what happens to lie behind the array. Then
# one day it does not.
#
# **A race.** Now the gradient of it, written the natural way: each thread takes one element of
# `gy` and adds its share to what it came from. That is *scatter*. With windows of 3 that overlap,
# two threads add to the same pixel. Both read the old value, both add, one sum is lost.

# %%
scatter = (
    index
    + """  if (i >= n) return;
  for (int u = 0; u < 3; u++) y[i + u] += x[i] / 3;"""
)
gather = (
    index
    + """  float total = 0;
  for (int u = 0; u < 3; u++) if (0 <= i - u && i - u < n - 2) total += x[i - u] / 3;
  if (i < n) y[i] = total;"""
)
gy = cupy.asarray(np.ones(8, np.float32))
race = said(scatter, gy, cupy.zeros(10, np.float32), 8, 1, 8)
gx = cupy.zeros(10, np.float32)
quiet = said(gather, gy, gx, 10, 1, 10)
print("scatter:", race)
print("gather: ", quiet)

# %%
assert "thread" in race and "same" in race
assert quiet == "nothing to complain of"
expected = np.array([1, 2, 3, 3, 3, 3, 3, 3, 2, 1]) / 3
assert np.allclose(cupy.asnumpy(gx), expected)

# %% [markdown]
# Gather asks from the other side: *which windows held this pixel?* It is the question of chapter
# 05, and the reason why all kernels of this package are written so. There is an atomic addition
# that makes scatter safe, but then the order of the additions is left to chance, and with it the
# last bits of the result. A gathered sum has the same bits always:

# %%
gy = cupy.asarray(random.normal(size=8).astype(np.float32))
results = []
for order, seed in (("forward", 0), ("reversed", 0), ("random", 1), ("random", 2)):
    y = cupy.zeros(10, np.float32)
    launch(gather, gy, y, 10, 1, 10, order=order, seed=seed)
    results.append(cupy.asnumpy(y))
assert all(np.array_equal(result, results[0]) for result in results)

# %% [markdown]
# ## 5. Memory is what takes time
#
# A GPU computes far faster than it can fetch. Its memory comes in pieces of 32 bytes, eight
# floats. If the 32 threads of a *warp* ask for neighbours, four pieces serve all. If each asks for
# a number in another row, 32 pieces are fetched, and of each one number is used. Adding up the
# rows of a matrix, one thread a row, does just that. One thread a column does not.

# %%
matrix = cupy.asarray(random.normal(size=(64, 64)).astype(np.float32))
text = """extern "C" __global__ void sums(const float* x, float* y, int n) {
  int i = threadIdx.x;
  float total = 0;
  for (int j = 0; j < n; j++) total += x[INDEX];
  y[i] = total;
}"""
transfers = {}
for name, where in (("a thread a row", "i * n + j"), ("a thread a column", "j * n + i")):
    y = cupy.zeros(64, np.float32)
    with emulator.report() as traffic:
        cupy.RawKernel(text.replace("INDEX", where), "sums")((1,), (64,), (matrix, y, np.int32(64)))
    row = next(r for r in traffic.rows if "total +=" in r.text)
    transfers[name] = row.transfers
    axis = 1 if "row" in name else 0
    assert np.allclose(cupy.asnumpy(y), cupy.asnumpy(matrix).sum(axis=axis), atol=1e-4)
Table(("", "pieces of 32 bytes for a warp"), [(n, f"{t:g}") for n, t in transfers.items()])

# %%
assert transfers["a thread a row"] == 32 and transfers["a thread a column"] == 4

# %% [markdown]
# **Shared memory.** In a convolution, 16 pixels meet 16 filters. Each thread could fetch what it
# needs, and every number would be fetched 16 times. Instead the block copies a tile of 16x16 of
# either factor into its own fast memory, once, and every number is then used 16 times from there.
# Two barriers keep the threads in step: one when all has arrived, one before it is overwritten.

# %%
source(conv2d_forward, "gpu")


# %%
def fetched(filters, pixels, terms, tile):
    """Numbers fetched from main memory for a product of filters x terms and terms x pixels."""
    return filters * pixels * terms * 2 / tile


tiles = np.array([1, 2, 4, 8, 16, 32])
drawing, axes = figure(size=(9, 3.9))
axes.loglog(
    tiles, [fetched(64, 19200, 16 * 49, t) * 4 / 1e6 for t in tiles], "o-", color=BLUE, base=2
)
axes.plot(
    16, fetched(64, 19200, 16 * 49, 16) * 4 / 1e6, "s", color=RED, markersize=14, label="conv2d.cu"
)
axes.set_xticks(tiles, tiles)
megabytes = 2 ** np.arange(8, 14)
axes.set_yticks(megabytes, megabytes)
axes.set(xlabel="side of a tile", ylabel="MB fetched")
axes.legend(frameon=False)
show(
    drawing,
    "What the second convolution of chapter 10 fetches for 320x240 pixels, over a tile's side",
)
assert 240 // 2 * (320 // 2) == 19200  # it comes after one pooling

# %% [markdown]
# ## 6. An experiment: a convolution, thread by thread
#
# The kernel above on a small picture, in checked mode, in two orders of its threads, against the
# loops of the CPU. The emulator would tell of a missing barrier, a race, or an index out of
# bounds.

# %%
picture_ = random.normal(size=(1, 2, 9, 8)).astype(np.float32)
weight = random.normal(size=(3, 2, 3, 3)).astype(np.float32)
on_cpu = F.conv2d(picture_, weight, padding=1).numpy()
bits = []
for order in ("forward", "reversed"):
    with emulator.checked(order=order):
        y = F.conv2d(Tensor(cupy.asarray(picture_)), Tensor(cupy.asarray(weight)), padding=1)
    bits.append(y.numpy())
print(f"largest difference from the CPU: {np.abs(bits[0] - on_cpu).max():.1e}")

# %%
assert np.array_equal(bits[0], bits[1])
assert np.allclose(bits[0], on_cpu, atol=1e-5)

# %% [markdown]
# ## 7. What the authors reported, what we measured
#
# Krizhevsky et al. (2012): 60 million parameters, 1.2 million pictures, 90 epochs, five to six
# days on two GTX 580 with 3 GB each. The maps were dealt out over both cards, which is the
# connection table of chapter 04 in two blocks. Farabet et al. worked on processors. What is proved
# of our kernels, the README says: they compile for real cards, and every one gives the right
# numbers in checked mode. The emulator cannot tell how fast they are.
#
# ## 8. Your turn
#
# **ex21**: the body of one CUDA kernel, average pooling backward. It runs on the emulator, so you
# need no card. Gather, do not scatter: the checker looks for races.

# %% [markdown]
# ### Two questions for paper
#
# **1.** 1000 elements in blocks of 256 threads: how many blocks, how many threads without an
# element, and which ones?
#
# <details><summary>Answer</summary>
#
# Four blocks, 1024 threads. The last 24 have nothing to do: threads 232 to 255 of block 3.
#
# </details>
#
# **2.** Two threads add 1 to the same number without an atomic addition; it was 0. What can it be
# afterwards? And why is an atomic addition still not enough for the same bits every time?
#
# <details><summary>Answer</summary>
#
# 1 or 2: if both read before either has written, one sum is lost. An atomic addition loses none,
# but leaves the order open, and float32 additions depend on it: $(10^8 + 1) - 10^8$ is 0, $(10^8 -
# 10^8) + 1$ is 1.
#
# </details>
