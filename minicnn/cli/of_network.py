"""What `minicnn info MODEL` tells of a trained network."""

import textwrap

from minicnn.learning import checkpoints

FEW = 12  # classes that are named


def facts(name):
    """Everything that is printed, ready for JSON: of a run folder, a .safetensors file, the name of
    a shipped network or an .onnx file."""
    if name.endswith(".onnx"):
        from minicnn import interchange

        network = interchange.load(name)
        inputs = {k: None if s is None else list(s) for k, s in network.inputs.items()}
        return {
            "file": name,
            "weights": sum(p.size for p in network.parameters()),
            "nodes": len(network.nodes),
            "inputs": inputs,
            "outputs": list(network.outputs),
            "metadata": network.metadata,
        }
    file = checkpoints.find(name)
    network, config = checkpoints.load_model(file)
    found = {
        "file": str(file),
        "weights": sum(p.size for p in network.parameters()),
        "config": config.to_json(),
    }
    if hasattr(network, "mean"):  # of the channels, as the network knows them
        found["mean"] = [round(float(m), 2) for m in network.mean.numpy().mean(axis=(1, 2))]
    return found


def lines_of(found):
    """The facts as lines of text."""
    rows = {"file": found["file"], "weights": f"{found['weights']:,}"}
    rows |= _of_config(found) if "config" in found else _of_graph(found)
    for key, value in rows.items():
        if value:
            around = {"initial_indent": f"{key:14} ", "subsequent_indent": " " * 15}
            yield from textwrap.wrap(str(value), 100, **around, break_on_hyphens=False)


def _of_config(found):
    config = found["config"]
    options = ", ".join(f"{k}={_text(v)}" for k, v in config["options"].items() if v != "")
    start, best, data = config["start"], config["best"], config["data"]
    mean = found.get("mean")
    order = config["options"].get("colours", "rgb")
    return {
        "model": config["model"],
        "classes": _classes(config["classes"]),
        "options": options,
        "mean": mean and f"{', '.join(map(str, mean))} ({order}), grey levels",
        "recipe": config["recipe"],
        "data": data["name"] and f"{data['name']}, fold {data['fold']}".removesuffix(", fold None"),
        "began with": start and f"{start['from']}, {len(start['taken'])} arrays",
        "trained for": config["step"] and f"{config['step']:,} steps",
        "best on val": best and f"{best['val_accuracy']:.1%}",
    }


def _of_graph(found):
    shapes = (f"{k} {'?' if s is None else s}" for k, s in found["inputs"].items())
    told = {k: v for k, v in found["metadata"].items() if k not in ("minicnn", "snippet")}
    return {
        "nodes": found["nodes"],
        "inputs": ", ".join(shapes),
        "outputs": ", ".join(found["outputs"]),
        **told,
    }


def _classes(names):
    more = f", ... ({len(names)})" if len(names) > FEW else f" ({len(names)})"
    return ", ".join(names[:FEW]) + more


def _text(value):
    return str(value).lower() if isinstance(value, bool) else f"{value}"
