"""How a network is trained, as a TOML file says it."""

from netdsl.recipe.recipe import Key, Recipe, keys

__all__ = ["Key", "Recipe", "keys"]
