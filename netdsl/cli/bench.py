"""`netdsl bench`."""

from __future__ import annotations

import click

from netdsl.bench.contestants import PEERS
from netdsl.bench.run import Unavailable
from netdsl.bench.setting import DEVICES, PRECISIONS, Setting
from netdsl.cli import common, progress, stream
from netdsl.text.suggest import did_you_mean


@click.command("bench")
@click.argument("file")
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True)
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Examples that run at once.")
@click.option("--precision", type=click.Choice(PRECISIONS), default="fp32", show_default=True)
@click.option("--against", metavar="NAME,…", help=f"The peers, by default all of {', '.join(PEERS)}.")
@click.option("--runs", type=click.IntRange(1), default=15, show_default=True, help="Rounds of timing.")
@common.threads
@click.option(
    "--examples",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="Those whose outputs are held against float64.",
)
@common.formats("table", "json", "markdown")
@common.overriding
def command(
    file: str,
    device: str,
    batch: int,
    precision: str,
    against: str | None,
    runs: int,
    threads: int | None,
    examples: int,
    form: str,
    asked: common.Options,
) -> None:
    """Measure the compiled network beside other ways of running it: time, error, and share of the machine's limit."""
    peers = list(PEERS) if against is None else _peers(against)
    shaped = common.network(file, asked)
    from netdsl import bench

    setting = Setting(device, batch, precision, threads, runs, examples)
    try:
        with progress.shown() as shown:
            results = bench.bench(shaped, setting, peers, progress=shown)
    except Unavailable as error:
        raise common.UsageError(f"{shaped.graph.source.name}: {error}") from None
    if form == "json":
        stream.data(results.json())
        return
    from netdsl.bench import report

    stream.out(report.markdown(results) if form == "markdown" else report.text(results))


def _peers(against: str) -> list[str]:
    """The peers named with commas between. Raises UsageError."""
    names = list(dict.fromkeys(name.strip() for name in against.split(",")))
    for name in names:
        if name not in PEERS:
            help = did_you_mean(name, PEERS) or f"some of {', '.join(PEERS)}"
            raise common.UsageError(f"--against {against}: there is no peer {name or 'without a name'}", help)
    return names
