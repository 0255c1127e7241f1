"""The functions of a network's source that draw its first weights, and the tables that they read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from math import sqrt

from netdsl.compile.inits import PYTORCH, starts
from netdsl.compile.inits.draw import LAWS
from netdsl.compile.inits.residual import product
from netdsl.compile.plan import Plan
from netdsl.compile.random import PART
from netdsl.compile.source.layout import Brackets, Named, call, lines
from netdsl.layers.deconv import Deconv

_WALK = '''def initialise(module: Any, seed: int, path: str = "") -> None:
    """Fill weights by a seed: those of a layer follow from it and the layer's path."""
    if not hasattr(type(module), "reset_parameters"):
        for name, child in module.named_children():
            initialise(child, seed, f"{path}.{name}" if path else name)
        return
    digest = sha256(f"{seed} {path}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "big"))
'''
_RESET = """    for part in (*module.children(), module):
        part.reset_parameters()
"""
_PARTS = '''def reset(layer: Any) -> None:
    """Draw the weights of a layer; many of them in parts, each from its own generator."""
    weight, product = getattr(layer, "weight", None), hasattr(layer, "bias")
    if not product or weight is None or weight.dim() == 1 or weight.numel() <= 2**22:
        layer.reset_parameters()
        return
    inputs = weight[0].numel()
    bound = nn.init.calculate_gain("leaky_relu", math.sqrt(5)) * math.sqrt(3 / inputs)
    parts = weight.detach().view(-1).split(2**22)
    seeds = torch.randint(2**63 - 1, (len(parts),)).tolist()
    for part, own in zip(parts, seeds, strict=True):
        part.uniform_(-bound, bound, generator=torch.Generator().manual_seed(own))
    if layer.bias is not None:
        nn.init.uniform_(layer.bias, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs))


'''
_FILL = '''def fill(weight: Tensor, {size}: float) -> None:
    """Draw weights; many of them in parts, each from its own generator."""
    if weight.numel() <= 2**22:
        nn.init.{draw}_(weight, {ends})
        return
    parts = weight.detach().view(-1).split(2**22)
    seeds = torch.randint(2**63 - 1, (len(parts),)).tolist()
    for part, own in zip(parts, seeds, strict=True):
        part.{draw}_({ends}, generator=torch.Generator().manual_seed(own))


