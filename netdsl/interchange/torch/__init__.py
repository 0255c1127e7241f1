"""Programs of torch.export as primitives: of a module that is there, or of a `.pt2` file, read without torch."""
