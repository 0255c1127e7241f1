"""Every diagnostic code: what it means, and a program that earns it.

The documentation is generated from this table, and a test compiles each example: it gives exactly its code.
"""

from __future__ import annotations

from dataclasses import dataclass

from netdsl.text.shown import Line


@dataclass(frozen=True, repr=False)
class Code(Line):
    """A stable name for one kind of mistake. `example` stands in a file called `example.net`."""

    name: str
    meaning: str
    fix: str
    example: str
    severity: str = "error"

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.severity}[{self.name}]"


_ERRORS = (
    Code(
        "syntax-error",
        "The text is not a statement of the language: a bracket that is never closed, an arrow that leads nowhere,"
        " a character that means nothing, or bytes that are not UTF-8. With `netdsl import`, the file is damaged, or is"
        " none of its format.",
        "The message says what was met and what may stand there.",
        "INPUT 28x28x1 -> CONV 6 5 ->\n",
    ),
    Code(
        "unknown-layer",
        "No layer has this keyword, or the package that brings it is broken. Layers are written in capitals; `netdsl"
        " layers` lists them. With `netdsl import`, no layer does what stands there.",
        "Take the suggested spelling, or install the package that brings the layer. With `netdsl import`, --partial"
        " writes the network up to there.",
        "INPUT 28x28x1 -> CNOV 6 5\n",
    ),
    Code(
        "unknown-block",
        "A call names neither a block of this file, nor one that it uses, nor the label of an earlier element.",
        "Define the block, `use` the file that has it, or correct the name.",
        "block unit(n) = CONV n 3 p1 -> RELU\n\nINPUT 28x28x1 -> unti(8)\n",
    ),
    Code(
        "unknown-name",
        "A name stands for nothing here: no parameter, and no element before this place in its scope. `in` stands in"
        " blocks alone, and the number of a copy within its repeat. With `netdsl import`, nothing before makes what is"
        " read, or no input has the name of an --input.",
        "Correct the name, label the element it should mean, or move the line below it.",
        "INPUT 28x28x1 -> stem: CONV 6 5\nstme -> RELU\n",
    ),
    Code(
        "unknown-option",
        "The layer has no such flag, tag or option.",
        "`netdsl layers NAME` lists what the layer takes.",
        "INPUT 28x28x1 -> CONV 6 5 nobais\n",
    ),
    Code(
        "unknown-param",
        "A call, or --set, names a parameter that the block or the file does not have.",
        "Correct the name; the message lists what there is.",
        "block unit(n) = CONV n 3 p1 -> RELU\n\nINPUT 28x28x1 -> unit(m=8)\n",
    ),
    Code(
        "duplicate-name",
        "One name for two things: two labels of a scope, two blocks, two parameters, or one name from two used files.",
        "Rename one of them.",
        "INPUT 28x28x1 -> c: CONV 6 5 -> c: CONV 8 5\n",
    ),
    Code(
        "reserved-name",
        "A parameter, or the number of a copy, may not look like a tag (`s1`) or a repeat (`x3`), since it could not be"
        " told from one. `in` and `as` are words of the language, and keywords open statements.",
        "Choose another name, such as `stride` for `s1`.",
        "block unit(s1) = CONV 8 3 p1 s{s1}\n\nINPUT 28x28x1 -> unit(1)\n",
    ),
    Code(
        "missing-argument",
        "A layer or a block was not given something it needs, or a file that is imported leaves a size open.",
        "Add the argument; the message names it.",
        "INPUT 28x28x1 -> CONV 6\n",
    ),
    Code(
        "extra-argument",
        "A layer or a block was given more arguments than it takes, or one of them twice.",
        "Take the argument away, or name the option it was meant for.",
        "INPUT 28x28x1 -> CONV 6 5 2\n",
    ),
    Code(
        "invalid-argument",
        "An argument has a value that makes no sense there.",
        "The message says which values do.",
        "INPUT 28x28x1 -> CONV 6 5 s0\n",
    ),
    Code(
        "not-whole",
        "What counts or measures something must be a whole number.",
        "Divide with `//`, or round with floor, ceil or round.",
        "param w = 5\n\nINPUT 28x28x1 -> CONV {w / 2} 3\n",
    ),
    Code(
        "window-too-large",
        "A kernel, with its dilation, is larger than the padded input.",
        "Use a smaller window, or more padding.",
        "INPUT 4x4x1 -> CONV 6 5\n",
    ),
    Code(
        "shape-mismatch",
        "Shapes that must agree do not: branches of a merge, or weights applied again to another input.",
        "Both ends are shown; project one branch, or correct its stride. With `netdsl import`, weights may be those of"
        " another network: --from-weights names a file.",
        "INPUT 28x28x4 -> [ CONV 8 3 p1 | SKIP ] -> ADD\n",
    ),
    Code(
        "rank-mismatch",
        "The number of spatial axes does not fit: a 2-D kernel over a signal, or a window over a vector.",
        "Write as many sizes as there are spatial axes. Channels come last: a grey image is 28x28x1.",
        "INPUT 28x28 -> CONV 6 5x5\n",
    ),
    Code(
        "groups-mismatch",
        "The groups of a layer do not divide its channels.",
        "Choose a number that divides both.",
        "INPUT 28x28x3 -> CONV 8 3 g2\n",
    ),
    Code(
        "fork-without-merge",
        "A fork's branches are left apart: a merge layer follows a fork directly.",
        "Put CONCAT, ADD, SUB, MUL, MEAN or MAX behind the `]`.",
        "INPUT 28x28x4 -> [ CONV 4 3 p1 | SKIP ] -> RELU\n",
    ),
    Code(
        "merge-without-fork",
        "A merge layer has nothing to merge.",
        "Put the fork `[ a | b ]` before it.",
        "INPUT 28x28x4 -> CONV 4 3 p1 -> ADD\n",
    ),
    Code(
        "no-input",
        "A chain starts with neither INPUT nor a name, or the file has no chain at all; or a block asks for `in` where"
        " nothing flows into it. With `netdsl import`, the file does not say the size of its input.",
        "Start it with INPUT and its dims, or with the name of something earlier. With `netdsl import`, say it:"
        " --input 224x224x3.",
        "CONV 6 5 -> RELU\n",
    ),
    Code(
        "misplaced-input",
        "INPUT stands behind something that flows.",
        "INPUT starts a chain; merge two inputs with a fork `[ a | b ] -> CONCAT`.",
        "INPUT 28x28x1 -> CONV 6 5 -> INPUT 28x28x1\n",
    ),
    Code(
        "recursive-block",
        "A block calls itself, directly or through others, or an element applies itself.",
        "Use a repeat, `x{n}`.",
        "block a(n) = RELU -> b(n)\nblock b(n) = a(n)\n\nINPUT 8 -> a(1)\n",
    ),
    Code(
        "cyclic-use",
        "Files use each other in a circle.",
        "Move what both need into a third file.",
        'use "example.net"\n\nINPUT 8 -> RELU\n',
    ),
    Code(
        "missing-file",
        "A used file is neither beside this one, nor in an --include folder, nor among the bundled networks.",
        "Correct the path, or add --include DIR.",
        'use "blokcs.net"\n\nINPUT 8 -> RELU\n',
    ),
    Code(
        "outside-folder",
        "A used path lies outside the folders that files are sought in.",
        "Keep the file beside or below, or name its folder with --include.",
        'use "../../secret.net"\n\nINPUT 8 -> RELU\n',
    ),
    Code(
        "expectation-failed",
        "The network does not have the figure that an `expect` line claims. With `netdsl import`, a file counts or"
        " computes otherwise than its program.",
        "Correct the claim, or the network.",
        "INPUT 28x28x1 -> CONV 6 5\n\nexpect params = 150\n",
    ),
    Code(
        "limit-exceeded",
        "Runaway input: brackets nested too deep, an expansion to more than 200,000 nodes (`--limit` allows more), an"
        " absurd size.",
        "Is a repeat or a size mistyped?",
        "INPUT 28x28x1 -> CONV 6 3 p1 x2000000\n",
    ),
)

