"""Networks side by side: the figures agree with their sources, and no chart hides or clips what it says."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import command_line
import matplotlib
import pytest
import svg_reader
from command_line import Ended
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import RendererAgg

import netdsl
from netdsl import resources
from netdsl.compare import bubbles, challenge, labels, winners
from netdsl.compare.chart import ChartError
from netdsl.compare.comparison import Comparison
from netdsl.compare.entry import Entry, entries
from netdsl.draw import plot
from netdsl.draw.palette import DARK, LIGHT, Theme
from netdsl.text.tabulate import Look

CLASSIFY_NOTHING = {
    *("conv1x1_single", "conv1x1_five", "one_7x7", "three_3x3"),  # maps
    *("unet", "fcn_resnet50", "yolov3_tiny"),  # an answer for each place
    *("c3d", "crepe_tiny"),  # of no image
}
ZOO = [path.stem for path in resources.bundled() if path.stem not in CLASSIFY_NOTHING]
CHALLENGE = {
    *("AlexNet", "AlexNet on two GPUs", "ZFNet", "VGG-16", "VGG-19", "GoogLeNet", "ResNet-152", "ResNet-152, paper"),
}

Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `netdsl compare` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(command_line.run, "compare")


@pytest.fixture(scope="module")
def zoo() -> tuple[Entry, ...]:
    """The bundled networks that classify images."""
    return entries([netdsl.load(name).shaped for name in ZOO])


def entry(name: str, macs: int = 10**9, error: float | None = 5, params: int = 10**6) -> Entry:
    return Entry(name, f"{name}.net", 2020, error, 3, params, macs, 2 * macs, 4, 4 * params)


# The table


def test_a_row_has_the_networks_figures_right_aligned(run: Run) -> None:
    lines = run("alexnet", "vgg16").out.splitlines()
    rows = [line.split() for line in lines[-2:]]
    assert rows[0] == ["AlexNet", "2012", "16.4%", "8", "62.4M", "1.14G", "4.20", "MB", "250", "MB"]
    assert rows[1] == ["VGG-16", "2014", "7.3%", "16", "138M", "15.5G", "61.0", "MB", "553", "MB"]
    for column in ("138M", "15.5G", "61.0 MB"):
        end = lines[-1].index(column) + len(column)
        assert all(len(line) == end or line[end - 1] != " " == line[end] for line in (lines[1], *lines[-2:]))


@pytest.mark.parametrize("options", [(), ("--exact",), ("--relative",), ("--exact", "--relative")], ids=" ".join)
def test_all_bundled_networks_fit_into_80_columns_and_none_is_lost(run: Run, options: tuple[str, ...]) -> None:
    result = run(*options)
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    for column in ("year", "depth", "params", "MACs", "activations", "weights"):
        assert sum(column in line for line in lines) == 1
    tables = result.out.count("network ")
    for name in ZOO:
        title = netdsl.load(name).title
        assert sum(line.startswith(f"{title} ") for line in lines) >= tables or len(title) > 20


def test_exact_numbers_are_whole(run: Run) -> None:
    out = run("vgg16", "resnet152", "--exact").out
    for number in ("138,357,544", "15,470,264,320", "60,950,432 B", "553,430,176 B", "60,192,808", "11,513,626,624"):
        assert number in out


def test_json_agrees_with_the_summaries(run: Run) -> None:
    rows = json.loads(run("--format", "json").out)
    assert len(rows) == len(ZOO)
    for name, row in zip(ZOO, rows, strict=True):
        network = netdsl.load(name)
        totals = network.summary().data["totals"]
        assert isinstance(totals, dict)
        for key in ("params", "macs", "flops", "activation_bytes", "weight_bytes", "depth"):
            assert row[key] == totals[key], (name, key)
        assert (row["name"], row["year"]) == (network.title, network.meta["year"])
        assert row["top5_error"] == network.meta.get("top5_error")


def test_csv_has_ratios_to_the_first_where_asked(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("alexnet", "lenet5", "--relative", "--format", "csv").out)))
    assert [row["relative_params"] for row in rows] == ["1.0", str(60_000 / 62_378_344)]
    assert float(rows[1]["relative_macs"]) == 325_680 / 1_135_256_096
    assert [row["relative_top5_error"] for row in rows] == ["1.0", ""]
    plain = run("alexnet", "--format", "csv").out.splitlines()
    assert plain[0] == "name,file,year,top5_error,depth,params,macs,flops,activation_bytes,weight_bytes"


def test_ratios_are_short_in_the_table_and_stay_with_the_first_when_sorted(run: Run) -> None:
    out = run("alexnet", "lenet5", "vgg16", "--relative", "--sort", "macs").out.splitlines()
    assert [line.split()[0] for line in out[-3:]] == ["LeNet-5", "AlexNet", "VGG-16"]
    assert out[-1].split()[2:6] == ["×0.445", "×2", "×2.22", "×13.6"]  # 7.3/16.4, 16/8, 138.4/62.38, 15.47/1.135
    assert out[-3].split()[2:6] == ["–", "×0.5", "÷1.04K", "÷3.49K"]
    assert "62.4M" in out[-2]


def test_a_ratio_to_nothing_is_none() -> None:
    nothing, something = netdsl.loads("INPUT 8 -> RELU", name="a.net"), netdsl.loads("INPUT 8 -> FC 2", name="b.net")
    ratios = nothing.compare(something).ratios(entries([something.shaped])[0])
    assert ratios["params"] is None
    assert nothing.compare(nothing).ratios(entries([nothing.shaped])[0])["params"] == 1


def test_on_a_terminal_the_least_of_each_cost_is_bold() -> None:
    small, large = netdsl.loads("INPUT 8 -> FC 2", name="a.net"), netdsl.loads("INPUT 8 -> FC 4", name="b.net")
    comparison = large.compare(small, large)
    plain, bold = comparison.text(), comparison.text(look=Look(colour=True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", bold) == plain
    assert re.findall(r"\x1b\[1m *([^\x1b]+)\x1b\[0m", bold.splitlines()[3]) == ["18", "16", "40 B", "72 B"]
    assert "\x1b" not in bold.splitlines()[2] + bold.splitlines()[4]


@pytest.mark.parametrize("key", ["params", "macs", "activations", "weights", "depth", "flops"])
def test_rows_are_sorted_by_any_number(run: Run, key: str) -> None:
    name = {"activations": "activation_bytes", "weights": "weight_bytes"}.get(key, key)
    some = ("vgg16", "alexnet", "lenet5", "nin", "vgg11", "--format", "json", "--sort", key)
    values = [row[name] for row in json.loads(run(*some).out)]
    assert values == sorted(values)
    assert [row[name] for row in json.loads(run(*some, "--reverse").out)] == values[::-1]


def test_what_has_no_value_or_another_kind_of_it_is_sorted_last(run: Run) -> None:
    Path("words.net").write_text('meta year = "long ago"\nINPUT 8 -> FC 2\n')
    Path("none.net").write_text("INPUT 8 -> FC 2\n")
    for options in (("--sort", "year"), ("--sort", "error")):
        rows = json.loads(run("none.net", "words.net", "vgg16", "alexnet", "--format", "json", *options).out)
        names = [row["name"] for row in rows]
        assert set(names[-2:]) == {"none", "words"} if "error" in options else names[-1] == "none"


def test_markdown_is_one_table_and_escapes_titles(run: Run) -> None:
    Path("odd.net").write_text('network "a|b"\nINPUT 8 -> FC 2\n')
    lines = run("odd.net", "vgg16", "--format", "markdown").out.splitlines()
    assert lines[1] == "|---|---:|---:|---:|---:|---:|---:|---:|"
    assert lines[2].startswith("| a\\|b | – | – | 1 | 18 | 16 |")
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 9 for line in lines)


def test_networks_of_one_title_are_told_apart(run: Run) -> None:
    Path("old").mkdir()
    for path, units in (("a.net", 2), ("b.net", 3), ("old/a.net", 4)):
        Path(path).write_text(f'network "Net"\nINPUT 8 -> FC {units}\n')
    names = [row["name"] for row in json.loads(run("a.net", "b.net", "--format", "json").out)]
    assert names == ["Net (a)", "Net (b)"]
    names = [row["name"] for row in json.loads(run("a.net", "old/a.net", "--format", "json").out)]
    assert names == ["Net (a.net)", "Net (old/a.net)"]
    names = [row["name"] for row in json.loads(run("a.net", "a.net", "--format", "json").out)]
    assert names == ["Net (1)", "Net (2)"]


def test_an_error_that_is_no_percentage_is_none(run: Run) -> None:
    for number, word in enumerate(('"unknown"', "-1", "101", "1e500")):
        Path(f"{number}.net").write_text(f"meta top5_error = {word}\nINPUT 8 -> FC 2\n")
    rows = json.loads(run("0.net", "1.net", "2.net", "--format", "json").out)
    assert [row["top5_error"] for row in rows] == [None, None, None]
    assert "Traceback" not in run("3.net").err


def test_overrides_change_every_network_and_must_fit_each(run: Run) -> None:
    rows = json.loads(run("alexnet", "vgg16", "--set", "classes=10", "--format", "json").out)
    assert [row["params"] for row in rows] == [62_378_344 - 990 * 4097, 138_357_544 - 990 * 4097]
    result = run("alexnet", "one_7x7", "--set", "classes=10")
    assert result.status == 2
    assert "one_7x7.net has no param classes" in result.err


def test_the_errors_of_all_networks_are_told(run: Run) -> None:
    Path("a.net").write_text("INPUT 8x8x3 -> CNOV 4 3\n")
    Path("b.net").write_text("INPUT 8x8x3 -> CONV 4 9\n")
    result = run("a.net", "alexnet", "b.net")
    assert (result.status, result.out) == (1, "")
    assert "error[unknown-layer]" in result.err
    assert "error[window-too-large]" in result.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["alexnte"], "did you mean alexnet?"),
        (["blocks.net"], "holds blocks alone"),
        (["."], "."),
        (["alexnet", "-o", "cost.gif"], "choose one of .svg, .png, .pdf"),
        (["alexnet", "-o", "cost"], "no suffix"),
        (["alexnet", "-o", "nowhere/cost.svg"], "nowhere"),
        (["alexnet", "-o", "folder.svg"], "folder.svg"),
        (["alexnet", "-o", "cost.svg", "--exact"], "--exact goes with a table"),
        (["alexnet", "-o", "cost.svg", "--format", "csv"], "--format goes with a table"),
        (["alexnet", "--theme", "dark"], "--theme goes with a chart"),
        (["alexnet", "--reverse"], "--reverse goes with --sort"),
        (["--chart", "winners", "--set", "classes=10"], "--set and --input change no winner"),
        (["lenet5", "--chart", "cost"], "needs MACs and a `meta top5_error`"),
        (["nothing.net", "-o", "cost.svg"], "needs MACs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_on_the_command_line_give_2_and_say_why(run: Run, arguments: list[str], says: str) -> None:
    Path("blocks.net").write_text("block unit(n) = CONV n 3\n")
    Path("nothing.net").write_text("INPUT 8x8x3 -> RELU\n")
    Path("folder.svg").mkdir()
    before = sorted(Path().iterdir())
    result = run(*arguments)
    assert (result.status, result.out) == (2, "")
    assert says in result.err
    assert "Traceback" not in result.err
    assert sorted(Path().iterdir()) == before


# Charts


def drawn(kind: bubbles.Bubbles, shown: Sequence[Entry], theme: Theme = LIGHT) -> tuple[Any, list[bool]]:
    with plot.look(theme):
        return bubbles.figure(kind, [one for one in shown if kind.shows(one)], theme)


class Recorder(RendererAgg):
    """A renderer that keeps what was said where."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__(width, height, plot.POINTS)
        self.said: list[tuple[str, Any]] = []

    def draw_text(self, *arguments: Any, mtext: Any = None, **others: Any) -> None:
        self.said.append((mtext.get_text(), mtext.get_window_extent(self)))
        super().draw_text(*arguments, mtext=mtext, **others)


