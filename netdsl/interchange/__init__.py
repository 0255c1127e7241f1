"""Networks that other formats say: read, and said as programs."""
