"""Two thousand programs of the fuzzer, the same ones each time; `make fuzz` tries as many others as there is time."""

from __future__ import annotations

from random import Random

import pytest

pytest.importorskip("resource", reason="processes have no limits here")

import fuzz
import fuzz_programs

PROGRAMS = 250


@pytest.mark.parametrize("part", range(8))
def test_no_program_breaks_a_law(part: int) -> None:
    for number in range(PROGRAMS):
        broken = fuzz.attempt(f"test:{part * PROGRAMS + number}")
        assert broken is None, str(broken)


def test_programs_are_of_both_kinds() -> None:
    seeds = [f"test:{number}" for number in range(200)]
    valid = sum(fuzz.check(fuzz_programs.program(Random(seed)), Random(seed)) for seed in seeds)
    assert 25 < valid < 160


def test_a_program_that_breaks_a_law_is_told_and_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(text: str, _: Random) -> None:
        if "INPUT" in text:
            raise ZeroDivisionError("there is an INPUT")

    monkeypatch.setattr(fuzz, "check", faulty)
    texts = (fuzz_programs.program(Random(str(number))) for number in range(1000))
    number, _ = next(one for one in enumerate(texts) if one[1].count("\n") > 5 and "INPUT" in one[1])
    failure = fuzz.attempt(str(number))
    assert failure is not None
    assert failure.text == "INPUT"
    assert failure.what == "ZeroDivisionError in test_fuzz.py, faulty: there is an INPUT"


def test_what_takes_too_long_is_ended() -> None:
    def endless() -> None:
        with fuzz.limited(0.05):
            while True:
                pass

    with pytest.raises(fuzz.Broken, match=r"more than 0\.05 s"):
        endless()
