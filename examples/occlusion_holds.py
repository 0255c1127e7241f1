"""Whether the pixels that occlusion maps name matter: `python examples/occlusion_holds.py NETWORK RUN DATA [COUNT]`.

NETWORK was trained in the folder RUN. Of the first pictures of DATA's test part it prints the mean probability of the
right class, as they are, without the 5% of the pixels that their maps name, and without as many at random.
"""

from __future__ import annotations

import sys

import numpy as np

import netdsl
from netdsl import data


def main(network: str, run: str, path: str, count: int = 100) -> None:
    """Look at the pictures one by one, and print the means."""
    known = data.read(path)
    test = known.part("test")
    view = netdsl.load(network).see(run)
    rows: list[tuple[float, float, float]] = []
    for index in range(count):
        (one,) = view.occlude(test.some(np.array([index])), known.classes[test.labels[index]]).found
        rows.append((one.probability, one.named, one.random))
    whole, named, random = np.mean(rows, 0)
    less = sum(named < random for _, named, random in rows)
    print(f"{whole:.3f}; without the pixels named {named:.3f}, without others {random:.3f}; less in {less} of {count}")


if __name__ == "__main__":
    _, network, run, path, *count = sys.argv
    main(network, run, path, *map(int, count))
