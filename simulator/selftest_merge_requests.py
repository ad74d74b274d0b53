"""The part of the self test that opens merge requests and pull requests: what is taken, refused, found again, and breaks a rule."""

import json

from selftest_support import GitHub

PROJECT = "/projects/group%2Fsub%2Fapi"
JSON = {"Content-Type": "application/json"}


def merge_request_checks(checks, simulator):
    gitlab_checks(checks, simulator)
    gitlab_refusal_checks(checks, simulator)
    gitlab_strictness_checks(checks, simulator)
    github = GitHub(simulator)
    github.control("POST", "/github/repositories", {"path": "octo/pulls"})
    github_checks(checks, github)
    github_refusal_checks(checks, github)
    label_checks(checks, github)
    github_strictness_checks(checks, github)


def branch(server, project, name):
    """Someone's branch with one commit of its own."""
    return server.control("POST", "/commit", {"project": project, "branch": name, "files": {f"{name}.txt": name}})["commit"]


# ---------------------------------------------------------------------------------------------------------- GitLab


def wish(source="one", **more):
    return {"source_branch": source, "target_branch": "main", "title": "Add one"} | more


def post(simulator, fields, token="good", project=PROJECT):
    return simulator.api(f"{project}/merge_requests", token, method="POST", body=json.dumps(fields), headers=JSON)


def found(simulator, question="", token="good"):
    return [one["iid"] for one in simulator.api(f"{PROJECT}/merge_requests{question}", token)[2]]


def gitlab_checks(checks, simulator):
    for name in ("one", "two", "three", "form"):
        branch(simulator, "group/sub/api", name)
    status, _, opened = post(simulator, wish(description="It adds one.", labels="ambient, needs review"))
    shown = {name: opened.get(name) for name in ("iid", "state", "title", "description", "source_branch", "target_branch", "draft")}
    wanted = wish(description="It adds one.", iid=1, state="opened", draft=False)
    checks.equal("a merge request is opened", (status, shown), (201, wanted))
    checks.equal("labels are split at their commas", opened["labels"], ["ambient", "needs review"])
    address = f"https://127.0.0.1:{simulator.url.port}/group/sub/api/-/merge_requests/1"
    checks.equal("its page is on the instance", opened["web_url"], address)
    checks.check("it is its author's", opened["author"]["username"] == "john", opened)
    for title, draft in (("Draft: Two", True), ("[draft] Three", True), ("Undrafted", False)):
        source = {"Draft: Two": "two", "[draft] Three": "three"}.get(title, "form")
        seen = post(simulator, wish(source, title=title))
        checks.equal(f"'{title}' is {'' if draft else 'no '}draft", (seen[0], seen[2].get("draft")), (201, draft))

    rows = [
        ("?source_branch=one", [1]),
        ("?source_branch=one&target_branch=main&state=opened", [1]),
        ("?source_branch=one&target_branch=other", []),
        ("?source_branch=none", []),
        ("?per_page=2", [4, 3]),
        ("?per_page=2&page=2", [2, 1]),
    ]
    for question, numbers in rows:
        checks.equal(f"merge requests{question}", found(simulator, question), numbers)
    order = {"project": "group/sub/api", "number": 1, "state": "closed"}
    checks.equal("one can be closed in passing", simulator.control("POST", "/merge_requests", order)["state"], "closed")
    checks.equal("a closed one is not among the open", found(simulator, "?source_branch=one&state=opened"), [])
    checks.equal("but among all", found(simulator, "?source_branch=one&state=all"), [1])
    checks.equal("the branch can have another then", post(simulator, wish())[2].get("iid"), 5)
    listed = simulator.control("GET", "/merge_requests?project=group/sub/api")
    checks.equal("the control API lists them all", [one["iid"] for one in listed], [1, 2, 3, 4, 5])
    checks.equal("none of this broke a rule", simulator.violations(), [])


