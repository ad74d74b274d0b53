"""Every block of the documents is run, or compared with what runs, by a test that asks for it by name (tests/integration/examples.py), or stands
below with the reason why no test can; and every such name leads to one block."""
import ast
import sys
from pathlib import Path

top = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(top / "tests/integration"))
from examples import DOCUMENTS, blocks, example  # noqa: E402

# document, first line: why no test runs it.
NOT_RUN = {
    ("CONTRIBUTING.md", "./tests/run "): "these are the commands that run the tests, this one among them",
    ("docs/architecture.md", "browser, curl, CI "): "a drawing",
}

asked, problems = {}, []
for path in sorted((top / "tests").rglob("test_*.py")):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "example":
            try:
                document, beginning = (ast.literal_eval(argument) for argument in node.args)
                asked.setdefault((document, example(document, beginning)), path.name)
            except (AssertionError, ValueError) as why:
                problems.append(f"{path.relative_to(top)}:{node.lineno}: {why}")
for (document, beginning), _ in NOT_RUN.items():
    try:
        text = example(document, beginning)
    except AssertionError as why:
        problems.append(f"NOT_RUN: {why}")
        continue
    if (document, text) in asked:
        problems.append(f"NOT_RUN: {document}, {beginning!r} is run by {asked[document, text]}")
    asked[document, text] = None
for document in DOCUMENTS:
    problems += [f"{document}: no test runs the block that begins with {text.splitlines()[0]!r}" for text in blocks(document) if (document, text) not in asked]
print("\n".join(problems))
sys.exit(1 if problems else 0)
