"""Networks of Darknet: their counts, their outputs against a plain reading in PyTorch, and what is wrong with them."""

from __future__ import annotations

import random
from pathlib import Path
from time import process_time

import numpy as np
import pytest
import torch
from foreign import FILES, darknet_weights, outputs, totals
from torch.nn import functional

from netdsl.interchange import darknet
from netdsl.interchange.darknet.reading import reading
from netdsl.interchange.flat import Flat, ForeignError
from netdsl.text.source import Source

COUNTS = {
    "alexnet": (62_378_344, 1_135_256_096),
    "darknet19": (20_842_376, 3_645_374_464),
    "resnet50": (22_780_456, 4_870_586_368),
    "densenet201": (17_173_160, 5_424_021_504),
    "yolov2-tiny": (11_232_057, 2_703_221_248),
    "yolov3-tiny": (8_852_366, 2_782_480_896),
    "extraction": (23_437_224, 4_259_340_288),
    "resnext50": (22_252_328, 5_055_135_744),
    "vgg-16": (138_357_544, 15_470_264_320),
    "yolov3": (61_949_149, 70_345_950_208),
    "yolov1": (197_301_875, 20_210_729_728),
    "go": (7_087_105, 2_556_041_728),
}
NET = "[net]\nheight=8\nwidth=10\nchannels=4\n"


def read(text: str) -> Flat:
    return reading(Source(text, "net.cfg"))


def examples(channels: int = 4) -> torch.Tensor:
    return torch.randn(2, channels, 8, 10, generator=torch.Generator().manual_seed(1))


def only(flat: Flat, x: torch.Tensor) -> torch.Tensor:
    (found,) = outputs(flat, x).values()
    return found


@pytest.mark.parametrize("name", COUNTS)
def test_published_networks_have_their_counts(name: str) -> None:
    flat = darknet.read(FILES / f"darknet/{name}.cfg")
    assert (flat.params, flat.macs) == totals(flat) == COUNTS[name]


def test_detection_heads_end_the_network() -> None:
    flat = darknet.read(FILES / "darknet/yolov3.cfg")
    assert [name for name, _ in flat.outputs] == ["yolo", "yolo2", "yolo3"]
    assert {"layer36", "layer79"} < {item.name for item in flat.items}


def darknet_pool(x: torch.Tensor, size: int, stride: int, padding: int) -> torch.Tensor:
    """Pooling as maxpool_layer.c has it: what lies beyond the map is never the largest."""
    sizes = [(one + padding - size) // stride + 1 for one in x.shape[2:]]
    wide = functional.pad(x, (size, size, size, size), value=-np.inf)
    found = torch.empty(*x.shape[:2], *sizes)
    for row in range(sizes[0]):
        for column in range(sizes[1]):
            top, left = (size - padding // 2 + one * stride for one in (row, column))
            found[:, :, row, column] = wide[:, :, top : top + size, left : left + size].amax((2, 3))
    return found


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(2, 2, 1), (2, 1, 1), (3, 2, 2), (3, 1, 2), (3, 2, 0), (5, 1, 4), (4, 3, 3)]
)
def test_poolings_are_padded_as_darknet_does(size: int, stride: int, padding: int) -> None:
    more = "" if padding == size - 1 else f"padding={padding}\n"
    found = only(read(f"{NET}[maxpool]\nsize={size}\nstride={stride}\n{more}"), examples())
    torch.testing.assert_close(found, darknet_pool(examples(), size, stride, padding))


def test_a_usual_pooling_is_written_as_usual() -> None:
    assert read(f"{NET}[maxpool]\nsize=2\nstride=2\n").items[1].layer.written == "MAXPOOL 2"


