"""The torch modules that layers lower to, where torch.nn has none itself. `Layer.lower` alone imports them.

All are scriptable, and keep to torch.nn's names: `weight` and `bias` for what is learned, buffers for constants.
"""
