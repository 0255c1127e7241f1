"""What is found in the summaries of networks, for claims that are about more than one figure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

from case_studies.claim import Claim, about, data


def _layers(printed: str, *kinds: str) -> list[dict[str, Any]]:
    return [row for row in data(printed)["layers"] if row["kind"] in kinds]


def _distinct(values: Sequence[object]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))


_ACTIVATIONS = ("RELU", "TANH", "SIGMOID")


def activations(printed: str) -> str:
    """The activations that a network uses."""
    return _distinct([row["kind"] for row in _layers(printed, *_ACTIVATIONS)])


def last(printed: str) -> str:
    """The last layer."""
    return data(printed)["layers"][-1]["kind"]


def sizes(printed: str) -> str:
    """The heights of the maps, from the input on."""
    return _distinct([row["output"][0] for row in data(printed)["layers"] if len(row["output"]) == 3])


def channels(printed: str) -> str:
    """The channels of the maps, from the input on."""
    return _distinct([row["output"][-1] for row in data(printed)["layers"] if len(row["output"]) == 3])


def _name(number: int) -> str:
    return f"{'CONV' if number <= 5 else 'FC'}{number}"


def _reading(printed: str) -> Iterator[tuple[str, bool]]:
    """Each of the two towers' eight layers, and whether it reads maps of both devices."""
    rows = {row["path"]: row for row in data(printed)["layers"]}
    number = 0
    for row in rows.values():
        if row["kind"] not in ("CONV", "FC") or row["device"]:
            continue
        number += 1
        source = rows[row["inputs"][0]]
        while source["kind"] not in ("CONCAT", "CONV", "FC", "INPUT"):
            source = rows[source["inputs"][0]]
        devices = {rows[path]["device"] for path in source["inputs"]} if source["kind"] == "CONCAT" else {0}
        yield _name(number), len(devices) > 1


def within(printed: str) -> str:
    """The layers that read the maps of their own device alone."""
    return ", ".join(name for name, both in _reading(printed) if not both)


def across(printed: str) -> str:
    """The layers that read the maps of both devices."""
    return ", ".join(name for name, both in _reading(printed) if both)


def conv1_of_each_device(printed: str) -> str:
    """The output of the first convolution of each device."""
    found = [row for row in _layers(printed, "CONV") if row["path"].endswith("conv1")]
    return (
        f"{_distinct(['x'.join(map(str, row['output'])) for row in found])} × {len({row['device'] for row in found})}"
    )


def filters(printed: str) -> str:
    """The channels of the convolutions, and the units of the fully connected layers but the last."""
    return "-".join(str(row["output"][-1]) for row in _layers(printed, "CONV", "FC")[:-1])


def convolutions(printed: str) -> str:
    """What all convolutions do to the size of the map."""
    rows = {row["path"]: row for row in data(printed)["layers"]}
    kept = all(row["output"][:2] == rows[row["inputs"][0]]["output"][:2] for row in _layers(printed, "CONV"))
    return "stride 1, the size stays" if kept else "not all keep the size"


def shrinking(printed: str) -> str:
    """The layers that make a map smaller."""
    rows = {row["path"]: row for row in data(printed)["layers"]}
    maps = [row for row in rows.values() if len(row["output"]) == 3 and row["inputs"]]
    return _distinct([row["kind"] for row in maps if row["output"][0] < rows[row["inputs"][0]]["output"][0]])


def widths(printed: str) -> str:
    """The channels of the convolutions."""
    return _distinct([row["output"][-1] for row in _layers(printed, "CONV")])


def normalisations(printed: str) -> str:
    """The normalisations that a network uses."""
    return _distinct([row["kind"] for row in _layers(printed, "LRN", "BN")]) or "none"


def numbers_with_activations(printed: str) -> str:
    """How many numbers all layers put out, activations too."""
    rows = [row for row in data(printed)["layers"] if row["kind"] not in ("DROPOUT", "SOFTMAX")]
    return f"{sum(prod(row['output']) for row in rows):,}"


def nonlinearities(printed: str) -> str:
    """How many activations there are."""
    return str(len(_layers(printed, *_ACTIVATIONS)))


def field(printed: str) -> str:
    """The receptive field at the end, where it is the same along each axis."""
    return _distinct(data(printed)["layers"][-1]["field"])


def fewer(found: str) -> bool:
    """Whether the first of two counts is smaller: `12,443,648 MACs in place of 120,422,400`."""
    first, second = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+", found))
    return first < second