def texts(figure: Any, theme: Theme) -> list[tuple[str, Any]]:
    """All that a figure says, with the box of each, in points."""
    with plot.look(theme):
        recorder = Recorder(*figure.get_size_inches() * plot.POINTS)
        figure.draw(recorder)
    return recorder.said


def assert_legible(figure: Any, theme: Theme) -> None:
    """No text overlaps another, and none is clipped by the figure."""
    said = texts(figure, theme)
    wide, high = figure.get_size_inches() * plot.POINTS
    assert len(said) > 3
    for text, box in said:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= wide, text
        assert box.y1 <= high, text
    for (one, a), (two, b) in combinations(said, 2):
        assert min(a.x1, b.x1) <= max(a.x0, b.x0) + 0.5 or min(a.y1, b.y1) <= max(a.y0, b.y0) + 0.5, (one, two)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("kind", [bubbles.COST, bubbles.SIZE], ids=["cost", "size"])
def test_the_names_of_all_bundled_networks_are_legible(
    kind: bubbles.Bubbles, theme: Theme, zoo: tuple[Entry, ...]
) -> None:
    figure, named = drawn(kind, zoo, theme)
    assert all(named)
    shown = {one.name for one in zoo if kind.shows(one)}
    assert len(named) == len(shown) > 8
    assert shown >= CHALLENGE
    said = {text for text, _ in texts(figure, theme)}
    assert said >= shown
    assert_legible(figure, theme)


