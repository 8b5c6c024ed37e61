"""Networks of torchvision, with random weights, by both of PyTorch's exporters: the same scores
here."""

import warnings

import numpy as np
import pytest

from minicnn import interchange

torch = pytest.importorskip("torch", reason="torch is not installed; it exports the networks")
torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
pytest.importorskip("onnxscript", reason="onnxscript is not installed; torch exports with it")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("newer", [False, True], ids=["torchscript", "dynamo"])
@pytest.mark.parametrize("name", ["alexnet", "squeezenet1_1"])
def test_the_same_scores(name, newer, tmp_path):
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)(weights=None).eval()
    for bias in (p for p in network.parameters() if p.ndim == 1):
        torch.nn.init.normal_(bias, std=0.05)  # of equal ones an exporter keeps one
    x = torch.randn(2, 3, 224, 224)
    path = tmp_path / "net.onnx"
    if newer:
        open_size = {"dynamic_shapes": ({0: torch.export.Dim("N", min=1, max=64)},)}
    else:
        open_size = {"input_names": ["x"], "dynamic_axes": {"x": {0: "N"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says to itself
        torch.onnx.export(network, (x,), str(path), dynamo=newer, verbose=False, **open_size)
    ours = interchange.load(path)
    arrays = ours.state_dict()
    for weight, values in network.state_dict().items():
        assert arrays[weight].shape == tuple(values.shape), weight
        np.testing.assert_array_equal(arrays[weight], values.numpy())
    for count in (2, 1):
        with torch.no_grad():
            want = network(x[:count]).numpy()
        np.testing.assert_allclose(ours.predict(x[:count].numpy()), want, rtol=0, atol=1e-4)
