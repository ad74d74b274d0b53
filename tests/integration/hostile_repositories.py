"""Hostile repositories at the server, a sentence each, and how a session with one must end."""
from hostile_objects import (BLOB, OFS_DELTA, REF_DELTA, ZEROS_PIECE, commit, copy, entry, noise, number, offset, oid, pack, tree, whole, zeros,
                             zeros_oid)

FILE, PROGRAM, FOLDER, LINK, MODULE = b"100644", b"100755", b"40000", b"120000", b"160000"
ANY = "any"  # a clear end; which one depends on how far git gets
COMPLETED, FAILED = "Completed", "Failed"
ROWS = []
# What a committed configuration or hook would do if anything ran it.
RUN = b"touch executed-by-git; touch ../executed-by-git; touch /tmp/executed-by-git"


def row(name, sentence, end=FAILED):
    def add(make):
        ROWS.append((name, sentence, make, end))
        return make
    return add


def rows(table, end=FAILED):
    """Rows that differ in a value: {name: (sentence, value)}."""
    def add(make):
        for name, (sentence, value) in table.items():
            ROWS.append((name, sentence, lambda repository, value=value: make(repository, value), end))
        return make
    return add


# ---------------------------------------------------------------------------------------------------- bombs
@row("bomb-files", "ten folders in ten folders, seven times over: ten million files of one byte")
def _(r):
    node = r.blob(b"x")
    node = r.tree(*[(FILE, b"f%d" % i, node) for i in range(10)])
    for _ in range(6):
        node = r.tree(*[(FOLDER, b"d%d" % i, node) for i in range(10)])
    r.main(*[(FOLDER, b"d%d" % i, node) for i in range(10)])


@row("bomb-bytes", "one megabyte ten thousand times: ten gigabytes on disk, two objects and a few trees in the pack")
def _(r):
    node = r.tree(*[(FILE, b"f%02d" % i, r.blob(bytes(1 << 20))) for i in range(100)])
    r.main(*[(FOLDER, b"d%02d" % i, node) for i in range(100)])


@row("bomb-depth", "a folder in a folder five thousand times")
def _(r):
    node = r.tree((FILE, b"f", r.blob(b"x")))
    for _ in range(5000):
        node = r.tree((FOLDER, b"d", node))
    r.main((FOLDER, b"d", node))


@row("bomb-wide", "one folder of six hundred thousand names")
def _(r):
    blob = r.blob(b"x")
    r.main(*[(FILE, b"%06d" % i, blob) for i in range(600_000)])


@row("bomb-zip", "a file of five gigabytes of zeros in five megabytes of pack")
def _(r):
    size = 5 << 30
    size -= size % ZEROS_PIECE
    root = tree((FILE, b"zeros", zeros_oid(size)))
    tip = commit(oid(b"tree", root))
    r.reference(b"refs/heads/main", r.put(b"commit", tip))
    header = entry(BLOB, size, b"", compress=False)
    r.serve(pack(whole(b"commit", tip), whole(b"tree", root), header + b"".join(zeros(size))))


def packed(r, blob, *entries, **options):
    """main's one file is `blob`, and the pack is what is said here."""
    root = tree((FILE, b"file", oid(b"blob", blob) if isinstance(blob, bytes) else blob))
    tip = commit(oid(b"tree", root))
    r.reference(b"refs/heads/main", r.put(b"commit", tip))
    r.serve(pack(whole(b"commit", tip), whole(b"tree", root), *entries, **options))


@row("bomb-delta", "a delta of two hundred bytes that copies its base into a file of three gigabytes")
def _(r):
    base = bytes(0xFFFFFF)
    delta = number(len(base)) + number(200 * len(base)) + copy(0, len(base)) * 200
    first = whole(b"blob", base)
    packed(r, "1" * 40, first, entry(OFS_DELTA, len(delta), delta, offset(len(first))))


@row("delta-claims-a-terabyte", "a delta that announces a result of 2^40 bytes")
def _(r):
    delta = number(4) + number(1 << 40) + copy(0, 4)
    first = whole(b"blob", b"base")
    packed(r, "1" * 40, first, entry(OFS_DELTA, len(delta), delta, offset(len(first))))