def test_bubbles_stand_at_their_figures_whole_and_with_areas_for_parameters(zoo: tuple[Entry, ...]) -> None:
    shown = [one for one in zoo if one.name in CHALLENGE]
    figure, _ = drawn(bubbles.COST, shown)
    axes = figure.axes[0]
    discs = axes.collections[0]
    assert discs.get_offsets().tolist() == [[one.macs, one.top5_error] for one in shown]
    sizes = discs.get_sizes()
    assert sizes / sizes[0] == pytest.approx([one.params / shown[0].params for one in shown])
    frame = axes.get_window_extent()
    for (x, y), size in zip(axes.transData.transform(discs.get_offsets()), sizes, strict=True):
        radius = size**0.5 / 2
        assert frame.x0 <= x - radius
        assert x + radius <= frame.x1
        assert frame.y0 <= y - radius
        assert y + radius <= frame.y1


def test_the_legends_circles_have_the_scale_of_the_bubbles(zoo: tuple[Entry, ...]) -> None:
    figure, _ = drawn(bubbles.COST, zoo)
    sizes = figure.axes[0].collections[0].get_sizes()
    most = max(one.params for one in zoo if one.top5_error)
    scale = max(sizes) / 4 / most  # radius² of a parameter
    legend = figure.axes[1]
    said = {text.get_text(): circle for text, circle in zip(legend.texts[1:], legend.patches, strict=True)}
    assert set(said) == {"100M", "25M", "5M"}
    assert said["25M"].radius ** 2 == pytest.approx(25e6 * scale)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_networks_in_one_place_and_with_long_names_are_named_legibly(count: int) -> None:
    some = [entry(f"A network of a long name {number}") for number in range(count)]
    figure, named = drawn(bubbles.COST, some)
    assert all(named)
    assert_legible(figure, LIGHT)


