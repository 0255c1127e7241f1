"""`netdsl transform`."""

from __future__ import annotations

from pathlib import Path

import click

from netdsl.cli import common, stream, weights
from netdsl.compile.origin import Origin
from netdsl.text import safe
from netdsl.transform.convolutional import Rewritten
from netdsl.transform.convolutional import convolutional as rewrite
from netdsl.transform.plan import TransformError
from netdsl.transform.program import Program


@click.command("transform")
@click.argument("file")
@click.option("--convolutional", is_flag=True, help="Write layers that read a whole map as windows that slide.")
@click.option("-o", "--output", metavar="OUT", help="The program to write, OUT.net; without it, it is printed.")
@weights.loading("Weights of the network, .safetensors or .pth, to carry over.")
@click.option("--weights-output", metavar="OUT", help="Where those of the new network go, OUT.safetensors.")
@common.overriding
def command(
    file: str,
    convolutional: bool,
    output: str | None,
    origin: Origin | None,
    weights_output: str | None,
    asked: common.Options,
) -> None:
    """Rewrite a network, as a .net file.

    With --convolutional, fully connected layers become convolutions, and poolings over the whole map become windows:
    the same network, which takes larger images too and gives a map of scores for them. Blocks, comments and names
    stay; --set and --input are written into the program.
    """
    if not convolutional:
        raise common.UsageError("there is nothing to do", "write --convolutional")
    if (origin is None) != (weights_output is None):
        raise common.UsageError("--weights and --weights-output go together", "write both, or neither")
    for option, target, suffix in (("-o", output, ".net"), ("--weights-output", weights_output, ".safetensors")):
        if target is not None and Path(target).suffix != suffix:
            help = f"write {option} OUT{suffix}" + (", or leave it out to print the program" if option == "-o" else "")
            raise common.UsageError(f"{option} {target}: this is a {suffix} file", help)
    changes = asked.overrides
    source = common.network(file, asked).graph.source
    program = Program(source.text, source.name, common.locate(file), tuple(changes.include))
    try:
        rewritten = rewrite(program, changes)
    except TransformError as error:
        place = f"{error.span}: " if error.span else ""
        raise common.UsageError(f"{place}{error}", error.help) from None
    if not rewritten.windows:
        stream.note(safe.line(f"{source.name}: no layer reads a whole map, so nothing changes"))
    if lost := rewritten.lost:
        told = f"{lost} expectations no longer hold, and are" if lost > 1 else "1 expectation no longer holds, and is"
        stream.note(safe.line(f"{source.name}: {told} left out"))
    if origin is not None and weights_output is not None:
        _carry(origin, Path(weights_output), rewritten)
    text = rewritten.program.text
    if output is None:
        stream.program(text)
        return
    common.write(Path(output), text.encode())
    slides = "1 layer slides" if rewritten.windows == 1 else f"{rewritten.windows} layers slide"
    stream.line(f"{output}: {rewritten.after.graph.title}, {slides}")


def _carry(origin: Origin, target: Path, rewritten: Rewritten) -> None:
    """Write the weights of the network before as those of the network after."""
    from netdsl.compile import state_dict
    from netdsl.compile.errors import CompileError

    try:
        with weights.telling():
            count, told = state_dict.convert(origin, target, rewritten.before, rewritten.after, rewritten.nodes)
    except CompileError as error:
        raise common.UsageError(str(error)) from None
    except OSError as error:
        raise common.UsageError(f"{error.filename or target}: {error.strerror or error}") from None
    weights.tell(told)
    stream.note(safe.line(f"{target}: {count} tensors"))
