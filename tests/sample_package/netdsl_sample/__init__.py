"""A package that brings netdsl a layer of its own."""
