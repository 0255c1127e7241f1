"""What layers' rules find wrong with arguments and inputs, and its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.text.advice import Advice, perhaps
from netdsl.text.mistake import Mistake

if TYPE_CHECKING:
    from netdsl.layers.shape import Shape

# Values


class PartialValue(Mistake, code="not-whole", example="INPUT 8 -> FC 1.5"):
    value: str
    words = "{value} is not a whole number"


class WrongValue(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> CONV 6 5 s0"):
    value: str
    what: str
    hint: str = ""
    words = "{value} is {what}"


class LargeValue(Mistake, code="limit-exceeded", example="INPUT 8 -> FC 2147483648"):
    value: int
    most: int
    words = "{value} is larger than {most}"


class UndividedChannels(Mistake, code="groups-mismatch", example="INPUT 28x28x3 -> CONV 8 3 g2"):
    groups: int
    what: str
    counts: str
    hint: str
    words = "{groups} {what} do not divide {counts}"


# Arguments that go together


class NoneOf(Mistake, code="missing-argument", example="INPUT 8x8x3 -> MAXPOOL"):
    missing: str
    usage: str
    words = "{missing} is missing"
    advice = "write {usage}"


class Exclusive(Mistake, code="extra-argument", example="INPUT 8x8x3 -> MAXPOOL 2 global"):
    given: str
    words = "{given} exclude each other"
    advice = "keep one of them"


class OfKernels(Mistake, code="extra-argument", example="INPUT 8x8x3 -> MAXPOOL global s2"):
    given: str
    argument: str
    words = "{given} takes no {argument}, which is for a kernel"
    hint = Advice("leave it out")


class NoWindow(Mistake, code="missing-argument", example="INPUT 8x8x4 -> ATTENTION 2 shift"):
    word: str
    words = "{word} is about windows, and without `window=` there are none"
    advice = perhaps("write window=7 {word}", "window=7 {word}")


class LargeShift(Mistake, code="invalid-argument", example="INPUT 8x8x4 -> ATTENTION 2 window=4 shift=4"):
    shift: int
    window: int
    words = "a shift of {shift} moves windows of {window} by more than they have"

    def help(self) -> str:
        return perhaps(f"write shift={self.window // 2}, half a window", f"shift={self.window // 2}")


class SamePads(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> CONV 4 3 same p1"):
    hint: str = Advice("leave p out")
    words = "`same` chooses the padding itself"


class SameRounds(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> MAXPOOL 2 same ceil"):
    words = "`same` rounds up itself"
    hint = Advice("leave `ceil` out")


class LargePadding(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> MAXPOOL 2 p2"):
    written: str
    padding: int
    kernel: int
    words = "padding {padding} is more than half the kernel, {kernel}"

    def help(self) -> str:
        return f"{self.written}{self.kernel // 2} is the most; PAD adds more"


class LargeOutputPad(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> DECONV 4 2 s2 output_pad=2"):
    words = "output_pad is smaller than the stride, or than the dilation"


class AlignedNearest(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> UPSAMPLE 2 aligned"):
    words = "`aligned` says where values between lie, and mode=nearest finds none"
    hint = "leave it out, or choose mode=bilinear or mode=bicubic"


class OneAxis(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> CROP 4x4 axis=0"):
    argument: str
    sizes: str
    count: int
    words = "`axis` names one axis, but {argument} {sizes} has {count} sizes"


class TableAndGroups(Mistake, code="invalid-argument", example='INPUT 8x8x4 -> CONV 2 3 g2 table="01 23"'):
    words = "a table and groups exclude each other"
    hint = Advice("leave g out")


class WrongTable(Mistake, code="invalid-argument", example='INPUT 8x8x4 -> CONV 3 3 table="01 2"'):
    """A table of connections that none can be; the text says why."""

    why: str
    hint: str = ""
    words = "{why}"


class NoChannel(Mistake, code="invalid-argument", example="INPUT 8x8x8 -> SLICE 4 4"):
    first: int
    end: int
    words = "SLICE {first} {end} takes no channel: it ends before channel {end}"

    def help(self) -> str:
        following = f"{self.first + 1}"
        return Advice(f"write SLICE {self.first} {following}", following, certain=False)


class ZeroDeviation(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> NORMALIZE std=0"):
    words = "std must be more than 0"


# Inputs


class UnequalRanks(Mistake, code="rank-mismatch", example="INPUT 28x28 -> CONV 6 5x5"):
    argument: str
    sizes: str
    count: int
    x: Shape
    hint: str
    words = "{argument} {sizes} has {count} sizes, but the input {x} has {axes}"

    @property
    def axes(self) -> str:
        """The input's, counted."""
        rank = self.x.rank
        return f"{rank} spatial ax{'is' if rank == 1 else 'es'}" if rank else "no spatial axes"


class NoAxes(Mistake, code="rank-mismatch", example="INPUT 784 -> FC 100 -> MAXPOOL 2"):
    keyword: str
    x: Shape
    hint: str
    words = "{keyword} works along spatial axes, but its input is a vector of {x}"


class ManyAxes(Mistake, code="rank-mismatch", example="INPUT 4x4x4x4x3 -> CONV 6 3"):
    keyword: str
    x: Shape
    words = "{keyword} works along one to three spatial axes, but its input {x} has {x.rank}"


class NotTwoAxes(Mistake, code="rank-mismatch", example="INPUT 8x3 -> UPSAMPLE 2 mode=bicubic"):
    x: Shape
    words = "mode=bicubic works along two spatial axes, but the input {x} has {x.rank}"
    hint = perhaps("mode=bilinear is linear along any number of axes", "mode=bilinear")


