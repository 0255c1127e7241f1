"""`netdsl run`: pictures as torchvision prepares them, the file's own answers, and what cannot be answered."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import command_line
import numpy as np
import pytest
import torch
import torchvision_models
from command_line import Ended
from PIL import Image

import netdsl
from netdsl.compile import compile
from netdsl.runtime.picture import pixels, read
from netdsl.runtime.preparation import MEAN, STD, Preparation

EXAMPLE = Path(__file__).parent.parent / "examples" / "cpp"

NETWORKS = {
    "scores": 'network "Scores"\nINPUT 28x28x3 -> CONV 4 3 s2 -> RELU -> FC 4',
    "prob": "INPUT 28x28x3 -> CONV 4 3 s2 -> RELU -> features: FC 4 -> prob: SOFTMAX\noutput prob\noutput features",
    "map": "INPUT 28x28x3 -> CONV 3 3 s4",
    "channels": "INPUT 20x30x3 -> AVGPOOL global",
    "grey": "INPUT 28x28x1 -> AVGPOOL global",
    "bytes": "INPUT 28x28x1 -> NORMALIZE mean=100 std=50 -> AVGPOOL global",
    "units": "INPUT 28x28x1 -> NORMALIZE mean=0.5 std=0.25 -> AVGPOOL global",
    "times": "INPUT 28x28x1 -> TIMES {1/127.5} -> PLUS -1 -> AVGPOOL global",
    "plus": "INPUT 28x28x1 -> PLUS -0.5 -> TIMES 2 -> AVGPOOL global",
    "huge": "INPUT 28x28x3 -> NORMALIZE std=1e-38 -> AVGPOOL global",
    "two": "a: INPUT 8x8x3\nb: INPUT 8x8x3\n[a | b] -> ADD -> FC 2",
    "vector": "INPUT 8 -> FC 2",
    "volume": "INPUT 8x8x8x3 -> FC 2",
    "five": "INPUT 8x8x5 -> FC 2",
}

Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the networks, compiled, and pictures."""
    made = tmp_path_factory.mktemp("run")
    for name, text in NETWORKS.items():
        netdsl.loads(text, name=f"{name}.net").compile(made / f"{name}.pt")
    painted(40, 60, seed=0).save(made / "a.png")
    painted(90, 31, seed=1).save(made / "b.png")
    Image.new("RGB", (30, 50), (255, 0, 51)).save(made / "red.png")
    return made


