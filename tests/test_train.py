"""Training: the same weights however often it is stopped, and what is told where it cannot go on."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import patch

import command_line
import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

import netdsl
from netdsl import data, runtime
from netdsl.cli import common
from netdsl.compile.errors import UnreadableWeightsError
from netdsl.compile.origin import Origin
from netdsl.probe import beginning
from netdsl.recipe import Recipe
from netdsl.train import checkpoint, folder, log, loop, stopping, watch
from netdsl.train.curves import svg
from netdsl.train.errors import ChangedError, Interrupted, NotATrainingError, NotFiniteError, OccupiedError, TooFewError
from netdsl.train.folder import About
from netdsl.train.log import Epoch
from netdsl.train.outcome import Outcome
from netdsl.train.setting import Setting
from netdsl.train.training import Training

NETWORK = """
param classes = 3
INPUT 8x8x1 -> CONV 4 3 -> BN -> RELU -> MAXPOOL 2 -> DROPOUT 0.3 -> FC classes -> SOFTMAX
"""
RECIPE = Recipe(
    rate=0.1, batch=16, epochs=4, schedule="plateau", patience=1, augmentation=("crop", "flip"), ema=0.9, clip=1.0
)
STEPS = 6
"""Of an epoch: 91 of 100 examples, in batches of 16."""


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of three classes, each with a bright third of its own, in noise."""
    made = tmp_path_factory.mktemp("data") / "small.npz"
    random = np.random.default_rng(0)
    parts: dict[str, np.ndarray] = {}
    for name, count in (("train", 100), ("test", 30)):
        y = np.arange(count) % 3
        x = random.integers(0, 120, (count, 8, 8), np.uint8)
        for index, label in enumerate(y):
            x[index, 3 * label : 3 * label + 2] += 100
        parts |= {f"x_{name}": x, f"y_{name}": y}
    np.savez(made, allow_pickle=False, **parts)
    return made


def setting(examples: Path, recipe: Recipe = RECIPE, text: str = NETWORK) -> Setting:
    return Setting(netdsl.loads(text).shaped, data.read(examples), recipe)


def train(made: Setting, place: Path, **options: Any) -> Outcome:
    return loop.train(made, place, About(), device="cpu", **options)


def weights(place: Path) -> dict[str, torch.Tensor]:
    """All tensors that a training goes on with, and the best weights."""
    return load_file(place / "last.safetensors") | {
        f"best {name}": one for name, one in load_file(place / "best.safetensors").items()
    }


def same(one: Path, other: Path) -> bool:
    """Whether two trainings have come to the same, bit for bit, but for how long they took."""
    first, second = weights(one), weights(other)
    rows = [[replace(row, seconds=0) for row in log.read(folder.state(at)["epochs"])] for at in (one, other)]
    equal = all(torch.equal(value, second[name]) for name, value in first.items())
    return first.keys() == second.keys() and equal and rows[0] == rows[1]


@contextmanager
def at_step(number: int, act: Callable[[], None]) -> Iterator[None]:
    """Do something after so many steps."""
    step = Training.step

    def stepped(self: Training, x: torch.Tensor, y: torch.Tensor) -> None:
        step(self, x, y)
        if self.step_number == number:
            act()

    with patch.object(Training, "step", stepped):
        yield


