"""Tables: what is too wide is folded or cut off, weight shows on terminals alone, and Markdown and CSV say the same."""

from __future__ import annotations

import csv
import re

import pytest

from netdsl.text import tabulate
from netdsl.text.fit import columns as wide
from netdsl.text.tabulate import Column, Look, Strong

ROWS = (("conv1", "96 filters of 11 by 11, four apart", "34,944"), ("relu1", "", ""), ("a" * 30, "名 " * 12, "7"))
COLUMNS = (Column("layer"), Column("in words"), Column("params", right=True, fit="whole"))


def test_a_table_stands_in_columns_under_a_rule() -> None:
    lines = list(tabulate.text(COLUMNS, ROWS[:2]))
    assert lines == [
        "layer  in words                            params",
        "─" * 49,
        "conv1  96 filters of 11 by 11, four apart  34,944",
        "relu1",
    ]


@pytest.mark.parametrize("width", [20, 33, 48, 60, 200])
def test_what_is_too_wide_is_folded_and_nothing_is_lost(width: int) -> None:
    lines = list(tabulate.text(COLUMNS, ROWS, Look(width)))
    assert max(map(wide, lines)) <= width
    for row in ROWS:
        for word in " ".join(row).split():
            assert word in " ".join(lines) or len(word) > 10 or width < 33
    letters = "".join(line.replace(" ", "") for line in lines)
    assert letters.count("a") == 30 + "".join(ROWS[0][1] + COLUMNS[0].head + COLUMNS[2].head).count("a")


def test_what_is_cut_off_says_so_and_keeps_its_least() -> None:
    cut = [Column("path", fit="cut"), Column("x", right=True, fit="whole")]
    assert list(tabulate.text(cut, [("a" * 30, "123")], Look(12)))[-1] == "aaaaaa…  123"
    assert list(tabulate.text(cut, [("a" * 30, "123")], Look(12), least=20))[-1] == f"{'a' * 19}…  123"
    assert list(tabulate.text([Column("x", least=5), Column("y")], [("1", "2")]))[-1] == "1      2"


def test_headings_of_several_lines_stand_on_the_rule() -> None:
    first, second, rule, _ = tabulate.text([Column("name"), Column("top-5\nerror", right=True)], [("a", "1%")])
    assert (first, second, rule) == ("      top-5", "name  error", "─" * 11)


def test_weight_shows_where_there_is_colour_and_takes_no_room() -> None:
    rows = [("a", Strong("1")), ("b", "22")]
    columns = [Column("name"), Column("cost", right=True)]
    plain, styled = (list(tabulate.text(columns, rows, Look(colour=colour))) for colour in (False, True))
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in styled] == plain
    assert ["\x1b" in line for line in styled] == [True, True, True, False]
    assert "\x1b" not in "".join(plain)


def test_markdown_and_csv_have_the_cells_as_they_are() -> None:
    columns = (Column(), Column("params", right=True))
    assert list(tabulate.markdown(columns, [("a", "1,000")])) == ["| | params |", "|---|---:|", "| a | 1,000 |"]
    rows = [("a, b", 1), ('"', 2.5)]
    assert list(csv.reader(tabulate.csv(("x", "y"), rows))) == [["x", "y"], ["a, b", "1"], ['"', "2.5"]]
