"""How the signal and the gradients travel through a network before it is trained."""

from netdsl.probe.entry import SignalWarning, alive, beginning, probe, warn
from netdsl.probe.report import Probe

__all__ = ["Probe", "SignalWarning", "alive", "beginning", "probe", "warn"]
