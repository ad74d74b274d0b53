"""What the sample repositories hold: `git fast-import` streams, always with the same commits."""

import random

FIRST_COMMIT = 1_767_261_600  # 2026-01-01 10:00 UTC
AUTHOR = "Mary Major <mary@example.com>"
LARGE = 6 << 20
# A commit of some other repository: what a submodule names.
ELSEWHERE = "2f9d0c6f4b1a8e7d5c3b2a190817263544536271"

# Files of the template `browse`: name -> content, or (git's mode, content).
BROWSE = {
    "docs/guide.md": "# Guide\n\nRead this first.\n",
    "docs/deep/er/note.txt": "At the bottom.\n",
    "with space/a file.txt": "Blanks in both names.\n",
    "odd/100%.txt": "A percent sign.\n",
    "odd/#1 & more?.txt": "Characters that a URL gives a meaning to.\n",
    "odd/a+b=c;d.txt": "More of them.\n",
    "odd/ümlaut.txt": "Grüße\n",
    "empty.txt": "",
    "binary.dat": bytes(range(256)) * 4,
    "latin1.txt": "Grüße\n".encode("latin-1"),
    "run.sh": ("100755", "#!/bin/sh\necho hello\n"),
    "link": ("120000", "docs/guide.md"),
    "outside": ("120000", "../elsewhere"),
    "large.bin": b"0123456789abcde\n" * (LARGE // 16),
    ".gitmodules": '[submodule "vendor/module"]\n\tpath = vendor/module\n\turl = ../module.git\n',
    "vendor/module": ("160000", ELSEWHERE),
    ".github/workflows/ci.yml": "on: push\njobs: {}\n",
}
ODD_BRANCHES = ("feature/a", "feature/a&b", "fix#1", "100%", "ümlaut")


class FastImport:
    """The text of a fast-import stream; commits are a minute apart, from a fixed start."""

    def __init__(self):
        self.parts = []
        self.clock = FIRST_COMMIT

    def commit(self, branch, message, files, start=None):
        self.clock += 60
        text = message.encode()
        head = f"commit refs/heads/{branch}\nauthor {AUTHOR} {self.clock} +0000\ncommitter {AUTHOR} {self.clock} +0000\n"
        self.parts.append(head.encode() + b"data %d\n%b\n" % (len(text), text))
        if start:
            self.parts.append(f"from refs/heads/{start}\n".encode())
        for name, content in files.items():
            self._file(name, *(content if isinstance(content, tuple) else ("100644", content)))

    def _file(self, name, mode, content):
        data = content if isinstance(content, bytes) else content.encode()
        if mode == "160000":
            self.parts.append(f"M 160000 {content} {name}\n".encode())
        else:
            self.parts.append(f"M {mode} inline {name}\n".encode() + b"data %d\n%b\n" % (len(data), data))

    def branch(self, name, start):
        self.parts.append(f"reset refs/heads/{name}\nfrom refs/heads/{start}\n\n".encode())

    def tag(self, name, start, message=None):
        """With a message an annotated tag, without one a light one."""
        if message is None:
            self.parts.append(f"reset refs/tags/{name}\nfrom refs/heads/{start}\n\n".encode())
            return
        head = f"tag {name}\nfrom refs/heads/{start}\ntagger {AUTHOR} {self.clock} +0000\n"
        self.parts.append(head.encode() + b"data %d\n%b\n" % (len(message), message.encode()))

    def bytes(self):
        return b"".join(self.parts)


def _hello(stream, main, title):
    stream.commit(
        main,
        "Say hello\n\nThe program is as small as a program can be.",
        {
            "src/hello.c": '#include <stdio.h>\n\nint main(void)\n{\n\tputs("Hello");\n\treturn 0;\n}\n',
            "Makefile": "hello: src/hello.c\n\t$(CC) -Wall -o $@ $<\n",
        },
    )
    stream.commit(
        main, "Explain how to build", {"README.md": f"# {title}\n\nA small program to try things on.\n\n    make && ./hello\n"}
    )
    stream.commit("docs/guide", "Begin a guide", {"docs/guide.md": "# Guide\n"}, start=main)


def _browse(stream, main, size):
    """Every kind of entry, odd names, tags, and more branches than fit on a page."""
    stream.tag("v1.0", main, "The first release")
    stream.commit(main, "Fill the folders", BROWSE)
    stream.tag("release/v2.0", main)
    for name in (*ODD_BRANCHES, *(f"topic/{number:04d}" for number in range(size))):
        stream.branch(name, main)


def fill(project):
    """The fast-import stream of the project's template; empty for an empty repository."""
    stream, main = FastImport(), project.default_branch
    title = project.path.rpartition("/")[2]
    kind, _, size = project.template.partition(":")
    if kind == "empty":
        return b""
    stream.commit(main, "Initial commit", {"README.md": f"# {title}\n"})
    if kind == "hello":
        _hello(stream, main, title)
    else:
        stream.commit(main, "Add a source file", {"src/main.txt": f"{project.path}\n"})
        stream.branch("develop", main)
    if kind == "releases":
        stream.commit("release/1.0", "Prepare 1.0", {"VERSION": "1.0\n"}, start=main)
    elif kind == "branches":
        for number in range(int(size)):
            stream.branch(f"topic/{number:04d}", main)
    elif kind == "browse":
        _browse(stream, main, int(size or 0))
    elif kind == "lfs":
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a2146' * 8}\nsize 12345\n"
        stream.commit(main, "Add a picture", {".gitattributes": "*.png filter=lfs diff=lfs merge=lfs -text\n", "logo.png": pointer})
    elif kind == "big":
        noise = random.Random(7)
        for number in range(int(size)):
            stream.commit(main, f"Add part {number}", {f"data/{number:04d}.bin": noise.randbytes(1 << 20)})
    return stream.bytes()
