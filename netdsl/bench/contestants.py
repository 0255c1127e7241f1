"""The contestants, by the name that `--against` calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from netdsl.bench import exported, torch_runs
from netdsl.bench.run import Run
from netdsl.bench.workload import Workload
from netdsl.compile.formats import FORMATS
from netdsl.compile.target import PRECISIONS


@dataclass(frozen=True)
class Contestant:
    """A row of the table of contestants."""

    name: str
    """What `--against` calls it."""
    title: str
    prepare: Callable[[Workload], Run]
    """Makes it ready, in a process of its torch_runs. Raises Unavailable, or whatever the peer raises."""
    precisions: Mapping[str, Sequence[str]]
    """The precisions that it has, by device; others it is not asked for."""
    packages: Mapping[str, str]
    """The modules that it imports beyond PyTorch, each with the package that brings it."""

    def hindrance(self, device: str, precision: str) -> str | None:
        """Why it takes no part, as far as that is known without trying."""
        if device not in self.precisions:
            return f"does not run on {device}"
        if precision not in self.precisions[device]:
            return f"has no {precision} on {device}"
        if missing := [package for module, package in self.packages.items() if find_spec(module) is None]:
            return f"not installed; pip install {' '.join(missing)}"
        return None


_ALL = {"cpu": ("fp32", "bf16", "fp16"), "cuda": ("fp32", "tf32", "bf16", "fp16")}
_ONNX = {name: name for name in FORMATS["onnx"].packages}

OWN = Contestant("netdsl", "the compiled file, netdsl.runtime", torch_runs.runtime, PRECISIONS, {})
"""What all others are compared to."""

PEERS: Mapping[str, Contestant] = {
    one.name: one
    for one in (
        Contestant("file", "the compiled file, torch.jit.load", torch_runs.loaded, PRECISIONS, {}),
        Contestant("eager", "PyTorch", torch_runs.eager, _ALL, {}),
        Contestant("channels-last", "PyTorch, channels-last", torch_runs.channels_last, _ALL, {}),
        Contestant("freeze", "torch.jit.optimize_for_inference", torch_runs.freeze, _ALL, {}),
        Contestant("compile", "torch.compile", torch_runs.compile, _ALL, {}),
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
