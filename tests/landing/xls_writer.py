"""A minimal writer of BIFF8 `.xls` files, plain or protected by RC4 as Excel protects them ([MS-XLS], [MS-OFFCRYPTO] 2.3.6).

Only for tests: one workbook stream in an OLE container, text, numbers, errors, formulas with cached results, merges.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


@dataclass(frozen=True)
class Formula:
    """A formula cell with the number its program has cached (None: an error #N/A)."""

    cached: float | None


@dataclass(frozen=True)
class ErrorCell:
    code: int = 0x2A


def xls_bytes(
    rows: Sequence[Sequence[Any]],
    merges: Sequence[tuple[int, int, int, int]] = (),
    name: str = "Sheet1",
    password: str = "",
) -> bytes:
    """A workbook with one sheet; merges are (first row, last row, first column, last column), zero-based."""
    content = _globals(name, 0, password) + _sheet(rows, merges)
    content = _globals(name, len(_globals(name, 0, password)), password) + _sheet(rows, merges)
    content += _record(0, bytes(-len(content) % 4))  # what follows is read as empty records
    if password:
        content = _encrypted(content, password)
    return _container(content.ljust(4096, b"\0"))


def _record(number: int, body: bytes) -> bytes:
    return struct.pack("<HH", number, len(body)) + body


def _globals(name: str, offset: int, password: str) -> bytes:
    bof = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0))
    lock = _record(0x2F, bytes(54)) if password else b""
    codepage = _record(0x42, struct.pack("<H", 1200))
    encoded = name.encode("utf-16-le")
    sheet = _record(0x85, struct.pack("<IBBBB", offset, 0, 0, len(name), 1) + encoded)
    return bof + lock + codepage + sheet + _record(0x0A, b"")


def _sheet(rows: Sequence[Sequence[Any]], merges: Sequence[tuple[int, int, int, int]]) -> bytes:
    width = max(map(len, rows))
    out = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    out += _record(0x200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            out += _cell(r, c, value)
    if merges:
        out += _record(
            0xE5, struct.pack("<H", len(merges)) + b"".join(struct.pack("<HHHH", *merge) for merge in merges)
        )
    return out + _record(0x0A, b"")


def _cell(row: int, column: int, value: Any) -> bytes:
    at = struct.pack("<HHH", row, column, 0)
    if value is None:
        return b""
    if isinstance(value, ErrorCell):
        return _record(0x205, at + bytes([value.code, 1]))
    if isinstance(value, Formula):
        number = (
            struct.pack("<BBBBBBH", 2, 0, 0x2A, 0, 0, 0, 0xFFFF)
            if value.cached is None
            else struct.pack("<d", value.cached)
        )
        return _record(0x06, at + number + struct.pack("<HIH", 0, 0, 3) + b"\x1e\x01\x00")
    if isinstance(value, str):
        return _record(0x204, at + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
    return _record(0x203, at + struct.pack("<d", float(value)))


def _encrypted(content: bytes, password: str) -> bytes:
    """RC4 over everything but record headers, BOF, FILEPASS and the offset in BOUNDSHEET; a new key each 1,024 bytes."""
    salt, verifier = bytes(range(16)), bytes(range(16, 32))
    first = hashlib.md5(password.encode("utf-16-le")).digest()[:5]
    base = hashlib.md5((first + salt) * 16).digest()[:5]

    def keystream(block: int, length: int) -> bytes:
        return _rc4(hashlib.md5(base + struct.pack("<I", block)).digest(), length)

    check = bytes(a ^ b for a, b in zip(verifier + hashlib.md5(verifier).digest(), keystream(0, 32), strict=True))
    lock = struct.pack("<HHH", 1, 1, 1) + salt + check[:16] + check[16:]
    out, offset = bytearray(content), 0
    stream = b"".join(keystream(block, 1024) for block in range(len(content) // 1024 + 1))
    while offset + 4 <= len(content):
        number, length = struct.unpack_from("<HH", content, offset)
        start = offset + 4
        plain = length if number in (0x809, 0x2F) else 4 if number == 0x85 else 0
        for i in range(start + plain, start + length):
            out[i] = content[i] ^ stream[i]
        if number == 0x2F:
            out[start : start + length] = lock
        offset = start + length
    return bytes(out)


def _rc4(key: bytes, length: int) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for _ in range(length):
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(state[(state[i] + state[j]) % 256])
    return bytes(out)


def _container(stream: bytes) -> bytes:
    """An OLE file with the one stream `Workbook`: header, FAT, directory, stream."""
    stream = stream.ljust(-(-len(stream) // SECTOR) * SECTOR, b"\0")
    sectors = len(stream) // SECTOR
    fat_sectors = -(-(sectors + 2) // (SECTOR // 4)) or 1
    fat = [FAT] * fat_sectors + [END]
    first = len(fat)
    fat += [first + i + 1 for i in range(sectors - 1)] + [END]
    fat += [FREE] * (fat_sectors * (SECTOR // 4) - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, fat_sectors, fat_sectors, 0, 4096, END, 0, END, 0)
    header += struct.pack("<109I", *range(fat_sectors), *[FREE] * (109 - fat_sectors))
    directory = _entry("Root Entry", 5, 1, END, 0) + _entry("Workbook", 2, FREE, first, len(stream))
    directory += _entry("", 0, FREE, 0, 0) * 2
    return header + struct.pack(f"<{len(fat)}I", *fat) + directory + stream


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    encoded = (name + "\0").encode("utf-16-le") if name else b""
    return (
        encoded.ljust(64, b"\0")
        + struct.pack("<HBB", len(encoded), kind, 1)
        + struct.pack("<III", FREE, FREE, child)
        + bytes(16 + 4 + 16)
        + struct.pack("<IQ", start, size)
    )
