"""Random networks are the same in each run, so that a change alone makes a test fail; NETDSL_RANDOM=1 seeks others."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("random")
settings.load_profile("random" if os.environ.get("NETDSL_RANDOM") else "repeatable")