def gitlab_refusal_checks(checks, simulator):
    simulator.control("POST", "/projects", {"path": "merge/none", "mergeRequests": "disabled"})
    no_source, no_target = ({"message": [f'{side} branch "gone" does not exist']} for side in ("Source", "Target"))
    exists = {"message": ["Another open merge request already exists for this source branch: !5"]}
    rows = [
        ("a second open one", wish(), "good", PROJECT, 409, exists),
        ("a branch into itself", wish(target_branch="one"), "good", PROJECT, 422, "can't use same project/branch"),
        ("a missing source", wish("gone"), "good", PROJECT, 422, no_source),
        ("a missing target", wish(target_branch="gone"), "good", PROJECT, 422, no_target),
        ("no title", {"source_branch": "one", "target_branch": "main"}, "good", PROJECT, 400, {"error": "title is missing"}),
        ("an empty title", wish(title=""), "good", PROJECT, 400, {"error": "title is empty"}),
        ("a long title", wish(title="x" * 256), "good", PROJECT, 400, "is too long (maximum is 255 characters)"),
        ("merge requests switched off", wish(), "good", "/projects/merge%2Fnone", 403, {"message": "403 Forbidden"}),
        ("a reporter's", wish(), "good", "/projects/roles%2Freporter", 403, {"message": "403 Forbidden"}),
        ("an archived project's", wish(), "good", "/projects/demo%2Farchived", 403, {"message": "403 Forbidden"}),
        ("a hidden project's", wish(), "good", "/projects/secret%2Fhidden", 404, {"message": "404 Project Not Found"}),
        ("a token that can only read", wish(), "readOnly", PROJECT, 403, '"scope": "api"'),
        ("a token that can only push", wish(), "leastPrivilege", PROJECT, 403, '"scope": "api"'),
        ("a fine-grained token without it", wish(), "granular", PROJECT, 403, "[create_merge_request]"),
        ("an old path", wish(), "good", "/projects/demo%2Fold-name", 405, "Non GET methods are not allowed for moved projects"),
    ]
    for sentence, fields, token, project, status, answer in rows:
        seen = post(simulator, fields, token, project)
        fits = answer in json.dumps(seen[2]) if isinstance(answer, str) else seen[2] == answer
        checks.check(f"{sentence} opens no merge request: {status}", seen[0] == status and fits, seen)
    checks.equal("reading needs no more than read_api", found(simulator, "?source_branch=one&state=opened", "readOnly"), [5])
    checks.equal("none was opened meanwhile", found(simulator, "?state=all"), [5, 4, 3, 2, 1])
    checks.equal("none of this broke a rule", simulator.violations(), [])


def gitlab_strictness_checks(checks, simulator):
    def violated(sentence, rules, call):
        seen = call()
        checks.equal(f"{sentence} is a violation", simulator.violations(), rules)
        return seen

    body = json.dumps(wish())
    violated("a member that GitLab has not", ["unknown_parameter"], lambda: post(simulator, wish(draft=True)))
    raw = "/projects/group/sub/api/merge_requests"
    violated("a raw slash in the project", ["unknown_path"], lambda: simulator.api(raw, method="POST", body=body, headers=JSON))
    seen = violated("another method", ["unknown_path"], lambda: simulator.api(f"{PROJECT}/merge_requests", method="PUT", body=body))
    checks.equal("and answered so", seen[0], 405)
    anonymous = {"token": None, "method": "POST", "body": body}
    seen = violated("no credential", ["no_credential"], lambda: simulator.call(f"/api/v4{PROJECT}/merge_requests", **anonymous))
    checks.equal("and opens nothing", seen[0], 401)


# ---------------------------------------------------------------------------------------------------------- GitHub


def ask(head="one", **more):
    return {"head": head, "base": "main", "title": "Add one", "body": "It adds one."} | more


def open_pull(github, fields, token="classic", repository="octo/pulls"):
    return github.api(f"/repos/{repository}/pulls", token, method="POST", body=json.dumps(fields))


def numbers(github, question=""):
    return [one["number"] for one in github.api(f"/repos/octo/pulls/pulls{question}")[2]]


def github_checks(checks, github):
    head = branch(github.simulator, "github:octo/pulls", "one")
    for name in ("two", "three"):
        branch(github.simulator, "github:octo/pulls", name)
    status, _, opened = open_pull(github, ask(draft=True))
    shown = (status, opened.get("number"), opened.get("state"), opened.get("title"), opened.get("body"), opened.get("draft"))
    checks.equal("GitHub: a pull request is opened", shown, (201, 1, "open", "Add one", "It adds one.", True))
    checks.equal("GitHub: its head is the branch's commit", (opened["head"]["label"], opened["head"]["sha"]), ("octo:one", head))
    checks.equal("GitHub: its page is on the server", opened["html_url"], f"{github.base}/octo/pulls/pull/1")
    seen = open_pull(github, ask("octo:two"), "finePulls")
    checks.equal("GitHub: with a fine-grained token that may", (seen[0], seen[2].get("number")), (201, 2))
    rows = [
        ("", [2, 1]),
        ("?head=octo:one&base=main", [1]),
        ("?head=octo%3Aone&base=other", []),
        ("?head=hubber:one", []),
        ("?state=closed", []),
        ("?per_page=1&page=2", [1]),
    ]
    for question, wanted in rows:
        checks.equal(f"GitHub: pull requests{question}", numbers(github, question), wanted)
    github.control("POST", "/merge_requests", {"project": "github:octo/pulls", "number": 1, "state": "closed"})
    checks.equal("GitHub: a closed one is found as such", (numbers(github), numbers(github, "?state=closed")), ([2], [1]))
    checks.equal("GitHub: the branch can have another then", open_pull(github, ask())[2].get("number"), 3)
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])


