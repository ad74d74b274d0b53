"""What an agent may leave in a repository's folder, a sentence and a script each, and how its session must end."""
import base64
import hashlib
import struct

ANY, COMPLETED, FAILED = "any", "Completed", "Failed"
RUN = "touch executed-by-git ../executed-by-git /tmp/executed-by-git"


def index(*names):
    """An index with these names, as `base64 -d` makes it from the gives text. Git itself refuses to write them."""
    body = b"DIRC" + struct.pack(">II", 2, len(names))
    for name in sorted(names):
        item = struct.pack(">10I", 0, 0, 0, 0, 0, 0, 0o100644, 0, 0, 0) + bytes.fromhex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
        item += struct.pack(">H", min(len(name), 0xFFF)) + name
        body += item + b"\0" * (8 - len(item) % 8)
    return base64.b64encode(body + hashlib.sha1(body).digest()).decode()


HOOKS = "pre-commit commit-msg post-commit pre-push reference-transaction post-index-change fsmonitor-watchman"
CHANGE = "echo changed >> README.md\n"

ROWS = [
    ("config", "a configuration that names programs for everything git does", COMPLETED, CHANGE + f"""
        for name in core.fsmonitor core.sshCommand core.editor core.pager diff.external gpg.program credential.helper filter.x.clean filter.x.process \\
            merge.x.driver diff.x.textconv core.gitProxy core.alternateRefsCommand; do git config "$name" '{RUN}'; done
        git config commit.gpgSign true; git config core.hooksPath "$PWD"; git config include.path /etc/passwd; echo '* filter=x diff=x merge=x' > .gitattributes"""),
    ("hooks", "hooks in every place", COMPLETED, CHANGE + f"""
        mkdir -p .git/hooks; for name in {HOOKS}; do printf '#!/bin/sh\\n{RUN}\\n' > .git/hooks/$name; chmod 755 .git/hooks/$name; done; git config core.hooksPath .git/hooks"""),
    ("remote", "another address to push to", COMPLETED, CHANGE + """
        git remote set-url --push origin file:///tmp/escaped; git config url.file:///tmp/escaped.insteadOf https://; git config http.proxy http://127.0.0.1:9; echo file:///tmp > .git/FETCH_HEAD"""),
    ("alternates", "objects borrowed from the machine's folders", ANY, CHANGE + "mkdir -p .git/objects/info; printf '/etc\\n../../../../../../etc\\n@ELSEWHERE@\\n' > .git/objects/info/alternates"),
    ("worktree", "a working copy that is another folder", COMPLETED, CHANGE + "git config core.worktree /etc; git config core.bare true; git config extensions.worktreeConfig true; printf '[core]\\nworktree = /etc\\n' > .git/config.worktree"),
    ("commondir", "a repository whose rest lies elsewhere", COMPLETED, CHANGE + "echo @ELSEWHERE@ > .git/commondir"),
    ("index-git", "an index with names below .git", ANY, f"echo {index(b'.git/hooks/post-checkout', b'.GIT/config', b'git~1/x')} | base64 -d > .git/index"),
    ("index-up", "an index with names that lead out", ANY, f"echo {index(b'../../escaped', b'/etc/passwd', b'a/../../../x')} | base64 -d > .git/index"),
    ("index-noise", "an index that is noise", ANY, "head -c 100000 /dev/urandom > .git/index"),
    ("pipe", "pipes and sockets among the files", COMPLETED, CHANGE + "mkfifo pipe .gitignore .gitattributes; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")' || true"),
    ("pipe-tracked", "a pipe in the place of a file", ANY, "rm README.md; mkfifo README.md"),
    ("pipe-git", "pipes in the place of git's own files", ANY, CHANGE + "for name in index config packed-refs info/exclude; do rm -f .git/$name; mkfifo .git/$name; done"),
    ("pipe-head", "a pipe in the place of HEAD", FAILED, CHANGE + "rm .git/HEAD; mkfifo .git/HEAD"),
    ("device", "a device", COMPLETED, CHANGE + "mknod device c 1 5; mknod disk b 8 0; true"),
    ("set-id", "a program with its owner's rights", COMPLETED, CHANGE + "printf '#!/bin/sh\\n' > program; chmod 6755 program; true"),
    ("hard-link", "another name for a file outside", COMPLETED, CHANGE + "ln @CANARY@ stolen; ln /etc/passwd users; true"),
    ("link", "links to files outside", COMPLETED, CHANGE + "ln -s @CANARY@ stolen; ln -s /etc/passwd users; ln -s ../+home/.gitconfig config; rm README.md; ln -s @CANARY@ README.md"),
    ("link-folder", "a folder that became a link", COMPLETED, "rm -r src; ln -s ../+home src; ln -s / root"),
    ("link-git-files", "git's own files as links", ANY, CHANGE + "ln -s @CANARY@ .gitignore; ln -s @CANARY@ .gitattributes; ln -s /dev/zero .gitmodules"),
    ("git-file", ".git as a file that leads elsewhere", FAILED, CHANGE + "rm -rf .git; echo 'gitdir: @ELSEWHERE@' > .git"),
    ("git-link", ".git as a link", FAILED, CHANGE + "mv .git ../+tmp/git; ln -s ../+tmp/git .git"),
    ("git-gone", "no .git at all", FAILED, CHANGE + "rm -rf .git"),
    ("git-empty", "an empty .git", FAILED, CHANGE + "rm -rf .git; mkdir .git"),
    ("git-folder-is-file", "files in the place of git's folders", FAILED, CHANGE + "rm -rf .git/objects .git/refs; echo x > .git/objects; echo x > .git/refs"),
    ("objects-link", "objects that are a link", FAILED, CHANGE + "rm -rf .git/objects; ln -s @ELSEWHERE@ .git/objects"),
    ("objects-noise", "objects and packs that are noise", ANY, CHANGE + """
        for file in $(find .git/objects -type f); do chmod 600 "$file"; head -c 3000 /dev/urandom > "$file"; done"""),
    ("head-up", "a HEAD that leads out", FAILED, CHANGE + "echo 'ref: ../../../../etc/passwd' > .git/HEAD"),
    ("head-loop", "references that lead to each other", FAILED, CHANGE + "echo 'ref: refs/heads/a' > .git/HEAD; mkdir -p .git/refs/heads; echo 'ref: refs/heads/b' > .git/refs/heads/a; echo 'ref: refs/heads/a' > .git/refs/heads/b"),
    ("head-lines", "a HEAD with escape sequences", FAILED, CHANGE + "printf 'ref: refs/heads/\\033[2J\\nERROR\\n' > .git/HEAD"),
    ("nested", "repositories in folders, with hooks and without commits", COMPLETED, CHANGE + f"""
        git init -q inner; mkdir -p inner/.git/hooks; printf '#!/bin/sh\\n{RUN}\\n' > inner/.git/hooks/post-commit; chmod 755 inner/.git/hooks/post-commit
        git init -q deep/er; (cd deep/er && echo x > x && git add x && git commit -q -m x); mkdir bare; git init -q --bare bare/x.git"""),
    ("sparse", "a file of a terabyte that takes no room", COMPLETED, CHANGE + "truncate -s 1T huge || rm -f huge"),
    ("sparse-smaller", "a file of seven gigabytes that takes no room", FAILED, CHANGE + "truncate -s 7G huge"),
    ("many-files", "twenty thousand files", COMPLETED, "mkdir m; cd m; seq 1 20000 | xargs touch"),
    ("deep", "folders six hundred deep", FAILED, "i=0; while [ $i -lt 600 ]; do mkdir d && cd -P d || break; i=$((i+1)); done; echo x > x"),
    ("closed", "files and folders that may not be read", ANY, CHANGE + "mkdir closed; echo x > closed/x; echo y > y; chmod 000 closed y"),
    ("names", "names that are no text, are several lines or clear a terminal", COMPLETED, "printf x > \"$(printf 'a\\033[2J\\nERROR b')\"; printf x > \"$(printf '\\377\\376')\"; echo x > ./--force; echo x > 'C:'"),
    ("names-git", "names that are .git elsewhere", FAILED, "echo x > '.git '; echo x > .GIT"),
    ("output", "output that would clear a terminal", COMPLETED, CHANGE + "printf '\\033[2J\\033]0;owned\\007\\000\\377\\n'; head -c 3000000 /dev/urandom"),
    ("branch", "another branch, a detached HEAD, and a merge that was never ended", COMPLETED, CHANGE + """
        git checkout -q -b other; git commit -q -a -m one; git checkout -q --detach; echo more > more; git rev-parse HEAD > .git/MERGE_HEAD; printf '\\033[2J' > .git/MERGE_MSG"""),
    ("merge-heads", "a merge of objects that do not exist", COMPLETED, CHANGE + "for i in 1 2 3; do echo 000000000000000000000000000000000000000$i; done > .git/MERGE_HEAD"),
    ("replace", "other objects in the place of the real ones", COMPLETED, CHANGE + """
        new=$(git commit-tree -m forged HEAD^{tree}); git replace HEAD "$new"; echo "$(git rev-parse HEAD) $new" > .git/info/grafts; git rev-parse HEAD > .git/shallow"""),
    ("locks", "locks that nobody holds", COMPLETED, CHANGE + "touch .git/index.lock .git/HEAD.lock .git/config.lock .git/packed-refs.lock; mkdir -p .git/refs/heads/ambient; touch .git/refs/heads/ambient/x.lock"),
]
