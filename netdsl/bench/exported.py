"""The contestants that take ONNX: the network is exported once, and each reads the file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl.bench.contestant import Run, Unavailable, first_sentence

if TYPE_CHECKING:
    from torch import Tensor

    from netdsl.bench.material import Material


def onnx(material: Material, *, float32: bool = True) -> Path:
    """The network as an ONNX file for the batch, in float32 or with the conversions to its precision inside.

    Where PyTorch's exporter cannot, its older one may. Raises Unavailable where neither can.
    """
    path = material.folder / ("network.onnx" if float32 else f"network_{material.setting.precision}.onnx")
    if path.exists():
        return path
    network, inputs = material.network(float32=float32), tuple(material.batches()[0])
    partial = path.with_suffix(".partial")
    exporter: Any = import_module("torch.onnx")
    try:
        exporter.export(network, inputs, partial, dynamo=True, external_data=False, verbose=False)
    except Exception:  # whatever it trips over
        try:
            exporter.export(network, inputs, partial, dynamo=False)
        except Exception as error:
            raise Unavailable(f"torch.onnx cannot export the network: {first_sentence(error)}") from error
    partial.rename(path)
    return path


def onnxruntime(material: Material) -> Run:
    """ONNX Runtime with all its graph optimisations, on the device's provider."""
    import torch

    runtime: Any = import_module("onnxruntime")
    device = material.setting.device
    provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[device]
    if provider not in runtime.get_available_providers():
        raise Unavailable(f"this onnxruntime has no {provider}; pip install onnxruntime-gpu")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = material.threads
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    path = onnx(material, float32=material.setting.precision == "fp32")
    session = runtime.InferenceSession(path, options, providers=[provider])
    names = [one.name for one in session.get_inputs()]

    def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        arrays = {name: one.numpy() for name, one in zip(names, inputs, strict=True)}
        return [torch.as_tensor(one) for one in session.run(None, arrays)]

    return run if device == "cpu" else _bound(material, session)


def _bound(material: Material, session: Any) -> Run:
    """A session whose inputs and outputs are torch's own memory on the GPU."""
    import numpy
    import torch

    device, binding = material.setting.device, session.io_binding()
    sizes = [(material.setting.batch, *one.shape[1:]) for one in material.reference]
    outputs = [torch.empty(size, device=device) for size in sizes]
    for slot, one in zip(session.get_outputs(), outputs, strict=True):
        binding.bind_output(slot.name, device, 0, numpy.float32, tuple(one.shape), one.data_ptr())

    def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        for slot, one in zip(session.get_inputs(), inputs, strict=True):
            binding.bind_input(slot.name, device, 0, numpy.float32, tuple(one.shape), one.data_ptr())
        session.run_with_iobinding(binding)
        return outputs

    return run


def openvino(material: Material) -> Run:
    """OpenVINO for latency, at the precision that it is hinted to."""
    import torch

    core: Any = import_module("openvino").Core()
    precision = material.setting.precision
    hint, capability = {"fp32": ("f32", "FP32"), "bf16": ("bf16", "BF16"), "fp16": ("f16", "FP16")}[precision]
    if capability not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise Unavailable(f"computes in no {precision} on this CPU")
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": material.threads,
        "INFERENCE_PRECISION_HINT": hint,
    }
    compiled = core.compile_model(core.read_model(onnx(material)), "CPU", settings)
    request = compiled.create_infer_request()

    def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        found = request.infer([one.numpy() for one in inputs], share_inputs=True, share_outputs=True)
        return [torch.as_tensor(found[one]) for one in compiled.outputs]

    return run