class NoSuchAxis(Mistake, code="rank-mismatch", example="INPUT 8x8x3 -> CROP 4 axis=2"):
    axis: int
    x: Shape
    words = "there is no axis {axis}: those of the input {x} are counted from 0"

    def help(self) -> str:
        last = self.x.rank - 1
        return perhaps(f"{last} is the last, and channels are none: SLICE cuts those", f"axis={last}")


class OtherRank(Mistake, code="rank-mismatch", example="INPUT 8x3 -> a: RELU\nINPUT 8x8x3 -> UPSAMPLE like=a"):
    keyword: str
    like: Shape
    x: Shape
    words = "{keyword} takes the spatial size of {like}, but its input is {x}"


class LargeWindow(Mistake, code="window-too-large", example="INPUT 4x4x1 -> CONV 6 5"):
    keyword: str
    reach: str
    padded: str
    most: int
    padding: int
    words = "{keyword}'s window of {reach} does not fit into {padded}"
    advice = "the largest kernel that fits is {most}; p{padding} would make room"


class InexactWindow(Mistake, code="inexact-window", example="INPUT 224x224x3 -> CONV 96 11x11 s4"):
    layer: str
    unread: str
    outputs: str
    fits: int
    gives: int
    words = "{layer} leaves {unread} unread: {outputs}"
    advice = "{fits} fits exactly, giving {gives}"


class NothingLeft(Mistake, code="window-too-large", example="INPUT 1x1x3 -> DECONV 4 2 p1"):
    padding: str
    x: Shape
    words = "padding {padding} leaves nothing of {x}"


class LargeCrop(Mistake, code="window-too-large", example="INPUT 8x8x3 -> CROP 9"):
    sizes: str
    where: str
    words = "CROP cuts {sizes} {where}"


class FewPositions(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> PAD 8 mode=reflect"):
    size: int
    most: int
    words = "{size} positions cannot be reflected to {most} more: the edge itself is not repeated"

    def help(self) -> str:
        return f"{self.size - 1} is the most; mode=edge has no limit"


class OtherCount(Mistake, code="shape-mismatch", example="INPUT 8 -> RESHAPE 3x3"):
    shape: Shape
    x: Shape
    words = "RESHAPE to {shape} wants {shape.elements} values, but {x} has {x.elements}"


class Undivided(Mistake, code="shape-mismatch", example="INPUT 8 -> RESHAPE {-1, 3}"):
    written: str
    known: int
    x: Shape
    words = "{written} wants a multiple of {known} values, but {x} has {x.elements}"


class UnequalBranches(Mistake, code="shape-mismatch", example="INPUT 28x28x4 -> [ CONV 8 3 p1 | SKIP ] -> ADD"):
    wants: str
    shapes: str
    hint: str
    words = "{wants}, but its branches give {shapes}"


class OneValue(Mistake, code="shape-mismatch", example="INPUT 1x1x3 -> IN"):
    layer: str
    hint: str
    words = "{layer}, which becomes 0"


class UnequalChannels(Mistake, code="invalid-argument", example="INPUT 8x8x3 -> NORMALIZE mean={1, 2}"):
    argument: str
    count: int
    x: Shape
    words = "{argument} has {count} values, but the input {x} has {x.channels} channels"
    advice = "give one, or one for each channel"


class FewChannels(Mistake, code="invalid-argument", example="INPUT 8x8x8 -> SLICE 0 9"):
    first: int
    end: int
    x: Shape
    words = "SLICE {first} {end} takes channels to {last}, but the last of {x} is {there}"
    advice = "{x.channels} is the most: they are counted from 0, and the second number is not taken"

    @property
    def last(self) -> int:
        """The last that is taken."""
        return self.end - 1

    @property
    def there(self) -> int:
        """The last that there is."""
        return self.x.channels - 1


class UnevenChannels(Mistake, code="shape-mismatch", example="INPUT 8x8x3 -> PIXELSHUFFLE 2"):
    layer: str
    cells: int
    x: Shape
    words = "{layer} makes one channel of each {cells}, but {x} has {x.channels}"

    def help(self) -> str:
        near = max(self.x.channels // self.cells, 1) * self.cells
        return f"{near} or {near + self.cells} channels would do"


class UnevenMap(Mistake, code="shape-mismatch", example="INPUT 7x8x3 -> PIXELUNSHUFFLE 2"):
    layer: str
    cell: str
    sizes: str
    more: str
    larger: str
    words = "{layer} makes one position of each {cell}, which does not divide {sizes}"
    advice = "PAD 0 after={more} before it makes {larger}, with zeros at the far end"


class NoSequence(Mistake, code="rank-mismatch", example="INPUT 8x8x3 -> TOKEN"):
    keyword: str
    x: Shape
    words = "{keyword} works on a sequence, which has one spatial axis, but its input {x} has {axes}"

    @property
    def axes(self) -> str:
        """The input's, counted."""
        return str(self.x.rank) if self.x.rank else "none"

    def help(self) -> str:
        if not self.x.spatial:
            rule = "`last`, PICK, FC and `global` leave a vector; "
            return f"{rule}RESHAPE {self.x}x1 makes a sequence of its values"
        rows = f"RESHAPE {self.x.positions}x{self.x.channels} makes one of its positions, row by row"
        if self.x.rank != 2:
            return rows
        height, width = self.x.spatial
        return f"{rows}; RESHAPE {width}x{height * self.x.channels} makes one of its columns"


class NoPosition(Mistake, code="invalid-argument", example="INPUT 50x8 -> PICK 50"):
    position: int
    x: Shape
    words = "PICK {position} takes a position that {x} has not: it has {count}"

    @property
    def count(self) -> int:
        """How many there are."""
        return self.x.spatial[0]

    def help(self) -> str:
        return f"they are counted from 0: the last is {self.count - 1}, or -1"
