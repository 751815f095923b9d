"""The column directory of a chunk file, as src/segment/FORMAT.md says (versions 1 and 2): how many bytes each column takes, and for what."""

STRING = 2
TIME, LONG, FLOAT, DOUBLE = 1, 3, 4, 5
HEADER, TRAILER = 64, 32
BLOCK_ROWS = 4096


class Cursor:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def skip(self, n):
        self.at += n

    def varint(self):
        value = shift = 0
        while True:
            b = self.byte()
            value |= (b & 127) << shift
            if b < 128:
                return value
            shift += 7


def entry(c, blocks):
    """One column: its name and the bytes of dictionary, blocks (with their index) and bitmaps."""
    n = c.varint()
    name = bytes(c.data[c.at:c.at + n]).decode()
    c.skip(n + 1)
    kind, role, _, flags, _ = (c.byte() for _ in range(5))
    floating = kind in (FLOAT, DOUBLE)
    c.varint()
    if flags & 8:
        c.skip(16) if floating else (c.varint(), c.varint())
    if flags & 16:
        c.skip(8) if floating else c.varint()
    column = {"name": name, "role": role, "blocks": c.varint(), "dictionary": 0, "bitmaps": 0}
    if blocks > 1:
        column["blocks"] += 32 * blocks + 4
    if kind == STRING:
        c.varint()
        c.varint()
        column["dictionary"] = c.varint()
    if flags & 4:
        c.varint()
        column["bitmaps"] = c.varint()
    return column


def columns(size, read):
    """The columns of a chunk file of that size; read(offset, length) gives bytes of it."""
    header = read(0, HEADER)
    trailer = read(size - TRAILER, TRAILER)
    if header[:8] != b"\x89SICHK\r\n" or trailer[28:] != b"SIND" or header[8] not in (1, 2):
        raise SystemExit("size: this is no chunk file of version 1 or 2")
    rows = int.from_bytes(header[48:52], "little")
    footer = read(int.from_bytes(trailer[0:8], "little"), int.from_bytes(trailer[8:12], "little"))
    c = Cursor(footer)
    found = [entry(c, (rows + BLOCK_ROWS - 1) // BLOCK_ROWS) for _ in range(int.from_bytes(header[12:16], "little"))]
    inside = sum(f["blocks"] + f["dictionary"] + f["bitmaps"] for f in found)
    if c.at != len(footer) or HEADER + inside + len(footer) + TRAILER != size:
        raise SystemExit("size: the lengths in a chunk file do not add up to its size")
    return found