@pytest.mark.parametrize(
    "odd",
    [
        entry("tiny", macs=1, error=0, params=1),
        entry("huge", macs=10**24, error=100, params=10**24),
        entry("no params", params=0),
        entry("odd $x^2$ \\frac & <b> 漢字", error=0.25),
    ],
    ids=lambda one: one.name.split()[0],
)
def test_odd_networks_are_charted(odd: Entry) -> None:
    for shown in ([odd], [odd, entry("usual")]):
        figure, named = drawn(bubbles.COST, shown)
        assert all(named)
        assert_legible(figure, LIGHT)
        with plot.look(LIGHT):
            svg_reader.root(plot.save(figure, "svg", "odd"))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(20, 380), st.floats(20, 240), st.floats(0, 30), st.floats(5, 120)), min_size=1, max_size=14
    )
)
def test_names_are_apart_within_the_frame_and_off_all_dots_and_lines(some: list[tuple[float, ...]]) -> None:
    frame = labels.Box(0, 0, 400, 260)
    bubbles_ = [labels.Bubble(x, y, radius) for x, y, radius, _ in some]
    placed = [one for one in labels.place(bubbles_, [(wide, 12) for *_, wide in some], frame) if one is not None]
    for label in placed:
        box = label.box
        assert frame.left <= box.left < box.right <= frame.right
        assert frame.bottom <= box.bottom < box.top <= frame.top
        assert all(box.gap(one.x, one.y) >= labels.DOT for one in bubbles_)
    for one, two in combinations(placed, 2):
        assert not one.box.meets(two.box, 0)
        for label, other in ((one, two), (two, one)):
            if label.leader is not None:
                (x0, y0), (x1, y1) = label.leader
                along = [(x0 + (x1 - x0) * step / 50, y0 + (y1 - y0) * step / 50) for step in range(51)]
                assert all(other.box.gap(*point) > 0 for point in along)


