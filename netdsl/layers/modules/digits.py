"""The codes of LeNet-5's output units: the digits as pictures of 7 x 12 pixels, +1 ink and -1 paper.

Redrawn by hand in the manner of the stylised ASCII set of LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning
Applied to Document Recognition (1998), figure 3. The paper prints no table of them, so single pixels may differ.
"""

PIXELS = 7 * 12

_ROWS = """
..###..  ...##..  .#####.  .#####.  .....##  #######  ..####.  #######  .#####.  .#####.
.#####.  ..###..  #######  #######  ....###  #######  .##....  #######  ##...##  ##...##
##...##  .####..  ##...##  ##...##  ...####  ##.....  ##.....  .....##  ##...##  ##...##
##...##  ...##..  .....##  .....##  ..##.##  ##.....  ##.....  .....##  ##...##  ##...##
##...##  ...##..  .....##  .....##  .##..##  ######.  ######.  ....##.  ##...##  ##...##
##...##  ...##..  ....##.  ..####.  ##...##  #######  #######  ....##.  .#####.  .######
##...##  ...##..  ...##..  ..####.  #######  .....##  ##...##  ...##..  .#####.  .....##
##...##  ...##..  ..##...  .....##  #######  .....##  ##...##  ...##..  ##...##  .....##
##...##  ...##..  .##....  .....##  .....##  .....##  ##...##  ..##...  ##...##  .....##
##...##  ...##..  ##.....  ##...##  .....##  ##...##  ##...##  ..##...  ##...##  ....##.
.#####.  .######  #######  #######  .....##  #######  #######  .##....  ##...##  ...###.
..###..  .######  #######  .#####.  .....##  .#####.  .#####.  .##....  .#####.  .###...
"""

DIGITS = tuple(zip(*(row.split() for row in _ROWS.strip().splitlines()), strict=True))
"""For each digit its twelve rows."""


def codes() -> list[list[int]]:
    """The ten codes, row by row."""
    return [[1 if pixel == "#" else -1 for row in digit for pixel in row] for digit in DIGITS]
