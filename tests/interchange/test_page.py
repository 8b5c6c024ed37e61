"""The code of the page on networks in and out does what the page says."""

import re
from pathlib import Path

import numpy as np
import pytest

from minicnn import Tensor, interchange, models
from minicnn.interchange import networks
from minicnn.learning import checkpoints

PAGE = (Path(interchange.__file__).parent / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_to_pytorch_in_ten_lines():
    (code,) = [c for c in CODE if "torch" in c]
    lines = [line for line in code.splitlines() if line and "import" not in line]
    assert len(lines) <= 10
    pytest.importorskip("torch", reason="torch is not installed; the page is about it")
    import torch

    file = checkpoints.find("multi-scale")
    found = {}
    exec(code.replace('"multi-scale.safetensors"', repr(str(file))), found)
    network, _ = checkpoints.load_model(file)
    image = np.random.default_rng(0).integers(0, 256, (37, 50, 3), np.uint8)
    levels = [level[None] for level in network.preprocess(image)]
    with torch.no_grad():
        got = found["scores"]([torch.from_numpy(np.ascontiguousarray(a)) for a in levels]).numpy()
    with network.predicting():
        want = network(*map(Tensor, levels)).numpy()
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)


def test_the_page_names_every_network():
    lines = [line for line in PAGE.splitlines() if line.startswith("| `")]
    table = "".join(lines)
    for name in models.MODELS:
        assert f"`{name}`" in table, name
    (unwritten,) = [line for line in lines if "cannot be written" in line]
    assert {name for name in models.MODELS if f"`{name}`" in unwritten} == set(networks.UNWRITTEN)
    assert "alexnet-everywhere" in networks.FORMS and "`alexnet --pixels`" in table
