"""The files that netdsl carries: its grammar, with the tables made from it, and its networks.

In a wheel they lie inside the package; in a checkout, beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _folder(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def grammar() -> str:
    """The grammar's text, as Lark reads it."""
    return (_folder("grammar") / "net.lark").read_text(encoding="utf-8")


def tables() -> Path:
    """The file of the tables that are made from the grammar."""
    return _folder("grammar") / "tables.json"


def networks() -> Path:
    """The folder of the bundled networks."""
    return _folder("networks")


def find(name: str) -> Path | None:
    """The file of a network: a path, or the name of a bundled one (`vgg16` or `vgg16.net`) where no such file is.

    A folder that is called as a bundled network hides it from nobody.
    """
    path = Path(name)
    bundled = networks() / (name if name.endswith(".net") else f"{name}.net")
    try:
        carried = path.parent == Path() and bundled.is_file()
        if path.exists() and not (carried and path.is_dir()):
            return path
    except (OSError, ValueError):  # no file has such a name
        return None
    return bundled if carried else None


def bundled() -> list[Path]:
    """The bundled networks' files, by name."""
    return sorted(networks().glob("*.net"))


def recipe_of(network: Path) -> Path | None:
    """The file of the recipe that lies beside a network's: `recipes/NAME.toml`, or `NAME.toml`."""
    name = f"{network.stem}.toml"
    places = network.parent / "recipes" / name, network.parent / name
    return next((path for path in places if path.is_file()), None)


def recipes() -> list[Path]:
    """The bundled recipes' files, by name."""
    return sorted((networks() / "recipes").glob("*.toml"))


def find_recipe(name: str) -> Path | None:
    """The file of a recipe: a path, or the name of a bundled one (`alexnet`) where no such file is."""
    path = Path(name)
    try:
        if path.exists():
            return path
    except (OSError, ValueError):  # no file has such a name
        return None
    bundled = networks() / "recipes" / f"{path.name.removesuffix('.toml')}.toml"
    return bundled if path.parent == Path() and bundled.is_file() else None
