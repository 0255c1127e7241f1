"""Files of other formats, which are no programs, and are known by how they begin."""

from __future__ import annotations

import re

BEGINNING = 4096
"""So many bytes tell."""
_PROTOTXT = re.compile(rb'(name|input)\s*:\s*["\']|(layers?|input_shape)\s*:?\s*\{')


def suffix(start: bytes) -> str:
    """What files end in that begin so: .onnx, .prototxt, .cfg, .pt2, or .pt of any kind; "" for all others."""
    start = start[:BEGINNING]
    if start.startswith(b"\x08"):  # the version of an ONNX model
        return ".onnx"
    if start.startswith(b"PK\3\4"):
        return ".pt2" if b"/models/" in start or b"/data/weights/" in start else ".pt"  # its model comes last
    if start.startswith(b"\x80\x02"):  # a pickle
        return ".pt"
    first = next((line for line in map(bytes.strip, start.splitlines()) if line and line[:1] not in b"#;"), b"")
    if first in (b"[net]", b"[network]"):
        return ".cfg"
    return ".prototxt" if _PROTOTXT.match(first) else ""
