"""Regions that have a class and a score: the objects of a picture one by one.

    regions.py      what they are: masks, boxes, classes, scores
    suppression.py  of those that overlap only the best
    refine.py       masks drawn anew, on a grid of 10 x 10 cells and on superpixels
    paste.py        from objects to one label for each pixel

Source: Hariharan, Arbelaez, Girshick, Malik, Simultaneous Detection and Segmentation, ECCV 2014.
"""
