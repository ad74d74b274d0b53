"""The documents hold together: links lead somewhere, settings and error codes that they name exist."""
import re
import sys
from pathlib import Path

top = Path(__file__).resolve().parents[2]
documents = [top / "README.md", top / "CONTRIBUTING.md", top / "CHANGELOG.md", *sorted((top / "docs").glob("*.md")), *sorted((top / "deploy").rglob("*.md"))]
settings = set(re.findall(r'"(ACP_[A-Z_]+)"', (top / "core/base/settings.h").read_text())) | {"ACP_CONFIG_FILE"}
settings |= set(re.findall(r'\{"(ACP_[A-Z_]+)"', (top / "worker/agent_environment.c").read_text()))  # what an agent finds
codes = set(re.findall(r'X\(\w+,\s+"(\w+)",\s+\d+', (top / "core/base/error_catalog.h").read_text()))
# Codes of warnings and of conditions stand in documents like codes of errors.
families = ("token_", "instance_", "repo_", "branch_", "push_", "git_", "session_", "merge_request")
warnings = set(re.findall(r'"((?:token|scopes|account)_\w+)"', (top / "core/service/account_warnings.c").read_text()))
warnings |= {code for source in (top / "worker").glob("*.c") for code in re.findall(r'repository_warn\(\s*\w+,\s*"(\w+)"', source.read_text())}
problems = []


def anchors(path):
    """GitHub's and GitLab's names for the headings of a document."""
    text = re.sub(r"(?ms)^```.*?^```", "", path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in re.findall(r"(?m)^#+ (.+)$", text)}


for document in documents:
    text = document.read_text()
    name = document.relative_to(top)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        to = (document.parent / path).resolve() if path else document
        if not to.exists():
            problems.append(f"{name}: {target} leads nowhere")
        elif anchor and to.suffix == ".md" and anchor not in anchors(to):
            problems.append(f"{name}: {target} has no such heading")
    for setting in set(re.findall(r"\bACP_[A-Z_]*[A-Z]\b", text)):
        if setting not in settings and setting.removesuffix("_FILE") not in settings:
            problems.append(f"{name}: there is no setting {setting}")
    for code in set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text)):
        if code.startswith(families) and code not in codes | warnings:
            problems.append(f"{name}: there is no code {code}")
print("\n".join(problems))
sys.exit(1 if problems else 0)
