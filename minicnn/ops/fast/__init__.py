"""Faster algorithms for what the files of `minicnn/ops` compute with plain loops: see README.md.

Each file registers what it holds with the kernels of its op (`Kernel.fast`), or is called by one
that does; `minicnn.ops` imports them all. Of several algorithms for one thing choose.py decides.
"""
