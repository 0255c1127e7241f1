"""What ends a network of Caffe: losses, measures, and layers that pick of its outputs or stand beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netdsl.interchange.caffe.work import Given

MEASURES = {
    "Accuracy": "",
    "ContrastiveLoss": "",
    "EuclideanLoss": "",
    "HDF5Output": "",
    "HingeLoss": "",
    "Implicit": "",  # netscope's word for what stands for nothing
    "InfogainLoss": "SOFTMAX",
    "MatWrite": "",
    "MultiBoxLoss": "",
    "MultinomialLogisticLoss": "",
    "SigmoidCrossEntropyLoss": "SIGMOID",
    "Silence": "",
    "SoftmaxWithLoss": "SOFTMAX",
}
"""What ends a network and is none of its layers, and what it makes of its first input before it compares."""

LEFT = {
    "ArgMax": "which picks a class",
    "DetectionEvaluate": "which measures",
    "DetectionOutput": "which picks boxes",
    "EvalDetection": "which measures",
    "PriorBox": "whose boxes follow from sizes alone",
}
"""What is no layer of a network either, and is told: what it does with what it reads."""


def ends(given: Given) -> bool:
    """Whether nothing of a network comes from a layer: what it reads is an output, where nothing else reads it."""
    if given.kind == "Python":
        return bool(given.bottoms) and (given.fields.has("loss_weight") or not given.tops)
    return given.kind in MEASURES or given.kind in LEFT or given.kind.lower().endswith(("loss", "accuracy"))
