"""`netdsl bench`: equal answers from all contestants, errors and limits by hand, peers that fail or are missing.

Nothing here says that anything is fast.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor

import netdsl
from netdsl.bench import alternated, bench, limit, report
from netdsl.bench import contestants as table
from netdsl.bench.contestants import Contestant
from netdsl.bench.errors import Errors, errors
from netdsl.bench.examples import examples
from netdsl.bench.machine import Machine, faster, measured
from netdsl.bench.process import Worker, started
from netdsl.bench.results import Results, Score
from netdsl.bench.run import Run, Unavailable, tensors
from netdsl.bench.setting import Setting
from netdsl.bench.worker import Bench, answer
from netdsl.bench.workload import CALIBRATION, Workload, read
from netdsl.measure.summary import Summary

SMALL = """INPUT 8x8x3 -> CONV 4 3 p1 -> BN -> RELU -> LRN -> MAXPOOL 2
-> FC 5 -> SOFTMAX
"""
PROGRAMS = Path(__file__).parent / "programs" / "valid"


def workload(text: str, folder: Path, **settings: Any) -> Workload:
    """The workload for a program, made."""
    made = Workload(netdsl.loads(text).shaped, replace(Setting(examples=4), **settings), folder)
    made.save()
    made.make()
    return read(folder)


def outputs(made: Workload, run: Run) -> list[Tensor]:
    parts = [[one.clone() for one in run(batch)] for batch in made.batches()]
    return [torch.cat(each) for each in zip(*parts, strict=True)]


def installed(contestant: Contestant) -> Contestant:
    if missing := [package for module, package in contestant.packages.items() if find_spec(module) is None]:
        pytest.skip(f"{', '.join(missing)}: not installed (pip install 'netdsl[bench]')")
    return contestant


QUICK = [name for name in table.CONTESTANTS if name != "compile"]  # which calls a C++ compiler; it has its own test


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", QUICK)
@pytest.mark.filterwarnings("ignore")
def test_a_contestant_gives_what_float64_gives(name: str, batch: int, tmp_path: Path) -> None:
    made = workload(SMALL, tmp_path, batch=batch)
    found = outputs(made, installed(table.CONTESTANTS[name]).prepare(made))
    assert [one.dtype for one in found] == [torch.float32]
    assert errors(found, made.reference).maximum < 1e-5


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folders of workloads of programs, each of which is made once."""

    @cache
    def save(program: str) -> Path:
        text = (PROGRAMS / f"{program}.net").read_text(encoding="utf-8")
        smaller = re.sub("^expect .*", "", text.replace("105x105x1", "80x80x1"), flags=re.MULTILINE)
        return workload(smaller, tmp_path_factory.mktemp(program), batch=2).folder

    return save


@pytest.mark.parametrize("program", ["siamese", "outputs", "training_outputs", "devices", "clips"])
@pytest.mark.parametrize("name", ["netdsl", "freeze", "onnxruntime", "openvino"])
@pytest.mark.filterwarnings("ignore")
def test_so_it_does_with_several_inputs_and_outputs_and_other_dims(
    name: str, program: str, saved: Callable[[str], Path]
) -> None:
    contestant = installed(table.CONTESTANTS[name])
    made = read(saved(program))
    found = outputs(made, contestant.prepare(made))
    assert [one.shape for one in found] == [one.shape for one in made.reference]
    assert errors(found, made.reference).maximum < 1e-4


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_torch_compile_gives_it_too(tmp_path: Path) -> None:
    made = workload(SMALL, tmp_path)
    assert errors(outputs(made, table.CONTESTANTS["compile"].prepare(made)), made.reference).maximum < 1e-5


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["netdsl", "eager", "channels-last", "freeze"])
def test_half_precision_is_inside_and_what_cannot_run_in_it_stays(name: str, tmp_path: Path) -> None:
    made = workload(SMALL, tmp_path, precision="bf16")
    found = outputs(made, table.CONTESTANTS[name].prepare(made))
    assert made.float32 == ["lrn1"]
    assert [one.dtype for one in found] == [torch.float32]
    assert 1e-4 < errors(found, made.reference).maximum < 0.1
    weights = dict(made.network().named_parameters())
    assert {one.dtype for one in weights.values()} == {torch.bfloat16}


