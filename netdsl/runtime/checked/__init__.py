"""Loading a compiled file so that no more can happen than arithmetic: its code is read before PyTorch has it."""
