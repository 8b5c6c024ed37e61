"""Picture files, written and refused."""

import pytest

from minicnn.images.reading import ImageError


def refused(text, function, path, **options):
    with pytest.raises(ImageError) as caught:
        function(path, **options)
    assert str(path) in str(caught.value) and text in str(caught.value), str(caught.value)


def saved(tmp_path, picture, ending="png", **options):
    path = tmp_path / f"picture.{ending}"
    picture.save(path, **options)
    return path
