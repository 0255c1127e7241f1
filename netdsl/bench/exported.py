"""The contestants that take ONNX: the network is exported once, and each reads the file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl.bench.run import Run, Unavailable, first_sentence

if TYPE_CHECKING:
    from torch import Tensor

    from netdsl.bench.workload import Workload


def onnx(workload: Workload, *, float32: bool = True) -> Path:
    """The network as an ONNX file, in float32 or with the conversions to its precision inside. Raises Unavailable."""
    from netdsl.compile import onnx
    from netdsl.compile.errors import CompileError

    path = workload.folder / ("network.onnx" if float32 else f"network_{workload.setting.precision}.onnx")
    if not path.exists():
        try:
            onnx.write(workload.network(float32=float32).cpu(), workload.plan, path)
        except CompileError as error:
            raise Unavailable(f"it cannot be exported: {first_sentence(error)}") from error
    return path


def onnxruntime(workload: Workload) -> Run:
    """ONNX Runtime with all its graph optimisations, on the device's provider."""
    import torch

    from netdsl.compile.onnx import BATCH

    runtime: Any = import_module("onnxruntime")
    device = workload.setting.device
    provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[device]
    if provider not in runtime.get_available_providers():
        raise Unavailable(f"this onnxruntime has no {provider}; pip install onnxruntime-gpu")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = workload.threads
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_free_dimension_override_by_name(BATCH, workload.setting.batch)
    path = onnx(workload, float32=workload.setting.precision == "fp32")
    session = runtime.InferenceSession(path, options, providers=[provider])
    names = [one.name for one in session.get_inputs()]

    def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        arrays = {name: one.numpy() for name, one in zip(names, inputs, strict=True)}
        return [torch.as_tensor(one) for one in session.run(None, arrays)]

    return run if device == "cpu" else _bound(workload, session)


def _bound(workload: Workload, session: Any) -> Run:
    """A session whose inputs and outputs are torch's own memory on the GPU."""
    import numpy
    import torch

    device, binding = workload.setting.device, session.io_binding()
    sizes = [(workload.setting.batch, *one.shape[1:]) for one in workload.reference]
    outputs = [torch.empty(size, device=device) for size in sizes]
    for slot, one in zip(session.get_outputs(), outputs, strict=True):
        binding.bind_output(slot.name, device, 0, numpy.float32, tuple(one.shape), one.data_ptr())

    def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        for slot, one in zip(session.get_inputs(), inputs, strict=True):
            binding.bind_input(slot.name, device, 0, numpy.float32, tuple(one.shape), one.data_ptr())
        session.run_with_iobinding(binding)
        return outputs

    return run


def openvino(workload: Workload) -> Run:
    """OpenVINO for latency, at the precision that it is hinted to."""
    import torch

    core: Any = import_module("openvino").Core()
    precision = workload.setting.precision
    hint, capability = {"fp32": ("f32", "FP32"), "bf16": ("bf16", "BF16"), "fp16": ("f16", "FP16")}[precision]
    if capability not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise Unavailable(f"computes in no {precision} on this CPU")
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": workload.threads,
        "INFERENCE_PRECISION_HINT": hint,
    }
    model = core.read_model(onnx(workload))
    model.reshape({slot: (workload.setting.batch, *list(slot.partial_shape)[1:]) for slot in model.inputs})
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()

    def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        found = request.infer([one.numpy() for one in inputs], share_inputs=True, share_outputs=True)
        return [torch.as_tensor(found[one]) for one in compiled.outputs]

    return run
