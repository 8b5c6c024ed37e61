"""The size of letters, the same in all figures, and the colours of curves."""

TEXT = 13  # points: readable from the last row
SMALL = 9  # points: where many words stand in small boxes
