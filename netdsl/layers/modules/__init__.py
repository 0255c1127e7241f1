"""The torch modules that layers lower to, where torch.nn has none itself. `Layer.lower` alone imports them.

All are scriptable, and keep to torch.nn's names: `weight` and `bias` for what is learned, buffers for constants.
What depends on an input's spatial size is worked out when they run, since a module may be applied to several inputs.
One whose weights are random has `reset_parameters`, which draws its own once those of its children are drawn. It keeps
the arguments of its constructor under their names, or `compile/source/constructors.py` says what they were: its class
becomes part of the source of networks, with whatever the class names.
These files go without `from __future__ import annotations`, as TorchScript reads what annotations are at run time.
"""