@pytest.mark.parametrize("version", [(0, 1), (0, 2), (1, 0)])
def test_weights_lie_in_the_order_of_the_file(version: tuple[int, int], tmp_path: Path) -> None:
    text = "[convolutional]\nbatch_normalize=1\nfilters=6\nsize=3\nstride=2\npad=1\ngroups=2\nactivation=leaky\n"
    text += "[convolutional]\nfilters=2\nsize=1\nactivation=mish\n"
    text += "[connected]\noutput=3\nbatch_normalize=1\nactivation=linear\n[softmax]\n"
    generator = np.random.default_rng(1)
    dims = [(6,)] * 4 + [(6, 2, 3, 3), (2,), (2, 6, 1, 1), (3,), (3, 40)] + [(3,)] * 3
    values = [generator.uniform(0.1, 1, one).astype("f4") for one in dims]
    (tmp_path / "net.cfg").write_text(NET + text)
    (tmp_path / "net.weights").write_bytes(darknet_weights(values, version))
    b1, s1, m1, v1, w1, b2, w2, b3, w3, s3, m3, v3 = map(torch.tensor, values)
    x = functional.conv2d(examples(), w1, None, 2, 1, 1, 2)
    x = functional.leaky_relu(functional.batch_norm(x, m1, v1, s1, b1), 0.1)
    x = functional.mish(functional.conv2d(x, w2, b2)).flatten(1)
    x = functional.batch_norm(functional.linear(x, w3), m3, v3, s3, b3)
    flat = darknet.read(tmp_path / "net.cfg")
    torch.testing.assert_close(only(flat, examples()), functional.softmax(x, 1))
    assert (flat.params, flat.macs) == totals(flat)


