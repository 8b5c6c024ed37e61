"""Colours for classes that come without any: natural ones where the name tells, and else such as
can be told from all others, also by people who do not see red and green."""

import re

import numpy as np

from minicnn.datasets.colour_vision import distances

# The first seven are Okabe and Ito's (their eighth, black, is what void looks like). The others
# were searched for: among all 33 and black the least distance is 15, and 25 for full colour vision.
PALETTE = """
    #e69f00 #56b4e9 #009e73 #f0e442 #0072b2 #d55e00 #cc79a7
    #0000ff #000f87 #f0ffe1 #4bff87 #690f00 #5a1e5a #875af0 #e1b4b4 #69693c #b4a54b #0f0fc3 #7896ff
    #00002d #0f3c2d #007878 #0f4bb4 #b40000 #b4f0ff #78e196 #e14b5a #961e4b #0f0f5a #b4e15a #961e87
    #00c3d2 #962dff
""".split()

# A class whose name holds one of these words looks as the thing does. First words choose before
# others, and upper lines before lower ones; further colours are for a like thing beside the first,
# as for a field beside grass.
NATURAL = {
    "#80beff": "sky",
    "#00552d #5a9600": "tree trees forest wood vegetation plant plants",
    "#828282 #aaaab4": "road street asphalt",
    "#82c83c #d2e67d": "grass lawn meadow field",
    "#005abe #0a8296 #003c78": "water sea river lake ocean",
    "#c85a37 #8c3c1e": "building buildings house houses",
    "#6e4678 #a08cb4": "mountain mountains hill hills",
    "#ffcd00": "foreground object objects",
    "#f0dcaa #d7a050 #fff0c8": "sand beach desert",
    "#f5f5ff #d2e6f0": "snow ice",
    "#6e460f": "soil earth",
    "#d2aac8": "sidewalk pavement",
    "#e61e64 #96003c": "car cars vehicle bus truck",
    "#ffa082": "person people pedestrian skin",
    "#5a5a46 #968c78": "rock rocks stone",
    "#ffeb3c": "sun",
}
OF_WORD = {
    word: ((rank, group), shades.split())
    for group, (shades, words) in enumerate(NATURAL.items())
    for rank, word in enumerate(words.split())
}

FAR = 12  # a distance that is plain on a screen also between small regions


def rgb(text):
    """'#rrggbb' as [r, g, b], each 0 .. 255. Raises ValueError for anything else."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ValueError(f"a colour is written #rrggbb, not {text!r}")
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


def palette(count):
    """uint8 (count, 3): colours of classes without names. For up to 33 the table above; beyond it,
    each as far as can be from all before."""
    return class_colours([""] * count)


def class_colours(names, chosen=None):
    """uint8 (K, 3): a colour for each of K class names. `chosen`, [r, g, b] or None for each, are
    kept; then names that tell get what they tell, unless it looks like one that is taken; the rest
    get what differs from all others."""
    colours = list(chosen or [None] * len(names))
    taken = [[0, 0, 0]] + [colour for colour in colours if colour is not None]
    hints = [natural_colours(name) for name in names]
    for k in sorted(range(len(names)), key=lambda k: hints[k][0]):
        for shade in hints[k][1]:
            if colours[k] is None and _gap([rgb(shade)], taken)[0] >= FAR:
                colours[k] = rgb(shade)
                taken.append(colours[k])
    ours = np.array([rgb(text) for text in PALETTE])
    steps = np.arange(0, 256, 15)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    ours_gap, cube_gap = _gap(ours, taken), None
    for k in (k for k, colour in enumerate(colours) if colour is None):
        if (ours_gap >= FAR).any():
            new = ours[int((ours_gap >= FAR).argmax())]  # the first that will do
        else:
            cube_gap = _gap(cube, taken) if cube_gap is None else cube_gap
            new = cube[int(cube_gap.argmax())]
            cube_gap = np.minimum(cube_gap, _gap(cube, [new]))
        ours_gap = np.minimum(ours_gap, _gap(ours, [new]))
        colours[k] = new
        taken.append(new.tolist())
    return np.array(colours, np.uint8).reshape(len(names), 3)


def natural_colours(name):
    """(rank, [#rrggbb, ...]): the colours that a class name tells of, the best first; names of a
    lower rank choose first."""
    words = re.findall("[a-z]+", name.lower())
    return next((OF_WORD[word] for word in words if word in OF_WORD), ((len(OF_WORD), 0), []))


def _gap(colours, taken):
    """float64 (N,): the distance of each colour to the nearest that is taken."""
    return distances(colours, taken).min(axis=1)
