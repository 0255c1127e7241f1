"""The winners of the ImageNet challenge (ILSVRC, classification), as its chart is usually drawn.

The errors are those of the entries, which average several networks over several crops; they are the challenge's
own, from its results pages (image-net.org/challenges/LSVRC/2010/results and so on to 2017) and, up to 2014, from
O. Russakovsky and others, "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015, whose section 6.4 has
the human's. VGG and ResNet-152 stand for entries of several depths. VGG came second in 2014.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from netdsl import resources
from netdsl.graph.build import build
from netdsl.graph.program import read
from netdsl.measure.summary import Summary
from netdsl.text.diagnostic import Report

HUMAN = 5.1
"""The top-5 error of the better of two trained people, in percent."""


@dataclass(frozen=True, slots=True)
class Winner:
    """An entry of the challenge: its top-5 error in percent, and its layers, None where it was no deep network."""

    year: int
    name: str
    top5_error: float
    layers: int | None
    source: str
    """The paper that tells of the network."""
    network: str = ""
    """The bundled network that is it, if one is."""


PUBLISHED = (
    Winner(2010, "Lin et al.", 28.2, None, "Lin, Lv, Zhu, Yang, Cour, Yu, Cao, Huang, CVPR 2011"),
    Winner(2011, "Sánchez & Perronnin", 25.8, None, "Sánchez, Perronnin, CVPR 2011"),
    Winner(2012, "AlexNet", 16.4, 8, "Krizhevsky, Sutskever, Hinton, NIPS 2012", "alexnet"),
    Winner(2013, "ZFNet", 11.7, 8, "Zeiler, Fergus, ECCV 2014", "zfnet"),
    Winner(2014, "VGG", 7.3, 19, "Simonyan, Zisserman, ICLR 2015", "vgg19"),
    Winner(2014, "GoogLeNet", 6.7, 22, "Szegedy and others, CVPR 2015", "googlenet"),
    Winner(2015, "ResNet", 3.6, 152, "He, Zhang, Ren, Sun, CVPR 2016", "resnet152"),
    # The team Trimps-Soushen, whose ensemble of several architectures left no paper; the chart says 152 layers.
    Winner(2016, "Shao et al.", 3.0, 152, "image-net.org/challenges/LSVRC/2016/results"),
    # The ensemble's largest, SENet-154, is built on ResNeXt-152; the chart says 152 layers.
    Winner(2017, "SENet", 2.3, 152, "Hu, Shen, Sun, CVPR 2018"),
)
"""As published, by year."""


def file(winner: Winner) -> Path:
    """The file of a winner that is bundled."""
    return (resources.networks() / f"{winner.network}.net").resolve()


def computed(winner: Winner) -> Winner:
    """A winner that is bundled, with its layers as netdsl counts them, and the year and error that its file gives."""
    path = file(winner)
    report = Report()
    source = read(path, path.name, report)
    shaped = None if source is None else build(source, path, report)
    assert shaped is not None, f"{path} has errors"
    meta = shaped.graph.meta
    year, error = meta["year"], meta["top5_error"]
    assert isinstance(year, int), f"{path} gives no year"
    assert isinstance(error, int | float), f"{path} gives no error"
    return replace(winner, year=year, top5_error=float(error), layers=Summary(shaped).totals.depth)