def test_calibration_keeps_numbers_in_range_and_inputs_apart(tmp_path: Path) -> None:
    text = "INPUT 16x16x3 -> ( CONV 8 3 p1 -> RELU ) x20 -> FC 50 -> RELU -> FC 10"
    scores = workload(text, tmp_path, examples=CALIBRATION).reference[0]
    assert torch.allclose(scores.mean(0), torch.zeros(10).double(), atol=1e-3)
    assert scores.std(correction=0) == pytest.approx(1, rel=1e-3)
    assert len(set(scores.argmax(1).tolist())) > 4


def test_calibration_takes_the_statistics_of_batch_normalisation(tmp_path: Path) -> None:
    made = workload("INPUT 16x16x3 -> CONV 8 3 nobias -> BN", tmp_path, examples=CALIBRATION)
    values = made.reference[0].transpose(0, 1).flatten(1)
    assert torch.allclose(values.mean(1), torch.zeros(8).double(), atol=1e-3)
    assert torch.allclose(values.std(1), torch.ones(8).double(), atol=1e-2)


@pytest.mark.parametrize("dims", [(5,), (40, 2), (8, 12, 3), (4, 6, 5, 1)])
def test_examples_vary_at_every_scale(dims: tuple[int, ...]) -> None:
    made = examples(200, dims, torch.Generator().manual_seed(0))
    assert made.shape == (200, dims[-1], *dims[:-1])
    assert 0.4 < made.var() < 1.1
    means = made.flatten(1).mean(1)
    if len(dims) > 1:  # of plain noise they would vary by 1 / the number of values
        assert means.var() > 5 / made[0].numel()


# Errors


def test_errors_by_hand() -> None:
    exact = torch.tensor([[4.0, 0.0], [1.0, 2.0], [1.0, 1.25]], dtype=torch.float64)
    found = torch.tensor([[4.0, 0.5], [1.5, 2.0], [1.5, 1.25]])
    # The largest error is 0.5, so that margins over 1 decide: that of the first example alone.
    assert errors([found], [exact]) == Errors(0.5 / 4, (1.5 / 6) / (9.25 / 6), 3, 2, 1, 1)


def test_probabilities_are_compared_as_what_went_into_the_softmax() -> None:
    scores = torch.randn(5, 7, dtype=torch.float64)
    other = scores + 1e-3 * torch.randn(5, 7, dtype=torch.float64)
    centred = [one - one.mean(1, keepdim=True) for one in (other, scores)]
    assert errors([other.softmax(1)], [scores.softmax(1)]).maximum == pytest.approx(
        errors([centred[0]], [centred[1]]).maximum
    )


def test_the_worst_output_counts_and_no_number_is_the_worst() -> None:
    exact = [torch.ones(2, 1, dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64)]
    assert errors([torch.ones(2, 1), torch.full((2, 1), 1.5)], exact).maximum == 0.5
    assert math.isnan(errors([torch.full((2, 1), math.nan), torch.ones(2, 1)], exact).maximum)


# The machine and its limit


def test_the_limit_by_hand() -> None:
    summary = Summary(netdsl.loads("INPUT 4x4x2 -> CONV 3 1 -> RELU -> FC 5").shaped, 2)
    # CONV: 2·16·3·2 MACs, 4·(2·(32 + 48) + 9) bytes; FC: 2·48·5 MACs, 4·(2·(48 + 5) + 245) bytes
    assert limit.seconds(summary, Machine("", 1, 1e3, 1e9)) == pytest.approx((192 + 480) / 1e3)
    assert limit.seconds(summary, Machine("", 1, 1e9, 1e3)) == pytest.approx((676 + 1404) / 1e3)
    assert limit.seconds(Summary(netdsl.loads("INPUT 4x4x2 -> RELU").shaped), Machine("", 1, 1, 1)) == 0


def test_the_machine_is_measured() -> None:
    found = measured("cpu", 1, torch.float32, 10_000)
    assert found.macs > 1e6
    assert found.bytes > 1e6
    assert found.name
    assert faster(replace(found, macs=1), replace(found, bytes=1)) == found


# Processes that take turns


