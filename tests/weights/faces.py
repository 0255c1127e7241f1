"""Faces, by the three networks of MTCNN as facenet-pytorch has them: boxes, marks and probabilities of its modules."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from wheels import compiled, exported, file, module

import netdsl

CODE = "facenet_pytorch/models/mtcnn.py"
SIZES = {"PNet": 12, "RNet": 24, "ONet": 48}
PARAMETERS = {"PNet": 6_632, "RNet": 100_178, "ONet": 389_040}
PERSON, CAT = "skimage/data/astronaut.png", "skimage/data/chelsea.png"
FACE, NONE = (172, 70, 278, 176), (300, 300, 406, 406)
"""Where in the one picture a face is, and where there is none."""


def network(name: str) -> nn.Module:
    boxes = ModuleType("detect_face")
    boxes.detect_face = boxes.extract_face = None  # pyright: ignore[reportAttributeAccessIssue]
    found = getattr(module(CODE, {"facenet_pytorch.models.utils.detect_face": boxes}), name)(pretrained=False)
    found.load_state_dict(torch.load(file(f"facenet_pytorch/data/{name.lower()}.pt"), weights_only=True))
    return found.eval()


def part(path: str, box: tuple[int, int, int, int], size: int) -> Tensor:
    """A part of a picture, as MTCNN takes it."""
    pixels = np.asarray(Image.open(file(path)).convert("RGB").crop(box).resize((size, size)), np.float32)
    return (torch.from_numpy(pixels).permute(2, 0, 1)[None] - 127.5) / 128


@pytest.mark.parametrize("name", SIZES)
def test_a_network_of_faces_gives_what_its_module_gives(name: str, tmp_path: Path) -> None:
    size, theirs = SIZES[name], network(name)
    noise = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    ours = compiled(tmp_path, exported(theirs, noise, tmp_path / f"{name}.pt2"))
    assert f"expect params = {PARAMETERS[name]}\n" in (tmp_path / f"{name}.net").read_text(encoding="utf-8")
    chances: list[float] = []
    for x in (noise, part(PERSON, FACE, size), part(PERSON, NONE, size), part(CAT, (100, 50, 300, 250), size)):
        with torch.no_grad():
            given, wanted = ours(x), theirs(x)
        torch.testing.assert_close(tuple(given), wanted, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(given[-1].sum(1), torch.ones_like(given[-1][:, 0]))
        chances.append(float(given[-1].flatten()[1]))
    assert chances[1] > 0.99
    assert max(chances[2:]) < 0.1


def test_eyes_nose_and_mouth_are_where_they_are(tmp_path: Path) -> None:
    ours = netdsl.from_torch(network("ONet"), (48, 48, 3)).compile(tmp_path / "onet.pt")
    with torch.no_grad():
        box, marks, _ = torch.jit.load(ours)(part(PERSON, FACE, 48))
    assert (box.shape, marks.shape) == ((1, 4), (1, 10))
    seen = torch.tensor([[0.29, 0.29], [0.72, 0.31], [0.50, 0.54], [0.31, 0.68], [0.67, 0.69]])
    torch.testing.assert_close(marks.reshape(2, 5).T, seen, rtol=0, atol=0.05)
