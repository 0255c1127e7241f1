"""What other tools have and netdsl has not, and what there is in its place."""

from __future__ import annotations

from netdsl.text import elsewhere

_NONE = "netdsl has no such layer"
_LISTED = "`netdsl layers` lists those that it has, and a package can bring more"
ABSENT = elsewhere.by_word(
    {
        "output": "what a network returns is every end of its chains, or what an `output` line names",
        "loss crossentropyloss mseloss accuracy optimizer": "a program says what a network is, not how it is trained",
        "sequential model module": "layers are joined by ->, as in INPUT 28x28x1 -> CONV 6 5 -> RELU",
        "repeat repeated": "a repeat stands behind what it repeats: CONV 64 3 p1 x3",
        "rnn simplernn rnncell lstmcell grucell": "LSTM and GRU are the recurrent layers: LSTM 128 along a sequence",
        "bidirectional": "LSTM n both reads a sequence in both directions by itself, and gives 2n channels",
        "embedding": f"{_NONE}; {_LISTED}",
        "transformerencoder encoderblock": "two forks to ADD: LN -> ATTENTION n, LN -> CONV n 1 -> GELU -> CONV n 1",
        "patchembed patchembedding": "patches are a convolution of their size: CONV 96 16 s16 -> RESHAPE {-1, 96}",
        "se seblock squeezeexcite squeezeexcitation": (
            "write it as a fork: [ SKIP | AVGPOOL global -> CONV n 1 -> RELU -> CONV m 1 -> SIGMOID ] -> MUL"
        ),
        "permute transpose moveaxis": (
            f"{_NONE}: sizes are spatial first and channels last in a program, whatever PyTorch's order is"
        ),
        "split": "a fork gives every branch what flows in: [ a | b ] -> CONCAT",
    }
)
"""Words that are no layer here, and what there is in their place."""


def instead(word: str) -> str:
    """What there is in place of something that is no layer here, or ""."""
    return ABSENT.get(elsewhere.bare(word), "")
