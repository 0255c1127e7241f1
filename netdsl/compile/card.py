"""What a compiled file tells of its network, in texts beside the code."""

from __future__ import annotations

import json
from collections.abc import Mapping

from netdsl.compile import meaning
from netdsl.compile.plan import Plan
from netdsl.compile.target import Target


def texts(plan: Plan, target: Target) -> Mapping[str, str]:
    """The texts by their names, which `torch.jit.load(file, _extra_files=dict.fromkeys(names, ""))` reads.

    Dims are of one example, spatial sizes first and channels last, by paths as the source writes them, as are the
    outputs' meanings. The target says what the file is made for, and where devices are bound, which one each input has
    to be on.
    """
    graph = plan.shaped.graph
    made: dict[str, object] = {"target": target.name, "precision": target.precision, "batch": target.batch}
    if plan.devices:
        nodes = {graph.output_name(index): graph.nodes[index] for index in plan.inputs}
        made["devices"] = {name: str(plan.device(node)) for name, node in nodes.items()}
    return {
        "source.net": graph.source.text,
        "title.txt": graph.title,
        "meta.json": _json(dict(graph.meta)),
        "inputs.json": _json(plan.dims(plan.inputs)),
        "outputs.json": _json(plan.dims(plan.outputs)),
        "meanings.json": _json({graph.output_name(one): meaning.of(plan.shaped, one) for one in plan.outputs}),
        "target.json": _json(made),
    }


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)
