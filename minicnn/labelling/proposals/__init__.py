"""Object proposals (multiscale combinatorial grouping): some hundred regions among which the
objects of a picture are, whatever they are.

    hierarchies.py   edges at three scales -> four trees over one partition of the picture
    tuples.py        regions of a tree that lie side by side, two, three and four of them together
    candidates.py    the lists of all four trees, cut off, holes filled, with their features
    pareto.py        how long each list should be
    forest.py        a random forest as plain arrays: how well does a candidate fit an object?
    ranking.py       the best first, but not the same thing twice
    overlaps.py      how well the objects are found

Source: Arbelaez, Pont-Tuset, Barron, Marques, Malik, Multiscale Combinatorial Grouping, CVPR 2014.
"""