class Fake:
    """A worker without a process, which notes when it is asked, and fails in one round."""

    def __init__(self, name: str, asked: list[str], fails: int | None = None) -> None:
        self.name, self.asked, self.fails, self.times = name, asked, fails, 0

    def ask(self, word: str) -> dict[str, object]:
        if word == "measure":
            return asdict(Machine("fake", 1, 1 + len(self.asked), 1))
        self.asked.append(self.name)
        self.times += 1
        if self.times == self.fails:
            raise Unavailable("it fell over")
        return {"seconds": self.times}


def test_contestants_alternate_and_each_round_begins_with_another() -> None:
    asked: list[str] = []
    workers = cast("dict[str, Worker]", {name: Fake(name, asked) for name in ("netdsl", "b", "c")})
    times, machine = alternated(workers, cast(Worker, Fake("machine", asked)), 6, {})
    order = " ".join("".join(asked[start : start + 3]).replace("netdsl", "a") for start in range(0, 18, 3))
    assert order == "abc bca cab cba acb bac"
    assert times == {name: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] for name in workers}
    assert machine.macs == 19  # the best of all rounds


def test_a_contestant_that_fails_goes_and_the_others_stay() -> None:
    asked: list[str] = []
    workers = cast("dict[str, Worker]", {"netdsl": Fake("netdsl", asked), "b": Fake("b", asked, fails=2)})
    left_out: dict[str, str] = {}
    times, _ = alternated(workers, cast(Worker, Fake("machine", asked)), 4, left_out)
    assert list(times) == ["netdsl"]
    assert left_out == {"b": "it fell over"}
    with pytest.raises(Unavailable, match="it fell over"):
        alternated(
            cast("dict[str, Worker]", {"netdsl": Fake("netdsl", asked, fails=1)}),
            cast(Worker, Fake("machine", asked)),
            1,
            {},
        )


def test_what_a_peer_raises_is_told_in_a_line() -> None:
    def fail(error: Exception) -> Mapping[str, object]:
        raise error

    colourful = RuntimeError("\x1b[96mstep 3\x1b[0m of it. And more\nand more")
    assert answer(lambda: fail(colourful)) == {"failed": "RuntimeError: step 3 of it"}
    assert answer(lambda: fail(Unavailable("pip install it"))) == {"failed": "pip install it"}
    assert answer(lambda: fail(ValueError())) == {"failed": "ValueError: ValueError"}


def test_another_shape_is_told(tmp_path: Path) -> None:
    made = workload("INPUT 4 -> FC 3", tmp_path)
    worker = Bench(made, "netdsl", lambda inputs: [torch.zeros(1, 2)])
    assert answer(worker.check) == {"failed": "gives another shape: 2, not 3"}


def test_a_process_that_ends_is_told(tmp_path: Path) -> None:
    with started(tmp_path, "netdsl", None) as empty, pytest.raises(Unavailable, match="No such file"):
        empty.ask("prepare")
    workload("INPUT 4 -> FC 3", tmp_path)
    with started(tmp_path, "netdsl", 1) as killed:
        killed.process.kill()
        with pytest.raises(Unavailable, match="killed, as where memory runs out"):
            killed.ask("prepare")


# The table of contestants


def test_who_cannot_take_part_says_why() -> None:
    absent = Contestant(
        "peer", "Peer", lambda made: tensors(torch.nn.Identity()), {"cpu": ("fp32",)}, {"peer_": "peer"}
    )
    assert absent.hindrance("cpu", "fp32") == "not installed; pip install peer"
    assert absent.hindrance("cpu", "bf16") == "has no bf16 on cpu"
    assert absent.hindrance("cuda", "fp32") == "does not run on cuda"
    assert table.OWN.hindrance("cpu", "fp32") is None


def test_a_missing_peer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = replace(table.PEERS["openvino"], packages={"openvino_": "openvino"})
    monkeypatch.setitem(cast("dict[str, Contestant]", table.PEERS), "openvino", absent)
    results = bench(netdsl.loads("INPUT 4 -> FC 3").shaped, Setting(runs=1, examples=1), ["openvino"])
    assert results.left_out == {"openvino": "not installed; pip install openvino"}
    assert "openvino: not installed; pip install openvino" in report.text(results)
    assert [score.name for score in results.scores] == ["netdsl"]


