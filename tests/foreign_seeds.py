"""Small networks of other formats, whole, for the fuzzer of importers to damage.

Each is made anew by its own library, so that a version of it that writes otherwise is tried as it is.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

FILES = Path(__file__).parent / "interchange"
PROGRAMS = (
    "INPUT 9x10x3 -> CONV 4 3 p1 -> BN -> RELU -> [ CONV 4 3 p1 -> BN | SKIP ] -> ADD -> AVGPOOL global -> FC 5",
    "INPUT 8x8x4 -> [ CONV 4 1 -> SHUFFLE 2 | MAXPOOL 3 s1 p1 ] -> CONCAT -> UPSAMPLE 2 -> PIXELSHUFFLE 2 -> GELU",
    "INPUT 6x8 -> ATTENTION 2 -> LN -> FC 4 -> SOFTMAX",
)
"""What netdsl writes as ONNX itself."""
SIZES: dict[str, tuple[int, ...]] = {"alexnet": (227, 227, 3), "nin": (224, 224, 3), "mnist_autoencoder": (28, 28, 1)}
"""The sizes that files of Caffe leave open."""
BLOBS = """name: "small"
input: "data" input_shape { dim: 1 dim: 2 dim: 6 dim: 5 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layer { name: "b" type: "BatchNorm" bottom: "c" top: "c" }
layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
layer { name: "r" type: "PReLU" bottom: "c" top: "c" }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "f" type: "InnerProduct" bottom: "p" top: "f" inner_product_param { num_output: 3 } }
"""
SECTIONS = """[net]
width=8
height=6
channels=3
[convolutional]
batch_normalize=1
filters=4
size=3
pad=1
activation=leaky
[maxpool]
size=2
stride=1
[route]
layers=-1,-2
[reorg]
stride=2
[connected]
output=5
activation=linear
"""


@dataclass(frozen=True)
class Seed:
    """The files of a network by their suffixes, and the sizes that are said of its input."""

    name: str
    suffix: str
    files: dict[str, bytes]
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])


def seeds(*kinds: str) -> list[Seed]:
    """The networks of some suffixes, as far as their libraries are there."""
    found = [*_caffe(), *_darknet()]
    if ".onnx" in kinds and find_spec("onnx"):
        found += _onnx()
    if ".pt2" in kinds:
        found += _torch()
    return [one for one in found if one.suffix in kinds]


def _caffe() -> Iterator[Seed]:
    from foreign import caffemodel

    for path in sorted(FILES.glob("*/*.prototxt")):
        inputs = {"": SIZES[path.stem]} if path.stem in SIZES else {}
        yield Seed(path.stem, ".prototxt", {".prototxt": path.read_bytes()}, inputs)
    ones = {name: [np.ones(dims) for dims in sizes] for name, sizes in _BLOB_SIZES.items()}
    for old in (False, True):
        yield Seed("blobs", ".prototxt", {".prototxt": BLOBS.encode(), ".caffemodel": caffemodel(ones, old=old)})


_BLOB_SIZES: dict[str, list[tuple[int, ...]]] = {
    "c": [(4, 2, 3, 3), (4,)],
    "b": [(4,), (4,), (1,)],
    "s": [(4,), (4,)],
    "r": [(4,)],
    "f": [(3, 36), (3,)],
}


def _darknet() -> Iterator[Seed]:
    from foreign import darknet_weights

    for path in sorted(FILES.glob("*/*.cfg")):
        yield Seed(path.stem, ".cfg", {".cfg": path.read_bytes()})
    values = [np.ones(count) for count in (4, 4, 4, 4, 108, 5, 5 * 384)]
    yield Seed("sections", ".cfg", {".cfg": SECTIONS.encode(), ".weights": darknet_weights(values)})


def _onnx() -> Iterator[Seed]:
    onnx: Any = import_module("onnx")
    for path in sorted((Path(str(onnx.__file__)).parent / "backend/test/data/light").glob("*.onnx")):
        yield Seed(path.stem, ".onnx", {".onnx": path.read_bytes()})
    for name, model in (("helper", _helped()), ("recurrent", _recurrent())):
        yield Seed(name, ".onnx", {".onnx": model.SerializeToString()})
    if find_spec("onnxscript") is None:
        return
    import netdsl

    with TemporaryDirectory() as folder:
        for number, text in enumerate(PROGRAMS):
            path = Path(folder) / f"{number}.onnx"
            netdsl.loads(text).compile(path)
            yield Seed(f"program{number}", ".onnx", {".onnx": path.read_bytes()})


def _helped() -> Any:
    """A model with what exporters write: sizes that are computed, constants of several kinds, an older Clip."""
    helper: Any = import_module("onnx.helper")
    array: Any = import_module("onnx.numpy_helper").from_array
    rng = np.random.default_rng(0)

    def real(name: str, *dims: int) -> Any:
        return array(rng.normal(size=dims).astype(np.float32), name)

    def whole(name: str, *values: int) -> Any:
        return array(np.array(values, np.int64), name)

    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w", "b"], ["a"], name="/stem/conv/Conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["a", "g", "b", "m", "v"], ["c"], name="/stem/bn"),
        node("Sigmoid", ["c"], ["d"]),
        node("Mul", ["c", "d"], ["e"]),
        node("Pad", ["e", "pads"], ["n"], mode="reflect"),
        node("Shape", ["n"], ["f"]),
        node("Gather", ["f", "zero"], ["h"], axis=0),
        node("Concat", ["h", "sizes"], ["i"], axis=0),
        node("Reshape", ["n", "i"], ["j"]),
        node("Transpose", ["j"], ["k"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["k", "back"], ["l"]),
        node("Slice", ["l", "two", "eight", "axis", "one"], ["o"]),
        node("Resize", ["o", "", "scales"], ["p"], mode="nearest"),
        node("Split", ["p"], ["q", "r"], axis=1),
        node("Clip", ["q", "low", "high"], ["s"]),
        node("Constant", [], ["t"], value=array(np.full((1, 1, 1, 1), 0.5, np.float32))),
        node("Mul", ["r", "t"], ["u"]),
        node("Add", ["s", "u"], ["y0"]),
        node("GlobalAveragePool", ["y0"], ["y1"]),
        node("Flatten", ["y1"], ["y2"]),
        node("ConstantOfShape", ["fc"], ["y3"], value=array(np.array([0.1], np.float32))),
        node("Gemm", ["y2", "y3"], ["y"], transB=1),
    ]
    stored = [
        *(real("w", 4, 3, 3, 3), real("b", 4), real("g", 4), real("m", 4), array(np.ones(4, np.float32), "v")),
        *(whole("zero", 0), whole("sizes", 2, 2, 10, 10), whole("back", 1, 4, 10, 10), whole("fc", 5, 2)),
        *(whole("pads", 0, 0, 1, 1, 0, 0, 1, 1), whole("two", 2), whole("eight", 8), whole("axis", 3)),
        *(whole("one", 1), array(np.array([1, 1, 2, 2], np.float32), "scales")),
        *(array(np.float32(0), "low"), array(np.float32(6), "high")),
    ]
    return _model(nodes, stored, {"x": (1, 3, 8, 8)}, {"y": (1, 5), "y0": (1, 2, 20, 12)})


def _recurrent() -> Any:
    helper: Any = import_module("onnx.helper")
    array: Any = import_module("onnx.numpy_helper").from_array
    rng = np.random.default_rng(0)
    sizes = {"w": (2, 12, 4), "r": (2, 12, 3), "b": (2, 24), "k": (6, 2)}
    stored = [array(rng.normal(size=dims).astype(np.float32), name) for name, dims in sizes.items()]
    stored += [array(np.array([0, 0, -1], np.int64), "s"), array(np.array([1], np.int64), "axes")]
    node = helper.make_node
    nodes = [
        node("Transpose", ["x"], ["c"], perm=[1, 0, 2]),
        node("LSTM", ["c", "w", "r", "b"], ["d", "", ""], hidden_size=3, direction="bidirectional"),
        node("Transpose", ["d"], ["f"], perm=[0, 2, 1, 3]),
        node("Reshape", ["f", "s"], ["g"]),
        node("MatMul", ["g", "k"], ["h"]),
        node("Softmax", ["h"], ["y"], axis=-1),
    ]
    return _model(nodes, stored, {"x": (1, 5, 4)}, {"y": (5, 1, 2)})


def _model(nodes: Any, stored: Any, inputs: Any, outputs: Any) -> Any:
    onnx: Any = import_module("onnx")
    helper: Any = import_module("onnx.helper")

    def info(name: str, dims: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims)

    graph = helper.make_graph(
        nodes,
        "made",
        [info(*one) for one in inputs.items()],
        [info(*one) for one in outputs.items()],
        stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def _torch() -> Iterator[Seed]:
    import torch

    from netdsl.interchange.torch import live

    for name, module, inputs in _modules():
        data = io.BytesIO()
        with live.quiet("torch.export"):
            torch.export.save(torch.export.export(module.eval(), inputs), data)
        yield Seed(name, ".pt2", {".pt2": _slim(data.getvalue())})


def _slim(data: bytes) -> bytes:
    """A file without its example inputs, which are pickled, and not compressed."""
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(found, "w") as target:
        for name in source.namelist():
            if not name.endswith(".pt"):
                target.writestr(name, source.read(name))
    return found.getvalue()


def _modules() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Modules that together have what is common: blocks, attention, recurrence, two inputs, constants."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(after)
            self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(after)
            self.down = nn.Conv2d(before, after, 1, stride) if stride > 1 else nn.Identity()

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            return torch.relu(y + self.down(x))

    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.mha = nn.LayerNorm(4), nn.MultiheadAttention(4, 2, batch_first=True)
            self.mlp = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))

        def forward(self, x: Any) -> Any:
            x = x.flatten(2).transpose(1, 2)
            y = self.norm(x)
            x = x + self.mha(y, y, y, need_weights=False)[0]
            return self.mlp(x).mean(1)

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(4, 3, 2, bidirectional=True, batch_first=True)
            self.top = nn.Linear(6, 2)

        def forward(self, x: Any) -> Any:
            return self.top(self.rnn(x)[0][:, -1]).softmax(-1)

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Conv2d(3, 3, 3, padding=1, groups=3)

        def forward(self, x: Any, y: Any) -> Any:
            z = torch.cat([self.one(x).clamp(0, 6), self.one(y)], 1).view(x.size(0), 2, 3, 4, 4).transpose(1, 2)
            mask = torch.zeros(4, 4).masked_fill(torch.arange(4) > 1, 1.0)
            z = z.reshape(x.size(0), 6, 4, 4) * mask.sum()
            a, b = z.chunk(2, 1)
            return {"map": nn.functional.interpolate(a, scale_factor=2), "score": b.mean((2, 3))}

    torch.manual_seed(0)
    stem = (nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
    body = (Block(4, 4, 1), Block(4, 4, 1), Block(4, 8, 2), Block(8, 8, 1))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(8, 5))
    yield "resnet", nn.Sequential(*stem, *body, *head), (torch.zeros(1, 3, 16, 16),)
    yield "attention", Attending(), (torch.zeros(1, 4, 2, 3),)
    yield "recurrent", Recurrent(), (torch.zeros(1, 5, 4),)
    yield "both", Both(), (torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
