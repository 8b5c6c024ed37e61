r"""A conditional random field on superpixels: neighbours agree, unless a border lies between them.

    E(l) = sum_i exp(-alpha d_i,l_i)  +  gamma sum over neighbouring pixels (i, j) of
           exp(-beta |I_i - I_j|) [l_i != l_j]

i are pixels, d_i the mean distribution of the superpixel of i, |I_i - I_j| the distance in colour
of two neighbours (of four), in grey levels. Only labellings that are constant in each superpixel
are looked at. Then the pixels of a superpixel pay the same, and the pairs inside it pay nothing:

    E(l) = sum_k |S_k| exp(-alpha d_k,l_k)  +  sum over touching k, m of w_km [l_k != l_m],
    w_km = gamma sum over the pairs (i, j) across their common border of exp(-beta |I_i - I_j|)

which is a hundred times smaller and exactly the same energy.

The paper writes the first term as exp(-alpha d_i,a) [l_i != a]. Summed over a, it would punish the
probable labels; it is read here as the price of the label that is chosen.

Source: Farabet et al. 2013, section 3.2. Their alpha 20, beta 0.1, gamma 200 belong to other
scores; the defaults are those that were best on the validation pictures of Stanford Background.
"""

import numpy as np

from minicnn.labelling.alpha_expansion import alpha_expansion
from minicnn.labelling.superpixels import colour_steps, neighbours, region_means, region_sizes


def crf_energy(image, probabilities, regions, alpha, beta, gamma):
    """(unary (S, K), edges (E, 2), weights (E,)) of the energy above, as `alpha_expansion` takes
    them."""
    means = region_means(probabilities, regions)
    unary = region_sizes(regions)[:, None] * np.exp(-alpha * means)
    closeness = [np.exp(-beta * step) for step in colour_steps(image)]
    edges, _, sums = neighbours(regions, closeness)
    return unary, edges, gamma * sums


def crf(image, probabilities, regions, alpha=4.0, beta=0.1, gamma=12.0):
    """int64 (S,): the label of each superpixel.

    image          uint8 (H, W, 3); probabilities  (K, H, W); regions  int (H, W)
    alpha          how surely a network must be right to be believed: large takes small
                   probabilities for good enough
    beta           how fast a border becomes cheap as colours differ; gamma  its price
    """
    unary, edges, weights = crf_energy(image, probabilities, regions, alpha, beta, gamma)
    return alpha_expansion(unary, edges, weights)
