"""How a network is trained, as a TOML file says it."""

from netdsl.recipe.defaults import of
from netdsl.recipe.reading import read, reads
from netdsl.recipe.recipe import KEYS, Key, Recipe
from netdsl.recipe.slips import other_key
from netdsl.recipe.writing import text

__all__ = ["KEYS", "Key", "Recipe", "of", "other_key", "read", "reads", "text"]