@row("delta-chain", "twenty thousand deltas one upon the other", ANY)
def _(r):
    entries, data, back = [whole(b"blob", b"0" * 64)], b"0" * 64, None
    for i in range(20_000):
        text = b"%08d" % i
        delta = number(64) + number(64) + bytes([8]) + text + copy(0, 56)
        back = len(entries[-1])
        entries.append(entry(OFS_DELTA, len(delta), delta, offset(back)))
        data = text + data[:56]
    packed(r, data, *entries)


# ---------------------------------------------------------------------------------------------------- packs that lie
@rows({
    "pack-truncated": ("a pack that ends in the middle", lambda text: text[:len(text) // 2]),
    "pack-trailer": ("a pack with another's checksum", lambda text: text[:-20] + bytes(20)),
    "pack-garbage": ("no pack at all", lambda text: b"<html>" + noise(4096)),
    "pack-empty": ("not a byte", lambda text: b""),
    "pack-count": ("a pack that announces 2^32 - 1 objects", lambda text: text[:8] + b"\xff\xff\xff\xff" + text[12:]),
    "pack-count-eleven-million": ("a pack that announces more objects than are taken", lambda text: text[:8] + (11_000_000).to_bytes(4, "big") + text[12:]),
    "pack-version": ("a pack of a version that does not exist", lambda text: text[:4] + b"\0\0\0\x09" + text[8:]),
    "pack-flipped": ("a pack in which one bit is wrong", lambda text: text[:40] + bytes([text[40] ^ 4]) + text[41:]),
})
def _(r, spoil):
    root = tree((FILE, b"file", oid(b"blob", b"x")))
    tip = commit(oid(b"tree", root))
    r.reference(b"refs/heads/main", r.put(b"commit", tip))
    r.serve(spoil(pack(whole(b"commit", tip), whole(b"tree", root), whole(b"blob", b"x"))))


@rows({
    "object-kind-0": ("an object of kind 0", entry(0, 4, b"data")),
    "object-kind-5": ("an object of kind 5, which is reserved", entry(5, 4, b"data")),
    "object-too-long": ("an object that is longer than it says", entry(BLOB, 4, b"more than four")),
    "object-too-short": ("an object that is shorter than it says", entry(BLOB, 1 << 20, b"data")),
    "object-claims-exabytes": ("an object that announces 2^62 bytes", entry(BLOB, 1 << 62, b"data")),
    "object-not-zlib": ("an object that is not compressed", entry(BLOB, 64, b"plain text" * 7, compress=False)),
    "delta-without-base": ("a delta upon an object that nobody has", entry(REF_DELTA, 6, number(4) + number(4) + copy(0, 4)[:4], bytes([0xAB] * 20))),
    "delta-before-the-pack": ("a delta whose base lies before the beginning", entry(OFS_DELTA, 10, number(4) + number(4) + copy(0, 4), offset(1 << 40))),
    "delta-upon-itself": ("a delta that is its own base", entry(OFS_DELTA, 10, number(4) + number(4) + copy(0, 4), b"\0")),
    "missing-object": ("a file that is not in the pack", whole(b"blob", b"another")),
})
def _(r, what):
    packed(r, b"wanted", what)


@row("delta-beyond-its-base", "a delta that copies what lies behind its base")
def _(r):
    delta = number(4) + number(0xFFFF) + copy(1 << 31, 0xFFFF)
    first = whole(b"blob", b"base")
    packed(r, "1" * 40, first, entry(OFS_DELTA, len(delta), delta, offset(len(first))))


@row("wrong-id", "an object under an id that is not its own")
def _(r):
    name = oid(b"blob", b"what was asked for")
    r.put(b"blob", b"what was put there", name)
    r.main((FILE, b"file", name))


# ---------------------------------------------------------------------------------------------------- names
CONFIG = b"[core]\n\tfsmonitor = \"%s\"\n\thooksPath = hooks\n\tsshCommand = \"%s\"\n[alias]\n\tstatus = \"!%s\"\n" % (RUN, RUN, RUN)
HOOKS = (b"post-checkout", b"post-commit", b"post-index-change", b"pre-commit", b"pre-push", b"reference-transaction")


def git_folder(r):
    """What a .git folder holds when it is somebody else's."""
    hook = r.blob(b"#!/bin/sh\n" + RUN + b"\n")
    return r.tree((FILE, b"HEAD", r.blob(b"ref: refs/heads/main\n")), (FILE, b"config", r.blob(CONFIG)),
                  (FOLDER, b"hooks", r.tree(*[(PROGRAM, name, hook) for name in HOOKS])))


@rows({
    "dot-git": ("a folder named .git", b".git"),
    "dot-git-upper": ("the same on a disk that does not tell cases apart", b".GIT"),
    "dot-git-mixed": ("and half of it", b".gIt"),
    "dot-git-short": ("its short name on FAT", b"git~1"),
    "dot-git-short-upper": ("its short name in capitals", b"GIT~1"),
    "dot-git-blank": ("with a blank, which Windows drops", b".git "),
    "dot-git-dot": ("with a dot, which Windows drops, too", b".git."),
    "dot-git-dots": ("with many of both", b".git . . ..."),
    "dot-git-joiner": ("with a character that macOS ignores", ".g\u200cit".encode()),
    "dot-git-joiners": ("with several of these", "\u200e.\u202agi\u206at\ufeff".encode()),
    "dot-git-stream": ("by the name of its NTFS stream", b".git::$INDEX_ALLOCATION"),
    "dot-git-stream-short": ("by the stream of the short name", b"git~1:$I30:$INDEX_ALLOCATION"),
    "dot-git-backslash": ("with a backslash, which separates folders elsewhere", b".git\\"),
    "dot-git-below": ("a hook by a single name with backslashes", b".git\\hooks\\post-checkout"),
    "slash": ("a name that holds a slash", b"a/b"),
    "slash-up": ("a name that leads out", b"../../escaped"),
    "slash-absolute": ("a name that begins at the root", b"/tmp/escaped"),
    "slash-git": ("a name that leads into .git", b".git/hooks"),
    "dot": ("a folder that is itself", b"."),
    "dot-dot": ("a folder that is its parent", b".."),
    "empty-name": ("a folder without a name", b""),
    "huge-name": ("a name of a hundred thousand bytes", b"n" * 100_000),
}, ANY)
def _(r, name):
    r.main((FOLDER, name, git_folder(r)), (FILE, b"file", r.blob(b"x")))


@rows({
    "backslash-up": ("backslashes that lead out elsewhere", b"..\\..\\escaped"),
    "control": ("a name that would clear a terminal", b"\x1b[2J\x1b]0;owned\x07"),
    "newline": ("a name of several lines", b"a\nERROR everything is lost\r\nb"),
    "not-utf-8": ("a name that is no text", b"\xff\xfe\x80caf\xe9"),
    "long-name": ("the longest name there is", b"n" * 255),
    "too-long-name": ("a name that no disk takes", b"n" * 256),
    "option": ("a name that looks like an option", b"--upload-pack=touch executed-by-git"),
    "option-force": ("another one", b"-rf"),
    "glob": ("a name that matches others", b"*"),
    "device": ("a device of another system", b"CON"),
    "drive": ("a drive of another system", b"C:"),
    "right-to-left": ("a name that reads the other way round", "gpj.\u202eexe".encode()),
    "gitmodules-folder": ("a file where git looks for lists of ids", b".mailmap"),
}, ANY)
def _(r, name):
    r.file(name)


# ---------------------------------------------------------------------------------------------------- entries
@row("duplicate", "two files of one name", ANY)
def _(r):
    r.main((FILE, b"same", r.blob(b"1")), (FILE, b"same", r.blob(b"2")))


@row("duplicate-folder", "a file and a folder of one name", ANY)
def _(r):
    r.main((FILE, b"same", r.blob(b"1")), (FOLDER, b"same", r.tree((FILE, b"in", r.blob(b"2")))))


@row("unsorted", "names in the wrong order", ANY)
def _(r):
    r.main(*[(FILE, name, r.blob(name)) for name in (b"z", b"a", b"m", b"a0")])


@row("cases", "names that are one on other disks", ANY)
def _(r):
    r.main((FILE, b"README", r.blob(b"1")), (FOLDER, b"Readme", r.tree((FILE, b"x", r.blob(b"2")))), (FILE, b"readme", r.blob(b"3")))


@row("modes-open", "modes that let everybody write and run", ANY)
def _(r):
    r.main(*[(mode, b"mode-" + mode, r.blob(b"x")) for mode in (b"100664", b"100666", b"100777")])


@row("modes", "modes of other users' programs and of nothing at all", ANY)
def _(r):
    blob = r.blob(b"#!/bin/sh\n" + RUN)
    r.main(*[(mode, b"mode-" + mode, blob) for mode in (b"0", b"010644", b"020666", b"060666", b"100777", b"101777", b"102755", b"104755", b"106777", b"140777")])


@row("kinds-swapped", "a file where a folder is promised", ANY)
def _(r):
    r.main((FOLDER, b"folder", r.blob(b"not a tree")), (FILE, b"file", r.tree((FILE, b"x", r.blob(b"x")))))


@row("tree-garbage", "a folder that is noise", ANY)
def _(r):
    r.reference(b"refs/heads/main", r.commit(r.put(b"tree", noise(3000))))


@row("tree-cut", "a folder that ends within a name", ANY)
def _(r):
    r.reference(b"refs/heads/main", r.commit(r.put(b"tree", b"100644 file-without-an-end")))


# ---------------------------------------------------------------------------------------------------- links
@rows({
    "link-passwd": ("a link to the machine's users", b"/etc/passwd"),
    "link-credential": ("a link to the session's own credential", b"../+home/.gitconfig"),
    "link-process": ("a link to the worker's memory", b"/proc/self/mem"),
    "link-up": ("a link out of the workspace", b"../../../../../../../../etc"),
    "link-itself": ("a link to itself", b"link"),
    "link-long": ("a link to nowhere, in a hundred thousand bytes", b"x/" * 50_000),
    "link-with-nul": ("a link with a byte of zero", b"/etc\0/harmless"),
}, ANY)
def _(r, target):
    r.main((LINK, b"link", r.blob(target)))


@row("link-through", "a link to /tmp and a file written through it", ANY)
def _(r):
    r.main((LINK, b"a", r.blob(b"/tmp")), (FOLDER, b"a", r.tree((FILE, b"escaped", r.blob(b"x")))))


@row("link-through-case", "the same for disks that do not tell cases apart", ANY)
def _(r):
    r.main((FOLDER, b"A", r.tree((FILE, b"escaped", r.blob(b"x")))), (LINK, b"a", r.blob(b"/tmp")))


@row("link-git-files", "git's own files as links", ANY)
def _(r):
    r.main(*[(LINK, name, r.blob(b"/etc/passwd")) for name in (b".gitattributes", b".gitignore", b".gitmodules", b".mailmap")])


@row("link-git", "a link named .git", ANY)
def _(r):
    r.main((LINK, b".git", r.blob(b"/tmp")))


# ---------------------------------------------------------------------------------------------------- what git would run
@rows({
    "module-ssh": ("a submodule behind ssh", b"ssh://-oProxyCommand=touch%20executed-by-git/x"),
    "module-ext": ("a submodule that is a command", b"ext::sh -c touch% executed-by-git"),
    "module-file": ("a submodule of this machine", b"file:///etc"),
    "module-option": ("a submodule whose address is an option", b"--upload-pack=touch executed-by-git"),
    "module-lines": ("a submodule whose address has two lines", b"\"https://example.org/\\n.git\""),
}, ANY)
def _(r, url):
    r.main((FILE, b".gitmodules", r.blob(b"[submodule \"m\"]\n\tpath = m\n\turl = %s\n\tupdate = !touch executed-by-git\n" % url)),
           (MODULE, b"m", "2" * 40))


@row("module-ordinary", "a submodule as everybody has them: it stays empty", COMPLETED)
def _(r):
    r.main((FILE, b".gitmodules", r.blob(b"[submodule \"m\"]\n\tpath = m\n\turl = https://example.org/m.git\n")), (FILE, b"file", r.blob(b"x")), (MODULE, b"m", "2" * 40))


@row("module-path", "a submodule whose folder lies outside", ANY)
def _(r):
    r.main((FILE, b".gitmodules", r.blob(b"[submodule \"../../../escaped\"]\n\tpath = ../escaped\n\turl = https://example.org/x.git\n")), (MODULE, b"m", "2" * 40))


@row("module-git", "a submodule in the place of .git", ANY)
def _(r):
    r.main((MODULE, b".git", "2" * 40), (FILE, b"x", r.blob(b"x")))


@row("attributes", "filters, merge drivers and substitutions for every file", COMPLETED)
def _(r):
    r.main((FILE, b".gitattributes", r.blob(b"* filter=evil merge=evil diff=evil export-subst ident working-tree-encoding=UTF-16\n"
                                            b"* filter=lfs\n[attr]x filter=\n")), (FILE, b".gitconfig", r.blob(CONFIG)), (FILE, b"f", r.blob(b"$Id$ $Format:%H$\n")))


@row("attributes-huge", "a line of thirty megabytes in .gitattributes", ANY)
def _(r):
    r.main((FILE, b".gitattributes", r.blob(b"*" + b" a=b" * 7_500_000)))


@row("hooks", "hooks, a configuration and a whole bare repository among the files", COMPLETED)
def _(r):
    r.main((FILE, b"HEAD", r.blob(b"ref: refs/heads/main\n")), (FOLDER, b"bare", git_folder(r)), (FILE, b"config", r.blob(CONFIG)),
           (FOLDER, b"hooks", r.tree(*[(PROGRAM, name, r.blob(b"#!/bin/sh\n" + RUN)) for name in HOOKS])), (FOLDER, b"objects", r.tree((FILE, b"x", r.blob(b"")))),
           (FOLDER, b"refs", r.tree((FILE, b"x", r.blob(b"")))))


# ---------------------------------------------------------------------------------------------------- commits and references
@rows({
    "encoding": ("a commit in an encoding that does not exist", (b"encoding \x1b[31mUTF-999", )),
    "many-headers": ("a commit with a header of eight megabytes", (b"gpgsig " + b"x" * (8 << 20), )),
    "header-nul": ("a byte of zero among the headers", (b"mergetag a\0b", )),
    "parents": ("three thousand parents that nobody has", tuple(b"parent %040x" % (i + 1) for i in range(3_000))),
}, ANY)
def _(r, more):
    r.reference(b"refs/heads/main", r.commit(r.tree((FILE, b"x", r.blob(b"x"))), *more))


@rows({
    "date-far": ("a commit of the year 300 billion", b"A <a@b> 9223372036854775807 +0000"),
    "date-overflow": ("a date that is too large for any number", b"A <a@b> 99999999999999999999999999 +9999"),
    "date-negative": ("a date before all dates", b"A <a@b> -1 -9999"),
    "author-lines": ("an author whose name would forge a header", b"A <a@b> 1 +0000\nparent 1111111111111111111111111111111111111111"),
    "author-escape": ("an author whose name would clear a terminal", b"\x1b[2J <\x07> 1 +0000"),
    "author-none": ("a commit of nobody", b""),
}, ANY)
def _(r, author):
    r.reference(b"refs/heads/main", r.commit(r.tree((FILE, b"x", r.blob(b"x"))), author=author))


@row("commit-garbage", "a commit that is noise", ANY)
def _(r):
    r.reference(b"refs/heads/main", r.put(b"commit", noise(300)))


@row("branch-is-a-tree", "a branch that leads to a folder", ANY)
def _(r):
    r.reference(b"refs/heads/main", r.tree((FILE, b"x", r.blob(b"x"))))


@row("branch-is-a-blob", "a branch that leads to a file", ANY)
def _(r):
    r.reference(b"refs/heads/main", r.blob(b"x"))


@row("branch-is-a-tag", "a branch that leads to a tag", ANY)
def _(r):
    target = r.commit(r.tree((FILE, b"x", r.blob(b"x"))))
    r.reference(b"refs/heads/main", r.put(b"tag", b"object %s\ntype commit\ntag \x1b[2J\ntagger A <a@b> 1 +0000\n\nx\n" % target.encode()))


@row("branch-is-missing", "a branch that leads to nothing", ANY)
def _(r):
    r.reference(b"refs/heads/main", "3" * 40)


@row("odd-references", "references that look like paths, options and revisions", ANY)
def _(r):
    r.file(b"file")
    for name in (b"HEAD", b"-x", b"../../escaped", b"a..b", b"@{-1}", b"a b", b"x.lock", b"--upload-pack=touch", "caf\u00e9".encode()):
        r.references.setdefault(b"refs/heads/" + name, r.references[b"refs/heads/main"])


@row("many-branches", "a hundred thousand branches", COMPLETED)
def _(r):
    r.file(b"file")
    for i in range(100_000):
        r.reference(b"refs/heads/topic/%06d" % i, r.references[b"refs/heads/main"])
