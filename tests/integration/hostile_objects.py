"""Git objects, references and packs made by hand: everything that git itself refuses to make."""
import hashlib
import os
import struct
import zlib

AUTHOR = b"Mallory <mallory@example.com> 1700000000 +0000"
BLOB, TREE, COMMIT, TAG, OFS_DELTA, REF_DELTA = 3, 2, 1, 4, 6, 7
KINDS = {b"blob": BLOB, b"tree": TREE, b"commit": COMMIT, b"tag": TAG}
ZEROS_PIECE = 1 << 20


def oid(kind, data):
    return hashlib.sha1(b"%s %d\0" % (kind, len(data)) + data).hexdigest()


def tree(*entries):
    """(mode, name, id) each, in the order they are given and not in git's."""
    return b"".join(b"%s %s\0" % (mode, name) + bytes.fromhex(target) for mode, name, target in entries)


def commit(tree_id, *more, author=AUTHOR, message=b"hostile\n"):
    return b"tree %s\n%sauthor %s\ncommitter %s\n\n%s" % (tree_id.encode(), b"".join(line + b"\n" for line in more), author, author, message)


class Repository:
    """A bare repository, written without git."""

    def __init__(self, folder):
        self.folder = folder
        self.references = {}

    def put(self, kind, data, name=None):
        """A loose object; `name`: under an id that is not its own."""
        name = name or oid(kind, data)
        path = self.folder / "objects" / name[:2] / name[2:]
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(zlib.compress(b"%s %d\0" % (kind, len(data)) + data, 1))
        return name

    def blob(self, data):
        return self.put(b"blob", data)

    def tree(self, *entries):
        return self.put(b"tree", tree(*entries))

    def commit(self, tree_id, *more, **options):
        return self.put(b"commit", commit(tree_id, *more, **options))

    def main(self, *entries):
        """The main branch is one commit of these entries."""
        self.reference(b"refs/heads/main", self.commit(self.tree(*entries)))

    def file(self, name, data=b"harmless\n", mode=b"100644"):
        self.main((mode, name, self.blob(data)))

    def reference(self, name, target):
        self.references[name] = target

    def finish(self):
        lines = [b"%s %s\n" % (target.encode(), name) for name, target in sorted(self.references.items())]
        (self.folder / "packed-refs").write_bytes(b"# pack-refs with: peeled fully-peeled sorted \n" + b"".join(lines))

    def serve(self, pack):
        """This pack is the answer to every fetch (hostile_pack_server in the test)."""
        with open(self.folder / "hostile-pack", "wb") as file:
            for piece in [pack] if isinstance(pack, bytes) else pack:
                file.write(piece)


# ---------------------------------------------------------------------------------------------------- packs
def entry(kind, size, payload, base=b"", *, compress=True):
    """One object of a pack. `size` is what the header claims; `base` stands before a delta."""
    head, rest = (kind << 4) | (size & 15), size >> 4
    out = bytearray()
    while rest:
        out.append(head | 0x80)
        head, rest = rest & 0x7F, rest >> 7
    out.append(head)
    return bytes(out) + base + (zlib.compress(payload, 1) if compress else payload)


def whole(kind, data):
    return entry(KINDS[kind], len(data), data)


def number(value):
    out = bytearray()
    while value > 0x7F:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    out.append(value)
    return bytes(out)


def offset(back):
    """How far back an OFS_DELTA's base lies."""
    out = [back & 0x7F]
    back >>= 7
    while back:
        back -= 1
        out.insert(0, 0x80 | (back & 0x7F))
        back >>= 7
    return bytes(out)


def copy(start, length):
    """A delta's order to copy from its base; at most 0xffffff bytes."""
    return bytes([0xFF]) + struct.pack("<I", start) + struct.pack("<I", length)[:3]


def pack(*entries, count=None, version=2, trailer=None):
    body = b"PACK" + struct.pack(">II", version, len(entries) if count is None else count) + b"".join(entries)
    return body + (hashlib.sha1(body).digest() if trailer is None else trailer)


def zeros(size):
    """Pieces of a zlib stream of `size` zeros, a multiple of ZEROS_PIECE: a megabyte takes a kilobyte."""
    squeeze = zlib.compressobj(9)
    first = squeeze.compress(bytes(ZEROS_PIECE)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    later = squeeze.compress(bytes(ZEROS_PIECE)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    checksum = ((size % 65521) << 16 | 1) & 0xFFFFFFFF
    return [first, *[later] * (size // ZEROS_PIECE - 1), b"\x03\x00" + struct.pack(">I", checksum)]


def zeros_oid(size):
    digest, piece = hashlib.sha1(b"blob %d\0" % size), bytes(ZEROS_PIECE)
    for _ in range(size // ZEROS_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def noise(size):
    return os.urandom(size)