@pytest.fixture(scope="module")
def whole(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that never stopped."""
    place = tmp_path_factory.mktemp("whole")
    train(setting(examples), place)
    return place


@pytest.fixture(autouse=True)
def _uncompiled(whole: Path) -> Iterator[None]:
    """Only the training that all are held against takes the time to compile."""
    with patch.object(loop.compile, "compile"), patch("netdsl.train.curves.svg", return_value=b""):
        yield


@pytest.mark.parametrize(("step", "by"), [(1, "SIGINT"), (STEPS, "SIGTERM"), (2 * STEPS + 2, "SIGINT")])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(
    step: int, by: str, whole: Path, examples: Path, tmp_path: Path
) -> None:
    with at_step(step, lambda: signal.raise_signal(getattr(signal, by))), pytest.raises(Interrupted) as stopped:
        train(setting(examples), tmp_path)
    assert stopped.value.epoch == -(-step // STEPS)
    assert folder.state(tmp_path)["training"]["step_number"] == step
    torch.manual_seed(step)  # what others draw changes nothing
    outcome = train(setting(examples), tmp_path, resume=True)
    assert same(tmp_path, whole)
    assert outcome.test is not None
    assert outcome.test.error < 0.2


def test_one_that_is_stopped_while_it_tries_the_weights_goes_on_there(
    whole: Path, examples: Path, tmp_path: Path
) -> None:
    counted = loop.Tally.add

    def interrupted(*given: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        counted(*given)

    with patch.object(loop.Tally, "add", interrupted), pytest.raises(Interrupted):
        train(setting(examples), tmp_path)
    assert folder.state(tmp_path)["training"]["done"] == STEPS
    train(setting(examples), tmp_path, resume=True)
    assert same(tmp_path, whole)


def test_one_that_is_stopped_while_it_reads_test_data_keeps_its_last_weights(
    whole: Path, examples: Path, tmp_path: Path
) -> None:
    def interrupted(self: loop.Tally, *given: Any) -> None:
        add(self, *given)
        if len(given[0]) == 14:  # the rest of 30 test examples in batches of 16
            signal.raise_signal(signal.SIGINT)

    add = loop.Tally.add
    short = setting(examples, replace(RECIPE, epochs=2))
    with patch.object(loop.Tally, "add", interrupted), pytest.raises(Interrupted) as stopped:
        train(short, tmp_path)
    assert stopped.value.epoch == 2
    train(setting(examples), tmp_path, resume=True)
    assert same(tmp_path, whole)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_train as tests
from netdsl.train import loop
loop.SAVE, loop.SHARE = 0.0, 0.0
with tests.at_step({step}, lambda: os.kill(os.getpid(), signal.SIGKILL)):
    tests.train(tests.setting(Path({examples!r})), Path({place!r}))
"""


def test_one_that_was_killed_goes_on_from_its_last_checkpoint(whole: Path, examples: Path, tmp_path: Path) -> None:
    step = 2 * STEPS + 4
    script = KILLED.format(tests=str(Path(__file__).parent), step=step, examples=str(examples), place=str(tmp_path))
    environment = {**os.environ, "PYTHONPATH": str(command_line.ROOT), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert folder.state(tmp_path)["training"]["step_number"] == step - 1
    train(setting(examples), tmp_path, resume=True)
    assert same(tmp_path, whole)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(examples: Path, tmp_path: Path) -> None:
    write = checkpoint.files.replace

    def full(path: Path, content: bytes) -> None:
        if path.name == "last.safetensors" and folder.is_training(tmp_path):
            raise OSError(28, "No space left on device", str(path))
        write(path, content)

    with patch.object(checkpoint.files, "replace", full), pytest.raises(OSError, match="No space left"):
        train(setting(examples), tmp_path)
    assert folder.state(tmp_path)["training"]["step_number"] == 0


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_any_optimizer_and_schedule_goes_on(optimizer: str, examples: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimizer=optimizer, rate=0.01, schedule="cosine", warmup=0.5, epochs=2, precision="bf16")
    train(setting(examples, recipe), tmp_path / "whole")
    with at_step(STEPS + 2, lambda: signal.raise_signal(signal.SIGINT)), pytest.raises(Interrupted):
        train(setting(examples, recipe), tmp_path / "stopped")
    train(setting(examples, recipe), tmp_path / "stopped", resume=True)
    assert same(tmp_path / "stopped", tmp_path / "whole")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_any_precision_learns_and_goes_on(precision: str, examples: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, precision=precision, epochs=3)
    train(setting(examples, recipe), tmp_path / "whole")
    with at_step(STEPS + 1, lambda: signal.raise_signal(signal.SIGINT)), pytest.raises(Interrupted):
        train(setting(examples, recipe), tmp_path / "stopped")
    outcome = train(setting(examples, recipe), tmp_path / "stopped", resume=True)
    assert same(tmp_path / "stopped", tmp_path / "whole")
    assert outcome.epochs[-1].train_loss < 0.7 * outcome.epochs[0].train_loss
    assert all(one.dtype != torch.float16 for one in load_file(tmp_path / "whole" / "best.safetensors").values())


def test_more_epochs_are_those_of_a_longer_training(whole: Path, examples: Path, tmp_path: Path) -> None:
    train(setting(examples, replace(RECIPE, epochs=2)), tmp_path)
    outcome = train(setting(examples), tmp_path, resume=True)
    assert [one.epoch for one in outcome.epochs] == [1, 2, 3, 4]
    assert same(tmp_path, whole)


def test_what_is_written_holds_no_pickles_and_says_all(whole: Path, examples: Path) -> None:
    assert sorted(one.name for one in whole.iterdir()) == [
        "best.pt",
        "best.safetensors",
        "curves.svg",
        "last.safetensors",
        "log.jsonl",
        "network.net",
        "recipe.toml",
        "result.json",
    ]
    rows = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    best = min(rows, key=lambda row: (row["validation_error"], row["validation_loss"]))
    result = json.loads((whole / "result.json").read_text())
    assert result["best_epoch"] == best["epoch"]
    assert result["validation_error"] == best["validation_error"]
    assert all(row["examples"] == 91 for row in rows)
    assert "[versions]" in (whole / "recipe.toml").read_text()
    card = runtime.card(whole / "best.pt")
    assert card.classes == ["0", "1", "2"]
    assert card.preparation is not None
    assert folder.network(whole) is not None
    module = netdsl.loads(NETWORK).module(weights=whole / "best.safetensors")
    assert {name for name, _ in module.state_dict().items()} == set(load_file(whole / "best.safetensors"))


def test_the_best_weights_are_those_of_the_average_at_the_best_epoch(whole: Path) -> None:
    state, best = folder.state(whole), load_file(whole / "best.safetensors")
    chosen = min(log.read(state["epochs"]), key=lambda one: one.order)
    if chosen.epoch == 4:
        average = state["training"]["average"]["weights"]
        assert all(torch.equal(value, average[name]) for name, value in best.items())
    assert any(not torch.equal(value, state["training"]["module"][name]) for name, value in best.items())


def test_test_data_are_read_once_in_the_end(examples: Path, tmp_path: Path) -> None:
    tried: list[str] = []
    batches = loop.Batches.epoch

    def noted(self: loop.Batches, *given: Any, **named: Any) -> Any:
        tried.append({91: "train", 9: "validation", 30: "test"}[len(self.part)])
        return batches(self, *given, **named)

    with patch.object(loop.Batches, "epoch", noted):
        train(setting(examples, replace(RECIPE, epochs=2)), tmp_path)
    assert tried == ["train", "validation", "train", "validation", "test"]


def test_the_rate_falls_where_the_error_stalls(examples: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, rate=1e-9, factor=0.5, epochs=6, ema=0.0)
    outcome = train(setting(examples, recipe, NETWORK.replace("BN -> ", "")), tmp_path)
    rates = [one.rate / 1e-9 for one in outcome.epochs]
    assert rates == pytest.approx([1, 1, 1, 0.5, 0.5, 0.25])
    assert outcome.best.epoch == 1 or outcome.best.validation_error == outcome.epochs[0].validation_error


def test_parts_of_a_batch_have_the_gradient_of_the_whole(examples: Path, tmp_path: Path) -> None:
    plain = NETWORK.replace("BN -> ", "").replace("DROPOUT 0.3 -> ", "")
    recipe = replace(RECIPE, epochs=1)
    found: list[dict[str, torch.Tensor]] = []
    for parts in (1, 3):
        place = tmp_path / str(parts)
        train(replace(setting(examples, recipe, plain), accumulate=parts), place)
        found.append(load_file(place / "best.safetensors"))
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=1e-4, atol=1e-6)


def test_a_batch_of_fewer_examples_than_the_network_trains_on_is_refused(examples: Path, tmp_path: Path) -> None:
    text = "INPUT 8x8x1 -> AVGPOOL global -> BN -> FC 3 -> SOFTMAX"
    with pytest.raises(TooFewError, match="one example") as found:
        train(setting(examples, replace(RECIPE, batch=1, epochs=1), text), tmp_path / "one")
    assert "batch = 2" in found.value.help
    assert not (tmp_path / "one").exists()
    assert train(setting(examples, replace(RECIPE, batch=2, epochs=1), text), tmp_path / "two").epochs[0].examples


def test_weights_of_a_training_are_said_to_be_its_best(whole: Path, examples: Path, tmp_path: Path) -> None:
    for given in (whole, whole / "last.safetensors"):
        made = replace(setting(examples), weights=Origin(given))
        with pytest.raises(UnreadableWeightsError, match=re.escape(str(whole / "best.safetensors"))):
            train(made, tmp_path)


def test_a_folder_of_several_trainings_says_how_they_go_on(tmp_path: Path) -> None:
    for number in "12":
        (tmp_path / number).mkdir()
    with pytest.raises(NotATrainingError) as found:
        folder.state(tmp_path)
    assert f"--resume {tmp_path} --seeds 2" in found.value.help


def test_one_example_a_step_trains(examples: Path, tmp_path: Path) -> None:
    text = "INPUT 8x8x1 -> FC 3 -> SOFTMAX"
    outcome = train(setting(examples, replace(RECIPE, batch=1, epochs=1), text), tmp_path, before=beginning)
    assert outcome.epochs[0].examples == 91


def test_means_are_one_for_all_channels_or_one_for_each(examples: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, normalisation=((0.5, 0.5), (1.0, 1.0)))
    with pytest.raises(data.DataError, match="2 means and deviations, and the INPUT 1 channel") as found:
        train(setting(examples, recipe), tmp_path)
    assert found.value.help


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_loss_that_is_no_number_ends_the_training(precision: str, examples: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, rate=1e30, clip=0.0, precision=precision)
    text = NETWORK.replace("BN -> ", "")
    with pytest.raises(NotFiniteError) as found:
        train(setting(examples, recipe, text), tmp_path)
    assert (found.value.epoch, found.value.step) == (1, 2)
    assert ("1e+30" in str(found.value)) == (precision == "fp32")
    assert found.value.help
    state = folder.state(tmp_path)["training"]
    assert all(torch.isfinite(one).all() for one in state["module"].values())


def test_a_network_that_is_no_number_from_the_start_is_told_so(examples: Path, tmp_path: Path) -> None:
    made = setting(examples)
    broken = Training.__init__

    def spoilt(self: Training, *given: Any) -> None:
        broken(self, *given)
        next(self.module.parameters()).data.fill_(float("nan"))

    with patch.object(Training, "__init__", spoilt), pytest.raises(NotFiniteError, match="begins with"):
        train(made, tmp_path)


def test_a_folder_that_holds_a_training_is_not_written_over(whole: Path, examples: Path, tmp_path: Path) -> None:
    with pytest.raises(OccupiedError, match="holds a finished training") as found:
        train(setting(examples), whole)
    assert "--overwrite" in found.value.help
    with at_step(2, lambda: signal.raise_signal(signal.SIGINT)), pytest.raises(Interrupted):
        train(setting(examples), tmp_path)
    with pytest.raises(OccupiedError, match="in epoch 1") as found:
        train(setting(examples), tmp_path)
    assert f"--resume {tmp_path}" in found.value.help
    train(setting(examples), tmp_path, overwrite=True)
    assert same(tmp_path, whole)


def test_what_has_changed_is_told(whole: Path, examples: Path, tmp_path: Path) -> None:
    with pytest.raises(ChangedError, match=r"rate: 0.1, now 0.2") as found:
        train(setting(examples, replace(RECIPE, rate=0.2)), whole, resume=True)
    assert set(found.value.changes) == {"rate"}
    with pytest.raises(ChangedError, match="network"):
        train(setting(examples, text=NETWORK.replace("RELU", "TANH")), whole, resume=True)
    other = tmp_path / "other.npz"
    parts = dict(np.load(examples))
    parts["x_train"][0, 0, 0] ^= 255
    np.savez(other, allow_pickle=False, **parts)
    with pytest.raises(ChangedError, match="data"):
        train(setting(other), whole, resume=True)
    (tmp_path / "last.safetensors").write_bytes((whole / "last.safetensors").read_bytes()[:-100])
    with pytest.raises(NotATrainingError, match="damaged"):
        train(setting(examples), tmp_path, resume=True)
    with pytest.raises(NotATrainingError, match="no such folder"):
        train(setting(examples), tmp_path / "nowhere", resume=True)


class Noting(watch.Watch):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.any = threading.Event()

    def note(self, sentence: str) -> None:
        self.told.append(sentence)
        self.any.set()


def test_a_bar_is_shown_in_80_columns(examples: Path, tmp_path: Path) -> None:
    page = io.StringIO()
    console = Console(file=page, force_terminal=True, width=80, height=24, color_system=None, legacy_windows=False)
    bars = watch.Bars(console)
    bars.note("something to know")
    assert "\x1b" not in page.getvalue()
    with patch.object(loop, "_SHOW", -1.0):
        train(setting(examples, replace(RECIPE, epochs=2)), tmp_path, watch=bars)
    shown = page.getvalue()
    assert shown.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # the cursor is there again, and the bar is gone
    plain = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", one) for one in re.split(r"[\r\n]+", shown)]
    assert max(map(len, plain)) <= 80
    assert any(re.match(r"epoch 2/2 ━.* loss \d\.\d{4}, error [\d.]+% ", one) for one in plain)
    assert any(re.match(r" +2/2 +\d\.\d{4} ", one) for one in plain)


def test_who_waits_for_a_long_step_is_told_and_may_end_it_at_once(examples: Path, tmp_path: Path) -> None:
    noting, before = Noting(), signal.getsignal(signal.SIGINT)

    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        assert noting.any.wait(60)
        signal.raise_signal(signal.SIGINT)

    with patch.object(stopping, "PATIENCE", 0.0), at_step(2, twice), pytest.raises(KeyboardInterrupt) as ended:
        train(setting(examples), tmp_path, watch=noting)
    assert not isinstance(ended.value, Interrupted)
    assert "ends after this step" in noting.told[0]
    assert signal.getsignal(signal.SIGINT) is before
    assert folder.state(tmp_path)["training"]["step_number"] == 0


def test_other_threads_are_told_and_no_error(whole: Path, examples: Path, tmp_path: Path) -> None:
    for one in whole.iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    noting = Noting()
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        train(setting(examples), tmp_path, resume=True, watch=noting)
    finally:
        torch.set_num_threads(threads)
    assert len(noting.told) == 1
    assert f"threads was {threads}" in noting.told[0]


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    both = torch.arange(4)
    state = {
        "a": torch.arange(3),
        "views": [both, both[1:]],
        "b": {0: [1.5, None, float("inf")], "c": torch.zeros(())},
        "d": (True, "x"),
    }
    checkpoint.write(tmp_path / "last.safetensors", state)
    read = checkpoint.read(tmp_path / "last.safetensors")
    assert torch.equal(read["a"], torch.arange(3))
    assert [one.tolist() for one in read["views"]] == [[0, 1, 2, 3], [1, 2, 3]]
    assert read["b"]["c"].shape == ()
    assert read["b"][0] == [1.5, None, float("inf")]
    assert read["d"] == [True, "x"]


def test_a_damaged_checkpoint_is_told(whole: Path, tmp_path: Path) -> None:
    good = (whole / "last.safetensors").read_bytes()
    random = np.random.default_rng(0)
    header = int.from_bytes(good[:8], "little")
    for at in random.integers(0, 8 + header, 60).tolist():
        (tmp_path / "last.safetensors").write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with suppress(NotATrainingError):  # tensors under another name, or of another type, may still be told apart
            found = folder.state(tmp_path)
            assert found["facts"] == folder.state(whole)["facts"]


def test_the_callers_generator_is_left_as_it_was(examples: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    train(setting(examples, replace(RECIPE, epochs=1)), tmp_path)
    assert torch.equal(torch.rand(1), wanted)


def ran(*arguments: object) -> command_line.Ended:
    return command_line.run("train", *map(str, arguments))


@pytest.fixture
def stripes(tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a network for the examples and a recipe beside it."""
    monkeypatch.chdir(tmp_path)
    Path("stripes.net").write_text(NETWORK)
    Path("stripes.toml").write_text("rate = 0.1\nbatch = 16\nepochs = 2\nschedule = 'constant'\n")
    return examples


def test_the_command_trains_and_goes_on_from_the_folder_alone(stripes: Path) -> None:
    first = ran("stripes.net", "--data", stripes)
    assert first.status == 0, first.err
    assert "epoch 2/2: loss" in first.err
    assert first.out.splitlines()[-1].startswith("runs/stripes: best.safetensors, best.pt")
    Path("stripes.net").unlink()
    more = ran("--resume", "runs/stripes", "--epochs", 3)
    assert more.status == 0, more.err
    assert "epoch 3/3" in more.err
    assert "epoch 2/3" not in more.err


def test_the_command_keeps_what_a_training_began_with(stripes: Path) -> None:
    asked = ("--init", "he", "--freeze", "conv1", "--accumulate", 2, "--set", "classes=3", "--recipe-set", "ema=0.5")
    assert ran("stripes.net", "--data", stripes, *asked, "-o", "kept").status == 0
    assert ran("--resume", "kept", "--epochs", 3).status == 0
    facts = folder.state(Path("kept"))["facts"]
    assert (facts["init"], facts["freeze"], facts["accumulate"], facts["recipe"]["ema"]) == ("he", ["conv1"], 2, 0.5)
    other = ran("--resume", "kept", "--init", "glorot", "--epochs", 4)
    assert other.status == 2
    assert "init: he, now glorot" in other.err


def test_the_same_command_begins_and_goes_on(stripes: Path) -> None:
    again = ("stripes.net", "--data", stripes, "-o", "job", "--resume", "job")
    with at_step(3, lambda: signal.raise_signal(signal.SIGTERM)):
        first = ran(*again)
    assert first.status == 130
    assert "job holds no training yet, which begins now" in first.err
    second = ran(*again)
    assert second.status == 0, second.err
    assert "no training yet" not in second.err


def test_weights_that_it_began_with_are_left_behind(stripes: Path) -> None:
    assert ran("stripes.net", "--data", stripes, "--epochs", 1, "-o", "first").status == 0
    begun = ("stripes.net", "--data", stripes, "--weights", "first/best.safetensors", "--seeds", 1, "-o", "tuned")
    assert ran(*begun, "--epochs", 1).status == 0
    assert ran("--resume", "tuned", "--seeds", 1, "--epochs", 2).status == 0
    assert folder.state(Path("tuned/1"))["facts"]["weights"] == "first/best.safetensors"
    other = ran("--resume", "tuned/1", "--weights", "other.safetensors")
    assert other.status == 2
    assert "began with first/best.safetensors" in other.err
    more = ran("--resume", "tuned", "--seeds", 2, "--epochs", 2)
    assert more.status == 2
    assert "write --weights first/best.safetensors too" in more.err


def test_several_seeds_are_trained_beside_each_other(stripes: Path) -> None:
    done = ran("stripes.net", "--data", stripes, "--seeds", 2, "--seed", 5, "--epochs", 1)
    assert done.status == 0, done.err
    assert [folder.state(Path(f"runs/stripes/{one}"))["facts"]["recipe"]["seed"] for one in (1, 2)] == [5, 6]
    assert "on average of 2 networks" in done.out
    again = ran("--resume", "runs/stripes", "--seeds", 3, "--epochs", 2)
    assert again.status == 0, again.err
    assert folder.state(Path("runs/stripes/3"))["facts"]["recipe"]["seed"] == 7
    with at_step(3, lambda: signal.raise_signal(signal.SIGINT)):
        stopped = ran("stripes.net", "--data", stripes, "--seeds", 2, "-o", "stopped")
    assert stopped.err.splitlines()[-1].endswith("netdsl train --resume stopped --seeds 2 goes on")


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ((), 2, "FILE is missing"),
        (("stripes.net",), 2, "--data DATA is missing"),
        (("--resume", "runs/x", "-o", "y"), 2, "leave -o out"),
        (("--resume", "runs/x", "--overwrite"), 2, "leave one of them out"),
        (("--resume", "runs/x"), 2, "there is no such folder"),
        (("stripes.net", "--data", "nowhere.npz"), 2, "nowhere.npz"),
        (("stripes.net", "--data", "DATA", "--set", "classes=4"), 2, "--set classes=3"),
        (("stripes.net", "--data", "DATA", "--recipe-set", "ratte=1"), 1, "did you mean rate?"),
        (("stripes.net", "--data", "DATA", "--recipe-set", "optimizer=adm"), 1, 'did you mean "adam"?'),
        (("stripes.net", "--data", "DATA", "--recipe-set", "rate"), 2, "not a key and a value"),
        (("stripes.net", "--data", "DATA", "--recipe", "nothing.toml"), 2, "no bundled recipe"),
        (("stripes.net", "--data", "DATA", "--freeze", "conv2"), 2, "did you mean conv1?"),
        (("stripes.net", "--data", "DATA", "--device", "tpu"), 2, "--device tpu: there is no such device"),
        (("stripes.net", "--data", "DATA", "--weights", "nowhere.safetensors"), 2, "nowhere.safetensors"),
        (("stripes.net", "--data", "DATA", "--recipe-set", "rate=1e30"), 1, "is likely too high"),
        (("open.net", "--data", "DATA"), 2, "--loss cross-entropy"),
        (("stripes.net", "--data", "DATA", "-o", "stripes.net"), 2, "stripes.net is a file"),
        (("stripes.net", "--data", "DATA", "-o", "stripes.net/one"), 2, "-o names another place"),
        (("--resume", "runs/x", "--set", "classes=4"), 2, "leave --set"),
        (("--resume", "runs/x"), 2, "-o runs/x begins one"),
        (("stripes.net", "--data", "DATA", "--recipe-set", f"seed={2**63}"), 1, f"from 0 to {2**63 - 1}"),
    ],
)
def test_what_is_wrong_is_told(arguments: tuple[str, ...], status: int, told: str, stripes: Path) -> None:
    Path("open.net").write_text("INPUT 8x8x1 -> FC 3")
    done = ran(*[str(stripes) if one == "DATA" else one for one in arguments])
    assert done.status == status, done.err
    assert told in done.err
    assert not Path("runs", "open").exists()


class Board:
    """What stands for TensorBoard's writer."""

    told: ClassVar[list[tuple[str, float, int]]] = []

    def __init__(self, folder: str, purge_step: int) -> None:
        assert (folder, purge_step) == ("runs/stripes", 1)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.told.append((name, value, step))

    def close(self) -> None:
        self.told.append(("closed", 0, 0))


def test_tensorboard_is_told_where_it_is(stripes: Path) -> None:
    with patch.dict(sys.modules, {"torch.utils.tensorboard": None}):
        missing = ran("stripes.net", "--data", stripes, "--tensorboard")
    assert missing.status == 2
    assert "pip install tensorboard" in missing.err
    with patch.dict(sys.modules, {"torch.utils.tensorboard": SimpleNamespace(SummaryWriter=Board)}):
        done = ran("stripes.net", "--data", stripes, "--tensorboard", "--epochs", 1)
    assert done.status == 0, done.err
    assert "epoch 1/1" in done.err
    names = [name for name, _, step in Board.told if step == 1]
    assert names == ["loss/train", "error/train", "loss/validation", "error/validation", "rate", "seconds"]
    assert Board.told[-1][0] == "closed"


def test_threads_that_wait_leave_the_cores_to_others() -> None:
    with patch.dict(os.environ):
        os.environ.pop("OMP_WAIT_POLICY", None)
        os.environ.pop("GOMP_SPINCOUNT", None)
        common.share_cores()
        assert os.environ["GOMP_SPINCOUNT"] == "1000"
        os.environ["GOMP_SPINCOUNT"] = "7"
        common.share_cores()
        assert os.environ.pop("GOMP_SPINCOUNT") == "7"
        os.environ["OMP_WAIT_POLICY"] = "active"
        common.share_cores()
        assert "GOMP_SPINCOUNT" not in os.environ


def test_a_step_without_memory_is_told(stripes: Path) -> None:
    def starve() -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes.")

    with at_step(3, starve):
        done = ran("stripes.net", "--data", stripes)
    assert done.status == 2
    assert "error[limit-exceeded]: a step takes more memory than is free" in done.err
    assert "--resume runs/stripes" in done.err


def test_an_interrupted_command_ends_with_130(stripes: Path) -> None:
    with at_step(3, lambda: signal.raise_signal(signal.SIGINT)):
        done = ran("stripes.net", "--data", stripes)
    assert done.status == 130
    assert done.err.splitlines()[-1] == "interrupted in epoch 1: netdsl train --resume runs/stripes goes on"
    assert ran("--resume", "runs/stripes").status == 0


def test_a_network_trains_itself_in_python(stripes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = netdsl.load("stripes.net")
    outcome = net.train(stripes, epochs=1, batch=32)
    assert "epoch 1/1" in capsys.readouterr().err
    assert outcome.folder == Path("runs/stripes")
    again = net.train(stripes, epochs=2, resume=True, show=False)
    assert [one.epoch for one in again.epochs] == [1, 2]
    assert capsys.readouterr().err == ""
    assert "validation" in repr(again)
    assert outcome.best.validation_error is not None
    with pytest.raises(TypeError, match="no key epoch: did you mean epochs"):
        net.train(stripes, epoch=1)
    with pytest.raises(ValueError, match="rate"):
        net.train(stripes, "other", rate=-1.0)


def row(number: int, **given: Any) -> Epoch:
    return Epoch(number, 2 / number, 0.5 / number, 2.5 / number, 0.6 / number, 0.1, 75.0, 100, **given)


def test_curves_show_both_parts_and_the_best_epoch() -> None:
    picture = svg([row(one) for one in range(1, 6)], 5, "Some network").decode()
    for word in ("loss", "error", "epoch", "train", "validation", "Some network", "validation error 12.00% in epoch 5"):
        assert word in picture, word
    alone = svg([replace(row(1), validation_loss=None, validation_error=None)], 1, "x").decode()
    assert "validation" not in alone


def test_an_epoch_reads_well() -> None:
    assert log.line(row(2), 10) == (
        "epoch 2/10: loss 1.0000, error 25.00%; validation loss 1.2500, error 30.00%; rate 0.1, 1:15"
    )
    assert [log.duration(one) for one in (8.46, 200, 7500)] == ["8.5 s", "3:20", "2:05:00"]


def test_fine_tuning_keeps_what_is_frozen_and_begins_the_last_layer_anew(
    whole: Path, examples: Path, tmp_path: Path
) -> None:
    """As what was learned for three classes serves for two of them, told apart from the third."""
    file, other = tmp_path / "net.net", tmp_path / "two.npz"
    file.write_text(NETWORK)
    parts = dict(np.load(examples))
    np.savez(
        other, allow_pickle=False, **{name: one.clip(0, 1) if name[0] == "y" else one for name, one in parts.items()}
    )
    given = [
        "train",
        str(file),
        "--set",
        "classes=2",
        "--data",
        str(other),
        "--epochs",
        "2",
        "-o",
        str(tmp_path / "out"),
    ]
    given += ["--weights", str(whole / "best.safetensors"), "--freeze", "conv1", "--freeze", "bn*", "--device", "cpu"]
    done = command_line.run(*given)
    assert done.status == 0, done.err
    assert "fc1 begins anew, with 2 outputs where the file has 3" in done.err
    assert "74 of 122 parameters are trained, the others frozen" in done.err
    before, after = (load_file(place / "best.safetensors") for place in (whole, tmp_path / "out"))
    assert before.keys() == after.keys()
    for name, one in after.items():
        assert torch.equal(one, before[name]) == (not name.startswith("fc1")), name


def test_wrong_names_and_recipes_end_in_diagnostics(examples: Path, tmp_path: Path) -> None:
    file = tmp_path / "net.net"
    file.write_text(NETWORK)
    given = ["train", str(file), "--data", str(examples), "-o", str(tmp_path / "out")]
    for more, words in (
        (["--freeze", "cnov1"], "error[unknown-name]: --freeze: cnov1 names no layer with weights"),
        (["--freeze", "*"], "nothing is left to train"),
        (["--recipe", "alexnt"], "did you mean alexnet?"),
    ):
        done = command_line.run(*given, *more)
        assert done.status == 2, done.err
        assert words in done.err
    changes = [
        one for word in ("augmentation=crop,flip", "optimizer=adam", "epochs=1") for one in ("--recipe-set", word)
    ]
    done = command_line.run(*given, *changes)
    assert done.status == 0, done.err
    assert 'augmentation = ["crop", "flip"]' in (tmp_path / "out" / "recipe.toml").read_text()
    file.with_suffix(".toml").write_text("rate = -1\n")
    done = command_line.run(*given)
    assert done.status == 1
    assert "net.toml:1:8" in done.err
