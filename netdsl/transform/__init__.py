"""Programs rewritten as other programs."""