# Results


def scored(name: str, *times: float, decided_agree: int = 2) -> Score:
    return Score(name, name, times, 1.0, Errors(1e-6, 1e-7, 4, 3, 2, decided_agree))


RESULTS = Results(
    "Network",
    "network.net",
    Setting(runs=5),
    Machine("Machine", 2, 1e11, 2e10),
    0.010,
    [scored("netdsl", 0.020, 0.021, 0.022, 0.023, 0.030), scored("peer", 0.033, 0.033, 0.033, 0.033, 0.033)],
    {"other": "not installed; pip install other"},
    ["lrn1"],
    {"torch": "2"},
    "2026-01-01",
)


def test_medians_ratios_spreads_and_shares() -> None:
    own, peer = RESULTS.scores
    assert own.quartiles == pytest.approx((0.021, 0.022, 0.023))
    assert own.spread == pytest.approx(0.002 / 0.022)
    assert RESULTS.ratio(peer) == pytest.approx(1.5)
    assert RESULTS.share(peer) == pytest.approx(0.010 / 0.033)
    assert replace(RESULTS, limit=0).share(peer) is None
    assert scored("netdsl", 0.5).quartiles == (0.5, 0.5, 0.5)


def test_tables_say_it_within_80_columns() -> None:
    text = report.text(RESULTS)
    assert max(map(len, text.splitlines())) == 80
    for part in (
        "22.0    1.00       9%",
        "33.0    1.50       0%",
        "3/4     30%",
        "200 GFLOP/s",
        "pip install other",
        "lrn1",
    ):
        assert part in text
    assert "| peer | 33.0 | 1.50 | 0% | 1.0e-06 | 1.0e-07 | 3/4 | 30% |" in report.markdown(RESULTS)
    assert "something else ran" not in text
    noisy = replace(RESULTS, scores=[scored("netdsl", 1, 2, 3, 4), scored("peer", 1, decided_agree=0)])
    assert "something else ran" in report.text(noisy)
    assert "peer: another top-1 in 2 cases" in report.text(noisy)


def test_json_has_no_number_that_is_none() -> None:
    wrong = replace(RESULTS.scores[1], errors=Errors(math.nan, math.inf, 0, 0, 0, 0))
    data = json.loads(replace(RESULTS, scores=[wrong], limit=0).json(), parse_constant=pytest.fail)
    assert data["contestants"][0]["errors"]["maximum"] is None
    assert data["limit_ms"] is None


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0.0123456, "0.0123"), (3, "3.00"), (123.456, "123.5"), (4567, "4,567")]
)
def test_milliseconds(milliseconds: float, text: str) -> None:
    assert report.milliseconds(milliseconds / 1e3) == text


# The command


def invoke(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "netdsl", "bench", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_measures(tmp_path: Path) -> None:
    (tmp_path / "small.net").write_text(SMALL, encoding="utf-8")
    arguments = ["--against", "eager", "--runs", "2", "--examples", "3", "--batch", "2", "--threads", "1"]
    code, out, err = invoke(str(tmp_path / "small.net"), *arguments, "--format", "json")
    assert (code, err) == (0, "")
    data = json.loads(out)
    assert [one["name"] for one in data["contestants"]] == ["netdsl", "eager"]
    assert [len(one["times_ms"]) for one in data["contestants"]] == [2, 2]
    assert all(one["errors"]["maximum"] < 1e-5 and one["errors"]["count"] == 4 for one in data["contestants"])
    assert (data["batch"], data["threads"], data["device"], data["precision"]) == (2, 1, "cpu", "fp32")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["vgg16", "--against", "egaer"], "did you mean eager?"),
        (["vgg16", "--against", "eager,"], "there is no peer without a name"),
        (["vgg16", "--batch", "0"], "--batch"),
        (["vgg17"], "there is no such file"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_said(arguments: list[str], said: str) -> None:
    code, out, err = invoke(*arguments)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_device_is_said() -> None:
    code, out, err = invoke("lenet5", "--device", "cuda")
    assert (code, out) == (2, "")
    assert err == "error: networks/lenet5.net: PyTorch finds no CUDA device here\n"