def saving(printed: str) -> str:
    """The work with and without a 1x1 convolution in front, as explained."""
    counts = dict(re.findall(r"(?m)^ +(without|with) .*= ([\d,]+) MACs", printed))
    return f"{counts['with']} MACs in place of {counts['without']}"


def stack(printed: str) -> str:
    """The weights of three 3x3 and of one 7x7, as explained."""
    counts = dict(re.findall(r"(?m)^ +(three 3x3|one 7x7) .*= ([\d,]+) weights", printed))
    return f"{counts['three 3x3']} weights in place of {counts['one 7x7']}"


def _compared(printed: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(printed)))


def errors(printed: str) -> str:
    """The top-5 errors of networks."""
    return ", ".join(row["top5_error"] for row in _compared(printed))


def error_and_depth(printed: str) -> str:
    """The top-5 error of a network, as its file says, and its depth, computed."""
    (row,) = _compared(printed)
    return f"{row['top5_error']}%, {row['depth']} layers"


def costs(printed: str) -> str:
    """The parameters and MACs of a network."""
    (row,) = _compared(printed)
    return f"{int(row['params']):,} parameters, {int(row['macs']):,} MACs"


def of_layers(key: str, *paths: str) -> Callable[[str], str]:
    """A finding: a figure of some blocks and layers, summed over what stands under each path."""

    def find(printed: str) -> str:
        rows = data(printed)["layers"]
        sums = [sum(row[key] for row in rows if f"{row['path']}.".startswith(f"{path}.")) for path in paths]
        return ", ".join(f"{path} {figure:,}" for path, figure in zip(paths, sums, strict=True))

    return find


def field_and_stride(path: str) -> Callable[[str], str]:
    """A finding: the receptive field of a layer, and its effective stride."""

    def find(printed: str) -> str:
        row = next(row for row in data(printed)["layers"] if row["path"] == path)
        return f"{_distinct(row['field'])}, stride {_distinct(row['stride'])}"

    return find


def beats_the_human(printed: str) -> str:
    """A network's top-5 error beside the human one."""
    (row,) = _compared(printed)
    return f"{row['top5_error']} {'<' if float(row['top5_error']) < 5.1 else '>'} 5.1"


_ROWS = """
INPUT     224x224x3   150K 0
CONV3-64  224x224x64  3.2M 1,728
CONV3-64  224x224x64  3.2M 36,864
POOL2     112x112x64  800K 0
CONV3-128 112x112x128 1.6M 73,728
CONV3-128 112x112x128 1.6M 147,456
POOL2     56x56x128   400K 0
CONV3-256 56x56x256   800K 294,912
CONV3-256 56x56x256   800K 589,824
CONV3-256 56x56x256   800K 589,824
POOL2     28x28x256   200K 0
CONV3-512 28x28x512   400K 1,179,648
CONV3-512 28x28x512   400K 2,359,296
CONV3-512 28x28x512   400K 2,359,296
POOL2     14x14x512   100K 0
CONV3-512 14x14x512   100K 2,359,296
CONV3-512 14x14x512   100K 2,359,296
CONV3-512 14x14x512   100K 2,359,296
POOL2     7x7x512     25K  0
FC        1x1x4096    4096 102,760,448
FC        1x1x4096    4096 16,777,216
FC        1x1x1000    1000 4,096,000
"""


def vgg_rows() -> Iterator[Claim]:
    """Each row of the slides' walk through VGG-16: its numbers, and its parameters without biases."""
    for number, line in enumerate(_ROWS.strip().splitlines()):
        layer, dims, numbers, params = line.split()
        says = f"{layer}: [{dims}] memory: {numbers}, params: {params}"
        yield Claim(
            says, "netdsl summary vgg16 --format slides", _row(number), _holds(f"{layer} [{dims}]", numbers, params)
        )


def _row(number: int) -> Callable[[str], str]:
    """A finding: a row's layer and dims, how many numbers that is, and its parameters."""

    def find(printed: str) -> str:
        line = printed.splitlines()[number]
        layer, dims = line.split()[:2]
        count = prod(map(int, re.findall(r"\d+", dims)))
        return f"{layer} {dims}: {count:,} numbers, {line.split()[-1]} parameters"

    return find


def _holds(row: str, numbers: str, params: str) -> Callable[[str], bool]:
    """Whether what was found is a row of the slides, which round numbers."""

    def holds(found: str) -> bool:
        what, _, costs = found.partition(": ")
        count, parameters = (cost.split()[0] for cost in costs.split(", "))
        return what == row and about(count, numbers) and parameters == params

    return holds
