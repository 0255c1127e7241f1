"""The classes of a network's source, innermost first: how each makes its modules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import cast

from netdsl.compile.source.arguments import layer
from netdsl.compile.source.formulas import CHANNELS, filled, names, tidy, written
from netdsl.compile.source.frames import Frame, Unresolved, total
from netdsl.compile.source.layout import Brackets, Code, Loop, Named, call, flat
from netdsl.compile.source.parameters import (
    RESERVED,
    Assignment,
    Class,
    Parameter,
    aliases_of,
    channels_in,
    counter_of,
    defaults_of,
    given_to,
    inputs_of,
    kind_of,
)
from netdsl.compile.source.scopes import Builder, Item, Repeat, Scope, Single, Step
from netdsl.graph import outline

_FLOW = "flowing"
"""What the channels that flow into a copy are called while what flows out is sought."""


class Writer:
    """Makes the classes of the scopes in a root."""

    def __init__(self, builder: Builder, root: Scope, title: str, taken: Iterable[str]) -> None:
        self._builder, self._root = builder, root
        self._by_scope: dict[int, Class] = {}
        self.classes: list[Class] = []
        self._taken = {*RESERVED, *taken}
        self.title = self._free(title)
        self.flattening: set[str] = set()

    def write(self) -> Sequence[Class]:
        """All classes, the network's last. Each stands behind those that it uses."""
        groups: defaultdict[int, list[Scope]] = defaultdict(list)
        for scope in _made(self._root):
            groups[scope.key].append(scope)
        for scopes in groups.values():
            self._flattened(scopes)
            try:
                self._define(scopes)
            except Unresolved:
                parts: defaultdict[object, list[Scope]] = defaultdict(list)
                for scope in scopes:
                    parts[_leaves(scope)].append(scope)
                for part in parts.values():
                    self._define(part)
        return self.classes

    def _flattened(self, scopes: Sequence[Scope]) -> None:
        """Where one of some scopes flattens what a layer reads, let all of them: it changes no vector."""
        for steps in zip(*(scope.steps for scope in scopes), strict=True):
            if any(self.flattens(step) for step in steps):
                self.flattening.update(step.path for step in steps)

    def flattens(self, step: Step) -> bool:
        """Whether what a step reads is flattened before it."""
        return step.path in self.flattening or _flattens(step.item)

    def of(self, scope: Scope) -> Class:
        """The class of a scope."""
        return self._by_scope[id(scope)]

    def _define(self, scopes: Sequence[Scope]) -> None:
        root = scopes[0] is self._root
        frame = Frame([{**scope.values, **inputs_of(self._builder, scope)} for scope in scopes])
        frame.aliases = aliases_of(scopes[0].part, frame)
        texts: dict[int, str | None] = {}
        for number, index in enumerate(scopes[0].inputs):
            shape = self._builder.shaped.shapes[index]
            texts[index] = str(shape.channels) if root else channels_in(number)
        body: list[Assignment] = []
        holding = {""}
        for steps in zip(*(scope.steps for scope in scopes), strict=True):
            items, step = [step.item for step in steps], steps[0]
            inputs = [texts[index] for index in step.inputs]
            if step.made:
                target = self._target(scopes[0], step.path, body, holding)
                code, found = self._module(items, frame, inputs)
                body.append(Assignment(target, code))
            else:
                found = self._unmade(items, frame, inputs)
            texts.update(zip(step.item.exports, found, strict=True))
        used = {one for text in frame.written for one in names(text) if one in frame.added or one in frame.values[0]}
        self._finish(scopes, frame, body, used, [texts[index] for index in scopes[0].exports])

    def _finish(
        self,
        scopes: Sequence[Scope],
        frame: Frame,
        body: Sequence[Assignment],
        used: set[str],
        channels: Sequence[str | None],
    ) -> None:
        part, root = scopes[0].part, scopes[0] is self._root
        defaults = defaults_of(part.block) if isinstance(part, outline.Call) else {}
        if root:
            defaults = dict(frame.values[0])
        order = [
            CHANNELS,
            *[channels_in(number) for number in range(1, len(scopes[0].inputs))],
            *frame.added,
            *defaults,
        ]
        ordered = sorted(used, key=lambda one: (order.index(one) if one in order else len(order), one))
        values = {one: frame.added.get(one) or [known[one] for known in frame.values] for one in ordered}
        parameters = [Parameter(one, kind_of(values[one]), defaults.get(one)) for one in ordered]
        parameters.sort(key=lambda one: one.default is not None)
        arguments = {id(scope): {one: values[one][number] for one in ordered} for number, scope in enumerate(scopes)}
        title = self.title if root else self._name(scopes[0])
        made = Class(title, scopes, parameters, arguments, body, channels)
        self.classes.append(made)
        self._by_scope |= {id(scope): made for scope in scopes}

    def _name(self, scope: Scope) -> str:
        part = scope.part
        word = part.block.block.name.text if isinstance(part, outline.Call) else scope.name
        if word.isdigit():  # a copy
            word = scope.path.rpartition(".")[0].rpartition(".")[2]
        title = "".join(piece[:1].upper() + piece[1:] for piece in word.split("_")) or "Block"
        title = title if title[0].isalpha() else f"Block{title}"
        return self._free(title)

    def _free(self, title: str) -> str:
        """A name for a class that no other has."""
        found, number = title, 2
        while found in self._taken:
            found, number = f"{title}{'_' * title[-1].isdigit()}{number}", number + 1
        self._taken.add(found)
        return found

    # Modules

    def _target(self, scope: Scope, path: str, body: list[Assignment], holding: set[str]) -> str:
        """What a module is assigned to, in what holds it, which is made first."""
        inside = path[len(scope.path) + bool(scope.path) :]
        around, _, _ = inside.rpartition(".")
        text = self.attribute(scope, path)
        components = around.split(".") if around else []
        for depth in range(1, len(components) + 1):
            container = ".".join(components[:depth])
            full = f"{scope.path}.{container}" if scope.path else container
            if container not in holding and not self._called_whole(scope, full):
                holding.add(container)
                kind = self._builder.containers.get(full, "nn.Module")
                body.append(Assignment(self.attribute(scope, full), call(kind)))
        return text

    def _called_whole(self, scope: Scope, path: str) -> bool:
        return any(step.made and step.path == path for step in scope.steps)

    def attribute(self, scope: Scope, path: str) -> str:
        """How a class calls a module of its own."""
        text, at = "self", scope.path
        for component in path[len(scope.path) + bool(scope.path) :].split("."):
            kind = self._builder.containers.get(at, "")
            if component.isdigit():
                text += f"[{int(component) - 1}]" if kind == "nn.Sequential" else f'["{component}"]'
            elif component.startswith("__") and not component.endswith("__"):  # which Python would rename
                text += f'._modules["{component}"]'
            else:
                text += f".{component}"
            at = f"{at}.{component}" if at else component
        return text

    def _unmade(self, items: Sequence[Item], frame: Frame, inputs: Sequence[str | None]) -> list[str | None]:
        """The channels of what merges give, and layers that were made before."""
        if not isinstance(items[0], Single):
            return [None for _ in items[0].exports]
        singles = cast("Sequence[Single]", items)
        texts = [total(inputs)] if items[0].node.layer.keyword == "CONCAT" else []
        return [frame.first([*texts, *inputs], [one.shape.channels for one in singles])]

    def _module(
        self, items: Sequence[Item], frame: Frame, inputs: Sequence[str | None]
    ) -> tuple[Code, list[str | None]]:
        """The code that makes the modules of some items, which are alike, and the channels of what they give."""
        match items[0]:
            case Single():
                made = layer(cast("Sequence[Single]", items), frame, inputs)
                return made.code, [made.channels] * len(items[0].exports)
            case Scope(inline=True):
                return self._chain(cast("Sequence[Scope]", items), frame, inputs)
            case Scope():
                return self._call(cast("Sequence[Scope]", items), frame, inputs)
            case Repeat():
                return self._repeat(cast("Sequence[Repeat]", items), frame, inputs)
            case _:
                raise AssertionError(items[0])

    def _chain(
        self, scopes: Sequence[Scope], frame: Frame, inputs: Sequence[str | None]
    ) -> tuple[Code, list[str | None]]:
        self._flattened(scopes)
        entries: list[tuple[str, Code]] = []
        flattened = 0
        flow = list(inputs)
        for steps in zip(*(scope.steps for scope in scopes), strict=True):
            if self.flattens(steps[0]):
                entries.append((flatten_name(scopes[0], flattened), call("nn.Flatten")))
                flattened += 1
            code, flow = self._module([step.item for step in steps], frame, flow)
            entries.append((steps[0].item.name, code))
        named = tuple(Named(f"{key}=", code) for key, code in entries)
        return call("nn.Sequential", Brackets("OrderedDict(", named)), flow

    def _call(
        self, scopes: Sequence[Scope], frame: Frame, inputs: Sequence[str | None]
    ) -> tuple[Code, list[str | None]]:
        made = self.of(scopes[0])
        if any(self.of(scope) is not made for scope in scopes):
            raise Unresolved
        given = given_to(scopes[0])
        codes: list[Code] = []
        texts: dict[str, str] = {}
        skipped = False
        for one in made.parameters:
            values = [made.arguments[id(scope)][one.name] for scope in scopes]
            hints = written(given[one.name]) if one.name in given else ()
            own = [text for number, text in enumerate(inputs) if one.name == channels_in(number)]
            usual = one.default is not None and all(value == one.default for value in values)
            if usual and not any(names(hint) and frame.holds(hint, values) for hint in hints):
                texts[one.name] = repr(one.default)
                skipped = True
                continue
            code = frame.code(values, [*own, *hints, one.name], one.name)
            texts[one.name] = flat(code)
            codes.append(Named(f"{one.name}=", code) if skipped else code)
        channels = [None if text is None else filled(text, texts) for text in made.channels]
        return call(made.name, *codes), channels

    def _repeat(
        self, repeats: Sequence[Repeat], frame: Frame, inputs: Sequence[str | None]
    ) -> tuple[Code, list[str | None]]:
        mark = frame.mark()
        try:
            return self._loop(repeats, frame, inputs)
        except Unresolved:
            frame.back(mark)
        if len({len(one.copies) for one in repeats}) > 1:
            raise Unresolved
        codes: list[Code] = []
        flow = list(inputs)
        for number, copies in enumerate(zip(*(one.copies for one in repeats), strict=True), 1):
            code, flow = self._module(copies, frame, flow)
            codes.append(Brackets("(", (f'"{number}"', code)))
        entries = Brackets("[", tuple(codes), "]")
        return call("nn.Sequential", call("OrderedDict", entries)), flow

    def _loop(
        self, repeats: Sequence[Repeat], frame: Frame, inputs: Sequence[str | None]
    ) -> tuple[Code, list[str | None]]:
        """Copies made in a loop. Raises Unresolved where they differ by more than formulas say."""
        if frame.counter:
            raise Unresolved  # a loop within a loop says less than a class would
        copies = [copy for one in repeats for copy in one.copies]
        if len(copies) < 2:
            raise Unresolved
        counts = [len(one.copies) for one in repeats]
        counter = counter_of(repeats[0])
        while any(counter in values for values in frame.values):
            counter += "_"
        inner = frame.copies(counts, counter)
        flow, after = self._flow(copies, inner, inputs[0], counter)
        code, _ = self._module(copies, inner, [flow])
        element = repeats[0].element
        count = element.repeat if element else None
        hints: Sequence[str] = () if count is None else written(count.value)
        number = flat(frame.code(counts, hints))
        stop = number.removesuffix(" - 1") if number.endswith(" - 1") else tidy(f"{number} + 1")
        loop = Loop(Brackets("(", (f"str({counter})", code)), (f"for {counter} in range(1, {stop})",))
        wanted = [self._channels(one.exports[0]) for one in repeats]
        return call("nn.Sequential", call("OrderedDict", loop)), [frame.first(after(number), wanted)]

    def _flow(
        self, copies: Sequence[Item], inner: Frame, text: str | None, counter: str
    ) -> tuple[str | None, Callable[[str], Sequence[str]]]:
        """The channels that flow into each copy, and formulas for what flows out of the last, by their number."""
        wanted = [self._channels(one.inputs[0]) for one in copies]
        trial = replace(inner, values=[{**known, _FLOW: one} for known, one in zip(inner.values, wanted, strict=True)])
        mark = inner.mark()
        try:
            _, (after, *_) = self._module(copies, trial, [_FLOW])
        except Unresolved:
            after = None
        inner.back(mark)
        grown = after.removeprefix(f"{_FLOW} + ") if after and after.startswith(f"{_FLOW} + ") else ""
        tried = [text]
        if text is not None and grown and not names(grown) & {_FLOW, counter}:
            tried += [tidy(f"{text} + ({counter} - 1) * ({grown})")]
        if text is not None and after is not None and _FLOW not in names(after):
            before = filled(after, {counter: f"({counter} - 1)"})
            tried += [tidy(f"{text} if {counter} == 1 else {before}")]

        def last(number: str) -> Sequence[str]:
            whole = [] if text is None or not grown else [tidy(f"{text} + ({number}) * ({grown})")]
            return [*whole, *([] if after is None else [filled(after, {counter: f"({number})", _FLOW: text or "0"})])]

        return next((one for one in tried if inner.holds(one, wanted)), None), last

    def _channels(self, index: int) -> int:
        return self._builder.shaped.shapes[index].channels


