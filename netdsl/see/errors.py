"""What cannot be seen, in words for the user."""

from __future__ import annotations


class SeeError(ValueError):
    """Why something that was asked for is not to be seen, and what may be done about it."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help
