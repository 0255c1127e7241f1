"""The slides' claims that netdsl finds wrong are the known ones."""

from __future__ import annotations

import pytest
from case_studies.claim import Claim, about
from case_studies.sections import SECTIONS

CLAIMS = [claim for section in SECTIONS for claim in section.claims]
OFF = {
    "MAX POOL2 once with “96 filters”",
    "24M * 4 bytes = 96 MB / image",
    "24M, if what each ReLU puts out counts too",
    "one network too large for a GTX 580 of 3 GB (at the batch of 128)",
}


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.command], ids=lambda claim: claim.says)
def test_a_claim_is_right_unless_it_is_known_to_be_off(claim: Claim) -> None:
    assert claim.found
    assert (claim.verdict == "off") == (claim.says in OFF)


def test_all_that_is_off_is_claimed() -> None:
    assert {claim.says for claim in CLAIMS} >= OFF


@pytest.mark.parametrize(("figure", "written"), [("34,944", "35K"), ("62,378,344", "60M"), ("802,816", "800K")])
def test_figures_are_compared_at_the_precision_written(figure: str, written: str) -> None:
    assert about(figure, written)
    assert not about(figure, f"9{written}")
