"""`netdsl compile`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from netdsl.cli import common, progress, stream, weights
from netdsl.cli.trained import Trained, is_trained, stem, trained
from netdsl.compile.errors import CompileError, FormatError, PackagesError
from netdsl.compile.formats import ENDINGS, FORMATS, SUFFIXES, chosen
from netdsl.compile.origin import Origin
from netdsl.compile.target import PRECISIONS, Target
from netdsl.measure import units
from netdsl.measure.summary import Summary
from netdsl.text import suggest

_ALL = list(dict.fromkeys(one for precisions in PRECISIONS.values() for one in precisions))


@click.command("compile")
@click.argument("file")
@click.option("-o", "--output", metavar="OUT", help=f"The file to write, OUT{ENDINGS}; by default FILE's stem, here.")
@click.option("--format", type=click.Choice(list(FORMATS)), help="By default OUT's, else torchscript.")
@click.option("--mode", type=click.Choice(["inference", "train"]), default="inference", show_default=True)
@click.option("--devices", metavar="A,B", default="", help="A device for each logical one: cuda:0,cuda:1.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the initial weights.")
@click.option("--target", type=click.Choice(list(PRECISIONS)), default="portable", show_default=True)
@click.option("--precision", type=click.Choice(_ALL), default="fp32", show_default=True, help="What it computes in.")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Examples to make it ready for.")
@weights.initial
@weights.loading("Load the weights from a safetensors or .pth file.")
@common.overriding
def command(
    file: str,
    output: str | None,
    format: str | None,
    mode: str,
    devices: str,
    seed: int,
    init: str,
    target: str,
    precision: str,
    batch: int,
    origin: Origin | None,
    asked: common.Options,
) -> None:
    """Compile a network into a TorchScript module, which runs by `torch.jit.load` alone, at any batch size. FILE may
    be the folder of a training: its best weights, with what it knows of classes and pictures.

    With --mode train it keeps dropout, batch statistics and training outputs. --target cpu or cuda makes a file that
    is faster there, for inference alone; it takes and gives float32 at any precision.

    --format pt2 writes the portable network, for inference, as a program of torch.export, which runs by
    `torch.export.load` alone; --format onnx as an ONNX model, for other programs, whose operators and weights are
    called by the program's paths. --format source writes it as PyTorch source for both modes, which needs nothing of
    netdsl: a class for each block, and the network as the last one.
    """
    made_for = Target(target, precision, batch)
    if not made_for.available:
        others = " or ".join(PRECISIONS[target])
        help = f"write --precision {others}" + (", or a --target" * made_for.portable)
        raise common.UsageError(f"--target {target} has no {precision}", help)
    if mode == "train" and not made_for.portable:
        raise common.UsageError(
            f"--target {target} is for inference, and cannot be used with --mode train", "leave one out"
        )
    network = (
        trained(file, origin, asked, "compile") if is_trained(file) else Trained(common.network(file, asked), origin)
    )
    shaped, origin = network.shaped, network.origin
    kind = chosen(format, None if output is None else Path(output))
    path = Path(f"{stem(file)}{kind.suffix}" if output is None else output)
    if path.suffix != kind.suffix:
        own = stem(file)
        named = path / own if path.name in {"", ".."} else path if path.name[0].isalnum() else path.with_name(own)
        suffix = kind.suffix if format else suggest.closest(path.suffix, SUFFIXES) or kind.suffix
        help = f"write -o {named.with_suffix(suffix)}"
        what = f"--format {format} writes {kind.suffix}" if format else f"a compiled network is a {ENDINGS} file"
        what = "a compiled network goes to a file, and not to stdout" if output == "-" else what
        raise common.UsageError(f"{output}: {what}", help)
    try:
        if not path.parent.is_dir():
            raise common.UsageError(f"{path}: there is no folder {path.parent}")
        if path.is_dir():
            raise common.UsageError(f"{path}: is a folder")
    except OSError as error:
        raise common.UsageError(f"{path}: {error.strerror}") from None
    from netdsl import compile

    names = [name.strip() for name in devices.split(",")] if devices else []
    if not all(names):
        raise common.UsageError(f"--devices {devices}: a name is missing", "write --devices cuda:0,cuda:1")
    if kind is FORMATS["torchscript"] and sys.version_info >= (3, 14):
        stream.note("note: TorchScript is untried on Python 3.14; --format pt2 does without it")
    try:
        with common.holding(shaped), progress.shown() as shown, weights.telling():
            told = compile.compile(
                shaped,
                path,
                train=mode == "train",
                devices=names,
                seed=seed,
                init=init,
                weights=origin,
                target=made_for,
                format=kind.name,
                classes=network.classes,
                preparation=network.preparation,
                progress=shown,
            )
    except FormatError as error:
        asked = click.get_current_context().params[error.option]
        raise common.UsageError(str(error), f"write --format torchscript for --{error.option} {asked}") from None
    except PackagesError as error:
        raise common.UsageError(str(error), f"pip install 'netdsl[{error.format}]'") from None
    except CompileError as error:
        raise common.UsageError(str(error)) from None
    except OSError as error:
        raise common.UsageError(f"{error.filename or path}: {error.strerror or error}") from None
    weights.tell(told)
    summary = Summary(shaped)
    size = f", {units.size(path.stat().st_size)}" if path.is_file() else ""  # a pipe has none
    modes = "both modes" if kind is FORMATS["source"] else f"{mode} mode"
    params = summary.totals.params if modes == "inference mode" else sum(one.params for one in summary.figures)
    version = f", {kind.version}" * bool(kind.version)
    meant = f"{modes}{version}" if made_for.portable else f"for {target} at {precision}, batch {batch}"
    whose = "untrained weights" if origin is None else f"weights of {origin.name}"
    stream.line(f"{path}: {shaped.graph.title}, {params:,} parameters{size}, {meant}, {whose}")
