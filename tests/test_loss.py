"""What networks are trained by: held against torch's own losses, and against the paper's by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

import netdsl
from netdsl.train.loss import Loss, LossError

AUX = """
INPUT 8x8x3 -> CONV 4 3 -> RELU -> middle: MAXPOOL 2 -> CONV 6 3 -> BN -> RELU -> FC 5 -> prob: SOFTMAX
middle -> FC 5 -> early: LOGSOFTMAX
middle -> CONV 5 3 -> SOFTMAX -> late: FLATTEN
output prob
output training early
"""


def drawn(*size: int, scale: float = 3.0) -> Tensor:
    return scale * torch.randn(size, generator=torch.Generator().manual_seed(len(size)))


def loss_of(text: str, *given: object, **named: object) -> Loss:
    return netdsl.loads(text).loss(*given, **named)  # pyright: ignore[reportArgumentType]


# Logits

ENDS = [
    ("INPUT 8x8x3 -> CONV 4 3 -> FC 5 -> SOFTMAX", "softmax"),
    ("INPUT 8x8x3 -> CONV 4 3 -> FC 5 -> LOGSOFTMAX", "log_softmax"),
    ("INPUT 8x8x3 -> CONV 4 3 -> FC 5 -> SIGMOID", "sigmoid"),
    ("INPUT 8x8x3 -> CONV 5 8 -> SOFTMAX -> DROPOUT 0.5 -> FLATTEN -> RESHAPE 1x5", "softmax"),
    ("image: INPUT 8x8x3 -> CONV 5 3 -> SOFTMAX -> CROP 2x3 -> RESHAPE 6x5", "softmax"),
    ("a: INPUT 8x8x3 -> CONV 5 3 -> b: CONV 2 3\na -> CONV 5 3 -> SIGMOID -> p: CROP like=b\noutput p, b", "sigmoid"),
]


@pytest.mark.parametrize(("text", "function"), ENDS, ids=[text for text, _ in ENDS])
def test_logits_are_what_the_last_function_reads(text: str, function: str) -> None:
    net, x = netdsl.loads(text), drawn(2, 3, 8, 8)
    whole, cut = net.module(train=False)(x), net.module(train=False, logits=True)(x)
    if isinstance(whole, tuple):
        assert torch.equal(whole[1], cut[1])
        whole, cut = whole[0], cut[0]
    made = cut.sigmoid() if function == "sigmoid" else getattr(cut, function)(1)
    torch.testing.assert_close(made, whole)


@pytest.mark.parametrize(
    "end", ["FC 5", "FC 5 -> RBF 3", "FC 5 -> SOFTMAX -> FC 3", "CONV 5 3 -> SOFTMAX -> AVGPOOL 2"]
)
def test_an_output_of_something_else_stays(end: str) -> None:
    net, x = netdsl.loads(f"INPUT 8x8x3 -> {end}"), drawn(2, 3, 8, 8)
    assert torch.equal(net.module()(x), net.module(logits=True)(x))


def test_weights_and_names_are_the_same_with_logits() -> None:
    net, x = netdsl.loads(AUX), drawn(2, 3, 8, 8)
    whole, cut = net.module(), net.module(logits=True)
    assert list(whole.state_dict()) == list(cut.state_dict())
    assert all(torch.equal(one, cut.state_dict()[name]) for name, one in whole.state_dict().items())
    assert whole(x)._fields == cut(x)._fields == ("prob", "early")
    cut.eval().load_state_dict(whole.eval().state_dict())
    torch.testing.assert_close(cut(x).softmax(1), whole(x))
    again = net.module(weights=whole.state_dict(), weights_by="order", logits=True).eval()
    assert torch.equal(again(x), cut(x))


def test_a_softmax_that_others_read_stays_for_them() -> None:
    net = netdsl.loads("INPUT 4 -> FC 3 -> p: SOFTMAX -> q: FC 2\noutput p, q")
    module, x = net.module(logits=True), drawn(2, 4)
    torch.testing.assert_close(module(x).q, module.get_submodule("q")(module(x).p.softmax(1)))


def test_a_compiled_file_keeps_its_softmax(tmp_path: Path) -> None:
    net = netdsl.loads("INPUT 4 -> FC 3 -> SOFTMAX")
    made = torch.jit.load(net.compile(tmp_path / "net.pt"))(drawn(2, 4))
    torch.testing.assert_close(made, net.module(logits=True)(drawn(2, 4)).softmax(1))


# What is chosen

CHOSEN = [
    ("INPUT 9 -> FC 4 -> SOFTMAX", "cross-entropy"),
    ("INPUT 9 -> FC 4 -> LOGSOFTMAX -> RESHAPE 1x4", "cross-entropy"),
    ("INPUT 9 -> FC 4 -> SIGMOID -> DROPOUT 0.1", "binary-cross-entropy"),
    ("INPUT 9 -> FC 4 -> HARDSIGMOID", "binary-cross-entropy"),
    ("INPUT 9 -> FC 1 -> SIGMOID", "binary-cross-entropy"),
    ("INPUT 9 -> FC 4 -> RBF 5 -> FLATTEN", "rbf-map"),
    ("INPUT 9 -> [ FC 4 -> SOFTMAX | FC 4 -> SOFTMAX ] -> MEAN", "cross-entropy"),
    ("INPUT 8x8x3 -> CONV 4 3 -> SOFTMAX -> AVGPOOL global", "cross-entropy"),
    ("INPUT 8x8x3 -> CONV 4 3 p1 -> SOFTMAX", "cross-entropy"),
    ("INPUT 8x8x3 -> CONV 4 3 p1", "cross-entropy"),
    ("x: INPUT 8x8x3 -> CONV 4 3 s2 -> UPSAMPLE like=x mode=bilinear", "cross-entropy"),
    ("INPUT 8x8x3 -> CONV 1 3 p1 -> SIGMOID", "binary-cross-entropy"),
]


@pytest.mark.parametrize(("text", "wanted"), CHOSEN, ids=[text for text, _ in CHOSEN])
def test_the_loss_follows_from_the_layers(text: str, wanted: str) -> None:
    net = netdsl.loads(text)
    loss = net.loss()
    assert loss.extra_repr().partition(": ")[2] == wanted
    outputs = net.module(logits=True)(drawn(3, *_sizes(net)))
    kinds = 2 if outputs.shape[1] == 1 else outputs.shape[1]
    targets = torch.arange(outputs[:, 0].numel()).remainder(kinds).view(outputs[:, 0].shape)
    value = loss(outputs, targets)
    value.backward()
    assert value.shape == ()
    assert 0 < value.item() < 100
    p, ranked = loss.probabilities(outputs), loss.ranked(outputs)
    assert p.shape[:2] == ranked.shape[:2] == (3, kinds)
    assert torch.equal(p.argmax(1), ranked.argmax(1))
    if wanted != "binary-cross-entropy" or outputs.shape[1] == 1:
        torch.testing.assert_close(p.sum(1), torch.ones_like(p[:, 0]))


def _sizes(net: netdsl.Network) -> tuple[int, ...]:
    (shape,) = (net.shaped.shapes[one] for one in net.shaped.graph.inputs)
    return (shape.channels, *shape.spatial)


OPEN = [
    ("INPUT 9 -> FC 4", ["cross-entropy", "binary-cross-entropy"]),
    ("INPUT 9 -> FC 4 -> RELU", ["cross-entropy", "binary-cross-entropy"]),
    ("INPUT 9 -> FC 4 -> SOFTMAX -> FC 3", ["cross-entropy", "binary-cross-entropy"]),
    ("INPUT 9 -> FC 1", ["binary-cross-entropy"]),
    ("INPUT 9 -> FC 1 -> SOFTMAX", ["binary-cross-entropy"]),
    ("INPUT 9 -> [ FC 4 -> SOFTMAX | FC 4 -> SOFTMAX ] -> CONCAT", ["cross-entropy", "binary-cross-entropy"]),
    ("INPUT 8x8x3 -> CONV 4 3 p1 -> RELU", ["cross-entropy", "binary-cross-entropy"]),
    ("INPUT 8x8x3 -> CONV 4 3", ["cross-entropy", "binary-cross-entropy"]),
    (
        "INPUT 9 -> a: FC 4 -> p: SOFTMAX\na -> b: FC 4\noutput p\noutput training b",
        ["cross-entropy", "binary-cross-entropy"],
    ),
]


@pytest.mark.parametrize(("text", "choices"), OPEN, ids=[text for text, _ in OPEN])
def test_layers_that_leave_it_open_ask_for_a_choice(text: str, choices: list[str]) -> None:
    with pytest.raises(LossError) as caught:
        loss_of(text)
    assert list(caught.value.choices) == choices
    assert all(f"--loss {one}" in str(caught.value) and f'kind="{one}"' in caught.value.help for one in choices)
    for one in choices:
        assert f": {one}" in loss_of(text, one).extra_repr()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("INPUT 9 -> FC 4 -> SOFTMAX", "rbf-map"),
        ("INPUT 9 -> FC 4 -> RBF 5", "binary-cross-entropy"),
        ("INPUT 9 -> FC 1 -> SIGMOID", "cross-entropy"),
    ],
)
def test_a_choice_that_the_layers_contradict_is_refused(text: str, kind: str) -> None:
    with pytest.raises(LossError, match="choose "):
        loss_of(text, kind)


def test_what_makes_no_sense_is_refused() -> None:
    text = "INPUT 9 -> FC 4 -> SOFTMAX"
    with pytest.raises(ValueError, match="a loss is one of cross-entropy, "):
        loss_of(text, "crossentropy")
    with pytest.raises(ValueError, match="aux_weight"):
        loss_of(text, aux_weight=-1)
    for weights in ([1.0, 2.0], [1.0, 2.0, 3.0, -1.0], [1.0, 2.0, 3.0, math.nan]):
        with pytest.raises(ValueError, match="class_weights are 4 numbers"):
            loss_of(text, class_weights=weights)
    loss = loss_of(text)
    for targets in (torch.tensor([0, 4]), torch.tensor([-1, 0])):
        with pytest.raises(ValueError, match=r"has classes 0 to 3, and (4|-1) is among"):
            loss(drawn(2, 4), targets)
    with pytest.raises(ValueError, match="wants targets of 2 or 2 x 4, and not 3"):
        loss(drawn(2, 4), torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match=r"whole numbers, as targets\.long\(\) gives them"):
        loss(drawn(2, 4), torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="has 1 outputs, and 2 were given"):
        loss((drawn(2, 4), drawn(2, 4)), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="1 outputs, and 2 targets"):
        loss(drawn(2, 4), [torch.tensor([0, 1])] * 2)


# What it is

Y = torch.tensor([2, 0, 3, 3, 1, 2])
SOFT = torch.rand(6, 4, generator=torch.Generator().manual_seed(1)).softmax(1)
W = [0.5, 1.0, 2.0, 0.0]


@pytest.mark.parametrize("weights", [None, W], ids=["plain", "weighted"])
def test_a_softmax_is_trained_by_cross_entropy(weights: list[float] | None) -> None:
    loss, x = loss_of("INPUT 9 -> FC 4 -> SOFTMAX", class_weights=weights), drawn(6, 4)
    own = None if weights is None else torch.tensor(weights)
    wanted = functional.cross_entropy(x, Y, own, reduction="none").mean()
    torch.testing.assert_close(loss(x, Y), wanted)
    torch.testing.assert_close(loss(x, SOFT), functional.cross_entropy(x, SOFT, own))
    torch.testing.assert_close(loss(x.log_softmax(1), Y), wanted)
    torch.testing.assert_close(loss(x, Y.to(torch.uint8)), wanted)
    mean = loss_of("INPUT 9 -> [ FC 4 -> SOFTMAX | FC 4 -> SOFTMAX ] -> MEAN", class_weights=weights)
    torch.testing.assert_close(mean(x.softmax(1), Y), wanted)


def test_a_map_is_trained_place_by_place() -> None:
    loss, x = loss_of("INPUT 5x3x3 -> CONV 4 3 p1 -> SOFTMAX"), drawn(2, 4, 5, 3)
    y = torch.arange(30).view(2, 5, 3) % 4
    y[0, 0] = -100
    torch.testing.assert_close(loss(x, y), functional.cross_entropy(x, y))
    with pytest.raises(ValueError, match="wants targets of 2 x 5 x 3 or 2 x 4 x 5 x 3, and not 2"):
        loss(x, Y[:2])
    one = loss_of("INPUT 5x3x3 -> CONV 1 3 p1 -> SIGMOID")
    mask, logits = y.clamp(0, 1), x[:, :1]
    wanted = functional.binary_cross_entropy_with_logits(logits, mask.unsqueeze(1).float())
    torch.testing.assert_close(one(logits, mask), wanted)
    torch.testing.assert_close(one(logits, mask.unsqueeze(1).float()), wanted)


@pytest.mark.parametrize("end", ["SIGMOID", "HARDSIGMOID"])
def test_a_sigmoid_is_trained_class_by_class(end: str) -> None:
    loss, x = loss_of(f"INPUT 9 -> FC 4 -> {end}"), drawn(6, 4)
    given = x.sigmoid() if end == "HARDSIGMOID" else x
    many = (SOFT > 0.2).float()
    torch.testing.assert_close(loss(given, many), functional.binary_cross_entropy_with_logits(x, many))
    hot = functional.one_hot(Y, 4)
    wanted = functional.binary_cross_entropy_with_logits(x, hot.float())
    for targets in (Y, hot, hot.bool()):
        torch.testing.assert_close(loss(given, targets), wanted)
    weighted = loss_of(f"INPUT 9 -> FC 4 -> {end}", class_weights=W)
    rows = torch.tensor(W)[Y].unsqueeze(1)
    torch.testing.assert_close(
        weighted(given, Y), functional.binary_cross_entropy_with_logits(x, hot.float(), weight=rows)
    )
    torch.testing.assert_close(
        weighted(given, many), functional.binary_cross_entropy_with_logits(x, many, weight=torch.tensor(W))
    )


def test_one_sigmoid_tells_two_classes_apart() -> None:
    loss, x, y = loss_of("INPUT 9 -> FC 1 -> SIGMOID", class_weights=[3.0, 0.5]), drawn(6, 1), Y.clamp(0, 1)
    wanted = functional.binary_cross_entropy_with_logits(
        x, y.unsqueeze(1).float(), weight=torch.tensor([3.0, 0.5])[y].unsqueeze(1)
    )
    torch.testing.assert_close(loss(x, y), wanted)
    torch.testing.assert_close(loss(x, y.unsqueeze(1).float()), wanted)
    torch.testing.assert_close(loss.probabilities(x)[:, 1], x.sigmoid()[:, 0])


def test_distances_are_trained_as_the_paper_says() -> None:
    text = "INPUT 9 -> FC 6 -> RBF 4"
    d = [[1.0, 4.0, 9.0, 2.0], [0.5, 0.25, 3.0, 8.0]]
    y, x = torch.tensor([2, 1]), torch.tensor(d)
    torch.testing.assert_close(loss_of(text, "rbf-mse")(x, y), torch.tensor((9 + 0.25) / 2))
    each = [
        row[at] + math.log(math.exp(-0.1) + sum(math.exp(-one) for one in row))
        for row, at in zip(d, (2, 1), strict=True)
    ]
    torch.testing.assert_close(loss_of(text, "rbf-map")(x, y), torch.tensor(sum(each) / 2))
    weighted = loss_of(text, "rbf-mse", class_weights=W)
    torch.testing.assert_close(weighted(x, y), torch.tensor((9 * 2.0 + 0.25 * 1.0) / 2))
    torch.testing.assert_close(loss_of(text, "cross-entropy")(x, y), functional.cross_entropy(-x, y))
    assert loss_of(text).probabilities(x).argmax(1).tolist() == [0, 1]
    assert loss_of(text).ranked(x).argmax(1).tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("text", [text for text, _ in CHOSEN[:8]])
def test_gradients_are_finite_however_sure_a_network_is(text: str, dtype: torch.dtype) -> None:
    net = netdsl.loads(text)
    loss, outputs = net.loss(), net.module(logits=True)(drawn(2, *_sizes(net)))
    x = torch.linspace(-3e4, 3e4, outputs.numel()).view(outputs.shape)
    if "HARD" in text or "MEAN" in text or "AVGPOOL" in text:
        x = (x > 0).float()
    x = (x.abs() if "RBF" in text else x).to(dtype).requires_grad_()
    value = loss(x, torch.tensor([0, 1]))
    value.backward()
    assert x.grad is not None
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert x.grad.isfinite().all()


# Networks


def test_training_outputs_are_trained_each_by_its_own_layer() -> None:
    text = AUX.replace("output training early", "middle -> FC 5 -> some: SIGMOID\noutput training early, late, some")
    net = netdsl.loads(text)
    module, loss = net.module(logits=True), net.loss(aux_weight=0.25)
    outputs, y = module(drawn(3, 3, 8, 8)), Y[:3]
    ce, hot = functional.cross_entropy, functional.one_hot(y, 5).float()
    late = outputs.late
    assert late.shape == (3, 5)
    aux = ce(outputs.early, y) + ce(late, y) + functional.binary_cross_entropy_with_logits(outputs.some, hot)
    torch.testing.assert_close(loss(outputs, y), ce(outputs.prob, y) + 0.25 * aux)
    assert loss.extra_repr().endswith("0.25 late: cross-entropy, 0.25 some: binary-cross-entropy")
    given = module.eval()(drawn(3, 3, 8, 8))
    torch.testing.assert_close(loss(given, y), ce(given, y))
    assert torch.equal(loss.ranked(outputs), outputs.prob)


def test_several_outputs_have_targets_of_their_own() -> None:
    net = netdsl.loads(
        "INPUT 9 -> a: FC 8 -> [ a -> FC 4 -> p: SOFTMAX | a -> FC 3 -> q: SIGMOID ] -> CONCAT\noutput p, q"
    )
    p, q = net.module(logits=True)(drawn(6, 9))
    wanted = functional.cross_entropy(p, Y) + functional.binary_cross_entropy_with_logits(q, SOFT[:, :3])
    torch.testing.assert_close(net.loss()((p, q), (Y, SOFT[:, :3])), wanted)


@pytest.mark.parametrize("end", ["SOFTMAX", "SIGMOID", "SOFTMAX -> FLATTEN"])
@pytest.mark.parametrize("autocast", [False, True], ids=["fp32", "bf16"])
def test_probabilities_are_no_logits(end: str, autocast: bool) -> None:
    net = netdsl.loads(f"INPUT 1x1x9 -> CONV 4 1 -> {end}")
    module, loss = net.module(), net.loss()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        with pytest.raises(
            ValueError, match=r"through its S\w+, which the loss contains: make .* module\(logits=True\)"
        ):
            loss(module(drawn(6, 9, 1, 1)), Y)
        if end != "SIGMOID":  # which shows in values too, where there are no gradients
            with torch.no_grad(), pytest.raises(ValueError, match="logits=True"):
                loss(module(drawn(6, 9, 1, 1)), Y)


def test_autocast_does_not_reach_the_loss() -> None:
    net = netdsl.loads(AUX)
    module, loss = net.module(logits=True), net.loss()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = module(drawn(3, 3, 8, 8))
        value = loss(outputs, Y[:3])
    assert outputs.prob.dtype == torch.bfloat16
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss([one.float() for one in outputs], Y[:3]))


def test_the_right_loss_trains_where_probabilities_would_not() -> None:
    """The gradient of a sure and wrong network: it is lost where probabilities go through the function again."""
    x = torch.tensor([[40.0, 0.0, 0.0, 0.0]], requires_grad=True)
    loss_of("INPUT 9 -> FC 4 -> SOFTMAX")(x, torch.tensor([1])).backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.tensor([[1.0, -1.0, 0.0, 0.0]]))


def test_a_distributed_network_has_a_gradient_everywhere(tmp_path: Path) -> None:
    net = netdsl.loads(AUX)
    distributed.init_process_group("gloo", init_method=(tmp_path / "store").as_uri(), rank=0, world_size=1)
    try:
        module, loss = DistributedDataParallel(net.module(logits=True)), net.loss(aux_weight=0)
        for _ in range(2):  # what lacked a gradient in a step shows at the next
            loss(module(drawn(3, 3, 8, 8)), Y[:3]).backward()
    finally:
        distributed.destroy_process_group()
    assert all(one.grad is not None for one in module.parameters())


def test_a_loss_moves_with_its_network() -> None:
    loss = loss_of("INPUT 9 -> FC 4 -> SOFTMAX", class_weights=W)
    assert isinstance(loss, nn.Module)
    assert loss.state_dict() == {}
    assert loss.double()(drawn(6, 4).double(), Y).dtype == torch.float64