def test_a_name_makes_way_for_one_that_came_later_and_has_no_other_place() -> None:
    near, far = (labels.Label(labels.Box(left, 0, left + 10, 10), "left") for left in (0, 20))
    options = [[(0.0, near), (1.0, far)], [(0.0, near)]]
    assert labels._Search(options).run([0, 1]) == {0: 1, 1: 0}
    assert labels._Search([options[0], options[0]]).run([0, 1]) == {0: 0, 1: 1}


# The challenge


def test_the_winners_are_those_of_the_slides() -> None:
    shown = [(one.year, one.name.split()[0], one.top5_error, one.layers) for one in challenge.PUBLISHED]
    assert shown == [
        (2010, "Lin", 28.2, None),
        (2011, "Sánchez", 25.8, None),
        (2012, "AlexNet", 16.4, 8),
        (2013, "ZFNet", 11.7, 8),
        (2014, "VGG", 7.3, 19),
        (2014, "GoogLeNet", 6.7, 22),
        (2015, "ResNet", 3.6, 152),
        (2016, "Shao", 3.0, 152),
        (2017, "SENet", 2.3, 152),
    ]
    assert challenge.HUMAN == 5.1
    assert all(one.source for one in challenge.PUBLISHED)


@pytest.mark.parametrize("winner", [one for one in challenge.PUBLISHED if one.network], ids=lambda one: one.name)
def test_what_is_computed_of_a_winner_is_what_was_published(winner: challenge.Winner) -> None:
    assert challenge.computed(winner) == winner
    totals = netdsl.load(winner.network).summary().totals
    assert totals.depth == winner.layers


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_challenges_chart_is_legible_and_says_every_number(theme: Theme, zoo: tuple[Entry, ...]) -> None:
    added = [one for one in zoo if winners.shows(one)]
    for given_ in ([], added, [entry("A network of a long name indeed", error=0.1), entry("W" * 30)]):
        with plot.look(theme):
            bars = winners.bars(given_)
            figure = winners.figure(bars, theme)
        assert_legible(figure, theme)
        said = [text for text, _ in texts(figure, theme)]
        for number in ("28.2", "25.8", "16.4", "11.7", "7.3", "6.7", "3.6", "3.0", "2.3", "human 5.1", "8", "19", "22"):
            assert number in said
        assert said.count("shallow") == 2
        heights = [patch.get_height() for patch in figure.axes[1].patches]
        assert heights == [bar.top5_error for bar in bars]


def test_given_networks_stand_in_their_years_and_winners_but_once(zoo: tuple[Entry, ...]) -> None:
    bars = winners.bars([one for one in zoo if one.name in CHALLENGE and winners.shows(one)])
    assert [bar.year for bar in bars] == sorted(bar.year for bar in bars)
    assert [bar.name for bar in bars if bar.origin == "given"] == ["AlexNet on two GPUs", "VGG-16", "ResNet-152, paper"]
    assert sum(bar.origin == "computed" for bar in bars) == 5


# The command and the files


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_chart_is_written_in_the_format_of_its_suffix(run: Run, suffix: str) -> None:
    result = run("alexnet", "vgg16", "-o", f"cost.{suffix}")
    assert (result.status, result.out, result.err) == (0, f"cost.{suffix}: chart cost, 2 networks\n", "")
    data = Path(f"cost.{suffix}").read_bytes()
    assert data.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix])