def painted(width: int, height: int, seed: int) -> Image.Image:
    """A picture of smooth colours."""
    values = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `netdsl run` in the folder."""
    monkeypatch.chdir(folder)
    return partial(command_line.run, "run")


def data(run: Run, *arguments: str) -> Any:
    status, out, err = run(*arguments, "--format", "json")
    assert (status, err) == (0, "")
    return json.loads(out)


def values(answer: Any) -> list[list[float]]:
    """The values of each picture, by class."""
    classes = [sorted(one["classes"], key=lambda each: each["class"]) for one in answer["pictures"]]
    return [[each["value"] for each in one] for one in classes]


@pytest.mark.parametrize("size", [(40, 60), (90, 31), (28, 28), (256, 341), (7, 3), (4000, 30)], ids=str)
@pytest.mark.parametrize("side", [28, 299])
def test_pixels_are_those_of_torchvision(size: tuple[int, int], side: int, tmp_path: Path) -> None:
    picture = painted(*size, seed=2)
    picture.save(tmp_path / "picture.png")
    torchvision_models.load()
    transforms = import_module("torchvision.transforms")
    usual = transforms.Compose(
        [
            transforms.Resize(round(side / 0.875)),
            transforms.CenterCrop(side),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    found = torch.from_numpy(pixels(tmp_path / "picture.png", (side, side, 3)))
    step = 1 / 255 / min(STD)  # Pillow rounds between rows and columns, and which it does first depends on sizes
    torch.testing.assert_close(found, usual(picture), rtol=0, atol=1.01 * step)


def test_a_wide_input_takes_the_middle_of_a_picture(tmp_path: Path) -> None:
    picture = Image.new("L", (64, 64))
    picture.paste(255, (16, 24, 48, 40))  # 32 x 16 in the middle
    picture.save(tmp_path / "picture.png")
    for crop, least in ((0.5, 1), (0.6, 0)):
        assert pixels(tmp_path / "picture.png", (16, 32, 1), Preparation((0,), (1,), crop=crop)).min() == least


def test_a_picture_is_turned_as_its_metadata_say(tmp_path: Path) -> None:
    picture = painted(50, 50, seed=3)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by 90 degrees clockwise
    picture.save(tmp_path / "lying.png", exif=turned)
    picture.transpose(Image.Transpose.ROTATE_270).save(tmp_path / "upright.png")
    lying, upright = (pixels(tmp_path / f"{name}.png", (28, 28, 3)) for name in ("lying", "upright"))
    assert np.array_equal(lying, upright)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_picture_has_its_brightness(mode: str, channels: int, tmp_path: Path) -> None:
    if mode == "I;16":
        picture = Image.fromarray(np.full((9, 9), 0x8000, np.uint16))
    else:
        picture = Image.new("RGB", (9, 9), (128, 128, 128) if mode != "1" else (255, 255, 255))
        picture = picture.quantize() if mode == "P" else picture.convert(mode)
    picture.save(tmp_path / "picture.tiff")
    found = pixels(tmp_path / "picture.tiff", (8, 8, channels), Preparation((0,), (1,)))
    assert found.shape == (channels, 8, 8)
    assert np.allclose(found, 1 if mode == "1" else 128 / 255, atol=1 / 255)


def test_a_small_picture_stands_in_black_and_a_large_one_is_made_to_fit(tmp_path: Path) -> None:
    padded = Preparation((0,), (1,), "pad", 28 / 32)
    small = np.random.default_rng(0).integers(0, 256, (27, 28, 1), np.uint8)
    found = padded.prepared(small, (32, 32, 1))
    assert np.array_equal(found[0, 2:29, 2:30], small[..., 0] / np.float32(255))
    assert found.sum() == pytest.approx(small.sum() / 255)
    white = padded.prepared(np.full((50, 100, 3), 255, np.uint8), (32, 32, 3))
    assert white.shape == (3, 32, 32)
    assert (white.sum(), white[:, 9:23, 2:30].min()) == (3 * 28 * 14, 1)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", ["cover", "pad"])
def test_a_picture_in_memory_and_in_a_file_are_the_same(mode: str, channels: int, size: Any, tmp_path: Path) -> None:
    painted(20, 26, seed=6).convert(mode).save(tmp_path / "picture.png")
    preparation, dims = Preparation((0.1,) * channels, (0.3,) * channels, size), (24, 24, channels)
    held = read(tmp_path / "picture.png")
    assert held.shape == (26, 20, len(mode))
    found = pixels(tmp_path / "picture.png", dims, preparation)
    assert np.array_equal(preparation.prepared(held, dims), found)
    negative = pixels(tmp_path / "picture.png", dims, Preparation((0,), (1,)), invert=True)
    assert negative + pixels(tmp_path / "picture.png", dims, Preparation((0,), (1,))) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", ["scores", "prob", "map"])
def test_values_are_those_of_the_file(run: Run, name: str) -> None:
    batch = torch.from_numpy(np.stack([pixels(one, (28, 28, 3)) for one in ("a.png", "b.png")]))
    given = torch.jit.load(f"{name}.pt")(batch)
    wanted = given if isinstance(given, torch.Tensor) else given[0]
    wanted = wanted.flatten(2).mean(2) if wanted.ndim > 2 else wanted
    answer = data(run, f"{name}.pt", "a.png", "b.png")
    torch.testing.assert_close(torch.tensor(values(answer)), wanted)
    probabilities = wanted if name == "prob" else wanted.softmax(1)
    for picture, row in zip(answer["pictures"], probabilities, strict=True):
        best = row.sort(descending=True)
        assert [one["class"] for one in picture["classes"]] == best.indices.tolist()
        torch.testing.assert_close(torch.tensor([one["probability"] for one in picture["classes"]]), best.values)


def test_pictures_do_not_mix_in_batches(run: Run) -> None:
    names = ["a.png", "b.png", "red.png"] * 15  # more than run at once
    answer = data(run, "scores.pt", *names)
    assert [one["picture"] for one in answer["pictures"]] == names
    alone = [values(data(run, "scores.pt", name))[0] for name in names[:3]]
    assert np.allclose(values(answer), alone * 15, rtol=1e-4)
    assert not np.allclose(alone[0], alone[1], rtol=1e-2)


def test_an_output_is_chosen_by_name(run: Run) -> None:
    first, second = data(run, "prob.pt", "a.png"), data(run, "prob.pt", "a.png", "--output", "features")
    assert (first["output"], second["output"]) == ("prob", "features")
    wanted = torch.tensor(values(second)).softmax(1)
    torch.testing.assert_close(torch.tensor(values(first)), wanted)
    assert all(one["value"] == one["probability"] for one in first["pictures"][0]["classes"])


def test_colours_are_normalised_as_asked(run: Run) -> None:
    red = np.array([1, 0, 0.2])
    wanted = {
        (): (red - MEAN) / STD,
        ("--raw", "1"): red,
        ("--raw", "255"): red * 255,
        ("--mean", "0.5"): (red - 0.5) / STD,
        ("--mean", "0.5,0.25,0", "--std", "2"): (red - [0.5, 0.25, 0]) / 2,
        ("--std", "1, 2, 4"): (red - MEAN) / [1, 2, 4],
    }
    for options, each in wanted.items():
        assert values(data(run, "channels.pt", "red.png", *options))[0] == pytest.approx(list(each), abs=1e-4)


def test_grey_networks_take_luma(run: Run) -> None:
    luma = round(0.299 * 255 + 0.114 * 51) / 255
    assert values(data(run, "grey.pt", "red.png"))[0] == pytest.approx([(luma - 0.449) / 0.226], abs=1e-4)


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    """The folder of a training, whose file says classes and preparation: means of colours over a padded picture."""
    (folder / "trained").mkdir()
    shaped = netdsl.loads("INPUT 10x10x3 -> AVGPOOL global -> SOFTMAX", name="means.net").shaped
    preparation = Preparation((0.5, 0, 0.2), (1, 2, 4), "pad", 0.5)
    compile(shaped, folder / "trained" / "best.pt", classes=["red", "grün", "[b]blue"], preparation=preparation)
    Image.new("RGB", (5, 10), (255, 0, 51)).save(folder / "small.png")
    return folder / "trained"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], [0, 0, -0.025]),
        (["--mean", "0"], [0.5, 0, 0.025]),
        (["--std", "1"], [0, 0, -0.1]),
        (["--raw", "1"], [0.5, 0, 0.1]),
        (["--invert"], [-0.5, 0.25, 0.05]),
    ],
)
def test_a_trained_file_says_how_pictures_are_prepared(
    run: Run, trained: Path, options: list[str], wanted: list[float]
) -> None:
    (one,) = data(run, "trained", "small.png", *options)["pictures"]
    shares = torch.tensor(wanted, dtype=torch.float64).softmax(0)
    assert {each["label"]: each["value"] for each in one["classes"]} == pytest.approx(
        dict(zip(["red", "grün", "[b]blue"], shares.tolist(), strict=True)), abs=1e-4
    )
    assert values(data(run, "trained/best.pt", "small.png", *options)) == [pytest.approx(shares.tolist(), abs=1e-4)]


def test_the_table_has_the_names_of_a_trained_files_classes(run: Run, trained: Path, folder: Path) -> None:
    out = run("trained", "small.png").out
    assert out.startswith("means: softmax1, prepared as in training\n\npicture    class  label    probability\n")
    assert [line.split()[-2] for line in out.splitlines()[4:]] == ["red", "grün", "[b]blue"]
    assert run("trained", "small.png", "--invert").out.startswith("means: softmax1, prepared as in training, negative")
    (folder / "colours.txt").write_text("a\nb\nc\n")
    assert "  a  " in run("trained", "small.png", "--labels", "colours.txt").out
    (folder / "empty").mkdir()
    help = "  = help: a folder of a training holds best.pt, which netdsl train writes\n"
    assert run("empty", "small.png").err == f"error: empty: Is a directory\n{help}"


def test_of_a_network_that_was_trained_here_the_training_is_named(run: Run, trained: Path, folder: Path) -> None:
    (folder / "taught.net").write_text("INPUT 4 -> FC 2\n")
    (folder / "runs").mkdir()
    shutil.copytree(trained, folder / "runs" / "taught")
    assert run("taught.net", "small.png").err.endswith("is in runs/taught: netdsl run runs/taught\n")


@pytest.mark.parametrize(("mean", "told"), [(0.1, "lighter"), (0.5, ""), (0.95, "")])
def test_black_on_white_is_noticed_where_training_had_white_on_black(
    run: Run, folder: Path, mean: float, told: str
) -> None:
    shaped = netdsl.loads("INPUT 8x8x1 -> AVGPOOL global -> FC 2", name="paper.net").shaped
    compile(shaped, folder / "paper.pt", preparation=Preparation((mean,), (0.3,)))
    drawn = Image.new("L", (40, 40), 255)
    drawn.paste(0, (18, 10, 22, 30))
    drawn.save(folder / "drawn.png")
    status, _, err = run("paper.pt", "drawn.png")
    wanted = f"note: the pictures are much {told} than those of training; --invert takes their negatives\n" * bool(told)
    assert (status, err) == (0, wanted)
    assert ("darker" in run("paper.pt", "drawn.png", "--invert").err) == (mean > 0.75)


@pytest.mark.parametrize(("last", "wanted"), [("SIGMOID", torch.sigmoid), ("TIMES 1", torch.sigmoid)])
def test_one_unit_tells_two_classes_apart(run: Run, folder: Path, last: str, wanted: Any) -> None:
    shaped = netdsl.loads(f"INPUT 8x8x1 -> AVGPOOL global -> {last}", name="two.net").shaped
    compile(shaped, folder / "pair.pt", classes=["dark", "light"], preparation=Preparation((0,), (1,)))
    (one,) = data(run, "pair.pt", "a.png")["pictures"]
    share = float(wanted(torch.from_numpy(pixels("a.png", (8, 8, 1), Preparation((0,), (1,))).mean(keepdims=True))))
    found = {each["label"]: each["probability"] for each in one["classes"]}
    assert found == pytest.approx({"dark": 1 - share, "light": share}, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("bytes", (82 - 100) / 50),
        ("units", (82 / 255 - 0.5) / 0.25),
        ("times", 82 / 127.5 - 1),
        ("plus", 2 * (82 / 255 - 0.5)),
    ],
)
def test_a_network_that_normalises_takes_raw_values(run: Run, name: str, wanted: float) -> None:
    assert values(data(run, f"{name}.pt", "red.png"))[0] == pytest.approx([wanted], abs=1e-4)


def test_a_value_alone_has_no_probability(run: Run) -> None:
    (one,) = data(run, "grey.pt", "red.png")["pictures"][0]["classes"]
    assert (one["class"], one["probability"]) == (0, None)


def test_the_table_names_the_likeliest(run: Run, folder: Path) -> None:
    (folder / "labels.txt").write_text("cat\ndog\n[b]fish\nBär\n", encoding="utf-8")
    status, out, err = run("scores.pt", "a.png", "b.png", "--labels", "labels.txt", "--top", "2")
    assert (status, err) == (0, "")
    assert out.startswith("Scores: fc1, normalised by ImageNet's mean and deviation\n\npicture  class  label")
    rows = [line.split() for line in out.splitlines()[4:] if line]
    answer = data(run, "scores.pt", "a.png", "b.png", "--labels", "labels.txt", "--top", "2")
    wanted = [one for picture in answer["pictures"] for one in picture["classes"]]
    assert [row[-4:-2] for row in rows] == [[str(one["class"]), one["label"]] for one in wanted]
    assert [float(row[-1]) for row in rows] == pytest.approx([one["probability"] for one in wanted], abs=1e-6)
    assert [row[0] for row in rows if len(row) == 5] == ["a.png", "b.png"]
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scores.pt", "missing.png"], "missing.png: No such file or directory"),
        (["scores.pt", "a.png", "."], ".: Is a directory\n  = help: name the pictures in it: *"),
        (["scores.pt", "scores.pt"], "scores.pt: is no picture that can be read"),
        (["scores.pt", "broken.png"], "broken.png: is a broken picture"),
        (["scores.pt", "large.png"], "large.png: has more than 178 million pixels"),
        (["vgg16", "a.png"], "vgg16 is a network that is not compiled yet\n  = help: netdsl compile vgg16, and"),
        (["net.net", "a.png"], "net.net is a network that is not compiled yet\n  = help: netdsl compile net.net, and"),
        (["lenet5.pt", "a.png"], "lenet5.pt: No such file or directory\n  = help: netdsl compile lenet5 makes one"),
        (["a.png", "a.png"], "a.png is no compiled network"),
        (["cut.pt", "a.png"], "cut.pt is no compiled network"),
        (["damaged.pt", "a.png"], "damaged.pt may do more than compute and is not run: code/__torch__/netdsl/_"),
        (["mistaken.pt", "a.png"], "mistaken.pt is no compiled network: PyTorch cannot load it"),
        (["foreign.pt", "a.png"], "foreign.pt is no compiled network"),
        ([".", "a.png"], ".: Is a directory"),
        (["net.pt2", "a.png"], "net.pt2 is for torch.export, and not TorchScript"),
        (["two.pt", "a.png"], "two.pt takes 2 inputs: a, b, and not a picture"),
        (["vector.pt", "a.png"], "vector.pt takes 8, and not a picture"),
        (["volume.pt", "a.png"], "volume.pt takes 8x8x8x3, and not a picture"),
        (["five.pt", "a.png"], "five.pt takes 8x8x5, and not a picture"),
        (["huge.pt", "a.png", "--raw", "255"], "huge.pt gives values that are no numbers"),
        (["prob.pt", "a.png", "--output", "feature"], "--output feature: prob.pt has no such output"),
        (["scores.pt", "a.png", "--labels", "three.txt"], "three.txt: 3 labels for 4 classes"),
        (["scores.pt", "a.png", "--labels", "a.png"], "a.png: is no text in UTF-8"),
        (["scores.pt", "a.png", "--labels", "missing.txt"], "missing.txt: No such file"),
        (["scores.pt", "a.png", "--mean", "1,2"], "--mean 1,2: not a number, or 3 with commas between"),
        (["scores.pt", "a.png", "--mean", "nan"], "--mean nan: not a number"),
        (["scores.pt", "a.png", "--std", "1,0,1"], "--std 1,0,1: is more than 0"),
        (["scores.pt", "a.png", "--raw", "1", "--std", "1"], "--raw goes with neither --mean nor --std"),
        (["scores.pt", "a.png", "--device", "abacus"], "--device abacus: there is no such device"),
        (["scores.pt", "a.png", "--device", "meta"], "--device meta: it holds no data"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_run_is_said(run: Run, folder: Path, arguments: list[str], message: str) -> None:
    compiled = (folder / "scores.pt").read_bytes()
    picture = (folder / "a.png").read_bytes()
    for name, content in {
        "broken.png": picture[: len(picture) // 2],
        "cut.pt": compiled[:-100],
        "net.net": b"INPUT 8x8x3 -> FC 2\n",
        "three.txt": b"a\nb\nc\n",
    }.items():
        (folder / name).write_bytes(content)
    for name, new in {"damaged": b"torch.from_file(", "mistaken": b"torch.dropout("}.items():
        with zipfile.ZipFile(folder / "scores.pt") as archive, zipfile.ZipFile(folder / f"{name}.pt", "w") as changed:
            for one in archive.namelist():
                changed.writestr(one, archive.read(one).replace(b"torch.linear(", new))
    with zipfile.ZipFile(folder / "foreign.pt", "w") as archive:
        archive.writestr("foreign/data.pkl", b"")
    if "large.png" in arguments:
        Image.new("1", (20_000, 10_000)).save(folder / "large.png")
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message}")


def test_a_large_picture_is_decoded_at_half_its_size_or_not_at_all(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = painted(60, 40, seed=4).convert("L").convert("RGB")
    for name, options in {"large.jpg": {}, "large.png": {}, "rounds.jpg": {"progressive": True}}.items():
        plain.save(folder / name, **options)
    wanted = values(data(run, "scores.pt", "large.jpg"))[0]
    monkeypatch.setattr("netdsl.runtime.picture._PIXELS", 1_000)
    assert values(data(run, "scores.pt", "large.jpg"))[0] == pytest.approx(wanted, abs=0.1)
    for name in ("large.png", "rounds.jpg"):
        status, _, err = run("scores.pt", name)
        assert (status, err) == (2, f"error: {name}: has 0 million pixels, and may have 0 million; make it smaller\n")


def test_no_other_program_draws_a_picture(run: Run, folder: Path) -> None:
    painted(9, 9, seed=5).save(folder / "drawn.eps")
    status, _, err = run("scores.pt", "drawn.eps")
    assert (status, err) == (2, "error: drawn.eps: is EPS, which another program would have to draw\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said(run: Run) -> None:
    status, _, err = run("scores.pt", "a.png", "--device", "cuda:0")
    assert (status, err.splitlines()[0]) == (2, "error: --device cuda:0: there is no GPU that PyTorch can use")


def test_the_cpp_example_reads_what_files_hold(folder: Path) -> None:
    source = (EXAMPLE / "classify.cpp").read_text(encoding="utf-8")
    assert "classify.cpp" in (EXAMPLE / "CMakeLists.txt").read_text(encoding="utf-8")
    with zipfile.ZipFile(folder / "scores.pt") as archive:
        held = {name.partition("/extra/")[2] for name in archive.namelist() if "/extra/" in name}
    read = set(re.findall(r'"([\w.]+\.(?:json|txt|net))"', source))
    assert len(read) == 4
    assert read <= held
    for number in (*MEAN, *STD):
        assert f"{number}f" in source


def test_a_file_comes_from_stdin(run: Run, folder: Path) -> None:
    whole = run("scores.pt", "a.png")
    assert run("-", "a.png", stdin=(folder / "scores.pt").read_bytes()) == whole
    status, _, err = run("-", "a.png", stdin=b"nonsense")
    assert (status, err.splitlines()[0]) == (2, "error: <stdin> " + err.splitlines()[0].partition("<stdin> ")[2])


def test_what_a_file_or_a_list_of_labels_says_is_only_shown(run: Run, folder: Path, tmp_path: Path) -> None:
    """A title that would command the terminal, seem to be another or forge a line, and labels that do."""
    with zipfile.ZipFile(folder / "scores.pt") as whole, zipfile.ZipFile(tmp_path / "hostile.pt", "w") as made:
        for name in whole.namelist():
            title = "\x1b]0;x\x07\x9b2J\nforged: 1\u202e".encode()
            made.writestr(name, title if name.endswith("title.txt") else whole.read(name))
    labels = tmp_path / "labels.txt"
    labels.write_text("\x1b[31ma\n\u202eb\u2066\n\x9bc\td\n=e\n", encoding="utf-8")
    status, out, err = run(str(tmp_path / "hostile.pt"), "a.png", "--labels", str(labels))
    assert status == 0, err
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u2066"} & set(out + err)
    assert "\nforged" not in out
    shown = run(str(tmp_path / "hostile.pt"), "a.png", "--labels", str(labels), "--format", "json").out
    assert "\x9b" not in shown
    assert json.loads(shown)["pictures"][0]["classes"][0]["label"] in {"\x1b[31ma", "\u202eb\u2066", "\x9bc\td", "=e"}
