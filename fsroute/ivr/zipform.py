"""The one form of ZIP that a bundle has: any ZIP program reads it, and nothing else is read here. Pure.

Every byte belongs to exactly one file or to the directory: the files follow one another from the
first byte on, in the directory's order, and the directory ends with the archive. There is no
encryption, no link, no folder, no comment, no extra field, no ZIP64. So nothing can be hidden, can
overlap, or can mean one thing here and another thing elsewhere (APPNOTE.TXT 4.3).
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO

from fsroute.ivr.manifest import BundleRefused, shown

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LARGE = {0xFFFF, 0xFFFFFFFF}

STORED, DEFLATED = 0, 8
ENCRYPTED, DATA_DESCRIPTOR = 0x1, 0x8
FOLDER = 0x10  # attribute of MS-DOS
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that ZIP knows; bundles have no other


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in an archive; `size` is what the directory says that it has when inflated, in bytes."""

    name: str
    method: int
    crc: int
    size: int
    packed: bytes | memoryview = field(repr=False)


def pack(files: Mapping[str, bytes]) -> bytes:
    """An archive of `files` in the order given; the same files give the same bytes."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = 3  # Unix, wherever it is written
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return target.getvalue()


def entries(data: bytes, most: int) -> list[Entry]:
    """The files in an archive, `most` at most; nothing is inflated.

    Raises:
        BundleRefused: it is no archive, or not of the form that a bundle has.
    """
    count, begin = _end(data, most)
    found: list[Entry] = []
    here, offset = begin, 0
    for _ in range(count):
        entry, here, offset = _entry(data, here, offset)
        found.append(entry)
    if here != len(data) - _END.size or offset != begin:
        raise BundleRefused("the archive holds bytes that belong to no file")
    return found


def inflate(entry: Entry) -> bytes:
    """The content of a file; never more bytes than its directory says.

    Raises:
        BundleRefused: it is damaged, or is more or less than the directory says.
    """
    if entry.method == STORED:
        content = bytes(entry.packed)
    else:
        content = _inflated(entry)
    if len(content) != entry.size:
        raise BundleRefused(f"{entry.name}: has not the size that the archive says")
    if zlib.crc32(content) != entry.crc:
        raise BundleRefused(f"{entry.name}: is damaged, its CRC is not the archive's")
    return content


def _inflated(entry: Entry) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = stream.decompress(entry.packed, entry.size + 1)
    except zlib.error as error:
        raise BundleRefused(f"{entry.name}: is damaged, it cannot be inflated") from error
    if len(content) > entry.size:
        raise BundleRefused(f"{entry.name}: inflates to more than the archive says")
    if not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise BundleRefused(f"{entry.name}: is damaged, it does not end where it should")
    return content


def _end(data: bytes, most: int) -> tuple[int, int]:
    """How many files there are, and where the directory begins."""
    if len(data) < _END.size:
        raise BundleRefused("is no archive, or was cut short")
    mark, disk, first, here, count, size, begin, comment = _END.unpack_from(data, len(data) - _END.size)
    if mark != b"PK\5\6" or comment:
        raise BundleRefused("is no archive, was cut short, or has something behind its end")
    if _LARGE & {here, count, size, begin}:
        raise BundleRefused("the archive is a ZIP64, which a bundle is not")
    if disk or first or here != count or begin + size != len(data) - _END.size:
        raise BundleRefused("the archive's directory is damaged")
    if count > most:
        raise BundleRefused(f"the archive holds {count} files, {most} at most may be")
    return count, begin


def _entry(data: bytes, here: int, offset: int) -> tuple[Entry, int, int]:
    """The file whose record begins at `here`, where the next record is, and where the next file is."""
    record, name, there = _record(data, here)
    flags, method, crc, packed, size, attributes, starts_at = record
    for fault in _faults(flags, method, attributes):
        raise BundleRefused(f"{shown(name)}: {fault}")
    begin = _local(data, offset, name, (flags, method, crc, packed, size), starts_at)
    end = begin + packed
    if end > here or (method == STORED and packed != size):
        raise BundleRefused(f"{shown(name)}: the archive says a wrong size")
    return Entry(name, method, crc, size, memoryview(data)[begin:end]), there, end


_Record = tuple[int, int, int, int, int, int, int]


def _record(data: bytes, here: int) -> tuple[_Record, str, int]:
    try:
        fields = _CENTRAL.unpack_from(data, here)
    except struct.error as error:
        raise BundleRefused("the archive's directory is damaged") from error
    mark, _, _, flags, method, _, _, crc, packed, size, name, extra, comment, disk, _, attributes, at = fields
    begin = here + _CENTRAL.size
    if mark != b"PK\1\2" or disk or begin + name > len(data):
        raise BundleRefused("the archive's directory is damaged")
    if extra or comment:
        raise BundleRefused("the archive has extra fields or comments, which a bundle has not")
    return (flags, method, crc, packed, size, attributes, at), _name(data[begin : begin + name]), begin + name


def _name(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError as error:
        text = shown(raw.decode("utf-8", "backslashreplace"))
        raise BundleRefused(f"{text}: a name in a bundle is of ASCII letters") from error


def _faults(flags: int, method: int, attributes: int) -> Iterator[str]:
    kind = stat.S_IFMT(attributes >> 16)
    if stat.S_ISLNK(attributes >> 16):
        yield "is a symbolic link"
    if attributes & FOLDER or (kind and kind != stat.S_IFREG):
        yield "is no ordinary file"
    if flags & ENCRYPTED:
        yield "is encrypted"
    if flags & DATA_DESCRIPTOR:
        yield "its size is not where it must be"
    if flags:
        yield f"has flags ({flags:#x}) that a bundle has not"
    if method not in (STORED, DEFLATED):
        yield f"is packed by method {method}, which a bundle is not"


def _local(data: bytes, offset: int, name: str, expected: tuple[int, ...], starts_at: int) -> int:
    """Where the content begins; the file's own head must say what the directory says."""
    if starts_at != offset:
        raise BundleRefused(f"{shown(name)}: does not begin where the file before it ends")
    try:
        mark, _, flags, method, _, _, crc, packed, size, length, extra = _LOCAL.unpack_from(data, offset)
    except struct.error as error:
        raise BundleRefused(f"{shown(name)}: was cut short") from error
    begin: int = offset + _LOCAL.size
    end: int = begin + length
    own = data[begin:end]
    if mark != b"PK\3\4" or extra or (flags, method, crc, packed, size) != expected or own != name.encode():
        raise BundleRefused(f"{shown(name)}: its own head differs from the archive's directory")
    return end
