"""Looking at a network: what is asked for, and what was seen as values and as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Generic, TypeVar

from netdsl import compile, files
from netdsl.compile.origin import Origin, Weights
from netdsl.compile.progress import Progress, silent
from netdsl.draw import plot
from netdsl.draw.palette import THEMES, Theme
from netdsl.draw.picture import Picture
from netdsl.draw.render import RenderError, painted
from netdsl.graph.node import ShapedGraph
from netdsl.runtime import card
from netdsl.runtime.preparation import Preparation
from netdsl.see import deconvolution, filters, occlusion, sheets
from netdsl.see.deconvolution import EACH, Patch
from netdsl.see.errors import SeeError
from netdsl.see.filters import Filters
from netdsl.see.occlusion import Occlusion
from netdsl.see.pictures import Files, Pictures, within
from netdsl.see.subject import Subject
from netdsl.text.shown import Line
from netdsl.train import folder as folders

MOST = 40
"""Pictures that there is room for on a page."""

T_co = TypeVar("T_co", covariant=True)
Path_ = str | PathLike[str]


@dataclass(frozen=True, repr=False)
class Seen(Line, Generic[T_co]):
    """What was seen: `found` has it as values, `told` in words, `draw` as a picture, which notebooks show."""

    found: T_co
    title: str
    told: tuple[str, ...]
    _paint: Callable[[Theme], bytes] = field(compare=False)

    @property
    def about(self) -> str:
        """Its line."""
        return self.title

    def draw(self, path: Path_ | None = None, *, format: str = "svg", theme: str = "light") -> Picture:
        """The picture, written where a path is given, whose suffix is then the format.

        Raises netdsl.draw.render.RenderError where it cannot be made, OSError where it cannot be written.
        """
        kind = format if path is None else Path(path).suffix[1:].lower()
        if wrong := plot.unknown(kind, theme):
            raise RenderError(wrong)
        picture = Picture(painted(self._paint(THEMES[theme]), kind))
        if path is not None:
            files.replace(Path(path), picture)
        return picture

    def _repr_svg_(self) -> str:
        """Its picture, for notebooks."""
        return self.draw().decode()


@dataclass(frozen=True, repr=False)
class View(Line):
    """A network with its weights, to be looked at. Pictures are paths, or a part of some data (netdsl.data)."""

    subject: Subject

    @property
    def about(self) -> str:
        """Its line."""
        return self.subject.shaped.about

    @property
    def title(self) -> str:
        """The network's."""
        return self.subject.shaped.graph.title

    def filters(
        self, layer: str | None = None, pictures: Path_ | Sequence[Path_] | Pictures | None = None
    ) -> Seen[Filters]:
        """The kernels of a layer, by default of the first that has some, and what they make of a picture.

        Raises as `occlude` does.
        """
        found = filters.filters(self.subject, layer, None if pictures is None else _pictures(pictures))
        title = f"{self.title}: the filters of {found.path}"
        return Seen(found, title, (), lambda theme: sheets.filters(found, theme))

    def occlude(
        self,
        pictures: Path_ | Sequence[Path_] | Pictures,
        named: str | None = None,
        *,
        size: int | None = None,
        step: int | None = None,
        progress: Progress = silent,
    ) -> Seen[tuple[Occlusion, ...]]:
        """How likely a class, by default each picture's likeliest, is while a grey square covers parts of pictures.

        Raises SeeError, OSError and netdsl.runtime.picture.UnreadablePictureError.
        """
        some = _pictures(pictures)
        if not len(some):
            raise SeeError("there are no pictures to look at")
        if len(some) > MOST:
            raise SeeError(f"a page has room for {MOST} pictures, and not for {len(some):,}", "name fewer")
        found: list[Occlusion] = []
        for index in range(len(some)):
            found.append(
                occlusion.occluded(
                    *(self.subject, some, index, named, size, step),
                    progress=lambda what, done, total, before=index: progress(
                        what, before * total + done, len(some) * total
                    ),
                )
            )
        told = tuple([one.about for one in found])
        title = f"{self.title}: what it goes by"
        return Seen(tuple(found), title, told, lambda theme: sheets.occlusions(self.title, found, theme))

    def deconv(
        self,
        layer: str,
        over: Path_ | Sequence[Path_] | Pictures,
        channels: Sequence[int] = (),
        *,
        each: int = EACH,
        progress: Progress = silent,
    ) -> Seen[Mapping[int, tuple[Patch, ...]]]:
        """The patterns that made the strongest activations of a layer over some pictures, by channel.

        Without channels, those with the strongest activations. Raises as `occlude` does.
        """
        found = deconvolution.patches(self.subject, _pictures(over), layer, channels, each, progress)
        told = tuple([f"channel {channel}: {deconvolution.told(some)}" for channel, some in found.items()])
        title = f"{self.title}: what {layer} answers to"
        return Seen(found, title, told, lambda theme: sheets.deconvolutions(self.title, layer, found, theme))


def _pictures(given: Path_ | Sequence[Path_] | Pictures) -> Pictures:
    """Pictures by their paths; a folder stands for those that lie in it."""
    if isinstance(given, str | PathLike):
        return _pictures([given])
    if isinstance(given, Sequence):
        each = [within(path).paths if path.is_dir() else [path] for path in map(Path, given)]
        return Files([one for paths in each for one in paths])
    return given


def of(
    shaped: ShapedGraph, weights: Weights | None, preparation: Preparation | None = None, classes: Sequence[str] = ()
) -> View:
    """A network to be looked at, with weights as netdsl.compile takes them, or the best of a training by its folder.

    Such a folder says how pictures are prepared and what the classes are called; else it is ImageNet's, and they are
    numbers. Raises netdsl.compile.errors.CompileError, netdsl.runtime.NotCompiledError and OSError.
    """
    if isinstance(weights, str | PathLike) and (folder := Path(weights)).is_dir():
        made = card(folder / folders.COMPILED)
        weights, preparation, classes = folder / folders.BEST, preparation or made.preparation, classes or made.classes
    module = compile.module(shaped, train=False, weights=Origin.of(weights, "name", None))
    return View(Subject(shaped, module, preparation or Preparation(), tuple(classes)))
