"""Writes the network as ONNX and checks that ONNX Runtime answers as the numpy forward pass does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import network

#: Old enough for every ONNX Runtime of the last years.
OPSET = 17

MODEL = Path(__file__).parent.parent / "models" / "super_resolution_x2.onnx"


def build(params: network.Params) -> onnx.ModelProto:
    """The graph: [n, 1, h + 2 halo, w + 2 halo] luma in [0, 1] to [n, 1, 2h, 2w]."""
    nodes: list[onnx.NodeProto] = []
    weights = [numpy_helper.from_array(value, name) for name, value in params.items()]
    x = "tiles"
    for i in range(len(network.LAYERS)):
        nodes.append(helper.make_node("Conv", [x, f"conv{i}.weight", f"conv{i}.bias"], [f"conv{i}"]))
        x = f"conv{i}"
        if i < len(network.LAYERS) - 1:
            nodes.append(helper.make_node("LeakyRelu", [x], [f"relu{i}"], alpha=network.SLOPE))
            x = f"relu{i}"
    rim = network.HALO - network.LINEAR // 2
    for name, values in (("rim.begin", [rim, rim]), ("rim.end", [-rim, -rim]), ("rim.axes", [2, 3])):
        weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
    nodes += [
        helper.make_node("Slice", ["tiles", "rim.begin", "rim.end", "rim.axes"], ["middle"]),
        helper.make_node("Conv", ["middle", "linear.weight"], ["linear"]),
        helper.make_node("Add", [x, "linear"], ["sub_pixels"]),
        helper.make_node("DepthToSpace", ["sub_pixels"], ["enlarged"], blocksize=2),
    ]
    graph = helper.make_graph(
        nodes,
        "super_resolution_x2",
        [helper.make_tensor_value_info("tiles", TensorProto.FLOAT, ["n", 1, "height_and_halo", "width_and_halo"])],
        [helper.make_tensor_value_info("enlarged", TensorProto.FLOAT, ["n", 1, "twice_height", "twice_width"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="nnrp")
    helper.set_model_props(model, {"halo": str(network.HALO), "scale": "2", "licence": "MIT"})
    onnx.checker.check_model(model, full_check=True)
    return model


def read(path: Path = MODEL) -> network.Params:
    """The weights of an exported file."""
    model = onnx.load(path)
    return {w.name: numpy_helper.to_array(w) for w in model.graph.initializer if not w.name.startswith("rim.")}


class Runner:
    """The exported file in ONNX Runtime."""

    def __init__(self, path: Path = MODEL) -> None:
        self.session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])

    def upscale(self, low: np.ndarray) -> np.ndarray:
        """A whole picture [h, w] in [0, 1] to [2h, 2w]; edges are replicated into the halo."""
        padded = np.pad(low.astype(np.float32), network.HALO, mode="edge")
        return self.session.run(None, {"tiles": padded[None, None]})[0][0, 0]


def largest_difference(path: Path = MODEL, seed: int = 0) -> float:
    """Largest difference between ONNX Runtime and numpy on noise and on odd sizes, in [0, 1] units."""
    params, runner, rng = read(path), Runner(path), np.random.default_rng(seed)
    worst = 0.0
    for shape in ((32, 32), (1, 1), (17, 40), (90, 160)):
        low = rng.random(shape, np.float32)
        worst = max(worst, float(np.abs(runner.upscale(low) - network.upscale(params, low)).max()))
    return worst


def export(params: network.Params, path: Path = MODEL) -> None:
    """Writes the file; fails if ONNX Runtime and numpy do not agree about it."""
    path.parent.mkdir(exist_ok=True)
    onnx.save(build(params), path)
    difference = largest_difference(path)
    print(f"{path.name}: {path.stat().st_size} bytes, {network.count(params)} weights, "
          f"ONNX Runtime and numpy differ by at most {difference:.1e}")
    if difference > 1e-5:
        raise SystemExit("the exported file does not compute what was trained")
