"""What a network takes in memory as tables for the terminal, 80 columns wide, and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from netdsl.measure.memory import Fit, Inference, Memory, Training
from netdsl.measure.units import size
from netdsl.text import safe
from netdsl.text.fit import clipped

_MOST_LAYERS = 10
_OPTIMIZERS = {
    "sgd": "SGD",
    "momentum": "SGD with momentum",
    "nesterov": "SGD with Nesterov's momentum",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
    "adadelta": "Adadelta",
    "adam": "Adam",
    "adamw": "AdamW",
}
_PARTS = ("weights", "gradients", "optimizer", "kept", "transient", "total")
_WIDTH = 10
_PAGE = 80


def _training(one: Training) -> list[str]:
    counts = (one.weights + one.constants, one.gradients, one.optimizer, one.kept, one.transient, one.total)
    return [size(count) for count in counts]


def _inference(one: Inference) -> list[str]:
    return [size(one.weights + one.constants), "", "", "", size(one.activations), size(one.total)]


def text(memory: Memory) -> str:
    """The table: a row for each device, in training and in inference; the layers that keep most; what fits."""
    lines = [
        f"{memory.title}: batch {memory.batch:,}, {memory.precision}, {_OPTIMIZERS[memory.optimizer]}"
        + (", all activations and gradients kept" if memory.keep == "all" else ""),
        "",
        _row("", _PARTS),
        "─" * (18 + _WIDTH * len(_PARTS)),
    ]
    for title, rows in (
        ("training", [(one.device, _training(one)) for one in memory.training]),
        ("inference", [(one.device, _inference(one)) for one in memory.inference]),
    ):
        for device, cells in rows:
            lines.append(_row(f"{title} @{device}" if len(rows) > 1 else title, cells))
    lines += ["", *(part for line in peaks(memory) for part in wrap(line, _PAGE))]
    if memory.layers:
        lines += ["", *_layers(memory)]
    if memory.fit is not None:
        lines += ["", *(part for line in fitting(memory, memory.fit) for part in wrap(line, _PAGE))]
    return "\n".join(lines)


def peaks(memory: Memory) -> list[str]:
    """When training takes most, in a sentence for each device, or why there is none."""
    if (least := memory.least) is not None:
        return [
            f"Training takes {least.batch} examples at once or more: "
            f"at batch {memory.batch:,}, {least.path} sees one value a channel."
        ]
    if memory.keep == "all":
        return ["All activations and all their gradients (transient) stay for the whole step."]
    several = len(memory.training) > 1
    return [
        f"Training peaks{f' on @{one.device}' if several else ''} while {one.node} runs{' backward' * one.backward}."
        for one in memory.training
    ]


def _row(title: str, cells: Sequence[str]) -> str:
    return (title.ljust(18) + "".join(" " + cell.rjust(_WIDTH - 1) for cell in cells)).rstrip()


def _layers(memory: Memory) -> list[str]:
    """The layers of which training keeps most, with their share."""
    whole = sum(one.total for one in memory.layers)
    shown, rest = memory.layers[:_MOST_LAYERS], memory.layers[_MOST_LAYERS:]
    wide = min(30, max(len(one.path) for one in shown))
    lines: list[str] = [f"{'kept most'.ljust(wide)}  {''.ljust(22)}{'output':>10}{'its own':>10}"]
    for one in shown:
        own = size(one.own) if one.own else ""
        output = size(one.output) if one.output else ""
        share = f"{100 * one.total / whole:.0f}%"
        lines.append(
            f"{clipped(one.path, wide).ljust(wide)}  {clipped(one.layer, 22).ljust(22)}{output:>10}{own:>10}{share:>6}"
        )
    if rest:
        count = sum(one.total for one in rest)
        label = f"{len(rest):,} more"
        lines.append(f"{label.ljust(wide)}  {''.ljust(22)}{size(count):>20}{f'{100 * count / whole:.0f}%':>6}")
    return lines


def fitting(memory: Memory, fit: Fit) -> list[str]:
    """What fits, in sentences."""
    several = len(memory.inference) > 1
    lines: list[str] = []
    if memory.training:
        fullest = max(memory.training, key=lambda one: one.total)
        verdict = "fits into" if fullest.total <= fit.bytes else "does not fit into"
        where, each = (f" on @{fullest.device}", " on each device") if several else ("", "")
        takes = f"Training at batch {memory.batch:,} takes {size(fullest.total)}{where}"
        lines.append(f"{takes}, and {verdict} {size(fit.bytes)}{each}.")
    for title, batch, device in (
        ("training", fit.training, fit.training_limit),
        ("inference", fit.inference, fit.inference_limit),
    ):
        limit = f"; @{device} is the limit" if several else ""
        if batch:
            lines.append(f"The largest batch of {title} that fits is {batch:,}{limit}.")
        else:
            few = "one example" if title == "inference" or memory.least is None else f"{memory.least.batch} examples"
            lines.append(f"Not even {few} {'fits' if few == 'one example' else 'fit'} in {title}{limit}.")
    return lines


def markdown(memory: Memory) -> str:
    """The same as Markdown tables."""
    lines = ["| | " + " | ".join(_PARTS) + " |", "|---|" + "---:|" * len(_PARTS)]
    for one in memory.training:
        lines.append(f"| training @{one.device} | " + " | ".join(_training(one)) + " |")
    for one in memory.inference:
        lines.append(f"| inference @{one.device} | " + " | ".join(_inference(one)) + " |")
    if memory.layers:
        lines += ["", "| path | layer | output | its own |", "|---|---|---:|---:|"]
        lines += [
            f"| {safe.code(one.path)} | {safe.code(one.layer)} | {size(one.output)} | {size(one.own)} |"
            for one in memory.layers
        ]
    if memory.least is not None:
        lines += ["", *peaks(memory)]
    if memory.fit is not None:
        lines += ["", " ".join(fitting(memory, memory.fit))]
    return "\n".join(lines)
