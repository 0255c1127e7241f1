"""Training: losses, optimizers, and the loop that writes a folder."""
