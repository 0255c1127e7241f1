"""What the weights of a network start from: rules by name, what each weight gets by them, and how it is drawn.

They are for products, which are CONV, DWCONV, DECONV and FC, and `default` for what ends a residual branch. All other
layers start as PyTorch's do, or as their papers say, by every name, and a package's layer as its module does.
"""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.text.suggest import closest

DEFAULT = "default"
PYTORCH = "pytorch"

INITS: Mapping[str, str] = {
    DEFAULT: "uniform, so that what follows a layer keeps the signal's size; residual branches begin at 0",
    PYTORCH: "as PyTorch's own layers start: U(±1/√fan-in), biases too",
    "he": "N(0, 2/fan-in), biases of 0 (He 2015, section 2.2)",
    "glorot": "U(±√(6/(fan-in + fan-out))), biases of 0 (Glorot and Bengio 2010, equation 16)",
    "lecun": "U(±2.4/fan-in), biases of 0 (LeCun 1998, appendix A)",
    "alexnet": "N(0, 0.01²), biases of 1 in the 2nd, 4th and 5th CONV and in all but the last FC (Krizhevsky 2012)",
    "vgg": "N(0, 0.1²), biases of 0 (Simonyan and Zisserman 2015, section 3.1)",
}
"""What each name stands for, and its source."""


def check(name: str | None) -> str:
    """A name, where there is such an initialisation; None is the default. Raises ValueError, with what may be meant."""
    if name is None:
        return DEFAULT
    if name not in INITS:
        meant = closest(name, INITS)
        raise ValueError(f"an init is {', '.join(INITS)}, not {name!r}" + (f"; {meant} may be meant" if meant else ""))
    return name