def github_refusal_checks(checks, github):
    invalid = '"code": "invalid"'
    by_contents = "Resource not accessible by personal access token"
    rows = [
        ("a second open one", ask(), "classic", "octo/pulls", 422, "A pull request already exists for octo:one."),
        ("a missing head", ask("gone"), "classic", "octo/pulls", 422, invalid),
        ("a missing base", ask("three", base="gone"), "classic", "octo/pulls", 422, invalid),
        ("no title", {"head": "three", "base": "main"}, "classic", "octo/pulls", 422, '"code": "missing_field"'),
        ("a long title", ask("three", title="x" * 257), "classic", "octo/pulls", 422, "maximum is 256 characters"),
        ("nothing new", ask("main", base="main"), "classic", "octo/pulls", 422, "No commits between main and main"),
        ("an archived repository's", ask(), "classic", "octo-org/archived", 403, "archived so is read-only"),
        ("one that may only be read", ask(), "classic", "octo-org/readonly", 404, "Not Found"),
        ("a hidden repository's", ask(), "classic", "hubber/secret", 404, "Not Found"),
        ("a token that can only push", ask("three"), "fineWrite", "octo/pulls", 403, by_contents),
        ("a token that can only read", ask("three"), "fineRead", "octo/pulls", 403, by_contents),
    ]
    for sentence, fields, token, repository, status, text in rows:
        seen = open_pull(github, fields, token, repository)
        checks.check(f"GitHub: {sentence} opens no pull request: {status}", seen[0] == status and text in json.dumps(seen[2]), seen)
    headers = open_pull(github, ask("three"), "fineWrite")[1]
    checks.equal("GitHub: it says what the token lacks", headers["x-accepted-github-permissions"], "pull_requests=write")
    github.control("POST", "/github/repositories", {"path": "octo/pulls", "drafts": False})
    seen = open_pull(github, ask("three", draft=True))
    unsupported = "Draft pull requests are not supported in this repository."
    checks.equal("GitHub: drafts are for some plans", (seen[0], seen[2]["message"]), (422, unsupported))
    checks.equal("GitHub: none was opened meanwhile", numbers(github, "?state=all"), [3, 2, 1])
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])


def label_checks(checks, github):
    def add(labels, number=3, token="classic"):
        return github.api(f"/repos/octo/pulls/issues/{number}/labels", token, method="POST", body=json.dumps({"labels": labels}))

    checks.equal("GitHub: labels are added", [one["name"] for one in add(["a", "b c"])[2]], ["a", "b c"])
    checks.equal("GitHub: and to those that are there", [one["name"] for one in add(["a", "d"])[2]], ["a", "b c", "d"])
    rows = [
        ("no list", "a", 3, "classic", 422),
        ("an empty name", [""], 3, "classic", 422),
        ("an unknown number", ["a"], 99, "classic", 404),
        ("a token that can only push", ["a"], 3, "fineWrite", 403),
    ]
    for sentence, labels, number, token, status in rows:
        checks.equal(f"GitHub: labels of {sentence}: {status}", add(labels, number, token)[0], status)
    (shown,) = [one for one in github.api("/repos/octo/pulls/pulls")[2] if one["number"] == 3]
    checks.equal("GitHub: the pull request shows them", [one["name"] for one in shown["labels"]], ["a", "b c", "d"])
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])


def github_strictness_checks(checks, github):
    token = github.tokens["classic"]
    body, good = json.dumps(ask("three", draft=False)), {"Authorization": f"Bearer {token}"}
    address = "/api/v3/repos/octo/pulls/pulls"
    rows = [
        ("a member that GitHub has not", address, good, json.dumps(ask("gone", labels=["a"])), "POST", ["unknown_parameter"]),
        ("another method", address, good, body, "PUT", ["unknown_path"]),
        ("no version", address, good | {"X-GitHub-Api-Version": None}, json.dumps(ask("gone")), "POST", ["no_api_version"]),
        ("another media type", address, good | {"Accept": "*/*"}, json.dumps(ask("gone")), "POST", ["wrong_accept"]),
        ("GitLab's token", address, {"Authorization": "Bearer glpat-0123456789abcdefghij"}, body, "POST", ["foreign_token"]),
        ("no credential", address, {}, body, "POST", ["no_credential"]),
        ("labels of a pull request", "/api/v3/repos/octo/pulls/pulls/3/labels", good, "{}", "POST", ["unknown_path"]),
    ]
    for sentence, path, headers, data, method, rules in rows:
        github.call(path, headers=headers, method=method, body=data)
        checks.equal(f"GitHub: {sentence} is a violation", github.violations(), rules)
    checks.equal("GitHub: and opens nothing", numbers(github, "?state=all"), [3, 2, 1])
