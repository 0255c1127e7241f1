"""The process's memory: kept between calls, and in large pages. On Linux; elsewhere it stays as it is."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

_MALLOPT = {"M_MMAP_THRESHOLD": (-3, 2**30), "M_TRIM_THRESHOLD": (-1, 2**31 - 1)}
"""Blocks of less than 1 GiB come from the heap, which gives nothing back before 2 GiB are free (mallopt(3))."""
_PAGE = 2**21
"""Bytes of a large page."""
_HUGEPAGE, _COLLAPSE = 14, 25
"""MADV_HUGEPAGE and, from Linux 6.1 on, MADV_COLLAPSE (madvise(2))."""


def keep() -> None:
    """Have what a call gives back kept for the next one: the system zeroes it page by page."""
    if _glibc():
        for option, value in _MALLOPT.values():
            _libc().mallopt(option, value)


def settle() -> None:
    """Give back what is free, and put the rest into large pages, of which a processor keeps track without looking up.

    Weights are read once in each call: in pages of 4 KiB AlexNet takes up to a fifth longer.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = _libc()
    if _glibc():
        libc.malloc_trim(0)
    for start, end in _regions():
        _advise(libc, start, end - start, _HUGEPAGE)
        for page in range(start, end, _PAGE):
            _advise(libc, page, _PAGE, _COLLAPSE)


def _advise(libc: ctypes.CDLL, start: int, size: int, advice: int) -> None:
    """Advise the kernel, which may refuse: nothing depends on it."""
    libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), advice)


def _regions() -> Iterator[tuple[int, int]]:
    """Where anonymous memory starts and ends, in whole large pages."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, access, _, _, _, *name = line.split()
        if access.startswith("rw") and name in ([], ["[heap]"]):
            start, end = (int(address, 16) for address in addresses.split("-"))
            start, end = -(-start // _PAGE) * _PAGE, end // _PAGE * _PAGE
            if start < end:
                yield start, end


def _glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
