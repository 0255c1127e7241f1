"""No input, however broken, ends in anything but diagnostics; runaway input ends at once."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdsl.graph.build import build
from netdsl.graph.program import MAX_BYTES, decode, read
from netdsl.measure import expect
from netdsl.measure.summary import Summary
from netdsl.text import render
from netdsl.text.diagnostic import MOST_ERRORS, Diagnostic, NetError, Report
from netdsl.text.format import format
from netdsl.text.source import Source

VALID = sorted((Path(__file__).parent / "programs" / "valid").glob("*.net"))


def check(text: str) -> list[Diagnostic]:
    """All that is found in a text; rendering it must not fail either."""
    report = Report()
    shaped = build(Source(text, "net.net"), None, report)
    if shaped is not None:
        expect.prove(shaped, report)
        assert Summary(shaped).data["totals"]
    found = report.diagnostics()
    for one in found:
        assert render.text(one)
        assert 0 <= one.span.start <= one.span.end
        line, column = one.span.line, one.span.column
        assert line >= 1
        assert column >= 1
    render.as_json(found)
    return found


_WORDS = """
    INPUT CONV FC RELU ADD CONCAT SKIP MAXPOOL BN DROPOUT UPSAMPLE CROP Conv 8x8x3 16 3 3x3 0 -1 1.5 1e9 35K 7x
    s2 p1 s{2} p{k // 2} x2 x0 x{n} @0 @1 { } ( ) [ ] | -> = , : ; # " "a" n k a b c.d nobias same global
    like=a slope=0.1 mode=nearest block param meta network use output training expect params shape of ~ <= é →
    unit(3) a() min(n,k) / // % + - *
"""
WORDS = st.sampled_from(_WORDS.split()) | st.just("\n")


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=40))
def test_any_words_give_diagnostics_alone(words: list[str]) -> None:
    check(" ".join(words))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_diagnostics_alone(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(VALID), st.data())
def test_a_valid_program_that_was_cut_or_doubled_gives_diagnostics_alone(path: Path, data: st.DataObject) -> None:
    text = path.read_text(encoding="utf-8-sig")
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 30)))
    check(text[:start] + text[end:])
    check(text[:end] + text[start:])


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=40))
def test_any_bytes_are_read_or_reported(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("bytes") / "net.net"
    file.write_bytes(data)
    report = Report()
    source = read(file, "net.net", report)
    assert (source is None) == report.failed


def found_in(file: Path) -> list[tuple[str, str]]:
    """Codes and helps of what is found as a file is read."""
    report = Report()
    source = read(file, file.name, report)
    assert source is None
    return [(one.code, one.help) for one in report.diagnostics()]


@pytest.mark.skipif(not Path("/dev/zero").is_char_device(), reason="there is no such device")
def test_an_endless_device_is_read_as_far_as_a_file_may_be_long(tmp_path: Path) -> None:
    assert found_in(Path("/dev/zero"))[0][0] == "limit-exceeded"
    link = tmp_path / "net.net"
    link.symlink_to("/dev/zero")
    assert found_in(link)[0][0] == "limit-exceeded"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_fifo_is_read_as_far_as_a_file_may_be_long(tmp_path: Path) -> None:
    fifo = tmp_path / "net.net"
    os.mkfifo(fifo)

    def write(data: bytes, times: int) -> None:
        with suppress(BrokenPipeError), fifo.open("wb", buffering=0) as file:
            for _ in range(times):
                file.write(data)

    endless = threading.Thread(target=write, args=(b"INPUT 3\n" * 1000, 10**9), daemon=True)
    endless.start()
    assert found_in(fifo)[0][0] == "limit-exceeded"
    endless.join(10)
    assert not endless.is_alive()
    short = threading.Thread(target=write, args=(b"INPUT 3 -> ", 2))
    short.start()
    source = read(fifo, "net.net", Report())
    short.join(10)
    assert source is not None
    assert source.text == "INPUT 3 -> INPUT 3 -> "


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_only_files_are_used(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.net")
    (tmp_path / "folder.net").mkdir()
    (tmp_path / "long.net").write_bytes(b"#" * (MAX_BYTES + 1))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.net"))
        report = Report()
        text = "".join(f'use "{name}.net"\n' for name in ("fifo", "folder", "long", "socket"))
        build(Source(text, "net.net"), tmp_path / "net.net", report)
    assert [one.code for one in report.diagnostics()] == ["missing-file"] * 3 + ["limit-exceeded"]


def test_a_file_has_a_longest_length(tmp_path: Path) -> None:
    file = tmp_path / "net.net"
    file.write_bytes(b"#" * MAX_BYTES)
    assert read(file, "net.net", Report())
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    assert found_in(file)[0][0] == "limit-exceeded"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_told(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "net.net"
    file.write_bytes("\ufeff".encode(encoding) + "INPUT 3".encode(encoding))
    assert found_in(file) == [("syntax-error", "the file is in UTF-16; save it as UTF-8")]


@pytest.mark.parametrize(
    ("start", "help"),
    [
        (b"\x08\x0a\x12\x0cpytorch", "`netdsl import {} ` makes one"),
        (b'# a comment\nname: "LeNet"\nlayer {\n', "`netdsl import {} ` makes one"),
        (b"; a comment\n\n[net]\nbatch=1\n", "`netdsl import {} ` makes one"),
        (b"PK\3\4" + b"\0" * 26 + b"unet/data/weights/weight_0\xff", "`netdsl import {} ` makes one"),
        (b"PK\3\4" + b"\0" * 26 + b"unet/data.pkl\xff", "netdsl.from_torch makes one of a module"),
        (b"\x80\x02}q\0.", "netdsl.from_torch makes one of a module"),
    ],
)
def test_a_model_of_another_format_is_told_as_one(tmp_path: Path, start: bytes, help: str) -> None:
    file = tmp_path / "model"
    file.write_bytes(start + b" " * MAX_BYTES)
    [(code, found)] = found_in(file)
    assert code == "syntax-error"
    assert found.startswith(help.replace("{} ", file.name))


def test_labels_that_models_have_too_begin_programs() -> None:
    for text in ("input: INPUT 3 -> FC 2", "name: INPUT 3", "layer: INPUT 3", "[net | net] -> ADD"):
        assert decode(text.encode(), "net.net", Report())


MEGABYTE = 1_000_000  # of mistakes
DOUBLING = "".join(f"block b{i}() = b{i - 1}() -> b{i - 1}()\n" for i in range(1, 60))
RUNAWAY = {
    "round brackets": ("INPUT 8 -> " + "(" * MEGABYTE, "limit-exceeded"),
    "square brackets": ("[" * MEGABYTE, "limit-exceeded"),
    "braces": ("INPUT 8 -> FC " + "{" * MEGABYTE, "limit-exceeded"),
    "closing brackets": ("]" * MEGABYTE, "syntax-error"),
    "arrows": ("INPUT 8 " + "-> " * (MEGABYTE // 3), "syntax-error"),
    "minus signs": ("INPUT 8 -> FC {" + "-" * MEGABYTE + "1}", "limit-exceeded"),
    "a number": ("INPUT 8 -> FC " + "9" * MEGABYTE, "limit-exceeded"),
    "an exponent": ("INPUT 8 -> FC 1e999999999", "limit-exceeded"),
    "a word": ("INPUT 8 -> " + "R" * MEGABYTE, "unknown-layer"),
    "a string": ('network "' + "a" * MEGABYTE, "syntax-error"),
    "nulls": ("\0" * MEGABYTE, "syntax-error"),
    "a repeat": ("INPUT 8 -> RELU x999999999999", "limit-exceeded"),
    "nested repeats": ("INPUT 8 -> (((RELU x999) x999) x999) x999", "limit-exceeded"),
    "long paths of many copies": (f"INPUT 8 -> {'a' * 400}: ( RELU -> ABS ) x30000", "limit-exceeded"),
    "empty repeats": ("INPUT 8 -> ((RELU x0) x999999) x999999", "limit-exceeded"),
    "repeated application": ("INPUT 8 -> a: (RELU x999) -> (a() x999) x999", "limit-exceeded"),
    "doubling blocks": (f"block b0() = RELU\n{DOUBLING}INPUT 8 -> b59()", "limit-exceeded"),
    "doubling blocks that nothing calls": (f"block b0() = RELU\n{DOUBLING}INPUT 8 -> RELU", "unused-name"),
    "squaring params": (
        "param a0 = 99\n"
        + "".join(f"param a{i} = {{a{i - 1} * a{i - 1}}}\n" for i in range(1, 50))
        + "INPUT 8 -> FC a49",
        "limit-exceeded",
    ),
    "an image": ("INPUT 2000000000x2000000000x3 -> RELU", "limit-exceeded"),
    "weights": ("INPUT 2000000000 -> FC 2000000000", "limit-exceeded"),
    "a deep chain of blocks": (
        "block b0() = RELU\n" + "".join(f"block b{i}() = b{i - 1}()\n" for i in range(1, 2000)) + "INPUT 8 -> b1999()",
        "limit-exceeded",
    ),
}


MANY = {
    "calls of what is not there": "INPUT 8" + "->f()" * 8_000,
    "references to what is not there": "INPUT 8\n" + "a->A\n" * 8_000,
    "layers that are not there": "INPUT 8" + "->A" * 12_000,
    "outputs": "INPUT 8\noutput a" + ",a" * 20_000,
    "parameters of one name": "INPUT 8\nblock a(a" + ",a" * 20_000 + ")=A",
    "claims": "INPUT 8 -> a: RELU\n" + "expect params of a = 1\n" * 2000,
    "brackets that stay open": "INPUT 8\n" + "[\nuse\n" * 6_000,
}


@pytest.mark.parametrize("name", MANY)
def test_no_more_errors_are_sought_than_anybody_reads(name: str) -> None:
    start = time.process_time()
    found = check(MANY[name])
    seconds = time.process_time() - start
    assert len(found) <= MOST_ERRORS + 3
    assert "limit-exceeded" in {one.code for one in found}
    with suppress(NetError):
        format(Source(MANY[name], "net.net"))
    assert seconds < 2  # a guard against work that grows with their square


@pytest.mark.parametrize("name", RUNAWAY)
def test_runaway_input_ends_at_once(name: str) -> None:
    text, code = RUNAWAY[name]
    start = time.process_time()
    found = check(text)
    seconds = time.process_time() - start
    assert code in {one.code for one in found}
    assert seconds < 5  # a guard against runaway work, several times what each takes


FOUND = ("a: INPUT 9x7x3 -> a: BN -> a()", "param k = 3x3\nINPUT 10 k")
"""What the fuzzer found, and made smaller."""


@pytest.mark.parametrize("text", FOUND)
def test_what_was_found_stays_mended(text: str) -> None:
    assert any(one.severity == "error" for one in check(text))


def test_what_nothing_calls_says_nothing_of_the_network() -> None:
    text = "block f() = RELU\nblock unused() = f() x3 -> again: f()\nINPUT 8 -> f() -> last: f()\n"
    shaped = build(Source(text, "net.net"), None, Report())
    assert shaped is not None
    assert {one.path: one.copies for one in shaped.graph.outline.walk() if one.scope} == {"f1": None, "last": None}
    assert "again" not in shaped.graph.aliases


def test_depth_has_no_recursion_limit() -> None:
    unit = "block unit() = [ CONV 4 3 p1 -> BN -> RELU | SKIP ] -> ADD -> RELU\n"
    report = Report()
    shaped = build(Source(f"{unit}INPUT 8x8x4 -> unit() x2000 -> FC 10\n", "deep.net"), None, report)
    assert report.diagnostics() == []
    assert shaped is not None
    assert len(shaped.nodes) == 2 + 5 * 2000
    assert Summary(shaped).totals.depth == 2001
