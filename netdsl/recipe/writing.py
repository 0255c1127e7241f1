"""Writes recipes as TOML."""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.recipe.keys import shown
from netdsl.recipe.reading import VERSIONS
from netdsl.recipe.recipe import KEYS, Recipe


def text(recipe: Recipe, versions: Mapping[str, str] | None = None) -> str:
    """A recipe as TOML with all its keys, and what it was run with; reading it gives an equal one."""
    lines = [f"{key.name} = {shown(getattr(recipe, key.name))}" for key in KEYS]
    if versions:
        lines += [
            "",
            f"[{VERSIONS}]",
            *(
                f"{name if name.isidentifier() and name.isascii() else shown(name)} = {shown(version)}"
                for name, version in versions.items()
            ),
        ]
    return "\n".join([*lines, ""])
