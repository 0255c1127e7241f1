"""The contestants, by the name that `--against` calls them."""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.bench import exported, own, torch_peers
from netdsl.bench.contestant import Contestant
from netdsl.compile.formats import FORMATS
from netdsl.compile.target import PRECISIONS

_ALL = {"cpu": ("fp32", "bf16", "fp16"), "cuda": ("fp32", "tf32", "bf16", "fp16")}
_ONNX = {name: name for name in FORMATS["onnx"].packages}

OWN = Contestant("netdsl", "the compiled file, netdsl.runtime", own.runtime, PRECISIONS, {})
"""What all others are compared to."""

PEERS: Mapping[str, Contestant] = {
    one.name: one
    for one in (
        Contestant("file", "the compiled file, torch.jit.load", own.loaded, PRECISIONS, {}),
        Contestant("eager", "PyTorch", torch_peers.eager, _ALL, {}),
        Contestant("channels-last", "PyTorch, channels-last", torch_peers.channels_last, _ALL, {}),
        Contestant("freeze", "torch.jit.optimize_for_inference", torch_peers.freeze, _ALL, {}),
        Contestant("compile", "torch.compile", torch_peers.compile, _ALL, {}),
        Contestant(
            "onnxruntime",
            "ONNX Runtime",
            exported.onnxruntime,
            {"cpu": ("fp32",), "cuda": ("fp32", "fp16")},
            {"onnxruntime": "onnxruntime", **_ONNX},
        ),
        Contestant(
            "openvino",
            "OpenVINO",
            exported.openvino,
            {"cpu": ("fp32", "bf16", "fp16")},
            {"openvino": "openvino", **_ONNX},
        ),
    )
}

CONTESTANTS: Mapping[str, Contestant] = {OWN.name: OWN, **PEERS}
