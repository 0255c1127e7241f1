"""The recipe of a network: its own, or one for what it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from netdsl import resources
from netdsl.graph.node import ShapedGraph
from netdsl.layers.norm import Normalizing
from netdsl.recipe.reading import read
from netdsl.recipe.recipe import Recipe
from netdsl.text.diagnostic import NetError, Report

LARGE = 96
"""Where pictures are large: steps of fewer of them fit."""
MANY = 5_000_000
"""Weights of a network that wants small steps, where it has attention."""


def of(shaped: ShapedGraph, path: Path | None) -> tuple[Recipe, str]:
    """The recipe of a network in a file, and a sentence on where it is from.

    Its own lies beside it as `recipes/NAME.toml` or `NAME.toml`. Raises NetError where that is wrong, and
    UnreadableFile.
    """
    own = None if path is None else resources.recipe_of(path)
    if own is None:
        return default(shaped)
    report = Report()
    bundled = own.parent.parent == resources.networks()
    recipe = read(own, report)
    if report.failed:
        raise NetError(report.diagnostics())
    return recipe, f"the recipe that comes with {own.stem}" if bundled else f"the recipe beside it, {own.name}"


def default(shaped: ShapedGraph) -> tuple[Recipe, str]:
    """A recipe for what a network is, and a sentence that says what decided."""
    layers = [node.layer for node in shaped.nodes]
    roles = {layer.role for layer in layers}
    dims = [shaped.shapes[index].dims for index in shaped.graph.inputs]
    large = any(max(one) > LARGE for one in dims)
    if "attention" in roles:
        what = "networks with attention"
        rate = 5e-4 if _weights(shaped) > MANY else 3e-3
        recipe = Recipe("adamw", rate=rate, decay=0.05, schedule="cosine", warmup=1, clip=1)
    elif "recurrent" in roles:
        what = "recurrent networks"
        recipe = Recipe("adam", rate=3e-3, decay=0, schedule="cosine", clip=1)
    elif any(layer.keyword == "RBF" for layer in layers):
        what = "networks that end in distances"
        recipe = Recipe(rate=0.003, decay=0.05, schedule="cosine")
    elif any(isinstance(layer, Normalizing) for layer in layers):
        what = "normalised networks"
        recipe = Recipe(rate=0.05, schedule="cosine", warmup=1)
    else:
        what = "networks without normalisation"
        recipe = Recipe(rate=0.01 if large else 0.05, schedule="cosine", clip=1)
    recipe = replace(recipe, batch=32 if large else 64)
    if any(len(one) == 3 and one[-1] == 3 for one in dims):
        recipe = replace(recipe, augmentation=("crop", "flip"))
    return recipe, f"the default for {what}"


def _weights(shaped: ShapedGraph) -> int:
    nodes = enumerate(shaped.nodes)
    return sum(one.count for index, node in nodes for one in node.layer.weights(*shaped.input_shapes(index)))
