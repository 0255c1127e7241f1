"""Examples to train and to try a network on: pictures and their classes."""

from __future__ import annotations

from netdsl.data.fitting import check
from netdsl.data.part import Data, DataError, Files, Part, Rows, Stored
from netdsl.data.reading import read

__all__ = ["Data", "DataError", "Files", "Part", "Rows", "Stored", "check", "read"]
