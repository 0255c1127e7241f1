"""The members of a compiled file: a zip archive as `netdsl compile` writes it, through one file that stays open.

Nothing is believed that the file says of its sizes, and nothing is inflated beyond a limit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import SEEK_END, BufferedReader
from typing import Any

_MEMBERS = 100_000
"""Members of an archive at most: a hundred times what the largest of the bundled networks has."""
_FACTS, _FACTS64 = struct.Struct("<4s3L"), struct.Struct("<4sL2Q")
_STORED, _DEFLATED = 0, 8
_BEHIND, _UTF8 = 0x8, 0x800
"""Flags of a member whose checksum and sizes stand behind it, and of a name beyond ASCII: the folder has the file's."""
_ENTRY, _HEADER, _END = struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H"), struct.Struct("<4s4H2LH")
_END64, _LOCATOR = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_LARGE = 0xFFFFFFFF
"""What stands for a number that is too large for its field."""


class ArchiveError(Exception):
    """What is wrong with an archive."""


_DAMAGED = "it is no TorchScript file, or is damaged"


@dataclass(frozen=True)
class Member:
    """Where a member stands: its header, how it is written, and its sizes as it is written and as it is read."""

    header: int
    method: int
    flags: int
    crc: int
    written: int
    size: int


class Archive:
    """A file's members by name, without the folder that all of them are in. Raises ArchiveError and OSError."""

    def __init__(self, file: BufferedReader) -> None:
        self.file = file
        self.length = file.seek(0, SEEK_END)
        self.start, count, size = self._directory()
        if count > _MEMBERS:
            raise ArchiveError(f"it has more than {_MEMBERS:,} members")
        self.folder, self.names = b"", list[str]()
        self.members: dict[str, Member] = {}
        directory = self._at(self.start, size)
        at = 0
        for _ in range(count):
            at = self._enter(directory, at)
        self.whole = at == len(directory)

    def starts(self, name: str) -> int:
        """Where the bytes of a member start."""
        member = self.members[name]
        signature, *_, names, extra = _unpacked(_HEADER, self._at(member.header, _HEADER.size), 0)
        if signature != b"PK\3\4":
            raise ArchiveError(_DAMAGED)
        return member.header + _HEADER.size + names + extra

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a member. Raises ArchiveError for more of them than `limit`, before they are inflated."""
        member = self.members.get(name)
        if member is None:
            raise ArchiveError(f"it has no {name}")
        if member.size > limit:
            raise ArchiveError(f"its {name} takes {member.size:,} bytes, and may take {limit:,}")
        data = self._at(self.starts(name), member.written)
        if member.flags & 1 or member.method not in (_STORED, _DEFLATED):
            raise ArchiveError(_DAMAGED)
        if member.method == _DEFLATED:
            inflater = zlib.decompressobj(-15)
            try:
                data = inflater.decompress(data, member.size + 1)
            except zlib.error:
                raise ArchiveError(_DAMAGED) from None
            if not inflater.eof or inflater.unused_data:
                raise ArchiveError(_DAMAGED)
        if len(data) != member.size or zlib.crc32(data) != member.crc:
            raise ArchiveError(_DAMAGED)
        return data

    def fill(self, name: str, place: memoryview) -> None:
        """Read a member that is not compressed to where it has to be. Raises ArchiveError."""
        self.file.seek(self.starts(name))
        while len(place):
            count = self.file.readinto(place)
            if not count:
                raise ArchiveError(_DAMAGED)
            place = place[count:]

    def check(self, plain: Sequence[str], sums: int) -> None:
        """Raise ArchiveError unless the file consists of its members alone, each once, the `plain` ones uncompressed.

        Checksums of these are compared as long as they have `sums` bytes together.
        """
        if not self.whole or len(self.names) != len(self.members):
            raise ArchiveError("its directory holds more than its members, or one of them twice")
        at = 0
        for name, member in sorted(self.members.items(), key=lambda one: one[1].header):
            _, _, flags, method, _, _, *told, _, _ = _unpacked(_HEADER, self._at(member.header, _HEADER.size), 0)
            if member.header != at:
                raise ArchiveError(f"its {name} does not stand where the member before it ends")
            facts = [member.crc, member.written, member.size]
            at = self.starts(name) + member.written
            if flags & _BEHIND and told == [0, 0, 0]:
                form = _FACTS if max(facts) <= _LARGE else _FACTS64
                told = list(_unpacked(form, self._at(at, form.size), 0)[1:])
                at += form.size
            if told != facts or method != member.method or flags & ~(_BEHIND | _UTF8):
                raise ArchiveError(f"its {name} is not what its directory says")
        if at != self.start:
            raise ArchiveError("it holds something that is no member")
        wrong = [one for one in plain if self.members[one].method != _STORED]
        wrong += [one for one in plain if self.members[one].written != self.members[one].size]
        if wrong:
            raise ArchiveError(f"its {wrong[0]} is compressed, and should be plain")
        if sum(self.members[one].size for one in plain) <= sums:
            for one in plain:
                self.read(one, sums)

    def _at(self, start: int, size: int) -> bytes:
        """Bytes of the file, which has them. Raises ArchiveError."""
        if start < 0 or start + size > self.length:
            raise ArchiveError(_DAMAGED)
        self.file.seek(start)
        data = self.file.read(size)
        if len(data) != size:
            raise ArchiveError(_DAMAGED)
        return data

    def _directory(self) -> tuple[int, int, int]:
        """Where the directory stands, its number of entries, and its size; it ends where its end's record starts."""
        record = self.length - _END.size
        signature, disk, first, here, count, size, start, comment = _unpacked(_END, self._at(record, _END.size), 0)
        if signature != b"PK\5\6" or comment or disk or first or here != count:
            raise ArchiveError(_DAMAGED)
        locator = record - _LOCATOR.size
        if locator > 0 and self._at(locator, 4) == b"PK\6\7":
            _, _, record, _ = _unpacked(_LOCATOR, self._at(locator, _LOCATOR.size), 0)
            fields = _unpacked(_END64, self._at(record, _END64.size), 0)
            if fields[0] != b"PK\6\6" or record + _END64.size != locator:
                raise ArchiveError(_DAMAGED)
            count, size, start = fields[7:]
        if start + size != record:
            raise ArchiveError(_DAMAGED)
        return start, count, size

    def _enter(self, directory: bytes, at: int) -> int:
        """Take in the entry of the directory that stands somewhere; where the next one does."""
        fields = _unpacked(_ENTRY, directory, at)
        signature, _, _, flags, method, _, _, crc, written, size, names, extra, comment, *_, header = fields
        if signature != b"PK\1\2":
            raise ArchiveError(_DAMAGED)
        at += _ENTRY.size
        name, more = directory[at : at + names], directory[at + names : at + names + extra]
        if _LARGE in (written, size, header):
            size, written, header = _large(more, (size, written, header))
        folder, slash, rest = name.partition(b"/")
        inner = rest.decode("ascii", "replace")
        self.folder = self.folder or folder
        if not slash or folder != self.folder or not inner.isascii() or not inner.isprintable():
            raise ArchiveError("its members are not in one folder, or have strange names")
        self.names.append(inner)
        self.members[inner] = Member(header, method, flags, crc, written, size)
        return at + names + extra + comment


def _large(extra: bytes, values: tuple[int, int, int]) -> Sequence[int]:
    """The sizes, and the place, of an entry that are too large for its own fields (APPNOTE.TXT, 4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == 1 and at + 4 + size <= len(extra):
            large = list(struct.unpack_from(f"<{size // 8}Q", extra, at + 4))
            if len(large) == sum(one == _LARGE for one in values):
                return [large.pop(0) if one == _LARGE else one for one in values]
        at += 4 + size
    raise ArchiveError(_DAMAGED)


def _unpacked(form: struct.Struct, data: bytes, at: int) -> tuple[Any, ...]:
    """Fields of a record. Raises ArchiveError where the data ends within it."""
    try:
        return form.unpack_from(data, at)
    except struct.error:
        raise ArchiveError(_DAMAGED) from None
