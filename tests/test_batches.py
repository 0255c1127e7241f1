"""Batches: their order, their shares, how their pictures are prepared, and what chance does to these."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from netdsl import data
from netdsl.data import DataError, Part, Rows, Stored, memory
from netdsl.data.folders import read as read_folders
from netdsl.recipe import Recipe
from netdsl.runtime.picture import pixels
from netdsl.runtime.preparation import MEAN, Preparation
from netdsl.train import augmentation, statistics
from netdsl.train.augmentation import Chance
from netdsl.train.batches import Batches, preparation

PLAIN = Preparation((0.0,), (1.0,), "pad", 1.0)


def stored(count: int, *sizes: int) -> Stored:
    pictures = np.random.default_rng(count).integers(0, 256, (count, *sizes), np.uint8)
    return Stored(np.arange(count) % 3, pictures, np.arange(count), Path("some.npz"))


def all_of(train: Part, **parts: Part) -> data.Data:
    return data.Data(Path("some.npz"), ("0", "1", "2"), train, parts.get("validation", train), None)


def files(folder: Path, count: int, *sizes: int) -> Part:
    """As many pictures in files, of one class."""
    part = stored(count, *sizes)
    (folder / "a").mkdir()
    for index in range(count):
        picture = part.picture(index)
        Image.fromarray(picture[..., 0] if sizes[2] == 1 else picture).save(folder / "a" / f"{index:02}.png")
    return read_folders(folder)[0]["train"]


def seen(batches: Batches, number: int = 0, *, shuffle: bool = True, first: int = 0) -> list[tuple[torch.Tensor, ...]]:
    return list(batches.epoch(number, shuffle=shuffle, first=first))


def test_batches_that_are_not_shuffled_are_whole_but_for_the_last() -> None:
    part = stored(10, 4, 5, 1)
    batches = Batches(part, (4, 5, 1), PLAIN, batch=4)
    found = seen(batches, shuffle=False)
    assert [len(x) for x, _ in found] == [4, 4, 2]
    assert len(batches) == 3
    assert torch.cat([y for _, y in found]).tolist() == part.labels.tolist()
    x = torch.cat([x for x, _ in found])
    assert x.dtype == torch.float32
    assert torch.equal(x, torch.from_numpy(part.pictures.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)))


def test_batches_that_are_shuffled_are_of_nearly_one_size() -> None:
    found = seen(Batches(stored(129, 2, 2, 1), (2, 2, 1), PLAIN, batch=64))
    assert [len(x) for x, _ in found] == [43, 43, 43]
    assert [len(x) for x, _ in seen(Batches(stored(9, 2, 2, 1), (2, 2, 1), PLAIN, batch=8))] == [5, 4]
    assert seen(Batches(stored(0, 2, 2, 1), (2, 2, 1), PLAIN, batch=8)) == []


def test_the_order_follows_from_the_seed_and_the_epoch() -> None:
    part = stored(50, 2, 2, 1)

    def order(seed: int, epoch: int) -> list[int]:
        x = torch.cat([x for x, _ in seen(Batches(part, (2, 2, 1), PLAIN, seed=seed, batch=8), epoch)])
        known = {tuple(one.reshape(-1).tolist()): at for at, one in enumerate(part.pictures)}
        return [known[tuple((255 * one).round().int().reshape(-1).tolist())] for one in x]

    assert sorted(order(0, 0)) == list(range(50))
    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch(world: int) -> None:
    part, everything = stored(50, 8, 8, 3), ("crop", "flip", "colour", "lighting")
    alone = seen(Batches(part, (8, 8, 3), PLAIN, augmentation=everything, batch=12), 3)
    shares = [
        seen(Batches(part, (8, 8, 3), PLAIN, augmentation=everything, batch=12, rank=rank, world=world), 3)
        for rank in range(world)
    ]
    for at, (x, y) in enumerate(alone):
        for rank, share in enumerate(shares):
            assert torch.equal(share[at][0], x[rank::world])
            assert torch.equal(share[at][1], y[rank::world])


def test_an_epoch_goes_on_where_it_was_left(tmp_path: Path) -> None:
    for part in (stored(50, 8, 8, 1), files(tmp_path, 12, 8, 8, 1)):
        batches = Batches(part, (8, 8, 1), PLAIN, augmentation=("crop",), batch=5, seed=7)
        whole, rest = seen(batches, 2), seen(batches, 2, first=2)
        assert len(rest) == len(whole) - 2 > 0
        assert all(torch.equal(one[0], other[0]) for one, other in zip(whole[2:], rest, strict=True))


@pytest.mark.parametrize("dims", [(8, 8, 1), (8, 8, 3), (32, 28, 1), (9, 11, 3), (5, 5, 1)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", ["cover", "pad"])
def test_pictures_are_what_run_makes_of_their_files(
    dims: tuple[int, int, int], channels: int, size: str, tmp_path: Path
) -> None:
    part = files(tmp_path, 3, 8, 8, channels)
    made = Preparation((0.2,), (0.3,), "pad" if size == "pad" else "cover", 0.9)
    x = seen(Batches(part, dims, made), shuffle=False)[0][0]
    assert x.numpy().tolist() == [pixels(part.name(index), dims, made).tolist() for index in range(3)]
    memory = Batches(stored(3, 8, 8, channels), dims, made)
    assert torch.equal(seen(memory, shuffle=False)[0][0], x)


def test_files_are_read_in_order_whatever_the_number_of_threads(tmp_path: Path) -> None:
    part = files(tmp_path, 30, 9, 8, 3)
    one, many = (Batches(part, (7, 7, 3), PLAIN, batch=4, threads=threads) for threads in (1, 5))
    for (x, y), (z, w) in zip(seen(one), seen(many), strict=True):
        assert torch.equal(x, z)
        assert torch.equal(y, w)


def test_small_folders_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = files(tmp_path, 12, 9, 8, 3)
    kept = Batches(part, (7, 7, 3), PLAIN, augmentation=("crop", "flip"), batch=4)
    first = seen(kept, 1)
    monkeypatch.setattr(memory, "available", lambda: 8 * 12 * 7 * 7 * 3 - 1)
    read = Batches(part, (7, 7, 3), PLAIN, augmentation=("crop", "flip"), batch=4)
    for (x, _), (y, _) in zip([*first, *seen(kept, 2)], [*seen(read, 1), *seen(read, 2)], strict=True):
        assert torch.equal(x, y)
    for path in (tmp_path / "a").iterdir():
        path.unlink()
    assert all(torch.equal(x, y) for (x, _), (y, _) in zip(first, seen(kept, 1), strict=True))
    with pytest.raises(DataError):
        seen(read, 1)


def test_a_broken_picture_is_named_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    part = files(tmp_path, 30, 9, 8, 3)
    Path(part.name(17)).write_bytes(b"")
    batches = Batches(part, (7, 7, 3), PLAIN, batch=4).epoch(0, shuffle=False)
    assert len(list(zip(range(4), batches, strict=False))) == 4
    with pytest.raises(DataError) as raised:
        list(batches)
    assert raised.value.path == Path(part.name(17))


SIZES: list[tuple[tuple[int, ...], tuple[int, int, int], str, float]] = [
    ((28, 28, 1), (32, 32, 1), "pad", 0.875),
    ((28, 28, 1), (28, 28, 1), "pad", 1.0),
    ((28, 28, 1), (227, 227, 3), "cover", 0.875),
    ((40, 30, 3), (32, 32, 3), "cover", 1.0),
    ((28, 20, 1), (32, 32, 1), "cover", 1.0),
    ((20, 28, 1), (32, 32, 1), "cover", 1.0),
    ((24, 24, 1), (32, 32, 1), "pad", 0.75),
    ((80, 80, 3), (64, 64, 3), "cover", 1.0),
    ((300, 200, 3), (224, 224, 3), "cover", 0.875),
]


@pytest.mark.parametrize(("stored_as", "dims", "size", "crop"), SIZES)
def test_how_pictures_get_the_size_of_an_input(
    stored_as: tuple[int, ...], dims: tuple[int, int, int], size: str, crop: float, tmp_path: Path
) -> None:
    for part in (stored(2, *stored_as), files(tmp_path, 2, *stored_as)):
        found = preparation(all_of(part), dims, Recipe(normalisation="none"))
        assert (found.size, found.crop) == (size, crop)


@pytest.mark.parametrize("dims", [(8, 8, 1), (10, 9, 1), (8, 8, 3), (20, 20, 3)])
def test_pictures_are_normalised_by_the_training_part(dims: tuple[int, int, int]) -> None:
    part, other = stored(40, 8, 8, dims[2]), stored(3, 8, 8, dims[2])
    made = preparation(all_of(part, validation=other), dims, Recipe())
    x = torch.cat([x for x, _ in seen(Batches(part, dims, made, batch=7))])
    assert x.mean((0, 2, 3)).tolist() == pytest.approx([0] * dims[2], abs=1e-4)
    assert x.std((0, 2, 3), correction=0).tolist() == pytest.approx([1] * dims[2], abs=1e-4)
    assert made == preparation(all_of(part.some(np.arange(40)[::-1])), dims, Recipe())  # in whatever order


@pytest.mark.parametrize("width", [3, 1500])
def test_rows_are_batches_too(width: int) -> None:
    values = np.random.default_rng(0).normal(3, 5, (40, width)).astype(np.float32)
    values[:, 1] = 7
    part = Rows(np.arange(40) % 3, values, np.arange(40), Path("some.npz"))
    made = preparation(all_of(part.some(np.arange(30))), (width,), Recipe())
    x = torch.cat([x for x, _ in seen(Batches(part, (width,), made, batch=7), shuffle=False)]).numpy()
    known, axis = values[:30].astype(np.float64), 0 if width == 3 else None
    wanted = (values - known.mean(axis)) / np.where(known.std(axis) < 1e-6, 1, known.std(axis))
    assert x == pytest.approx(wanted, abs=1e-4)
    assert x.shape == (40, width)


def test_what_does_not_fit_an_input_is_named() -> None:
    part = Rows(np.zeros(4, np.int64), np.zeros((4, 3), np.float32), np.arange(4), Path("some.npz"))
    with pytest.raises(DataError, match="rows of 3 numbers, where 8x8x1 is taken"):
        Batches(part, (8, 8, 1), PLAIN)
    with pytest.raises(DataError, match="picture 0: is a picture, where 3 is taken"):
        Batches(stored(2, 8, 8, 1), (3,), PLAIN)
    with pytest.raises(DataError, match="chance does no flip"):
        preparation(all_of(part), (3,), Recipe(augmentation=("flip",)))
    with pytest.raises(DataError, match="not normalised as pictures"):
        preparation(all_of(part), (3,), Recipe(normalisation="imagenet"))


def test_a_large_folder_is_known_by_some_of_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = files(tmp_path, 12, 4, 4, 1)
    monkeypatch.setattr(statistics, "SAMPLE", 5)
    chosen = statistics.sample(part)
    assert len(set(chosen)) == 5
    assert chosen.tolist() != [0, 1, 2, 3, 4]
    assert len(statistics.sample(part.some(chosen))) == 5
    assert len(statistics.sample(stored(12, 4, 4, 1))) == 12
    found = preparation(all_of(part), (4, 4, 1), Recipe()).mean[0]
    assert found == pytest.approx(np.mean([part.picture(index) for index in chosen]) / 255, abs=1e-5)


def test_normalisation_is_as_the_recipe_says() -> None:
    some = all_of(stored(2, 8, 8, 3))
    assert preparation(some, (8, 8, 3), Recipe(normalisation="imagenet")).mean == MEAN
    assert preparation(some, (8, 8, 3), Recipe(normalisation="none")).std == (1.0,)
    given = preparation(some, (8, 8, 3), Recipe(normalisation=((0.5,), (0.25,))))
    assert (given.mean, given.std) == ((0.5,), (0.25,))
    black = Stored(np.zeros(2, np.int64), np.zeros((2, 8, 8, 1), np.uint8), np.arange(2), Path("some.npz"))
    assert preparation(all_of(black), (8, 8, 1), Recipe()).std == (1.0,)


def chance(count: int = 6) -> Chance:
    return Chance(5, 2, np.arange(count) * 3)


def test_chance_follows_from_seed_epoch_and_example_alone() -> None:
    examples = np.array([4, 9, 2])
    drawn = Chance(1, 2, examples).uniform("flip")
    assert drawn[1] == Chance(1, 2, np.array([9])).uniform("flip")[0]
    others = [Chance(3, 2, examples).uniform("flip"), Chance(1, 3, examples).uniform("flip")]
    others.append(Chance(1, 2, examples).uniform("down"))
    assert not any(np.isclose(drawn, other).any() for other in others)


def test_normal_numbers_are_normal() -> None:
    one, other = chance(20_000).normal("first", "second")
    for drawn in (one, other):
        assert np.mean(drawn) == pytest.approx(0, abs=0.02)
        assert np.std(drawn) == pytest.approx(1, abs=0.02)
        assert np.mean(np.abs(drawn) < 1) == pytest.approx(0.6827, abs=0.01)
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(0, abs=0.02)


def test_crops_are_windows_of_the_picture_and_reach_every_place() -> None:
    pictures = stored(400, 6, 7, 3).pictures
    found = augmentation.crop(pictures, 4, 5, chance(400))
    places = set()
    for picture, cut in zip(pictures, found, strict=True):
        windows = {(y, x): picture[y : y + 4, x : x + 5] for y in range(3) for x in range(3)}
        places |= {place for place, window in windows.items() if np.array_equal(window, cut)}
    assert places == {(y, x) for y in range(3) for x in range(3)}


def test_a_border_is_an_eighth_and_black() -> None:
    pictures = stored(2, 32, 16, 1).pictures
    found = augmentation.bordered(pictures)
    assert found.shape == (2, 40, 20, 1)
    assert np.array_equal(found[:, 4:36, 2:18], pictures)
    assert found.sum() == pictures.sum()


def test_one_half_is_mirrored() -> None:
    pictures = stored(1000, 2, 3, 1).pictures
    found = augmentation.flip(pictures, chance(1000))
    mirrored = [np.array_equal(one, other[:, ::-1]) for one, other in zip(found, pictures, strict=True)]
    kept = [np.array_equal(one, other) for one, other in zip(found, pictures, strict=True)]
    assert all(one or other for one, other in zip(mirrored, kept, strict=True))
    assert 440 < sum(mirrored) < 560


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_are_changed_as_pillow_changes_them(channels: int) -> None:
    from PIL import ImageEnhance

    pictures, drawn = stored(6, 8, 9, channels).pictures, chance()
    found = augmentation.colour(pictures.astype(np.float32) / np.float32(255), drawn)
    enhanced = {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast}
    if channels == 3:
        enhanced["saturation"] = ImageEnhance.Color
    for index, picture in enumerate(pictures):
        image = Image.fromarray(picture[..., 0] if channels == 1 else picture)
        for name, enhance in enhanced.items():
            image = enhance(image).enhance(1 + 0.4 * (2 * drawn.uniform(name)[index] - 1))
        wanted = np.asarray(image).reshape(8, 9, channels)
        assert np.abs(found[index] * 255 - wanted).max() < 4  # which rounds to bytes, three times
    assert np.abs(found * 255 - pictures).max() > 20


def test_light_is_added_along_the_axes_of_the_colours() -> None:
    generator = np.random.default_rng(1)
    colours = generator.normal(size=(5000, 3)) @ np.diag([60, 20, 5]) @ np.linalg.qr(generator.normal(size=(3, 3)))[0]
    pictures = (128 + colours).clip(0, 255).round().astype(np.uint8).reshape(5, 100, 10, 3)
    found = statistics.of(iter(np.split(pictures, 5)), 3)
    axes = augmentation.axes(found.sums, found.products, found.count)
    wanted, vectors = np.linalg.eigh(np.cov((pictures.reshape(-1, 3) / 255).T, bias=True))
    assert np.linalg.norm(axes, axis=1) == pytest.approx(np.sqrt(wanted))
    assert np.abs(np.sum(axes * vectors.T, axis=1)) == pytest.approx(np.sqrt(wanted))
    values = np.zeros((20_000, 1, 1, 3), np.float32)
    added = augmentation.lighting(values, axes, chance(20_000))[:, 0, 0]
    covariance = vectors @ np.diag(wanted) @ vectors.T
    assert np.cov(added.T) == pytest.approx(0.01 * covariance, abs=3e-5)


@pytest.mark.parametrize(("size", "crop"), [("pad", 0.9), ("cover", 1.0)])
@pytest.mark.parametrize(
    "chosen", [("crop",), ("flip",), ("colour",), ("lighting",), ("lighting", "flip", "colour", "crop")]
)
def test_augmentation_is_what_its_parts_are(
    chosen: tuple[str, ...], size: Literal["pad", "cover"], crop: float
) -> None:
    part = stored(6, 8, 9, 3)
    dims, made = (8, 9, 3), Preparation((0.4, 0.5, 0.6), (0.2, 0.3, 0.4), size, crop)
    x = seen(Batches(part, dims, made, augmentation=chosen, seed=5), 2, shuffle=False)[0][0]
    drawn = Chance(5, 2, np.arange(6))
    pictures = part.pictures
    if "crop" in chosen:
        pictures = augmentation.crop(augmentation.bordered(pictures), 8, 9, drawn)
    if "flip" in chosen:
        pictures = augmentation.flip(pictures, drawn)
    values = pictures.astype(np.float32) / np.float32(255)
    if "colour" in chosen:
        values = augmentation.colour(values, drawn)
    if "lighting" in chosen:
        found = statistics.of(iter([part.pictures]), 3)
        values = augmentation.lighting(values, augmentation.axes(found.sums, found.products, found.count), drawn)
    assert np.allclose(x.numpy().transpose(0, 2, 3, 1), (values - np.array(made.mean)) / np.array(made.std), atol=1e-5)


def test_large_pictures_are_cut_out_of_all_that_is_resized() -> None:
    part, made = stored(40, 300, 250, 1), Preparation((0.0,), (1.0,), "cover", 0.875)
    x = seen(Batches(part, (84, 84, 1), made, augmentation=("crop",)), shuffle=False)[0][0]
    wide = [Preparation((0.0,), (1.0,), "cover", 1.0).prepared(part.picture(index), (96, 96, 1)) for index in range(40)]
    for cut, whole in zip(x.numpy(), wide, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(whole[0], (84, 84))
        assert (windows[:, :, 0, 0] == cut[0, 0, 0]).any()
        assert any(np.array_equal(windows[y, z], cut[0]) for y, z in np.argwhere(windows[:, :, 0, 0] == cut[0, 0, 0]))
