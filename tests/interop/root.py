#!/usr/bin/env python3
"""Recomputes the root of a ledger from the files that `minutebook export-tiles DIR` wrote, and compares it with the
checkpoint, with nothing but the standard library.

    python3 tests/interop/root.py DIR

It reads the entries, not the tiles of hashes: those are checked against the entries too. The signature is not checked
here (the standard library has no Ed25519). Exit code 0: the entries come to the root. 1: they do not.
"""

import base64
import hashlib
import pathlib
import struct
import sys


def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves):
    """RFC 6962, section 2.1: split at the largest power of two below the size."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    while len(leaves) > 1:
        # A last hash without a neighbour goes up as it is, which comes to the same split.
        pairs = [node(*leaves[n:n + 2]) for n in range(0, len(leaves) - 1, 2)]
        leaves = pairs + leaves[len(leaves) - len(leaves) % 2:]
    return leaves[0]


def path(kind, index, width):
    groups = ["%03d" % (index % 1000)]
    while index >= 1000:
        index //= 1000
        groups.insert(0, "x%03d" % (index % 1000))
    return "tile/%s/%s%s" % (kind, "/".join(groups), "" if width == 256 else ".p/%d" % width)


def tiles(directory, kind, count):
    for index in range((count + 255) // 256):
        width = min(256, count - 256 * index)
        yield width, (directory / path(kind, index, width)).read_bytes()


def entries(directory, size):
    for width, data in tiles(directory, "entries", size):
        found = 0
        while data:
            (length,) = struct.unpack(">H", data[:2])
            assert len(data) >= 2 + length, "the entries end in the middle of one"
            yield data[2:2 + length]
            data, found = data[2 + length:], found + 1
        assert found == width, "a tile has %d entries, not %d" % (found, width)


def main(directory):
    origin, size, expected, empty = (directory / "checkpoint").read_text().split("\n")[:4]
    assert empty == "", "the checkpoint has more lines than three"
    hashes = [leaf(entry) for entry in entries(directory, int(size))]
    level, count = 0, int(size)
    while count:
        stored = b"".join(data for _, data in tiles(directory, str(level), count))
        assert stored == b"".join(hashes), "the tiles of level %d are not what the entries come to" % level
        if level == 0:
            assert root(hashes) == base64.b64decode(expected), "the entries do not come to the root"
        hashes = [root(hashes[n:n + 256]) for n in range(0, count - count % 256, 256)]
        level, count = level + 1, count // 256
    print("%s: %s entries come to the root %s" % (origin, size, expected))


if __name__ == "__main__":
    try:
        main(pathlib.Path(sys.argv[1]))
    except (AssertionError, OSError, ValueError, struct.error) as error:
        sys.exit("not proved: %s" % error)
