"""Recipes: what is wrong has its place and its fix, what is written reads back, and each network has one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import netdsl
from netdsl import recipe, resources
from netdsl.recipe import mistakes, slips
from netdsl.recipe.reading import statements
from netdsl.text.diagnostic import Diagnostic, NetError, Report
from netdsl.text.source import Source

ROOT = Path(__file__).parent.parent
WRONG = ROOT / "tests" / "programs" / "wrong"
_EXPECTED = re.compile(r"error: ([a-z-]+) @(\d+)(?: at line (\d+))?")


def read(text: str) -> tuple[recipe.Recipe, list[Diagnostic]]:
    """The recipe in a text, and what is wrong with it."""
    report = Report()
    return recipe.reads(Source(text, "recipe.toml"), report), report.diagnostics()


def kinds(base: type[mistakes.RecipeMistake] = mistakes.RecipeMistake) -> Iterator[type[mistakes.RecipeMistake]]:
    for one in base.__subclasses__():
        yield one
        yield from kinds(one)


@pytest.mark.parametrize("kind", tuple(kinds()), ids=lambda kind: kind.__name__)
def test_the_example_of_a_mistake_makes_it(kind: type[mistakes.RecipeMistake]) -> None:
    _, found = read(kind.example)
    assert [type(one.mistake) for one in found] == [kind]
    assert found[0].code == kind.code
    assert found[0].message


@pytest.mark.parametrize("path", sorted(WRONG.glob("*.toml")), ids=lambda path: path.stem)
def test_a_wrong_recipe_gives_what_it_says(path: Path) -> None:
    report = Report()
    recipe.read(path, report)
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    wanted = [
        (int(match[3] or number), int(match[2]), match[1])
        for number, line in lines
        for match in _EXPECTED.finditer(line)
    ]
    assert [(one.span.line, one.span.column, one.code) for one in report.diagnostics()] == wanted


FIXES = [
    ("ratee = 0.1", "rate = 0.1"),
    ("lr = 0.1", "rate = 0.1"),
    ("batch_size = 32", "batch = 32"),
    ("weight_decay = 0.1", "decay = 0.1"),
    ("normalization = 'none'", "normalisation = 'none'"),
    ("optimizer = adam", 'optimizer = "adam"'),
    ("optimizer = 'Adam'", 'optimizer = "adam"'),
    ("optimizer: adam  # as in YAML", 'optimizer = "adam"  # as in YAML'),
    ("rate: 0.1", "rate = 0.1"),
    ("rate 0.1", "rate = 0.1"),
    ("rate == 0.1", "rate = 0.1"),
    ("rate = .1", "rate = 0.1"),
    ("rate = 1.", "rate = 1.0"),
    ("rate = 0,1", "rate = 0.1"),
    ("rate = 0.1;", "rate = 0.1"),
    ("rate = 0.1,", "rate = 0.1"),
    ("rate = 0.1 // small", "rate = 0.1 # small"),
    ('rate = "0.1"', "rate = 0.1"),
    ("epochs = 5.0", "epochs = 5"),
    ("momentum = 90", "momentum = 0.9"),
    ("balance = True", "balance = true"),
    ("balance = yes", "balance = true"),
    ('balance = "false"', "balance = false"),
    ("balance = 1", "balance = true"),
    ('schedule = "StepLR"', 'schedule = "step"'),
    ('schedule = "cosin"', 'schedule = "cosine"'),
    ("augmentation = crop, flip", 'augmentation = ["crop", "flip"]'),
    ("augmentation = [crop, flip]", 'augmentation = ["crop", "flip"]'),
    ('augmentation = ("crop", "flip")', 'augmentation = ["crop", "flip"]'),
    ('augmentation = "color"', 'augmentation = "colour"'),
    ('precision = "bfloat16"', 'precision = "bf16"'),
]


@pytest.mark.parametrize(("wrong", "right"), FIXES, ids=[wrong for wrong, _ in FIXES])
def test_a_slip_has_a_fix_that_mends_it(wrong: str, right: str) -> None:
    text = f"seed = 3\n{wrong}\nclip = 1\n"
    _, (found,) = read(text)
    assert found.fixes[0].edits[0].applied == f"seed = 3\n{right}\nclip = 1\n"
    assert read(found.fixes[0].edits[0].applied)[1] == []


def test_what_is_said_elsewhere_is_told() -> None:
    for name in slips._NO_KEYS:  # pyright: ignore[reportPrivateUsage]
        _, (found,) = read(f"{name} = 1")
        assert found.code == "unknown-option"
        assert "network" in found.help or "--" in found.help
    assert {key.name for key in recipe.KEYS} >= set(slips._OTHERS.values())  # pyright: ignore[reportPrivateUsage]


def test_bytes_that_are_no_text_have_their_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b"rate = 0.1\n# gr\xfcn\n")
    report = Report()
    assert recipe.read(path, report) == recipe.Recipe()
    assert [(one.code, one.span.line, one.span.column) for one in report.diagnostics()] == [("syntax-error", 2, 5)]
    path.write_bytes(b"\xef\xbb\xbfrate = 0.5\r\nepochs = 3\r\n")
    assert recipe.read(path, Report()) == recipe.Recipe(rate=0.5, epochs=3)


RECIPES = st.builds(
    recipe.Recipe,
    optimizer=st.sampled_from(["sgd", "adam", "adamw"]),
    rate=st.floats(0, exclude_min=True, allow_infinity=False, allow_nan=False),
    decay=st.floats(0, 1e300),
    epochs=st.integers(1, 2**63 - 1),
    seed=st.integers(0, 2**63 - 1),
    augmentation=st.lists(st.sampled_from(["crop", "flip", "colour", "lighting"]), unique=True).map(tuple),
    normalisation=st.sampled_from(["data", "imagenet", "none", ((0.1,), (0.2,)), ((0, 0.1, 1e-20), (1, 2, 1e-8))]),
    ema=st.floats(0, 1, exclude_max=True),
    balance=st.booleans(),
)


@given(RECIPES)
def test_what_is_written_reads_back_equal(one: recipe.Recipe) -> None:
    assert read(recipe.text(one)) == (one, [])
    assert read(recipe.text(one, {"netdsl": '0."1"\n', "odd name": "\x7f\x00"})) == (one, [])


@given(
    st.text() | st.lists(st.sampled_from([*"=[]{}'\"#\n.,1a ", '"""', "'''", "\\", "rate", "[versions]"])).map("".join)
)
def test_no_text_ends_in_anything_but_diagnostics(text: str) -> None:
    _, found = read(text)
    for one in found:
        assert str(one)
        assert 0 <= one.span.start <= one.span.end <= len(text)