@pytest.mark.parametrize(("change", "message"), [(-1, "holds 1"), (1, "holds 3")])
def test_weights_that_are_too_few_or_too_many_are_told(change: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text("[net]\ninputs=1\n[connected]\noutput=1\n")
    (tmp_path / "net.weights").write_bytes(darknet_weights([np.zeros(2 + change)]))
    with pytest.raises(ForeignError, match=f"{message} values, and the network has 2"):
        darknet.read(tmp_path / "net.cfg")


def shortcut(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """A sum as blas.c has it: of the larger map every so many positions, and the channels that both have."""
    step, channels = other.shape[2] // x.shape[2], min(x.shape[1], other.shape[1])
    found = x.clone()
    found[:, :channels] += other[:, :channels, ::step, ::step]
    return found


@pytest.mark.parametrize("filters", [2, 4, 6])
@pytest.mark.parametrize("stride", [1, 2])
def test_shortcuts_of_unequal_maps_add_what_both_have(filters: int, stride: int, tmp_path: Path) -> None:
    text = f"[logistic]\n[convolutional]\nfilters={filters}\nstride={stride}\nactivation=linear\n[shortcut]\nfrom=0\n"
    (tmp_path / "net.cfg").write_text(NET + text)
    weight = np.random.default_rng(1).normal(size=(filters, 4, 1, 1)).astype("f4")
    (tmp_path / "net.weights").write_bytes(darknet_weights([np.zeros(filters), weight]))
    first = torch.sigmoid(examples())
    x = functional.conv2d(first, torch.tensor(weight), stride=stride)
    torch.testing.assert_close(only(darknet.read(tmp_path / "net.cfg"), examples()), shortcut(x, first))


def reorganised(x: torch.Tensor, stride: int, back: bool) -> torch.Tensor:
    """What reorg_cpu of blas.c does, value by value."""
    batch, channels, height, width = x.shape
    cells = channels // stride**2
    out = torch.empty_like(x).flatten()
    values = x.flatten()
    for b, k, j, i in np.ndindex(batch, channels, height, width):
        here = i + width * (j + height * (k + channels * b))
        rest, offset = k % cells, k // cells
        w, h = i * stride + offset % stride, j * stride + offset // stride
        there = w + width * stride * (h + height * stride * (rest + cells * b))
        if back:
            out[there] = values[here]
        else:
            out[here] = values[there]
    return (
        out.reshape(batch, cells, height * stride, width * stride)
        if back
        else out.reshape(batch, channels * stride**2, height // stride, width // stride)
    )


@pytest.mark.parametrize("back", [False, True])
def test_reorg_moves_values_as_darknet_does(back: bool) -> None:
    found = only(read(f"{NET}[reorg]\nstride=2\nreverse={int(back)}\n"), examples())
    torch.testing.assert_close(found, reorganised(examples(), 2, back))


def space_to_depth(x: torch.Tensor, stride: int) -> torch.Tensor:
    """Each channel's cells of a square one behind the other."""
    cells = [x[:, :, row::stride, column::stride] for row in range(stride) for column in range(stride)]
    return torch.cat(cells, 1)


def several(x: torch.Tensor) -> torch.Tensor:
    """Both copies of some channels side by side, twice, and the first again on the first of them."""
    return torch.cat((3 * torch.sigmoid(x), 2 * torch.sigmoid(x)), 1)


PLAIN = {
    "[route]\nlayers=0,0\n[empty]\n[shortcut]\nfrom=1,0": several,
    "[reorg3d]\nstride=2": lambda x: space_to_depth(x, 2),
    "[avgpool]": lambda x: x.mean((2, 3), keepdim=True),
    "[upsample]\nstride=3": lambda x: x.repeat_interleave(3, 2).repeat_interleave(3, 3),
    "[softmax]\nspatial=1": lambda x: functional.softmax(x, 1),
    "[softmax]\ntemperature=2": lambda x: functional.softmax(x.flatten(1) / 2, 1),
    "[crop]\ncrop_height=4\ncrop_width=5": lambda x: 2 * x[:, :, 2:6, 2:7] - 1,
    "[normalization]\nsize=3\nalpha=.5": lambda x: functional.local_response_norm(x, 3, 1.5, 0.75, 1),
    "[activation]\nactivation=loggy": lambda x: 2 / (1 + torch.exp(-x)) - 1,
    "[activation]\nactivation=ramp": lambda x: x * (x > 0) + 0.1 * x,
    "[route]\nlayers=0\n[route]\nlayers=-2,0": lambda x: torch.cat((torch.sigmoid(x),) * 2, 1),
    "[route]\nlayers=-1\ngroups=2\ngroup_id=1": lambda x: torch.sigmoid(x)[:, 2:],
    "[activation]\nactivation=hardtan": lambda x: x.clamp(-1, 1),
    "[activation]\nactivation=hard_mish": lambda x: x * (x + 2).clamp(0, 2) / 2,
    "[l2norm]": lambda x: functional.normalize(x, dim=1),
    "[empty]": lambda x: x,
    "[reorg]\nextra=2": lambda x: functional.pad(x.flatten(1), (0, 2)),
    "[maxpool]\nmaxpool_depth=1\nout_channels=2": lambda x: x.view(-1, 2, 2, 8, 10).amax(1),
    "[local_avgpool]\nsize=3\nstride=2": lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "[maxpool]\nmaxpool_depth=1\n[scale_channels]\nfrom=-2\nscale_wh=1": (
        lambda x: torch.sigmoid(x) * torch.sigmoid(x).amax(1, keepdim=True)
    ),
    "[avgpool]\n[scale_channels]\nfrom=-2": (lambda x: torch.sigmoid(x) * torch.sigmoid(x).mean((2, 3), keepdim=True)),
}


@pytest.mark.parametrize("text", PLAIN)
def test_layers_without_weights_compute_what_darknet_does(text: str) -> None:
    first = "[logistic]\n" * any(word in text for word in ("route", "from"))
    torch.testing.assert_close(only(read(f"{NET}{first}{text}\n"), examples()), PLAIN[text](examples()))


WRONG = {
    "[reorg3d]\nstride=4\n": ("shape-mismatch", 6, "stride: 8x10x4 does not divide by 4", ""),
    "[maxpool]\nsize=9\npadding=0\n": ("shape-mismatch", 6, "size: 9 is larger than the map, 8x10x4", ""),
    "[local]\nsize=9\n": ("shape-mismatch", 6, "size: 9 is larger than the map, 8x10x4", ""),
    "[convolutionl]\n": ("unknown-layer", 5, "Darknet has no layer [convolutionl]", "did you mean convolutional?"),
    "[maxpool]\nsise=2\n": ("unknown-option", 6, "[maxpool] has no key sise", "did you mean size?"),
    "[maxpool]\nsize=two\n": ("invalid-argument", 6, "size: two is not a whole number from 1", ""),
    "[route]\nlayers=-3\n": (
        "invalid-argument",
        6,
        "layers: -3 is not the number of a layer before this one, which is 0",
        "",
    ),
    "[maxpool]\nsize\n": ("syntax-error", 6, "`size` is neither [a heading] nor key=value", ""),
    "[gru]\n": (
        "unknown-layer",
        5,
        "[gru] cannot be said: its sequences lie in the batch, and its state goes on from one to the next",
        "",
    ),
    "[activation]\nactivation=leeky\n": ("invalid-argument", 6, "", "did you mean leaky?"),
    "[yolo]\n[route]\nlayers=0\n": ("unknown-layer", 7, "what it reads cannot be said: a head ends the network", ""),
    "[activation]\nactivation=plse\n": ("unknown-layer", 6, "plse cannot be said: no layer is this activation", ""),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_at_its_line(text: str) -> None:
    with pytest.raises(ForeignError) as caught:
        read(NET + text)
    (found,) = caught.value.diagnostics
    code, line, message, help = WRONG[text]
    assert (found.code, found.span.line, str(found.help)) == (code, line, help)
    assert not message or found.message == message


@pytest.mark.parametrize("pad", ["pad=1", "padding=1"])
def test_dilation_widens_the_padding_too(pad: str, tmp_path: Path) -> None:
    text = f"[convolutional]\nfilters=2\nsize=3\n{pad}\ndilation=2\nactivation=linear\n"
    (tmp_path / "net.cfg").write_text(NET + text)
    weight = np.random.default_rng(1).normal(size=(2, 4, 3, 3)).astype("f4")
    (tmp_path / "net.weights").write_bytes(darknet_weights([np.zeros(2), weight]))
    wanted = functional.conv2d(examples(), torch.tensor(weight), padding=2, dilation=2)
    torch.testing.assert_close(only(darknet.read(tmp_path / "net.cfg"), examples()), wanted)


@pytest.mark.parametrize(("size", "stride", "pad"), [(3, 1, 1), (3, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_local_layers_have_weights_of_their_own_at_each_place(size: int, stride: int, pad: int, tmp_path: Path) -> None:
    text = f"[local]\nfilters=3\nsize={size}\nstride={stride}\npad={pad}\nactivation=linear\n"
    (tmp_path / "net.cfg").write_text(NET + text)
    windows = functional.unfold(examples(), size, padding=pad, stride=stride)
    rows, columns = ((one - (1 if pad else size)) // stride + 1 for one in (8, 10))
    places, generator = rows * columns, np.random.default_rng(1)
    bias = generator.normal(size=(3, places)).astype("f4")
    weight = generator.normal(size=(places, 3, 4 * size * size)).astype("f4")
    (tmp_path / "net.weights").write_bytes(darknet_weights([bias, weight]))
    wanted = torch.einsum("pfw,bwp->bfp", torch.tensor(weight), windows) + torch.tensor(bias)
    flat = darknet.read(tmp_path / "net.cfg")
    torch.testing.assert_close(only(flat, examples()), wanted.reshape(2, 3, rows, columns))
    assert (flat.params, flat.macs) == totals(flat) == (weight.size + bias.size, weight.size)


def test_keys_that_nobody_knows_are_noted_and_slips_are_told() -> None:
    flat = read(f"{NET}[convolutional]\nfilters=2\ncbn=1\nmood=good\nwait_stream=1\nactivation=linear\n")
    assert [item.layer.written for item in flat.items[1:]] == ["CONV 2 1 nobias", "BN"]
    assert flat.notes == ("left out: mood, which Darknet does not know either",)


def test_what_picks_of_a_tree_is_left_out_and_told() -> None:
    flat = read(f"{NET}[logistic]\n[softmax]\ntree=a.tree\n[cost]\n")
    assert [item.layer.written for item in flat.items[1:]] == ["SIGMOID"]
    assert flat.notes == ("left out: [softmax], whose tree of classes is in a file of its own",)


def test_what_could_be_said_is_there_before_a_head_too() -> None:
    with pytest.raises(ForeignError) as caught:
        read(f"{NET}[logistic]\n[gru]\n[cost]\n")
    partial = caught.value.partial
    assert partial is not None
    assert [item.layer.written for item in partial.items[1:]] == ["SIGMOID"]


def test_a_file_without_a_size_asks_for_it() -> None:
    text = "[net]\nbatch=1\n[avgpool]\n"
    with pytest.raises(ForeignError, match="--input 416x416x3"):
        read(text)
    flat = reading(Source(text, "net.cfg"), inputs={"": (8, 10, 4)})
    assert flat.items[0].layer.written == "INPUT 8x10x4"


def test_broken_files_end_in_a_diagnostic_or_a_program() -> None:
    rules = random.Random(1)
    texts = [(FILES / f"darknet/{name}.cfg").read_text() for name in ("alexnet", "yolov3-tiny", "vgg-16")]
    signs = [
        "=",
        "[",
        "]",
        "-1",
        "0",
        "2147483647",
        "1e400",
        "\n[route]\nlayers=-1,-3\n",
        "\n[shortcut]\nfrom=-4\n",
        "\0",
    ]
    ended = 0
    for _ in range(300):
        text = rules.choice(texts)
        for _ in range(rules.choice([1, 2, 8])):
            at = rules.randrange(len(text))
            text = text[:at] + rules.choice(signs) + text[at + rules.choice([0, 1, 20]) :]
        start = process_time()
        try:
            flat = read(text)
        except ForeignError as error:
            flat = error.partial
        if flat is not None:
            assert totals(flat) == (flat.params, flat.macs)
        ended += process_time() - start < 2
    assert ended == 300
