"""The pytest fixture `gradcheck`, which every test has once minicnn is installed.

    def test_my_layer(gradcheck):
        gradcheck(my_layer, x, weight)

pytest loads this file at its start, before any conftest.py could set the number of threads. So it
stands outside the package and imports minicnn, and with it numpy, only when a test asks for it.
"""

import pytest


@pytest.fixture(scope="session")
def gradcheck():
    """`minicnn.gradcheck`: True, or an error that says where and how a backward is wrong."""
    import minicnn

    return minicnn.gradcheck