@pytest.mark.parametrize(
    "text", ["[" * 50_000, "rate=" + "[" * 50_000, "a=[\n" * 20_000, "seed = " + "9" * 9000, "'#" * 40_000]
)
def test_absurd_recipes_end_soon(text: str) -> None:
    _, found = read(text)
    assert found


def test_statements_end_where_those_of_toml_do() -> None:
    text = 'a = [1, # ]\n 2]\nb = """x\ny = 1"""\n\n# c\nd = "#"\n'
    parts = [text[start:end] for start, end in statements(text)]
    assert parts == ["a = [1, # ]\n 2]", 'b = """x\ny = 1"""', "# c", 'd = "#"']


def test_a_recipe_in_python_is_held_to_the_same() -> None:
    with pytest.raises(ValueError, match="rate: -1 is not a number above 0"):
        recipe.Recipe(rate=-1)
    with pytest.raises(ValueError, match='optimizer: "SGD" is not "sgd", "adam" or "adamw"'):
        replace(recipe.Recipe(), optimizer="SGD")  # pyright: ignore[reportArgumentType]
    for none in ("none", ["none"], []):
        assert recipe.Recipe(augmentation=none) == recipe.Recipe()  # pyright: ignore[reportArgumentType]


def test_a_network_has_the_recipe_beside_it(tmp_path: Path) -> None:
    net = netdsl.load("lenet5_modern").shaped
    path = tmp_path / "mine.net"
    assert recipe.of(net, path)[1] == recipe.of(net, None)[1] == "the default for networks without normalisation"
    path.with_suffix(".toml").write_text("rate = 0.25\n")
    assert recipe.of(net, path) == (recipe.Recipe(rate=0.25), "the recipe beside it, mine.toml")
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.toml").write_text("rate = 0.5\n")
    assert recipe.of(net, path)[0].rate == 0.5
    (tmp_path / "recipes" / "mine.toml").write_text("rate = -0.5\n")
    with pytest.raises(NetError, match=r"-0\.5 is not a number above 0"):
        recipe.of(net, path)


def test_a_default_is_for_what_the_network_is() -> None:
    said = {
        "INPUT 8x8x1 -> CONV 4 3 -> FC 2 -> SOFTMAX": "networks without normalisation",
        "INPUT 8x8x1 -> CONV 4 3 -> BN -> FC 2 -> SOFTMAX": "normalised networks",
        "INPUT 8x8 -> ATTENTION 2 -> LN -> FC 2 -> SOFTMAX": "networks with attention",
        "INPUT 8x8 -> GRU 4 -> FC 2 -> SOFTMAX": "recurrent networks",
        "INPUT 8x8 -> FC 4 -> TANH -> RBF 2": "networks that end in distances",
    }
    for text, what in said.items():
        assert recipe.of(netdsl.loads(text).shaped, None)[1] == f"the default for {what}"
    small, large = (netdsl.loads(f"INPUT {size}x{size}x3 -> FC 2 -> SOFTMAX").shaped for size in (32, 224))
    assert recipe.of(small, None)[0].batch > recipe.of(large, None)[0].batch
    assert recipe.of(small, None)[0].augmentation == ("crop", "flip")


