"""How a network is trained, as a TOML file says it."""
