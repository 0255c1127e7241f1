"""The layers of a .prototxt in order: of both versions of the format, with the phases in which each is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netdsl.interchange import mistakes
from netdsl.interchange.caffe import ends, rules, sources
from netdsl.interchange.caffe.fields import Fields
from netdsl.interchange.caffe.work import PASSED, Given
from netdsl.interchange.gathering import Fault, Gathering
from netdsl.layers.arguments import Number
from netdsl.text.fit import clipped
from netdsl.text.source import Span

TRAIN, TEST = "TRAIN", "TEST"
_BOTH = frozenset((TRAIN, TEST))
_PHASES = {"TRAIN": TRAIN, "0": TRAIN, "TEST": TEST, "1": TEST}
_KINDS = {
    **{kind.lower(): kind for kind in (*rules.RULES, *rules.UNSAID, *ends.MEASURES, *ends.LEFT, *sources.DATA)},
    "softmaxloss": "SoftmaxWithLoss",
}
"""Each kind by its name in lower case, as the first version and netscope have it too."""
NET = "name input input_dim input_shape force_backward state debug_info layer layers"
_SOLVED = ("net", "train_net", "test_net")
_PARAMS = """
    accuracy argmax batch_norm bias bn clip concat contrastive_loss convolution crop data detection_output dropout
    dummy_data eltwise elu embed exp flatten hdf5_data hdf5_output hinge_loss image_data infogain_loss inner_product
    input interp log lrn memory_data multibox_loss mvn norm parameter permute pooling power prelu prior_box python
    recurrent reduction relu reorg reshape scale shuffle_channel sigmoid slice softmax spp swish tanh threshold tile
    upsample window_data
"""
OF_LAYERS = f"{PASSED} {' '.join(f'{one}_param' for one in _PARAMS.split())}"
"""What a layer may have; parameters of other kinds than its own say nothing."""


def layers(net: Fields, gathering: Gathering) -> Sequence[Given]:
    """The layers of a network in order, as there is one for each phase or for both; what is wrong is told."""
    found: list[Given] = []
    level: Number = 0
    with gathering.telling(net.span):
        level = net.inner("state").real("level", 0)
    for one in net.message.fields:
        if one.name not in ("layer", "layers"):
            continue
        if one.message is None:
            gathering.report.error(
                mistakes.WrongValue(one.name, clipped(one.text, 40), "a message in braces"), one.span
            )
            continue
        if one.message.broken:
            continue
        with gathering.telling(one.span):
            found.append(_layer(Fields(one.message, one.name, one.span), len(found), level))
    net.taken |= {"layer", "layers"}
    return _joined(found)


def solved(net: Fields) -> tuple[mistakes.Broken, Span] | None:
    """What to say of a file that tells how a network is trained, and not what it is."""
    names = [one for name in _SOLVED for one in net.message.named(name)]
    if names:
        why = "this is a solver, which says how a network is trained"
        return mistakes.Broken(why, f"give the file that it names: {clipped(names[0].text, 80)}"), names[0].span
    return None


def _layer(fields: Fields, number: int, level: Number) -> Given:
    if fields.has("layer"):
        why = "its layers lie within connections"
        hint = "bring the file up to date with Caffe's upgrade_net_proto_text"
        raise Fault(mistakes.Unsaid("Caffe's oldest format", why, hint))
    name = fields.text("name")
    kind = fields.text("type")
    if not kind:
        raise Fault(mistakes.Missing(fields.where, "type"), fields.span)
    place = next((one.span for one in fields.message.fields if one.name == "name"), fields.span)
    kind = _KINDS.get(kind.lower().replace("_", ""), kind)
    if kind.endswith("DetectionOutput"):  # of YOLO too
        kind = "DetectionOutput"
    fields.taken |= {"bottom", "top"}
    title = name or f"{kind.lower()}{number + 1}"
    tops, bottoms = tuple(fields.texts("top")), tuple(fields.texts("bottom"))
    if not tops and kind in rules.RULES:  # as netscope lets it
        tops = (title,)
    return Given(title, kind, fields, bottoms, tops, place, _phases(fields, level))


def _phases(fields: Fields, level: Number) -> frozenset[str]:
    """The phases in which a layer is there: those that a rule includes, or that none excludes."""
    includes, excludes = fields.inners("include"), fields.inners("exclude")
    said = fields.word("phase", _PHASES, "")
    if includes and excludes:
        raise Fault(mistakes.Unlike("include", "it is given beside exclude"), excludes[0].span)
    within = frozenset((said,)) if said else _BOTH
    if includes:
        return within & frozenset().union(*(_rule(one, level) for one in includes))
    return within - frozenset().union(*(_rule(one, level) for one in excludes))


def _rule(fields: Fields, level: Number) -> frozenset[str]:
    """The phases that a rule is true of. A stage that it wants is the test's or the training's by its name."""
    said = fields.word("phase", _PHASES, "")
    stages = " ".join(fields.texts("stage")).lower()
    least, most = fields.real("min_level", level), fields.real("max_level", level)
    fields.rest("stage not_stage min_level max_level")
    if not least <= level <= most:
        return frozenset()
    if said:
        return frozenset((said,))
    if "train" in stages:
        return frozenset((TRAIN,))
    return frozenset((TEST,)) if any(word in stages for word in ("test", "val")) else _BOTH


def _joined(given: Sequence[Given]) -> Sequence[Given]:
    """One layer for two of one name and kind, of which each phase has one: that of the test, whose layer works."""
    phases: dict[tuple[str, str], set[str]] = {}
    for one in given:
        if len(one.phases) == 1:
            phases.setdefault((one.name, one.kind), set()).update(one.phases)
    found: list[Given] = []
    for one in given:
        if len(one.phases) == 1 and len(phases[one.name, one.kind]) == 2:
            if TEST in one.phases:
                found.append(replace(one, phases=_BOTH))
        else:
            found.append(one)
    return found


def bottom_span(given: Given, name: str) -> Span:
    """Where a layer names what it reads."""
    return next((one.span for one in given.fields.message.named("bottom") if one.text == name), given.span)