def test_a_bundled_recipe_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resources.find_recipe("nothing") is None
    assert resources.find_recipe("\0") is None
    Path("alexnet").write_text("rate = 1\n")
    assert resources.find_recipe("alexnet") == Path("alexnet")


BUNDLED = resources.recipes()


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_a_bundled_recipe_is_that_of_a_network(path: Path) -> None:
    report = Report()
    found = recipe.read(path, report)
    assert report.diagnostics() == []
    network = resources.find(path.stem)
    assert network is not None
    assert recipe.of(netdsl.load(network).shaped, network) == (found, f"the recipe that comes with {path.stem}")
    words = path.read_text(encoding="utf-8")
    assert words.startswith("# ")
    assert max(map(len, words.splitlines())) <= 120


def test_the_recipe_of_alexnet_has_the_numbers_of_the_slides() -> None:
    found, _ = recipe.of(netdsl.load("alexnet").shaped, resources.find("alexnet"))
    assert (found.optimizer, found.batch, found.momentum, found.rate, found.decay) == ("sgd", 128, 0.9, 0.01, 0.0005)
    assert (found.schedule, found.factor) == ("plateau", 0.1)
    assert found.augmentation == ("crop", "flip", "lighting")
    text = (resources.networks() / "recipes" / "alexnet.toml").read_text(encoding="utf-8")
    assert all(words in text for words in ("0.5", "--seeds 7", "18.2%", "15.4%"))


def test_the_recipes_of_the_pages_are_right() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    found = [text for text in re.findall(r"^```toml\n(.*?)^```$", pages, re.MULTILINE | re.DOTALL) if text[0] != "#"]
    assert found
    assert [one for text in found for one in read(text)[1]] == []


@pytest.mark.parametrize(
    ("means", "deviation"), [((0.5,), 1e-12), ((0.5,), 1e300), ((1e300,), 0.5), ((0.0,) * 2000, 0.5)]
)
def test_a_normalisation_is_one_that_a_compiled_file_can_say(means: tuple[float, ...], deviation: float) -> None:
    sound = ((0.5,), (0.25,))
    assert recipe.Recipe(normalisation=sound).normalisation == sound
    with pytest.raises(ValueError, match="normalisation"):
        recipe.Recipe(normalisation=(means, (deviation,) * len(means)))


BOUNDS = [
    ("rate", 1e-30, 0),
    ("momentum", 0, 1),
    ("decay", 0, -1e-9),
    ("factor", 1e-9, 0),
    ("factor", 0.999, 1),
    ("patience", 1, 0),
    ("warmup", 0, -0.1),
    ("batch", 1, 0),
    ("epochs", 1, 0),
    ("ema", 0, 1),
    ("clip", 0, -1),
    ("seed", 0, -1),
    ("seed", 2**63 - 1, 2**63),
    ("validation", 1e-3, 0),
    ("validation", 0.999, 1),
    ("aux_weight", 0, -0.1),
]


@pytest.mark.parametrize(("key", "sound", "wrong"), BOUNDS)
def test_a_key_takes_what_it_says_to_its_bounds(key: str, sound: float, wrong: float) -> None:
    found, told = read(f"{key} = {sound}")
    assert (getattr(found, key), told) == (sound, [])
    _, (told,) = read(f"{key} = {wrong}")
    assert told.code == "invalid-argument"
    assert told.message.startswith(f"{wrong} is not a ")
    assert not told.fixes


def test_what_is_left_out_is_as_the_page_has_it() -> None:
    assert (
        recipe.text(recipe.Recipe())
        == """\
optimizer = "sgd"
rate = 0.01
momentum = 0.9
decay = 0.0005
schedule = "plateau"
factor = 0.1
patience = 3
warmup = 0.0
batch = 128
epochs = 10
augmentation = []
normalisation = "data"
ema = 0.0
clip = 0.0
precision = "fp32"
seed = 0
validation = 0.1
aux_weight = 0.3
balance = false
"""
    )


def test_defaults_know_what_is_large_or_in_colour() -> None:
    for dims, batch, colour in (
        ("96x96x3", 64, True),
        ("97x96x1", 32, False),
        ("32x3", 64, False),
        ("32x32x1", 64, False),
    ):
        found, _ = recipe.of(netdsl.loads(f"INPUT {dims} -> FC 2 -> SOFTMAX").shaped, None)
        assert (found.batch, bool(found.augmentation)) == (batch, colour), dims
    small, large = (f"INPUT 8x{width} -> ATTENTION 2 -> FC {width} -> FC 2 -> SOFTMAX" for width in (8, 800))
    assert [recipe.of(netdsl.loads(one).shaped, None)[0].rate for one in (small, large)] == [3e-3, 5e-4]