'''


def code(plan: Plan, init: str) -> str:
    """The function `initialise`, with what it calls and reads before it."""
    if init == PYTORCH:
        large = _large(plan)
        return _PARTS * large + _WALK + (_RESET.replace("part.reset_parameters()", "reset(part)") if large else _RESET)
    return _Drawn(plan, init).code()


def _large(plan: Plan) -> bool:
    """Whether some weights are so many that they are filled in parts."""
    shaped = plan.shaped
    return any(
        weight.count > PART
        for index in plan.owners.values()
        for weight in shaped.nodes[index].layer.weights(*shaped.input_shapes(index))
    )


class _Drawn:
    """By an initialisation of netdsl.compile.inits."""

    def __init__(self, plan: Plan, init: str) -> None:
        self._plan, self._init, self._law = plan, init, LAWS[init]
        self._layers = {path: plan.shaped.nodes[index].layer for path, index in plan.owners.items()}
        self._starts = starts.of(plan, init)
        self._tables: list[str] = []

    def code(self) -> str:
        """The functions."""
        products = [path for path, layer in self._layers.items() if product(layer)]
        others = [path for path in self._layers if path not in set(products)]
        if not products:
            return _WALK + _RESET
        gain = self._value("gain", "GAINS", {path: self._starts[path].gain for path in products})
        bias = self._value("bias", "BIASES", {path: self._starts[path].bias for path in products})
        factors = {path: self._starts[path].gain if path in self._starts else 1.0 for path in others}
        factor = self._value("factor", "FACTORS", factors, 8)
        large, law = _large(self._plan), self._law
        size, ends = ("std", "0.0, std") if law.normal else ("bound", "-bound, bound")
        draw = "normal" if law.normal else "uniform"
        body = ['    weight = getattr(module, "weight", None)']
        body.append('    if weight is None or weight.dim() == 1 or not hasattr(module, "bias"):')
        body += [f"    {line}" for line in _RESET.rstrip().split("\n")]
        if set(factors.values()) - {1.0}:
            body += [*factor, "        if weight is not None:", "            weight.detach().mul_(factor)"]
        body.append("        return")
        if "gain" in law.code:
            body += gain
        if "fan" in law.code:
            body += self._fans("out" in law.code)
        body.append(f"    {size} = {law.code}")
        body.append(f"    fill(weight, {size})" if large else f"    nn.init.{draw}_(weight, {ends})")
        if any(getattr(layer, "table", None) is not None for layer in self._layers.values()):
            body.append('    mask = getattr(module, "mask", None)')
            body.append("    if mask is not None:")
            body.append(f"        weight.detach().mul_(mask / mask.mean(1, keepdim=True) ** {law.power})")
        if any(self._starts[path].bias for path in products):
            body += [*bias, "    if module.bias is not None:", "        nn.init.constant_(module.bias, bias)"]
        else:
            body += ["    if module.bias is not None:", "        nn.init.zeros_(module.bias)"]
        filled = _FILL.format(size=size, draw=draw, ends=ends) if large else ""
        tables = "\n".join(self._tables) + "\n\n\n" if self._tables else ""
        return tables + filled + _WALK + "\n".join(body) + "\n"

    def _value(self, name: str, table: str, values: Mapping[str, float], indent: int = 4) -> Sequence[str]:
        """The lines that find a number by the path of a module; a table for it is made where they differ."""
        usual, others = grouped(values)
        if not others:
            return [f"{' ' * indent}{name} = {_number(usual)}"]
        entries = tuple(Named(f'"{pattern}": ', _number(value)) for pattern, value in others.items())
        self._tables += lines(f"{table} = ", Brackets("{", entries, "}"))
        found = f"(one for name, one in {table}.items() if fnmatchcase(path, name))"
        return lines(f"{name} = ", call("next", found, _number(usual)), indent)

    def _fans(self, outward: bool) -> Sequence[str]:
        """The lines that tell how much a weight reads, and how much reads it."""
        found = ["    fan = weight[0].numel()"]
        if outward:
            found.append('    out = weight[:, 0].numel() / getattr(module, "groups", 1)')
        if any(isinstance(layer, Deconv) for layer in self._layers.values()):
            found.append('    if getattr(module, "transposed", False):')
            if outward:
                found += ["        fan, out = out / math.prod(module.stride), fan"]
            else:
                found += ["        fan = weight[:, 0].numel() / module.groups / math.prod(module.stride)"]
        return found


def grouped(values: Mapping[str, float]) -> tuple[float, Mapping[str, float]]:
    """The usual value of some paths, and those of the others by as few patterns as are plain."""
    if not values:
        return 1.0, {}
    usual = Counter(values.values()).most_common(1)[0][0]
    by_end: defaultdict[str, set[float]] = defaultdict(set)
    for path, value in values.items():
        for pattern in _ends(path):
            by_end[pattern].add(value)
    found: dict[str, float] = {}
    for path, value in values.items():
        if value != usual and not any(fnmatchcase(path, pattern) for pattern in found):
            plain = [pattern for pattern in _ends(path) if len(by_end[pattern]) == 1]
            found[plain[0] if plain else path] = value
    return usual, found


def _ends(path: str) -> Sequence[str]:
    """Patterns of all paths that end as one does, the shortest first."""
    parts = path.split(".")
    return [".".join(["*", *parts[-count:]]) for count in range(1, len(parts))]


def _number(value: float) -> str:
    """A number as Python writes it, or the root that it is."""
    return "math.sqrt(2)" if value == sqrt(2) else repr(value)
