"""The examples of the documents: every block of commands, settings, JSON or output, by its first line, for tests that run it as it stands.

    example("docs/tokens.md", "acp-gitlab test --instance")

tests/static/examples.py reads these calls: a block that no test asks for fails there, and so does a call whose block is gone.
"""
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "deploy/README.md", *sorted(str(path.relative_to(TOP)) for path in (TOP / "docs").glob("*.md")))


def blocks(document):
    """The texts of a document's blocks in their order: fenced ones, and those that are indented after an empty line."""
    found, lines = [], (TOP / document).read_text().splitlines() + [""]
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.startswith("```"):
            end = lines.index("```", number + 1)
            found.append("\n".join(lines[number + 1:end]))
            number = end + 1
        elif line.startswith("    ") and not lines[number - 1].strip():
            indent, end = len(line) - len(line.lstrip()), number
            # An empty line within belongs to the block; one behind it does not.
            while lines[end].startswith(" " * indent) or (not lines[end].strip() and end + 1 < len(lines) and lines[end + 1].startswith(" " * indent)):
                end += 1
            found.append("\n".join(each[indent:] for each in lines[number:end]))
            number = end
        else:
            number += 1
    return found


def example(document, beginning):
    """The one block whose first line is `beginning`, or else begins so."""
    every = blocks(document)
    found = [text for text in every if text.split("\n")[0] == beginning] or [text for text in every if text.startswith(beginning)]
    if len(found) != 1:
        raise AssertionError(f"{document}: {len(found)} blocks begin with {beginning!r}")
    return found[0]


def pattern(expected):
    """What a document shows, as a regular expression: … stands for what changes from run to run."""
    return re.compile(".*".join(re.escape(part) for part in expected.strip().split("…")), re.S)


def shape(value):
    """The names of the members of an answer at every depth, without their values: what an example in JSON promises."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None
