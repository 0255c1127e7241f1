"""Examples to train and to try a network on: pictures and their classes."""
