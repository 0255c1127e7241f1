"""The pages of the repository as they are read there, without a build: those that are made, and where links lead."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import carried
import click
import pytest
import reference

from netdsl.cli.main import cli

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")])

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|<(?:img|a)\s[^>]*?(?:src|href)=\"([^\"]+)\"")


@pytest.mark.parametrize("path", reference.pages(), ids=lambda path: path.name)
def test_a_page_is_as_it_is_made(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == reference.pages()[path], "`make pages` writes it anew"


@pytest.mark.parametrize("name", carried.PAGES)
def test_a_page_says_what_readers_of_other_formats_make(name: str) -> None:
    page = ROOT / name
    assert page.read_text(encoding="utf-8") == carried.page(page), "`make pages` writes it anew"


def test_every_command_has_its_options_on_the_page() -> None:
    shown = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    names = cli.list_commands(click.Context(cli))
    assert names
    assert [name for name in names if f"Usage: netdsl {name} " not in shown] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_what_is_in_the_repository(page: Path) -> None:
    assert [problem for link in links(page) if (problem := fault(page, link))] == []


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_a_page_for_developers_names_what_there_is(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    files = set(re.findall(r"`((?:netdsl|tests|docs|networks|grammar|benchmarks|examples)(?:/[\w./]+)?)`", text))
    assert [one for one in sorted(files) if not (ROOT / one).exists()] == []
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([\w-]+)", text, re.MULTILINE)) <= targets


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b` – c\n\n# A\n\n# A\n\n[x](gone.md) [x](#a-b--c) [x](#a-1) [x](#a-2)\n", encoding="utf-8")
    assert [fault(page, link) for link in links(page)] == ["gone.md: no such file", "", "", "#a-2: no such heading"]


def links(page: Path) -> Iterator[str]:
    """Where the links and pictures of a page lead, but for those to other places."""
    text = _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    found = (match[1] or match[2] for match in _LINK.finditer(text))
    return (link for link in found if not re.match(r"[a-z]+:", link))


def fault(page: Path, link: str) -> str:
    """What is wrong with a link: nothing, if it is empty."""
    name, _, heading = link.partition("#")
    target = (page.parent / unquote(name)).resolve() if name else page
    if not target.exists() or (target.is_relative_to(ROOT) and not kept(target)):
        return f"{link}: no such file"
    if heading and heading not in anchors(target):
        return f"{link}: no such heading"
    return ""


def kept(path: Path) -> bool:
    """Whether git keeps a file, or would with the next commit; where there is no git, all that is there was kept."""
    files = in_git()
    return files is None or path.relative_to(ROOT).as_posix() in files


@cache
def in_git() -> frozenset[str] | None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return None
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    return None if done.returncode else frozenset(done.stdout.split("\0"))  # git reads no clone of another user


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings: letters, digits and hyphens, spaces as hyphens, repeats counted."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    seen: Counter[str] = Counter()
    found: list[str] = []
    for heading in _HEADING.findall(text):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.append(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return frozenset(found)
