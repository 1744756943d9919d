"""Lists the records of a log: read_log.py DIRECTORY

Written from src/store/embedded/log/format.md alone. Prints a line for each record: the number of its last entry, its LSN, and length and
sum of the bytes of its index rows and of its entries. Ends with an error at anything that the page does not allow.
"""

import struct
import sys
from pathlib import Path

PAGE, SECTOR = 4096, 512
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def check(condition, what):
    if not condition:
        sys.exit(what)


def segment(path, number):
    data = path.read_bytes()
    magic, form, frame, identity, own, size, salt = struct.unpack_from("<8sII16sQQQ", data)
    check(magic == b"onestopL" and form == 1 and own == number and size == len(data), f"{path}: head")
    check(not any(data[56:68]) and not any(data[72:PAGE]), f"{path}: padding")
    check(struct.unpack_from("<I", data, 68)[0] == crc32c(data[:68]), f"{path}: checksum of the head")
    return data, identity, size, salt


def records(body):
    at = 0
    while at < len(body):
        length, rows_end, count, rows_check, entries_check = struct.unpack_from("<IIIII", body, at)
        rows, entries = body[at + 20 : at + rows_end], body[at + rows_end : at + length]
        check(rows_check == crc32c(body[at : at + 12] + rows), "checksum of index rows")
        check(entries_check == crc32c(entries), "checksum of entries")
        yield at, count, rows, entries
        at += length + -length % 8


def main(directory):
    number, chain, sequence, store = 0, None, 0, None
    while True:
        data, identity, size, salt = segment(directory / f"{number:010}.log", number)
        check(store in (None, identity), "another store")
        store, at = identity, PAGE
        if chain is None:
            chain = data[68:72]
        while True:
            head = data[at : at + 64]
            if not any(head):
                return
            lsn, durable, before, length, count, body_check = struct.unpack_from("<QQQIII", head, 8)
            zeros, entry_count, _, kind = struct.unpack_from("<III3xB", head, 48)
            place = f"segment {number}, byte {at}"
            check(head[:4] == b"FRM1" and lsn == number * size + at and durable <= lsn, place)
            check(head[4:8] == struct.pack("<I", crc32c(struct.pack("<Q", salt) + head[8:])), place + ": checksum")
            check(head[44:48] == chain and before == sequence, place + ": does not follow")
            body, used = data[at + 64 : at + 64 + length], data[at : at + 64 + length + 8]
            check(used[-8:] == b"\xd7FRAMEND" and body_check == crc32c(body), place + ": body")
            check(zeros == sum(not any(used[s : s + SECTOR]) for s in range(0, len(used), SECTOR)), place + ": zeros")
            end = at + len(used) + -len(used) % PAGE
            check(not any(data[at + len(used) : end]), place + ": padding")
            found = list(records(body))
            check(len(found) == count and sum(one[1] for one in found) == entry_count, place + ": count")
            for offset, entry, rows, entries in found:
                sequence += entry
                print(sequence, lsn + 64 + offset, len(rows), sum(rows), len(entries), sum(entries))
            chain, at = head[4:8], end
            if kind == 3:
                check(not any(data[at:]), place + ": bytes behind a ROLL")
                break
        number += 1


main(Path(sys.argv[1]))
