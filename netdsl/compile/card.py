"""What a compiled file tells of its network, in texts beside the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from netdsl.compile import meaning
from netdsl.compile.plan import Plan
from netdsl.compile.target import Target
from netdsl.runtime.file import Card
from netdsl.runtime.preparation import Preparation


def texts(
    plan: Plan,
    target: Target,
    network: nn.Module,
    classes: Sequence[str] = (),
    preparation: Preparation | None = None,
) -> Mapping[str, str]:
    """The texts by their names, which `torch.jit.load(file, _extra_files=dict.fromkeys(names, ""))` reads.

    Names are paths as the source writes them. `network` is what the file holds.
    """
    graph = plan.shaped.graph
    inputs = {graph.output_name(index): graph.nodes[index] for index in plan.inputs} if plan.devices else {}
    return Card(
        graph.title,
        dict(graph.meta),
        plan.dims(plan.inputs),
        plan.dims(plan.outputs),
        target.name,
        target.precision,
        target.batch,
        graph.source.text,
        {name: str(plan.device(node)) for name, node in inputs.items()},
        {graph.output_name(one): meaning.of(plan.shaped, one) for one in plan.outputs},
        sorted({type(one).__name__ for one in network.modules() if getattr(one, "unfused", False)}),
        classes=classes,
        preparation=preparation,
    ).texts()