_WARNINGS = (
    Code(
        "inexact-window",
        "The last window ends before the input does, so that some of it is never read.",
        "Choose a size, stride or padding that fits; the message names a size that does.",
        "INPUT 224x224x3 -> CONV 96 11x11 s4\n",
        "warning",
    ),
    Code(
        "unused-name",
        "A param or a block of this file that nothing uses.",
        "Take it away, or use it.",
        "param classes = 10\n\nINPUT 8 -> FC 4\n",
        "warning",
    ),
    Code(
        "unused-node",
        "No output needs this, so it is dropped.",
        "Name it in `output`, or take it away.",
        "INPUT 8 -> a: FC 4\na -> FC 2\n\noutput a\n",
        "warning",
    ),
    Code(
        "suspicious-repeat",
        "`CONV 64 3 x3` means three convolutions, where a 3x3 kernel may have been meant.",
        "Write `3x3` without the space, or the repeat as `x{3}` or `x3 as i`.",
        "INPUT 28x28x1 -> CONV 6 3 x3\n",
        "warning",
    ),
    Code(
        "lone-branch",
        "A merge layer stands behind a fork of one branch, so that it merges nothing: a bar between two branches is"
        " likely missing.",
        "Separate the branches by `|`; where there is one, leave out the fork and the merge.",
        "INPUT 8x8x4 -> [ CONV 4 3 p1 -> SKIP ] -> ADD\n",
        "warning",
    ),
    Code(
        "suspicious-label",
        "A label names one element: `e1: CONV 64 3 p1 -> RELU` is what the convolution gives, before its ReLU, where"
        " the ReLU's output seems to be meant.",
        "Label a group, `e1: ( CONV 64 3 p1 -> RELU )`; where the layer alone is meant, label its ReLU too.",
        "INPUT 8x8x4 -> e1: CONV 4 3 p1 -> RELU -> CONV 4 3 p1 -> [ e1 | SKIP ] -> CONCAT\n",
        "warning",
    ),
    Code(
        "channels-first",
        "An INPUT looks like an image whose channels stand first, as PyTorch has them, or like a grey image whose one"
        " channel is left out; a convolution or pool reads it with the last size as its channels.",
        "Write spatial sizes first and channels last: 32x32x3, 28x28x1.",
        "INPUT 3x32x32 -> CONV 16 3 p1\n",
        "warning",
    ),
)

CODES = {code.name: code for code in _ERRORS + _WARNINGS}


def severity_of(code: str) -> str:
    """`error` or `warning`."""
    return CODES[code].severity
