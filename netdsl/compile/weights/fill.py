"""A network filled from a file, by name, by a map of names, or by order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

from torch import Tensor, nn

from netdsl.compile.errors import Reshaped, WeightsMismatchError, WeightsOrderError
from netdsl.compile.lower import lower
from netdsl.compile.origin import Origin, Remarks
from netdsl.compile.plan import Plan
from netdsl.compile.weights import heads, names, renaming
from netdsl.compile.weights.heads import Anew
from netdsl.compile.weights.modules import Module, grouped
from netdsl.compile.weights.order import Match, match
from netdsl.compile.weights.place import load
from netdsl.compile.weights.read import opened, plain
from netdsl.graph.node import ShapedGraph
from netdsl.text.fit import listed

_STATISTICS = frozenset({"running_mean", "running_var"})


def fill(network: nn.Module, plan: Plan, origin: Origin) -> Remarks:
    """Load the weights of a file, or of a state dict, into the network of a plan; gives what there is to say of them.

    Raises CompileError, and OSError where a file cannot be had.
    """
    with _helping(network, plan, origin):
        try:
            return _filled(network, plan, origin)
        except WeightsMismatchError as error:
            if not origin.anew or error.missing or error.extra or error.unmeant:
                raise
            if not (anew := heads.anew(network, plan, error.reshaped)):
                raise
        return _filled(network, plan, origin, anew) + Remarks(notes=(heads.told(anew, origin.name),))


def _filled(network: nn.Module, plan: Plan, origin: Origin, anew: Sequence[Anew] = ()) -> Remarks:
    """Load weights into a network, but for layers that begin anew."""
    tensors, told = _named(network, plan, origin, anew)
    return told + Remarks(odd=tuple(load(network, tensors, origin.name, plan.unused)))


def filled(shaped: ShapedGraph, origin: Origin) -> tuple[nn.Module, Remarks]:
    """A network with all that a file has for it: what training alone needs too, where that is there.

    Raises what `fill` does.
    """
    plan = Plan(shaped, train=False)
    network = lower(plan, blank=True)
    with _helping(network, plan, origin):
        tensors, told = _named(network, plan, origin)
        if any(name.startswith(f"{path}.") for path in plan.unused for name in tensors):
            plan = replace(plan, train=True)
            network = lower(plan, blank=True)
        return network, told + Remarks(odd=tuple(load(network, tensors, origin.name, plan.unused)))


def _named(
    network: nn.Module, plan: Plan, origin: Origin, anew: Sequence[Anew] = ()
) -> tuple[Mapping[str, Tensor], Remarks]:
    """Tensors under the names that they have in a network, and what there is to say of them."""
    tensors, note = _opened(origin)
    told = Remarks(notes=(note,) if note else ())
    if origin.by == "order":
        own = {name: tensor for one in anew for name, tensor in one.theirs.items()}
        tensors, notes = _ordered(network, plan, {**names.unwrapped(tensors), **own}, origin)
        return tensors, told + Remarks(notes=notes)
    own = {name: tensor for one in anew for name, tensor in one.ours.items()}
    if origin.map is not None:
        wanted = [*network.state_dict(), *plan.unused]
        return {**renaming.read(origin.map).applied(names.unwrapped(tensors), wanted), **own}, told
    return {**names.fitting(tensors, network.state_dict().keys()), **own}, told


def _opened(origin: Origin) -> tuple[Mapping[str, Tensor], str]:
    if isinstance(origin.source, Path):
        return opened(origin.source)
    return plain(cast("Mapping[object, object]", origin.source), origin.name)


@contextmanager
def _helping(network: nn.Module, plan: Plan, origin: Origin) -> Generator[None]:
    """Say what to write where weights do not fit, if that is known."""
    try:
        yield
    except WeightsMismatchError as error:
        if help := _classes(error.reshaped, plan):
            error.help = help
        elif origin.by == "order" and not error.unmeant:
            error.help = "each module of the network meets one of the file, equal in kind and shape"
        elif error.missing and error.extra and origin.map is None and _fits(network, plan, _opened(origin)[0]):
            error.help = "by their shapes and their order they fit: write --weights-by order"
        raise


def _ordered(
    network: nn.Module, plan: Plan, tensors: Mapping[str, Tensor], origin: Origin
) -> tuple[Mapping[str, Tensor], tuple[str, ...]]:
    """The tensors of a file under the names that they have in the network, and what there is to say of them."""
    found = _matched(network, plan, tensors, origin.name)
    if origin.map_output is not None:
        renaming.write(origin.map_output, found, tensors)
    named = {ours.tensors[role]: tensors[name] for ours, theirs in found.pairs for role, name in theirs.tensors.items()}
    own = cast("Mapping[str, Tensor]", network.state_dict())
    constants = {name: one for name, one in own.items() if name not in named and one.is_floating_point()}
    return {**constants, **named}, tuple(_notes(found, tensors, origin.name))


def _matched(network: nn.Module, plan: Plan, tensors: Mapping[str, Tensor], name: str) -> Match:
    """The modules of a file by those of a network, with those of training if the file has them too."""
    dims = {name: tuple(one.shape) for name, one in tensors.items() if one.is_floating_point()}
    own = dict(network.named_buffers())
    constants = {(_last(name), tuple(one.shape)) for name, one in own.items() if _last(name) not in _STATISTICS}
    theirs = grouped({name: size for name, size in dims.items() if (_last(name), size) not in constants})
    if plan.unused:
        trained = replace(plan, train=True)
        with suppress(WeightsMismatchError):
            return match(_modules(lower(trained, blank=True), trained), theirs, name)
    return match(_modules(network, plan), theirs, name)


def _modules(network: nn.Module, plan: Plan) -> list[Module]:
    """The modules of a network with what training changes, as they run."""
    found: dict[str, tuple[int, ...]] = {}
    for path in plan.owners:
        module = network.get_submodule(path)
        buffers = [(name, one) for name, one in module.named_buffers() if _last(name) in _STATISTICS]
        found |= {f"{path}.{name}": tuple(one.shape) for name, one in (*module.named_parameters(), *buffers)}
    return grouped(found)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _notes(found: Match, tensors: Mapping[str, Tensor], name: str) -> Iterator[str]:
    """What was passed over in a file, and what stands elsewhere in it."""
    whole = Counter(_last(one) for one, tensor in tensors.items() if not tensor.is_floating_point())
    if whole:
        told = listed([f"{count} {one}" for one, count in whole.items()], " and ")
        yield f"{name}: passed over {told}, which {'hold' if whole.total() > 1 else 'holds'} whole numbers"
    if found.passed:
        yield f"{name}: passed over {_paths(found.passed)}, which the network lacks"
    if found.moved:
        ours, theirs = found.moved[0]
        many = f"{len(found.moved)} stretches of modules stand" if len(found.moved) > 1 else "some modules stand"
        yield f"{name}: {many} in another order, such as {theirs.path} for {ours.path}"


def _paths(modules: Sequence[Module]) -> str:
    return listed([one.path for one in modules], " and ")


def _fits(network: nn.Module, plan: Plan, tensors: Mapping[str, Tensor]) -> bool:
    """Whether tensors find theirs by order."""
    try:
        return not _matched(network, plan, tensors, "").passed
    except (WeightsMismatchError, WeightsOrderError):
        return False


def _classes(reshaped: Sequence[Reshaped], plan: Plan) -> str:
    """What to write where the file is for another number of classes, and a param says that number; else ""."""
    pairs = {(one.wanted[:1], one.found[:1]) for one in reshaped if one.wanted[1:] == one.found[1:]}
    if len(pairs) != 1 or not all(one.wanted[1:] == one.found[1:] for one in reshaped):
        return ""
    ((wanted,), (found,)) = pairs.pop()
    name = next((name for name, value in plan.shaped.graph.params.items() if value == wanted), "")
    return f"the file is for {found} where the network has {wanted}: write --set {name}={found}" if name else ""
