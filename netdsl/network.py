"""A network as an object, over the same pure phases as the commands."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl import files
from netdsl.compile import inits
from netdsl.compile.inits import DEFAULT
from netdsl.compile.origin import Origin, Weights
from netdsl.convolutional import Convolutional
from netdsl.graph import exchange
from netdsl.graph.build import Overrides
from netdsl.graph.node import ShapedGraph
from netdsl.measure import units
from netdsl.measure.memory import Memory
from netdsl.measure.meter import memory
from netdsl.measure.summary import Summary
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.shown import Line

if TYPE_CHECKING:
    from networkx import MultiDiGraph
    from torch import Tensor, fx

    from netdsl.compare.comparison import Comparison
    from netdsl.diff import Difference
    from netdsl.draw import Direction, Picture, Style
    from netdsl.explain import Explanation
    from netdsl.probe import Probe
    from netdsl.recipe import Recipe
    from netdsl.runtime.preparation import Preparation
    from netdsl.see.view import View
    from netdsl.train.loss import Kind, Loss
    from netdsl.train.outcome import Outcome

Path_ = str | PathLike[str]


@dataclass(frozen=True, repr=False)
class Network(Line):
    """A checked network.

    `shaped` is its graph with a shape for every node, `warnings` what is legal but likely not meant.
    """

    shaped: ShapedGraph
    warnings: tuple[Diagnostic, ...] = ()
    _path: Path | None = None
    _overrides: Overrides = field(default_factory=Overrides)
    paths: Mapping[Hashable, str] = field(default_factory=dict[Hashable, str])
    """The path of each node of the graph, or of each layer of the module or file, that it was made of."""
    notes: tuple[str, ...] = ()
    """What was passed over in the module or file that it was made of."""
    _given: Callable[[], Mapping[str, Tensor]] | None = field(default=None, compare=False)
    _of_graph: bool = False

    @property
    def about(self) -> str:
        """Its line."""
        return self.shaped.about

    @property
    def title(self) -> str:
        """Its title."""
        return self.shaped.graph.title

    @property
    def meta(self) -> Mapping[str, str | int | float]:
        """The facts of its `meta` lines."""
        return self.shaped.graph.meta

    @property
    def text(self) -> str:
        """Its program: the file as it was read, whatever params and inputs were given, without the files that it uses.

        Of a network that was made of a graph, a program that makes the same, as an author would have written it.
        """
        return self._recovered if self._of_graph else self.shaped.graph.source.text

    @cached_property
    def _recovered(self) -> str:
        from netdsl import recover

        claims = bool(self.shaped.graph.expectations) and not self.shaped.graph.overridden
        return recover.text(self.shaped, claims=claims)

    @cached_property
    def weights(self) -> Mapping[str, Tensor]:
        """The state dict that it came with, from a module or a file of another format; empty for any other network.

        `module`, `compile` and others take them, unless they are given a seed, an init or weights. Raises NetError
        where a file's outputs with them are others.
        """
        return {} if self._given is None else self._given()

    def _origin(self, weights: Weights | None, by: str, map: Path_ | None, *, anew: bool) -> Origin | None:
        """Where weights come from: as asked, or else with the network itself, unless it begins anew."""
        own = weights is None and by == "name" and map is None and not anew
        return Origin.of((self.weights or None) if own else weights, by, map)

    @property
    def graph(self) -> MultiDiGraph[str]:
        """All that it is as a networkx graph of its own: nodes are paths, and the keys of edges positions of inputs.

        `from_graph` is the way back.
        """
        return exchange.of(self.shaped)

    @cached_property
    def _summary(self) -> Summary:
        return Summary(self.shaped)

    def summary(self, *, batch: int = 1, precision: str = "fp32") -> Summary:
        """What it costs, layer by layer and in total; it prints as a table.

        It is for a batch of examples, with numbers of a precision: fp32, tf32, fp16, bf16 or int8. Raises ValueError.
        """
        size = units.whole("batch", batch)
        return self._summary if (size, precision) == (1, "fp32") else Summary(self.shaped, size, precision)

    def memory(
        self,
        batch: int | None = None,
        *,
        optimizer: str = "momentum",
        precision: str = "fp32",
        keep: str = "saved",
        ema: bool = False,
        fit: int | str | None = None,
    ) -> Memory:
        """What training and inference take in memory, device by device; it prints as a table.

        `fit` is the memory of each device in bytes, or as `"3GB"`: the largest batch that fits is then found, and taken
        where none is given. Raises ValueError for what `netdsl memory` does not know.
        """
        size = units.bytes_of(fit) if isinstance(fit, str) else fit
        return memory(self.shaped, batch, optimizer=optimizer, precision=precision, keep=keep, ema=ema, fit=size)

    def explain(self, path: str | None = None) -> Explanation:
        """What there is to say of it, or of the layer or block at a path, with its numbers put in; prints as text.

        Raises netdsl.explain.UnknownPath where nothing stands at the path.
        """
        from netdsl.explain import explain

        return explain(self.shaped, path)

    def compare(self, *others: Network) -> Comparison:
        """It and others side by side; the comparison prints as a table, and draws charts."""
        from netdsl.compare.comparison import Comparison

        _networks(others)
        return Comparison.of(one.shaped for one in (self, *others))

    def draw(
        self,
        path: Path_ | None = None,
        *,
        format: str = "svg",
        style: Style = "flow",
        expand: bool = False,
        depth: int | None = None,
        direction: Direction | None = None,
        theme: str = "light",
    ) -> Picture:
        """Draw it, and write the picture where a path is given; its suffix is then the format.

        `expand`, `depth` and `direction` ("TB" or "LR") are for the style flow.
        Raises netdsl.draw.render.RenderError where the picture cannot be made, OSError where it cannot be written.
        """
        from netdsl import draw

        target = None if path is None else Path(path)
        suffix = format if target is None else target.suffix[1:]
        picture = draw.draw(
            self.shaped, suffix, style=style, expand=expand, depth=depth, direction=direction, theme=theme
        )
        if target is not None:
            files.replace(target, picture)
        return picture

    def diff(self, other: Network) -> Difference:
        """What changed from this network to another; it prints as `netdsl diff` does."""
        from netdsl import diff

        _networks((other,))
        return diff.diff(self.shaped, other.shaped)

    def _repr_svg_(self) -> str | None:
        """Its picture, for notebooks, where one can be made."""
        from netdsl import draw

        try:
            return self.draw().decode()
        except draw.RenderError:
            return None

    def module(
        self,
        *,
        seed: int | None = None,
        init: str | None = None,
        train: bool = True,
        weights: Weights | None = None,
        weights_by: str = "name",
        weights_map: Path_ | None = None,
        logits: bool = False,
    ) -> fx.GraphModule:
        """A torch module, freshly initialised, or with weights: N x channels x spatial sizes in and out.

        `init` is "default", by what the network is, or another of netdsl.compile.inits: "pytorch", "he", "alexnet", ….
        With `logits` each output ends before its last SOFTMAX, LOGSOFTMAX or SIGMOID, as `loss` wants it for training.
        `weights` are a file, or a state dict, whose tensors are found by name, with the names of a map, or by "order".
        `meta["weights"]` says what was passed over. Raises ValueError, netdsl.compile.errors.CompileError and OSError.
        """
        from netdsl import compile

        origin = self._origin(weights, weights_by, weights_map, anew=(seed, init) != (None, None))
        number, start = units.whole("seed", 0 if seed is None else seed, None), inits.check(init)
        return compile.module(self.shaped, seed=number, init=start, train=train, weights=origin, logits=logits)

    def loss(
        self,
        kind: Kind | None = None,
        *,
        aux_weight: float = 0.3,
        class_weights: Sequence[float] | Tensor | None = None,
    ) -> Loss:
        """What training makes small: a torch module, `loss(outputs, targets)`, for `module(logits=True)`.

        It follows from the last layer of each output; `kind` says it where that leaves it open. Training outputs count
        `aux_weight` times. Raises netdsl.train.loss.LossError where it is not known, and ValueError.
        """
        from netdsl.train.loss import loss

        return loss(self.shaped, kind, aux_weight=aux_weight, class_weights=class_weights)

    def train(
        self,
        data: Path_,
        folder: Path_ | None = None,
        *,
        recipe: Path_ | Recipe | None = None,
        init: str | None = None,
        weights: Weights | None = None,
        weights_by: str = "name",
        weights_map: Path_ | None = None,
        freeze: Sequence[str] = (),
        loss: Kind | None = None,
        accumulate: int | None = None,
        device: str = "auto",
        resume: bool = False,
        overwrite: bool = False,
        show: bool = True,
        **changes: object,
    ) -> Outcome:
        """Train it on data, and write what comes of it into a folder, by default `runs/` and its file's stem.

        The recipe is by default the network's own; `changes` are other values for its keys: `epochs=5`, `rate=0.1`.
        `weights` are what it begins with, `freeze` names layers that stay as they are. The outcome prints as the table
        of its epochs. Raises what netdsl.train.loop.train does, NetError for a recipe, ValueError and TypeError.
        """
        from netdsl import probe
        from netdsl.train import entry

        return entry.train(
            self.shaped,
            self._path,
            self._overrides,
            data,
            folder,
            recipe=recipe,
            changes=changes,
            init=inits.check(init),
            weights=self._origin(weights, weights_by, weights_map, anew=init is not None),
            freeze=freeze,
            loss=loss,
            accumulate=0 if accumulate is None else units.whole("accumulate", accumulate),
            device=device,
            resume=resume,
            overwrite=overwrite,
            show=show,
            before=probe.warn,
        )

    def probe(
        self,
        *,
        init: str | Sequence[str] | None = None,
        seed: int = 0,
        batch: int = 8,
        data: Path_ | None = None,
        weights: Weights | None = None,
        weights_by: str = "name",
        weights_map: Path_ | None = None,
        loss: Kind | None = None,
        device: str = "cpu",
    ) -> Probe:
        """How signals and gradients travel through it, under one init or several; prints as a table, and draws itself.

        A batch of random examples, or of data, runs once, forward and backward; `warnings` say what keeps it from
        learning. Raises ValueError, netdsl.compile.errors.CompileError, netdsl.data.DataError and OSError.
        """
        from netdsl.probe import probe

        origin = self._origin(weights, weights_by, weights_map, anew=init is not None)
        number, starts = units.whole("seed", seed, None), DEFAULT if init is None else init
        size, source = units.whole("batch", batch, 2), None if data is None else Path(data)
        return probe(
            self.shaped, inits=starts, seed=number, batch=size, weights=origin, data=source, kind=loss, device=device
        )

    def see(
        self, weights: Weights | None = None, *, preparation: Preparation | None = None, classes: Sequence[str] = ()
    ) -> View:
        """It, to be looked at: `.filters()`, `.occlude("cat.jpg")` and `.deconv("conv2", over="pictures")`.

        `weights` are as `module` has them, found by name, or the folder of a training, which says how its pictures are
        prepared and what its classes are called. Raises as `module` does, and netdsl.runtime.NotCompiledError.
        """
        from netdsl.see import view

        return view.of(self.shaped, weights or self.weights or None, preparation, classes)

    def compile(
        self,
        path: Path_ | None = None,
        *,
        seed: int | None = None,
        init: str | None = None,
        train: bool = False,
        format: str | None = None,
        target: str = "portable",
        precision: str = "fp32",
        batch: int = 1,
        weights: Weights | None = None,
        weights_by: str = "name",
        weights_map: Path_ | None = None,
    ) -> Path:
        """Compile it into a file, by default its file's stem in the current folder; gives its path.

        The format is "torchscript", "source" or, for inference, "pt2" or "onnx", by default what the path's suffix
        says. A file for the target "cpu" or "cuda" computes in a precision that it has, ready for a batch. Weights are
        as `module` has them. Raises ValueError, netdsl.compile.errors.CompileError and OSError for what cannot be had.
        """
        from netdsl import compile
        from netdsl.compile.formats import named
        from netdsl.compile.target import Target

        made = Target.of(target, precision, batch)
        if train and not made.portable:
            raise ValueError(f"a file for {target} is for inference, and not for training")
        kind, file = named(path, format, self.shaped.graph.source.name)
        anew = (seed, init) != (None, None) or "weights" in kind.refuses
        origin = self._origin(weights, weights_by, weights_map, anew=anew)
        compile.compile(
            self.shaped,
            file,
            train=train,
            seed=units.whole("seed", 0 if seed is None else seed, None),
            init=inits.check(init),
            weights=origin,
            target=made,
            format=kind.name,
        ).warn()
        return file

    def convolutional(self) -> Convolutional[Network]:
        """The same network with its fully connected layers as convolutions, which takes larger images.

        Raises netdsl.transform.plan.TransformError where it cannot be had.
        """
        from netdsl.transform.convolutional import convolutional
        from netdsl.transform.program import Program

        source = self.shaped.graph.source
        program = Program(source.text, source.name, self._path, tuple(self._overrides.include))
        made = convolutional(program, self._overrides)
        new = made.program

        def given() -> Mapping[str, Tensor]:
            from netdsl.compile.state_dict import converted

            return converted(self.weights, self.shaped, made.after, made.nodes)

        changes, own = Overrides(include=new.include), None if self._given is None else given
        return Convolutional(self.shaped, made, Network(new.shaped, (), new.path, changes, _given=own))


def _networks(others: Iterable[object]) -> None:
    """Raise TypeError for what is no network."""
    for other in others:
        if not isinstance(other, Network):
            raise TypeError(f"a network is what netdsl.load gives, not {other!r}")
