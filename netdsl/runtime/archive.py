"""The members of a compiled file: a zip archive as `netdsl compile` writes it, through one file that stays open.

Nothing is believed that the file says of its sizes, and nothing is inflated beyond a limit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from errno import EINVAL
from io import SEEK_END, BufferedReader
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

_MEMBERS = 100_000
"""Members of an archive at most: a hundred times what the largest of the bundled networks has."""
_FACTS, _FACTS64 = struct.Struct("<4s3L"), struct.Struct("<4sL2Q")
_BEHIND, _UTF8 = 0x8, 0x800
"""Flags of a member whose checksum and sizes stand behind it, and of a name beyond ASCII: the folder has the file's."""
_HEADER = struct.Struct("<4s5H3L2H")
_ENTRY, _END, _LOCATOR, _END64 = 46, 22, 20, 76
"""Bytes of an entry of the directory, and of the records at its end; of two of them where it is large."""


class ArchiveError(Exception):
    """What is wrong with an archive."""


_DAMAGED = "it is no TorchScript file, or is damaged"


class Archive:
    """A file's members by name, without the folder that all of them are in. Raises ArchiveError and OSError."""

    def __init__(self, file: BufferedReader) -> None:
        self.file = file
        self.length = file.seek(0, SEEK_END)
        try:
            found = ZipFile(file)
        except (BadZipFile, NotImplementedError, OverflowError, ValueError, struct.error):
            raise ArchiveError(_DAMAGED) from None
        except OSError as error:
            raise (ArchiveError(_DAMAGED) if error.errno == EINVAL else error) from None  # a place before the file
        self.start, entries = found.start_dir, found.infolist()
        if len(entries) > _MEMBERS:
            raise ArchiveError(f"it has more than {_MEMBERS:,} members")
        self.names = [one.filename.partition("/")[2] for one in entries]
        self.members = dict(zip(self.names, entries, strict=True))
        for one, inner in zip(entries, self.names, strict=True):
            folder = entries[0].filename.partition("/")[0]
            if one.orig_filename != f"{folder}/{inner}" or not inner.isascii() or not inner.isprintable():
                raise ArchiveError("its members are not in one folder, or have strange names")
        told = sum(_ENTRY + len(_written(one)) + len(one.extra) for one in entries)
        self.whole = not found.comment and self.start + told == self._end()

    def starts(self, name: str) -> int:
        """Where the bytes of a member start."""
        member = self.members[name]
        signature, *_, names, extra = self._fields(_HEADER, member.header_offset)
        if signature != b"PK\3\4":
            raise ArchiveError(_DAMAGED)
        return member.header_offset + _HEADER.size + names + extra

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a member. Raises ArchiveError for more of them than `limit`, before they are inflated."""
        member = self.members.get(name)
        if member is None:
            raise ArchiveError(f"it has no {name}")
        if member.file_size > limit:
            raise ArchiveError(f"its {name} takes {member.file_size:,} bytes, and may take {limit:,}")
        data = self._at(self.starts(name), member.compress_size)
        if member.flag_bits & 1 or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise ArchiveError(_DAMAGED)
        if member.compress_type == ZIP_DEFLATED:
            inflater = zlib.decompressobj(-15)
            try:
                data = inflater.decompress(data, member.file_size + 1)
            except zlib.error:
                raise ArchiveError(_DAMAGED) from None
            if not inflater.eof or inflater.unused_data:
                raise ArchiveError(_DAMAGED)
        if len(data) != member.file_size or zlib.crc32(data) != member.CRC:
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
        for name, member in sorted(self.members.items(), key=lambda one: one[1].header_offset):
            _, _, flags, method, _, _, *told, _, _ = self._fields(_HEADER, member.header_offset)
            if member.header_offset != at:
                raise ArchiveError(f"its {name} does not stand where the member before it ends")
            facts = [member.CRC, member.compress_size, member.file_size]
            at = self.starts(name) + member.compress_size
            if flags & _BEHIND and told == [0, 0, 0]:
                form = _FACTS if max(facts) <= 2**32 - 1 else _FACTS64
                told = list(self._fields(form, at)[1:])
                at += form.size
            if told != facts or method != member.compress_type or flags & ~(_BEHIND | _UTF8):
                raise ArchiveError(f"its {name} is not what its directory says")
        if at != self.start:
            raise ArchiveError("it holds something that is no member")
        wrong = [one for one in plain if self.members[one].compress_type != ZIP_STORED]
        wrong += [one for one in plain if self.members[one].compress_size != self.members[one].file_size]
        if wrong:
            raise ArchiveError(f"its {wrong[0]} is compressed, and should be plain")
        if sum(self.members[one].file_size for one in plain) <= sums:
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

    def _fields(self, form: struct.Struct, start: int) -> tuple[Any, ...]:
        """Those of a record of the file."""
        return form.unpack(self._at(start, form.size))

    def _end(self) -> int:
        """Where the directory has to end: before the records of its end, which are the last in the file."""
        long = self.length >= _END + _END64 and self._at(self.length - _END - _LOCATOR, 4) == b"PK\6\7"
        return self.length - _END - _END64 * long


def _written(entry: ZipInfo) -> bytes:
    """The name of an entry, as the directory has it."""
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else "cp437")
