"""Every program, command and Python snippet of the README and the documentation does what the page says.

In the pages, a block marked

- `net` is a complete program in which `netdsl check` finds nothing; `net-wrong` is one with mistakes, and `net-part`
  a piece of one. A first line `# name.net` makes it a file that later blocks of the page can use; one of a name that
  the folder examples has agrees with it.
- `console` holds commands behind `$ ` and what they print; a line `...` stands for any lines. Commands of netdsl alone
  are run, and their output is compared. Where it shows an error, the exit status is 1 or 2, and else 0.
- `cfg` and `prototxt` are files of other formats, by their first line; `console` blocks may read them.
- `python` is run, all those of a page in one namespace, sessions with `>>>` by doctest. One whose first line names a
  file of the sample package (`toml` too) is not run, but agrees with it.

Each page has a folder of its own, in which all of it happens in order.
"""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import command_line
import pytest

import netdsl
from netdsl.layers import table
from netdsl.layers.base import Layer
from netdsl.text.codes import CODES

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "tests" / "sample_package"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FILES = {"net", "net-wrong", "net-part", "cfg", "prototxt"}
"""Blocks that are files where they have a title."""
NOT_RUN = {"cfg", "prototxt", "sh", "text", "toml", "net-part", "net-wrong"}

_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"# (?P<name>[\w./-]+\.(?:net|py|toml|cfg|prototxt))\n")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def title(self) -> str | None:
        """The file that it is, if it is one."""
        match = _TITLE.match(self.text)
        return match["name"] if match else None


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])


@pytest.mark.filterwarnings("ignore:The given buffer is not writable:UserWarning")  # PyTorch 2.9 to 2.12
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    if page.name == "from-onnx.md":
        pytest.importorskip("onnx")
    names: dict[str, object] = {"__name__": "__main__"}
    wrong: list[str] = []
    with chdir(tmp_path):
        for block in blocks(page):
            wrong += [f"{page.name}:{block.line}: {complaint}" for complaint in _complaints(block, names)]
    if wrong:
        pytest.fail("\n\n".join(wrong), pytrace=False)


def _complaints(block: Block, names: dict[str, object]) -> Iterator[str]:
    """What a block says that is not so."""
    if block.title is not None and block.language in FILES:
        path = Path(block.title)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        example = ROOT / "examples" / path
        if example.is_file() and example.read_text(encoding="utf-8") != block.text:
            yield f"this differs from {example}"
    elif block.title is not None:
        shown = block.text.partition("\n")[2].strip()
        if shown not in (SAMPLE / block.title).read_text(encoding="utf-8"):
            yield f"this differs from {SAMPLE / block.title}"
        return
    match block.language:
        case "net":
            yield from _check(block)
        case "console":
            yield from _run_commands(block)
        case "python":
            yield from _run_python(block, names)
        case language:
            if language not in NOT_RUN:
                yield f"blocks are not marked {language!r}"


def _check(block: Block) -> Iterator[str]:
    """A complete program without mistakes or warnings; a library of blocks is no network, and passes too."""
    path = Path(block.title or f"line{block.line}.net")
    path.write_text(block.text, encoding="utf-8")
    done = command_line.run("check", str(path))
    if done.status or done.err:
        yield done.err


def _run_commands(block: Block) -> Iterator[str]:
    _, *commands = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    for command in commands:
        line, _, shown = command.partition("\n")
        program, *arguments = shlex.split(line, comments=True)
        if program != "netdsl":
            continue
        done = command_line.run(*arguments)
        printed = _tidy(done.err + done.out)
        failed = re.search(r"^error", shown, re.MULTILINE) is not None
        pattern = re.escape(_tidy(shown)).replace(r"\.\.\.", r"(?s:.*?)")
        if (done.status != 0) != failed or not re.fullmatch(pattern, printed):
            yield f"{line}\nends with {done.status}, and prints\n{printed}"


def _tidy(output: str) -> str:
    return "\n".join(line.rstrip() for line in output.strip("\n").splitlines())


def _run_python(block: Block, names: dict[str, object]) -> Iterator[str]:
    place = f"{block.page.name}:{block.line}"
    if ">>>" not in block.text:
        exec(compile(block.text, place, "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, names, place, str(block.page), block.line)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    runner.run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    yield from said


@pytest.mark.parametrize("keyword", sorted(table.keywords()))
def test_every_layer_is_documented_with_its_cost(keyword: str) -> None:
    row = table.find(keyword)
    assert row is not None
    assert row.__doc__
    assert "FLOPs" in row.__doc__ or keyword in {"INPUT", "SKIP"}


def test_every_hook_of_a_layer_is_on_the_page_for_those_who_write_one() -> None:
    text = (ROOT / "docs" / "writing-layers.md").read_text(encoding="utf-8")
    hooks = {name for name in vars(Layer) | Layer.__annotations__ if not name.startswith("_")} - {"aliases", "keyword"}
    assert not {name for name in hooks if f"`{name}`" not in text and f"`{name}(" not in text}


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_codes_example_gives_that_code_alone(name: str, tmp_path: Path) -> None:
    code = CODES[name]
    path = tmp_path / "example.net"
    path.write_text(code.example, encoding="utf-8")
    try:
        found = netdsl.load(path).warnings
    except netdsl.NetError as error:
        found = error.diagnostics
    assert [one.code for one in found] == [name]
