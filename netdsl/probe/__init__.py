"""How the signal and the gradients travel through a network before it is trained."""

from netdsl.probe.entry import alive, probe
from netdsl.probe.report import Probe

__all__ = ["Probe", "alive", "probe"]
