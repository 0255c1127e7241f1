"""What holds for every test: who runs it, and from which shell, changes nothing."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Random networks are the same in each run, so that a change alone makes a test fail; NETDSL_RANDOM=1 seeks others.
# How long one takes says how busy the machine is, and nothing of netdsl.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", PATIENT, derandomize=True)
settings.register_profile("random", PATIENT)
settings.load_profile("random" if os.environ.get("NETDSL_RANDOM") else "repeatable")

# A hook of git names its repository to all that it starts; a shell may ask for another width, or colours.
for name in [name for name in os.environ if name.startswith("GIT_")]:
    del os.environ[name]
for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"):
    os.environ.pop(name, None)

# PyTorch's threads wait for each other by turning in circles, which takes the cores from the other tests' processes.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
