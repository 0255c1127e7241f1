"""ONNX models as layers: counts of published networks, and outputs of what netdsl writes itself."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import netdsl
from netdsl.interchange.flat import Flat, graph
from netdsl.interchange.normal import flat
from netdsl.interchange.onnx import reader

needed = pytest.mark.skipif(find_spec("onnx") is None, reason="onnx: not installed (pip install 'netdsl[onnx]')")

COUNTS = {
    "bvlc_alexnet": (60_965_224, 654_560_384),
    "densenet121": (7_978_856, 2_834_161_664),
    "inception_v1": (6_998_552, 1_431_556_352),
    "inception_v2": (11_194_984, 2_018_851_840),
    "resnet50": (25_557_032, 4_089_184_256),
    "shufflenet": (1_393_320, 124_664_528),
    "squeezenet": (1_235_496, 349_151_936),
    "vgg19": (143_667_240, 19_632_062_464),
    "zfnet512": (87_250_536, 1_481_727_008),
}
"""Parameters and multiply-adds of the networks that the package brings, counted from their files alone."""


def imported(path: Path) -> Flat:
    return flat(reader.read(path))


@needed
@pytest.mark.parametrize("name", COUNTS)
def test_networks_of_the_package_have_their_counts(name: str) -> None:
    import onnx  # pyright: ignore

    path = Path(str(onnx.__file__)).parent / "backend" / "test" / "data" / "light" / f"light_{name}.onnx"
    found = imported(path)
    totals = netdsl.from_graph(graph(found)).summary().totals
    assert (totals.params, totals.macs) == COUNTS[name]
    assert found.macs == totals.macs
    assert found.params in (None, totals.params)
