"""Random numbers by counting: the same numbers on every device, and after a resume.

Nothing here remembers where a stream stood. A number is a function of (seed, step, purpose), so a
run that is interrupted and resumed at step 500 draws at step 501 what it would have drawn anyway.
"""

import numpy as np

_seed, _step, _calls = 0, 0, 0


def manual_seed(seed, step=0):
    """Starts the counter at (seed, step). Training calls it before every step; a notebook calls it
    once, before it makes a network."""
    global _seed, _step, _calls
    _seed, _step, _calls = int(seed), int(step), 0


def next_key():
    """A fresh 63-bit key for one use of randomness (one dropout mask, one weight tensor)."""
    global _calls
    _calls += 1
    return _mix(_mix(_mix(_seed) ^ _step) ^ _calls)


def generator(*counter):
    """A numpy Generator for these integers: `generator(seed, epoch, index)`. Without arguments, a
    fresh one from the counter of `manual_seed`."""
    if not counter:
        counter = (next_key(),)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([int(c) for c in counter])))


def _mix(x):
    """SplitMix64's finaliser (Steele, Lea, Flood 2014): every input bit moves every output bit."""
    x = (x + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (x ^ (x >> 31)) >> 1
