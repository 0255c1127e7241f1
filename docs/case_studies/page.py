"""docs/slides.md, made of the claims."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from case_studies.claim import Claim
from case_studies.sections import SECTIONS, Section

PAGE = Path(__file__).parent.parent / "slides.md"

_INTRODUCTION = """\
<!-- Made by `make pages` of docs/case_studies, and checked by the tests: change those, not this. -->

# Case studies: the slides' figures

The bundled networks follow a course on case studies of convolutional networks ("Estudos de caso"). Its slides state
many figures. Here is each of them in the slides' order, with what netdsl finds, whether the slides are right at the
precision they write, and the command that says so. **Off** marks what they have wrong, and – what is no matter of
the architecture. M is a million, and a MAC is one multiply-add.
"""


def page() -> str:
    """The whole page."""
    return _INTRODUCTION + "\n" + "\n".join("\n".join(_section(one)) for one in SECTIONS)


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}\n"
    if section.before:
        yield section.before.strip() + "\n"
    yield f"| {section.source} | netdsl | | command |"
    yield "|---|---|---|---|"
    for claim in section.claims:
        yield _row(claim)
    yield ""
    if section.after:
        yield section.after.strip() + "\n"


def _row(claim: Claim) -> str:
    verdict = "**Off**" if claim.verdict == "off" else claim.verdict
    found = "; ".join(filter(None, (claim.found, claim.note)))
    command = f"`{claim.command}`" if claim.command else ""
    return " | ".join(("", claim.says, found, verdict, command, "")).strip()
