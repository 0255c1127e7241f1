"""`netdsl`: the commands, each loaded when it is asked for."""

from __future__ import annotations

import gc
import importlib
import keyword
import os
import sys
from typing import NoReturn

import click

_COMMANDS = {
    "check": "Prove a network: syntax, names, shapes and expectations.",
    "summary": "Tell what a network costs, layer by layer.",
    "explain": "Explain a network or a layer, with its numbers put in.",
    "memory": "Tell what training and inference take, and which batch fits.",
    "compare": "Set networks side by side, as a table or a chart.",
    "diff": "Tell what changed between two networks.",
    "draw": "Draw a network as svg, png, pdf, dot or html.",
    "transform": "Rewrite a network: fully connected layers as convolutions.",
    "compile": "Compile a network into TorchScript, torch.export or ONNX.",
    "import": "Write a network of ONNX, Caffe, Darknet or PyTorch as a program.",
    "probe": "Tell whether a network can start to learn.",
    "train": "Train a network, and write what comes of it into a folder.",
    "evaluate": "Try trained networks on data: errors and what is taken for what.",
    "run": "Classify pictures with a compiled network.",
    "see": "Show what the features of a network see.",
    "features": "Take features of a layer for other tasks, and probe them.",
    "bench": "Measure the compiled network beside other ways of running it.",
    "emit": "Print a network as any stage of the compiler has it.",
    "fmt": "Format .net files in place.",
    "list": "List the bundled networks.",
    "layers": "List the layers, or explain one.",
}


class _Commands(click.Group):
    """A group that imports a command's module when the command is used, so that `check` starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        return importlib.import_module(f"netdsl.cli.{module}").command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; one that is interrupted ends as any part of the command line does."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _interrupted()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="netdsl")
def cli() -> None:
    """A compiler for neural network architectures, written as one would on a slide.

    A network is named by its path, or by the name of a bundled one: `netdsl check vgg16`.
    """


def _interrupted() -> NoReturn:
    """Say so, and end with 130, as other programs do."""
    from netdsl.cli import stream

    stream.note("interrupted")
    raise SystemExit(130) from None


def main() -> None:
    """Run the command line. Exit status: 0 well, 1 the network has errors, 2 the command line or a file."""
    try:
        _run()
    except KeyboardInterrupt:  # while netdsl itself is imported
        _interrupted()


def _run() -> None:
    """Run the command line, and say what ends it."""
    from netdsl.cli import stream
    from netdsl.cli.common import UsageError, fail, say
    from netdsl.layers.arguments import LayerError
    from netdsl.text.diagnostic import NetError

    stream.prepare()
    try:
        cli()
    except UsageError as error:
        fail(error)
    except NetError as error:
        say(error.diagnostics)
        raise SystemExit(1) from None
    except LayerError as error:  # a package's layer, asked with other shapes than `check` asks with
        fail(UsageError(str(error), error.mistake.help(), error.mistake.code), status=1)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # lest Python, as it ends, writes once more what could not be
        fail(UsageError(": ".join(filter(None, (error.filename, error.strerror)))))
    finally:
        if "torch" in sys.modules:
            gc.freeze()  # else the interpreter's end looks through all of it once more, for half a second
