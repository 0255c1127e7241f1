"""Programs of torch.export as primitives, with whatever cannot be said told at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from math import prod
from typing import TYPE_CHECKING

from netdsl.interchange.flat import ForeignError, ForeignMistake
from netdsl.interchange.primitives import ABSENT, Primitives, alive
from netdsl.interchange.torch import constants, distances, moving, pointwise, reasons, sequence, shuffling, windows
from netdsl.interchange.torch.program import Call, Program, computed_in, in_place, without_changes
from netdsl.interchange.torch.writing import Given, Unsaid, Writing
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.fit import listed

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Tensor

RULES: Mapping[str, Callable[[Given], None]] = {
    **windows.RULES,
    **pointwise.RULES,
    **moving.RULES,
    **sequence.RULES,
    **shuffling.RULES,
    **distances.RULES,
}


_MALFORMED = (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError, OverflowError)
"""What comes of a call whose arguments are not those of its operator, as in a file that is damaged."""


class UnsaidCall(ForeignMistake, code="unknown-layer"):
    operator: str
    module: str
    why: str
    words = "{operator} in {module} cannot be said: {why}"

    @property
    def alike(self) -> str:
        return f"{self.operator}: {self.why}"


class UnsaidCalls(ForeignError):
    """Calls that cannot be said; `left` is the program without what follows from them, up to its ends."""

    def __init__(self, diagnostics: Iterable[Diagnostic], left: Program) -> None:
        super().__init__(diagnostics)
        self.left = left


def primitives(program: Program) -> Primitives:
    """The same network as operators of ONNX. Raises ForeignError with all that cannot be said."""
    notes = (*program.notes, *_unused(program), *_numbers(program), *_kinds(program))
    program = without_changes(constants.folded(program))
    needed = _needed(program)
    notes = (*notes, *_computed(program, needed))
    writing = Writing(program)
    errors: list[Diagnostic] = []
    unsaid: set[str] = set()
    for call in program.calls:
        if not needed.intersection(call.outputs):
            continue
        given = Given(writing, call)
        try:
            rule = RULES.get(call.operator)
            if rule is None:
                raise Unsaid(reasons.why(call.operator))
            if any(writing.constants[one].dtype.kind in "biu" for one in writing.missing.intersection(call.refs())):
                raise Unsaid(ABSENT)
            rule(given)
        except (Unsaid, *_MALFORMED) as error:
            why = str(error) if isinstance(error, Unsaid) else "its arguments are not those of such a call"
            mistake = UnsaidCall(call.operator, call.module or "the network", why)
            errors.append(Diagnostic(mistake, program.place(call)))
            unsaid.update(call.outputs)
    made = {name for one in writing.operators for name in one.outputs}
    for _, value in program.outputs:
        call = writing.makers.get(value)
        if call is not None and value not in unsaid and writing.named(value) == value and value not in made:
            why = f"no layer gives its output {call.outputs.index(value) + 1}; return the others alone"
            errors.append(Diagnostic(UnsaidCall(call.operator, call.module or "the network", why), program.place(call)))
    if errors:
        raise UnsaidCalls(errors, _left(program, needed, unsaid))
    called = {value: call.path for call in program.calls for value in call.outputs}
    alone = len(program.outputs) == 1
    outputs = tuple(
        (name or ("" if alone else called.get(value, value)), writing.named(value)) for name, value in program.outputs
    )
    twice = [name for at, (name, value) in enumerate(outputs) if value in [one for _, one in outputs[:at]]]
    if twice:
        notes = (*notes, f"given once, since an output before them is the same: {_some(twice)}")
    operators = alive(writing.operators, [value for _, value in outputs])
    read = {name for one in operators for name in one.inputs}
    kept: dict[str, Tensor] = {name: one for name, one in writing.constants.items() if name in read}
    return Primitives(
        program.title,
        program.source,
        program.file,
        operators,
        {name: program.dims[name] for name in program.inputs},
        outputs,
        writing.dims,
        kept,
        {name: one for name, one in program.shared.items() if name in kept},
        frozenset(writing.missing.intersection(kept)),
        _called(program, kept, learned=False),
        _called(program, kept, learned=True),
        notes,
    )


def _left(program: Program, needed: set[str], unsaid: set[str]) -> Program:
    """A program without what follows from tensors that are unsaid: its outputs are what nothing else reads."""
    calls: list[Call] = []
    for call in program.calls:
        if needed.intersection(call.outputs):
            if unsaid.intersection([*call.outputs, *call.refs()]):
                unsaid.update(call.outputs)
            else:
                calls.append(call)
    read = {name for call in calls for name in call.refs()}
    ends = [(call.path, name) for call in calls for name in call.outputs if name and name not in read]
    left = replace(program, calls=tuple(calls), outputs=tuple(ends))
    return replace(left, parameters=program.parameters - (used(program) - used(left)))


def _needed(program: Program) -> set[str]:
    """The tensors that outputs follow from."""
    found = {value for _, value in program.outputs}
    for call in reversed(program.calls):
        if found.intersection(call.outputs):
            found.update(call.refs())
    return found


def used(program: Program) -> set[str]:
    """The parameters that outputs follow from, each that has two names by the first.

    What is changed in place on the way is among what they follow from.
    """
    found = {value for _, value in program.outputs}
    for call in reversed(program.calls):
        if found.intersection(call.outputs) or (in_place(call.operator) and found.intersection([*call.refs()][:1])):
            found.update(call.refs())
    return {program.shared.get(name, name) for name in found & program.parameters}


def _unused(program: Program) -> Iterator[str]:
    """What is told of parameters that inference does not use, as those of a classifier for training alone."""
    left = program.parameters - used(program) - program.shared.keys()
    if left:
        count = sum(program.tensors[name].size for name in left)
        modules = sorted({program.paths.get(name, name).partition(".")[0] for name in left})
        are = "parameter is" if count == 1 else "parameters are"
        yield f"{count:,} {are} not used in inference: those of {_some(modules)}"


def _numbers(program: Program) -> Iterator[str]:
    """What is told of parameters that are one number, which is a constant here."""
    scaling = ("mul", "add", "sub", "div")
    numbers = [name for call in program.calls if call.operator.rstrip("_") in scaling for name in call.refs()]
    for name in dict.fromkeys(numbers):
        if name in program.parameters and program.tensors[name].size == 1:
            yield f"{program.paths.get(name, name)}, which is one learned number, is a constant"


def _kinds(program: Program) -> Iterator[str]:
    """What is told of a program that computes in half precision on its way, as autocast does."""
    said = {value for call in program.calls for value in call.arguments.values() if isinstance(value, str)}
    if halves := sorted(said & {"bfloat16", "float16"}):
        yield computed_in(halves)


def _computed(program: Program, needed: set[str]) -> Iterator[str]:
    """What is told of weights that are computed of parameters, or are one parameter in several forms."""
    read = {name: None for call in program.calls if needed.intersection(call.outputs) for name in call.refs()}
    learned = [name for name in read if program.parameters & program.origins.get(name, frozenset())]
    made = dict.fromkeys([_title(program, name) for name in learned if name in program.computed])
    if made:
        yield f"computed of other parameters, and weights of their own here: {_some(list(made))}"
    sizes: Counter[str] = Counter()
    for name in read:
        origins = program.origins.get(name, {name})
        if len(origins) == 1 and name not in program.computed and origins <= program.parameters:
            one = program.tensors[name]
            apart = prod(size for size, step in zip(one.shape, one.strides, strict=True) if step)
            sizes.update(dict.fromkeys(origins, apart))
    twice = [program.paths.get(name, name) for name, size in sizes.items() if size > program.tensors[name].size]
    if twice:
        yield f"read in several forms, each of which is a weight of its own here: {_some(twice)}"


def _title(program: Program, name: str) -> str:
    """What a constant is called that was worked out: how the names of what it follows from begin."""
    paths = sorted(program.paths.get(one, one).replace(".parametrizations", "") for one in program.origins[name])
    alike = takewhile(lambda signs: len(set(signs)) == 1, zip(*paths, strict=False))
    common = "".join(signs[0] for signs in alike)
    return common.rpartition(".original")[0] or common.rstrip("._") or paths[0]


def _some(names: list[str]) -> str:
    """Names, of which there may be many."""
    return listed(names) if len(names) < 5 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _called(program: Program, names: Iterable[str], *, learned: bool) -> Mapping[str, str]:
    """The constants that training of the module changes, or those that none does, with what they are called there."""
    found: dict[str, str] = {}
    for name in names:
        origins = program.origins.get(name, frozenset((name,)))
        if name in program.tensors and bool(origins & program.parameters) is learned:
            found[name] = next((program.paths[one] for one in sorted(origins) if one in program.paths), name)
    return found
