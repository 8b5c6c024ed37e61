"""Which input maps each result of max_pool_maps looks at, as lists."""

import numpy as np

from minicnn.engine.op import is_whole


def lists_of_maps(maps, maps_stride, C):
    """The input maps of each result map, in ascending order. Raises ValueError where the maps do
    not fit the C that exist."""
    name = "max_pool_maps"
    if np.isscalar(maps):
        stride = maps if maps_stride is None else maps_stride
        for argument, value in (("maps", maps), ("maps_stride", stride)):
            if not is_whole(value) or value < 1:
                raise ValueError(f"{name}: {argument}={value!r}: expected an int of at least 1")
        maps, stride = int(maps), int(stride)
        if maps > C or (C - maps) % stride:
            raise ValueError(
                f"{name}: groups of {maps} maps, one every {stride}, do not come out even with the "
                f"{C} maps of the input; lists of maps say what to do with the rest"
            )
        return [range(d, d + maps) for d in range(0, C - maps + 1, stride)]
    if maps_stride is not None:
        raise ValueError(f"{name}: maps_stride goes with a group size, not with lists of maps")
    lists = [np.sort(D).tolist() if np.iterable(D) else [] for D in maps]
    if not lists or not all(lists):
        raise ValueError(f"{name}: maps is an int or a list of lists, none of them empty")
    for c, D in enumerate(lists):
        if D[0] < 0 or D[-1] >= C or any(int(d) != d for d in D):
            raise ValueError(f"{name}: list {c} is {D}, but the input has the maps 0 to {C - 1}")
        if len(set(D)) < len(D):
            raise ValueError(f"{name}: list {c}, {D}, names a map twice")
    return lists


def end_to_end(lists, xp):
    """(first, members): all lists in one array, and where each begins and the last one ends."""
    first = np.cumsum([0, *map(len, lists)])
    members = [d for D in lists for d in D]
    return xp.asarray(first, dtype=np.int32), xp.asarray(members, dtype=np.int32)