def flatten_name(scope: Scope, number: int) -> str:
    """What a module that flattens is called, beside those of a chain."""
    taken = {step.item.name for step in scope.steps}
    found = f"flatten{number + 1}" if number else "flatten"
    while found in taken:
        found += "_"
    return found


def _made(scope: Scope) -> Iterator[Scope]:
    """The scopes that have a class, each behind those in it."""
    for step in scope.steps:
        if step.made:
            yield from _within(step.item)
    if not scope.inline:
        yield scope


def _within(item: Item) -> Iterator[Scope]:
    if isinstance(item, Scope):
        yield from _made(item)
    elif isinstance(item, Repeat):
        for copy in item.copies:
            yield from _within(copy)


def _flattens(item: Item) -> bool:
    if isinstance(item, Repeat):
        return _flattens(item.copies[0])
    return (
        isinstance(item, Single)
        and item.constructor is not None
        and item.constructor.flattens
        and (item.shapes[0].rank > 0)
    )


def _leaves(item: Item) -> object:
    """All that distinguishes an item from others that are made alike."""
    match item:
        case Single(constructor=None):
            return None
        case Single(constructor=constructor):
            assert constructor is not None
            return constructor.title, tuple(repr(one.value) for one in constructor.arguments)
        case Scope(steps=steps):
            return tuple(_leaves(step.item) for step in steps)
        case Repeat(copies=copies):
            return tuple(map(_leaves, copies))
        case _:
            raise AssertionError(item)
