"""The lectures as notebooks and as a site: `minicnn lectures list | build | open`.

chapters.py    the chapters of a checkout: title, slides, source files, exercises
running.py     runs a chapter cell by cell and keeps what each cell printed and drew
notebooks.py   a chapter with its results as a Jupyter notebook
parallel.py    several chapters at once, in processes
site.py        all chapters as pages (layout.py: what every page has), with an index and a map
               (index.py), the exercises (exercise_pages.py), sources, what one calls (api.py)
"""
