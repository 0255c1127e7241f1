"""The Python interface: networks by name, of text, of graphs, of modules and of files of other formats."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl import resources
from netdsl.graph import exchange
from netdsl.graph.build import BlocksAlone, OverrideError, Overrides, build
from netdsl.graph.node import ShapedGraph
from netdsl.graph.program import UnreadableFile, read
from netdsl.graph.size import LIMIT
from netdsl.layers.shape import Shape
from netdsl.layers.values import Param, dims_of, value_of
from netdsl.measure import expect, units
from netdsl.network import Network, Path_
from netdsl.text import format as formatter
from netdsl.text.diagnostic import Diagnostic, NetError, Report
from netdsl.text.source import Source, Span
from netdsl.text.suggest import did_you_mean

if TYPE_CHECKING:
    from networkx import DiGraph
    from torch import Tensor, nn
    from torch.export import ExportedProgram

    from netdsl.interchange.entry import Imported


def load(
    name: Path_,
    *,
    inputs: Mapping[str, Sequence[int]] | Sequence[int] | None = None,
    include: Path_ | Sequence[Path_] = (),
    limit: int = LIMIT,
    params: Mapping[str, Param] | None = None,
    **named: Param,
) -> Network:
    """Load a network by path, or by the name of a bundled one: `load("vgg16", classes=10)`.

    `inputs` are other dims for its input, or for several by name: spatial sizes first, channels last. Params of the
    network are given by their names, or in `params`, as those whose names are arguments here have to be. It has at most
    `limit` nodes.
    Raises NetError where it has errors, FileNotFoundError or OSError where it cannot be read.
    """
    if not isinstance(name, str | PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a network is given by its path or name, not {name!r}")
    path = resources.find(str(name))
    if path is None:
        help = did_you_mean(Path(name).stem, [one.stem for one in resources.bundled()])
        raise FileNotFoundError(f"{name}: no such file, and no bundled network of that name{help and f'; {help}'}")
    report = Report()
    try:
        source = read(path, str(path), report)
    except UnreadableFile as error:
        raise OSError(str(error)) from None
    if source is None:
        raise NetError(report.diagnostics())
    return _network(source, path, report, inputs, include, limit, _params(params, named))


def loads(
    text: str,
    *,
    name: Path_ = "network.net",
    inputs: Mapping[str, Sequence[int]] | Sequence[int] | None = None,
    include: Path_ | Sequence[Path_] = (),
    limit: int = LIMIT,
    params: Mapping[str, Param] | None = None,
    **named: Param,
) -> Network:
    """Load a network from its text, as load does from a file. What it uses is sought beside the file that `name` says.

    Raises NetError where it has errors.
    """
    path = None if "\0" in str(name) else Path(name)
    return _network(_source(text, str(name)), path, Report(), inputs, include, limit, _params(params, named))


def from_graph(graph: DiGraph[Any]) -> Network:
    """The network of a networkx graph, such as `Network.graph`, or one whose nodes have a `layer` as text: `"FC 10"`.

    Raises NetError where a layer has errors, TypeError and ValueError where the graph is no network's.
    """
    report = Report()
    shaped, paths = exchange.read(graph, report)
    return _proven(shaped, report, paths=paths)


def from_torch(module: nn.Module | ExportedProgram, *inputs: Tensor | Sequence[int]) -> Network:
    """The network of a PyTorch module, in inference, and its weights: `from_torch(resnet18(), (224, 224, 3))`.

    Each of its inputs is a tensor like it, or its size: spatial sizes first, channels last. What torch.export made of a
    module has them itself. Its program is as an author would have written it, with the names and classes of modules,
    and gives what the module gives.
    Raises NetError with all that no program says, and where outputs are others; TypeError for what is no module.
    """
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.nn import Module

    from netdsl.interchange.torch import module as reading

    if not isinstance(module, Module | ExportedProgram):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a network is made of a torch.nn.Module, not of {type(module).__name__}")
    if isinstance(module, ExportedProgram) and inputs:
        raise TypeError("what torch.export made has the inputs of its example, and no others")
    if isinstance(module, Module) and not inputs:
        raise TypeError("a module does not say the size of its input: from_torch(module, (224, 224, 3))")
    sizes = [one if isinstance(one, Tensor) else Shape.of(_whole(one)) for one in inputs]
    found, weights = reading.of(module, sizes)
    return _foreign(found, partial(dict[str, "Tensor"], weights))


def from_file(
    path: Path_, *, inputs: Mapping[str, Sequence[int]] | Sequence[int] | None = None, weights: Path_ | None = None
) -> Network:
    """The network of a file of another format, as `netdsl import` reads it: .onnx, .prototxt, .cfg or .pt2.

    `inputs` are sizes that it leaves open, as `load` has them; `weights` is a file of weights, if it does not lie
    beside it under its name. Raises NetError with all that no program says, ValueError for what is no such file, and
    OSError.
    """
    from netdsl.interchange import entry

    named = inputs if isinstance(inputs, Mapping) else {} if inputs is None else {"": inputs}
    sizes = {name: _whole(dims) for name, dims in named.items()}
    found = entry.imported(entry.read(path, weights=weights, inputs=sizes))
    return _foreign(found, None if found.lacking else partial(_proven_weights, Path(path), found))


def _whole(sizes: Sequence[int]) -> Sequence[int]:
    """Sizes that an input can have. Raises TypeError for others."""
    found = dims_of(sizes)
    if not found or not all(isinstance(size, int) and size > 0 for size in found):  # pyright: ignore[reportUnnecessaryIsInstance]
        several = "; several stand one behind another: from_torch(module, (224, 224, 3), (10,))"
        more = several if any(isinstance(one, list | tuple) for one in found) else ""
        raise TypeError(f"an input is a tensor, or its size, such as (224, 224, 3), not {sizes!r}{more}")
    return found


def _proven_weights(path: Path, found: Imported) -> Mapping[str, Tensor]:
    """The weights of a file, once outputs with them are its own."""
    from netdsl.interchange.torch import proof

    return proof.proven(path, found)


def _foreign(found: Imported, weights: Callable[[], Mapping[str, Tensor]] | None) -> Network:
    """The network of a program that was made of another one."""
    return Network(found.shaped, found.warnings, paths={**found.paths}, notes=found.flat.notes, _given=weights)


def _params(params: Mapping[str, Param] | None, named: Mapping[str, Param]) -> Mapping[str, Param]:
    """All that is given for params. Raises TypeError for what is given twice."""
    given = dict(params or {})
    if twice := given.keys() & named.keys():
        raise TypeError(f"{', '.join(sorted(twice))}: given by name, and in params too")
    return given | dict(named)


def _network(
    source: Source,
    path: Path | None,
    report: Report,
    inputs: Mapping[str, Sequence[int]] | Sequence[int] | None,
    include: Path_ | Sequence[Path_],
    limit: int,
    params: Mapping[str, Param],
) -> Network:
    named = inputs if isinstance(inputs, Mapping) else {} if inputs is None else {"": inputs}
    given = {name: dims_of(sizes) for name, sizes in named.items()}
    values = {key: value_of(one) for key, one in params.items()}
    folders = [Path(one) for one in ([include] if isinstance(include, str | PathLike) else include)]
    overrides = Overrides(values, given, folders, units.whole("limit", limit))
    try:
        shaped = build(source, path, report, overrides)
    except OverrideError as error:
        raise NetError([Diagnostic(error.mistake, Span(source, 0, 0))]) from None
    if shaped is None and not report.failed:
        report.error(BlocksAlone(source.name), Span(source, 0, 0))
    return _proven(shaped, report, path, overrides)


def _proven(
    shaped: ShapedGraph | None,
    report: Report,
    path: Path | None = None,
    overrides: Overrides | None = None,
    paths: Mapping[Hashable, str] | None = None,
) -> Network:
    """A network whose expectations hold. Raises NetError."""
    if shaped is not None:
        expect.prove(shaped, report)
    found = report.diagnostics()
    if report.failed or shaped is None:
        raise NetError(found)
    return Network(shaped, tuple(found), path, overrides or Overrides(), paths or {}, _of_graph=paths is not None)


def format(text: str) -> str:
    """A program's text, formatted. Raises NetError where it has syntax errors."""
    return formatter.format(_source(text, "network.net"))


def _source(text: object, name: str) -> Source:
    """A program's text under a name. Raises TypeError for what is no text."""
    if not isinstance(text, str):
        raise TypeError(f"a program is text, not {type(text).__name__}")
    return Source(text.removeprefix("\ufeff"), name)