def test_an_svg_loads_nothing_and_has_its_words_as_text(run: Run) -> None:
    run("--chart", "winners", "--theme", "dark")
    text = Path("winners.svg").read_text(encoding="utf-8")
    assert "DOCTYPE" not in text
    assert not re.search(r"(?:href|src)=[\"'](?!#)", text)
    root = svg_reader.root(text)
    said = {element.text for element in svg_reader.every(root, "text")}
    assert said >= {"GoogLeNet", "Perronnin", "human 5.1", "152"}
    assert DARK.paper in text


def test_what_lacks_an_error_is_left_out_and_named(run: Run) -> None:
    result = run("alexnet", "lenet5", "nin", "-o", "cost.svg")
    assert result.status == 0
    assert "note: without LeNet-5, Network in Network: this chart needs MACs and a `meta top5_error`\n" in result.err
    assert "LeNet-5" not in Path("cost.svg").read_text()


def test_where_no_network_says_an_error_sizes_are_charted(run: Run) -> None:
    result = run("resnet18", "resnet34", "-o", "chart.svg")
    assert (result.status, result.out) == (0, "chart.svg: chart size, 2 networks\n")
    assert result.err.startswith("note: no network has a `meta top5_error`")


def test_a_chart_is_the_same_wherever_and_silent_whatever_the_settings(tmp_path: Path) -> None:
    """As another user, whose matplotlib is set otherwise, and whose home folder cannot be written."""
    made: list[bytes] = []
    for seed in ("0", "1"):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONPATH": str(Path(netdsl.__file__).parent.parent), "PYTHONHASHSEED": seed}
        if seed == "1":
            (folder / "matplotlibrc").write_text(
                "font.size: 30\nfigure.facecolor: red\nsavefig.dpi: 10\nno.such: key\n"
            )
            environment |= dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), "/proc/nowhere")
            environment.pop("MPLCONFIGDIR", None)
        command = [sys.executable, "-W", "error", "-m", "netdsl", "compare", "--chart", "winners", "vgg16"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        made.append((folder / "winners.svg").read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_a_chart_has_the_same_bytes_each_time(format: str) -> None:
    comparison = netdsl.load("alexnet").compare()
    assert comparison.chart(format=format) == comparison.chart(format=format)


# From Python


def test_the_comparison_of_networks_from_python(tmp_path: Path) -> None:
    comparison = netdsl.load("alexnet").compare(netdsl.load("vgg16"))
    assert isinstance(comparison, Comparison)
    assert str(comparison).splitlines()[-1].startswith("VGG-16")
    path = tmp_path / "chart.PNG"
    data = comparison.chart(path, theme="dark")
    assert path.read_bytes() == data
    assert data.startswith(b"\x89PNG")
    assert comparison.chart() == comparison.chart(theme="light") != comparison.chart(theme="dark")
    for wrong in ({"format": "gif"}, {"kind": "pie"}, {"theme": "pink"}):
        with pytest.raises(ChartError, match="choose one of"):
            comparison.chart(**wrong)  # pyright: ignore[reportArgumentType]


def test_a_chart_leaves_matplotlib_as_it_was() -> None:
    def settings_of_all() -> dict[str, object]:
        return {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}

    matplotlib.rcParams["font.size"] = 13
    before, level = settings_of_all(), logging.getLogger("matplotlib").level
    netdsl.load("alexnet").compare().chart(kind="winners", theme="dark")
    assert settings_of_all() == before
    assert logging.getLogger("matplotlib").level == level


@pytest.mark.parametrize("suffix", plot.FORMATS)
def test_letters_that_a_chart_lacks_are_told(run: Run, suffix: str) -> None:
    facts = "meta year = 2012\nmeta top5_error = 12"
    Path("one.net").write_text(f'network "网 Ж"\n{facts}\nINPUT 8x8x3 -> CONV 4 3 -> FC 2', encoding="utf-8")
    found = run("one.net", "alexnet", "-o", f"chart.{suffix}")
    assert found.status == 0
    assert ("no font at hand has 网 (U+7F51):" in found.err) == (suffix != "svg")
