"""Zip archives that tell the truth: each part is unpacked, within limits, and compared with the directory."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator

from engine.uploads.dangers import Danger, Dangerous

MOST_PARTS = 5_000
MOST_UNPACKED = 100_000_000  # bytes, all parts together
_LOCAL = struct.Struct("<4sHHHHHIIIHH")  # the header before each part
_END = struct.Struct("<4sHHHHIIH")
ENCRYPTED, SIZES_FOLLOW = 0x1, 0x8  # flags of a part
_SAFE = re.compile(r"(?!/)(?!.*//)(?!(.*/)?\.\.?(/|$))[^\\:\x00-\x1f\x7f]{1,500}")


def parts(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of every part, in the order of their places. Raises ``Dangerous``.

    Nothing may stand before, between or after them: what one program overlooks there, another opens.
    """
    members = _directory(content)
    unpacked, place = 0, 0
    for member in sorted(members, key=lambda one: one.header_offset):
        if member.header_offset != place:
            raise Dangerous(Danger.LYING)
        packed, place = _packed(content, member)
        part = _unpacked(packed, member, MOST_UNPACKED - unpacked)
        unpacked += len(part)
        yield member.filename, part
    if place != _start_of_directory(content):
        raise Dangerous(Danger.LYING)


def is_archive(content: bytes) -> bool:
    """Whether a program could open this as a zip, wherever in it that begins."""
    return zipfile.is_zipfile(io.BytesIO(content))


def _directory(content: bytes) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error):
        raise Dangerous(Danger.BROKEN) from None
    if len(members) > MOST_PARTS:
        raise Dangerous(Danger.TOO_MANY)
    names = [member.filename.lower() for member in members]
    if len(set(names)) != len(names) or not all(_SAFE.fullmatch(member.orig_filename) for member in members):
        raise Dangerous(Danger.PATH)
    if sum(member.file_size for member in members) > MOST_UNPACKED:
        raise Dangerous(Danger.TOO_BIG)
    if any(member.flag_bits & ENCRYPTED for member in members):
        raise Dangerous(Danger.ENCRYPTED)
    return members


def _start_of_directory(content: bytes) -> int:
    """Where the directory begins; it and its end record must be the last of the file."""
    if len(content) < _END.size:
        raise Dangerous(Danger.BROKEN)
    mark, disk, first_disk, here, total, size, start, comment = _END.unpack_from(content, len(content) - _END.size)
    if mark != b"PK\x05\x06" or comment or disk or first_disk or here != total:
        raise Dangerous(Danger.LYING)
    if start + size != len(content) - _END.size:
        raise Dangerous(Danger.LYING)
    return int(start)


def _packed(content: bytes, member: zipfile.ZipInfo) -> tuple[memoryview, int]:
    """The packed bytes of a part, and where the next one begins."""
    at = member.header_offset
    if at + _LOCAL.size > len(content):
        raise Dangerous(Danger.BROKEN)
    mark, _version, flags, method, _time, _date, crc, packed, size, name, extra = _LOCAL.unpack_from(content, at)
    if mark != b"PK\x03\x04" or method != member.compress_type or flags & ENCRYPTED:
        raise Dangerous(Danger.LYING)
    stated = (crc, packed, size)
    follows = bool(flags & SIZES_FOLLOW)
    if stated != (member.CRC, member.compress_size, member.file_size) and not (follows and stated == (0, 0, 0)):
        raise Dangerous(Danger.LYING)
    begin = at + _LOCAL.size
    if content[begin : begin + name] != _raw_name(member):
        raise Dangerous(Danger.LYING)
    begin += name + extra
    end = begin + member.compress_size
    if end > len(content):
        raise Dangerous(Danger.BROKEN)
    return memoryview(content)[begin:end], end + (_descriptor(content, end) if follows else 0)


def _raw_name(member: zipfile.ZipInfo) -> bytes:
    return member.orig_filename.encode("utf-8" if member.flag_bits & 0x800 else "cp437", "replace")


def _descriptor(content: bytes, at: int) -> int:
    """The length of the sizes that follow a part: with a mark or without one."""
    return 16 if content[at : at + 4] == b"PK\x07\x08" else 12


def _unpacked(packed: memoryview, member: zipfile.ZipInfo, most: int) -> bytes:
    if member.compress_type == zipfile.ZIP_STORED:
        part = bytes(packed)
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        part = _inflated(packed, min(most, member.file_size))
    else:
        raise Dangerous(Danger.BROKEN)
    if len(part) != member.file_size or zlib.crc32(part) != member.CRC:
        raise Dangerous(Danger.LYING)
    return part


def _inflated(packed: memoryview, most: int) -> bytes:
    """The unpacked bytes. Raises ``Dangerous`` if there are more than ``most``, or if something stands after them."""
    unpacker = zlib.decompressobj(-15)
    try:
        part = unpacker.decompress(packed, most + 1)
    except zlib.error:
        raise Dangerous(Danger.BROKEN) from None
    if len(part) > most or not unpacker.eof or unpacker.unused_data:
        raise Dangerous(Danger.LYING)
    return part
