#pragma once
/*
 * mirror — the objects of one project's default branch, kept on the worker's disk so that sessions share them.
 *
 *   <ACP_MIRRORS>/<key of the instance>/<project id>/
 *     current            which generation is in use, and its tip: {"generation", "tip", "publishing"}
 *     lock, building     flock(2)ed: a change of what is here; the first transfer of a project, which others wait for
 *     <generation>/objects/      packs: nothing else of a repository, so git sees borrowed objects here and no references
 *     <generation>/borrowers/    one file per workspace that uses them
 *     incoming-…/        what one session is receiving; becomes part of a generation, or nothing
 *
 * Whoever could read everything here, could fetch it: a mirror holds what its tip leads to and nothing else. Each use begins with a
 * fetch of the branch with the user's own credential, into a folder of its own. Only when that has succeeded and the new tip has
 * the old one in its history is it added to the generation; a branch that was rewritten gets a fresh generation without the
 * objects that are gone. Other branches' objects go to the workspace that asked for them, never here. So no deleted branch, and
 * nothing that only other users may read, is ever shared.
 *
 * A generation only grows: it is never repacked or pruned, and it is removed when it has no borrower (mirror_tidy.h). It is read
 * through objects/info/alternates, and an agent sees it read-only, which its kernel must be able to promise: mirrors are for
 * machines whose Landlock covers truncation.
 *
 * kill -9 at any time: what is not in `current` does not exist; `publishing` says that packs were being moved in, and such a
 * generation is not used again. Two workers may do anything here at once. Nothing here reads a git object: that is for git jobs
 * (git_mirror.h). All functions: ERR_WORKSPACE_FAILED when the disk does not do as it is told.
 */
#include "error.h"
#include "repository.h"

struct mirror {
	char *folder;       /* of the project. Owned, as all */
	char *borrower;     /* "<session id>+<repository>" */
	char *workspaces;   /* where a borrower's folder begins with its session's id */
	int64_t generation; /* the borrowed one; 0: none */
	char *objects;      /* its objects; NULL: none */
	char tip[COMMIT_SIZE];
	size_t packs; /* in it */
	int building; /* private: the held lock; -1 */
};
/* clang-format off */
#define MIRROR_INIT {.building = -1}
/* clang-format on */

struct mirror_use {
	const char *root;     /* ACP_MIRRORS */
	const char *instance; /* any text that is one instance's alone, the address of its API */
	enum provider provider;
	int64_t project_id;
	const char *session_id, *repository;
	const char *workspaces; /* ACP_WORKSPACES */
};

/* Whether this kernel can keep an agent from changing what it borrows. */
bool mirror_can_be_shared(void);

/* The project's folder, made where it is missing. */
bool mirror_open(const struct mirror_use *use, struct mirror *ret, struct error *err) MUST_CHECK;
/* Forgets it and lets go of its locks. What was borrowed stays borrowed as long as the workspace lives. */
void mirror_release(struct mirror *m);

/* Borrows the current generation, instead of what was borrowed before. None: generation is 0. */
bool mirror_borrow(struct mirror *m, struct error *err) MUST_CHECK;
/* Gives back what is borrowed. */
void mirror_return(struct mirror *m);

/*
 * Where there is no generation to borrow: at most one session makes one, the others wait for it and have borrowed it then.
 * *ret_ready false: somebody else has been at it for wait_ms. ERR_SESSION_LOST: interrupted.
 */
bool mirror_start_building(struct mirror *m, int64_t wait_ms, int interrupt_fd, bool *ret_ready, struct error *err) MUST_CHECK;

/* Where one transfer goes: a folder of its own that is removed at the latest when its owner is dead. */
struct mirror_incoming {
	char *path; /* owned */
	int lock;
};
/* clang-format off */
#define MIRROR_INCOMING_INIT {.lock = -1}
/* clang-format on */
/* The bare repository in it that receives. */
#define MIRROR_INCOMING_GIT "git"
bool mirror_incoming_open(const struct mirror *m, struct mirror_incoming *ret, struct error *err) MUST_CHECK;
void mirror_incoming_release(struct mirror_incoming *in);

/*
 * Makes the objects in <incoming>/git/objects available to everybody, and borrows them. `fresh`: they are complete by themselves
 * and become a new generation; otherwise they go to the borrowed one, whose tip they continue. `tip` may be the old tip: nothing
 * came. *ret_overtaken: another session was faster and has something else; borrow and fetch again.
 */
bool mirror_publish(struct mirror *m, const struct mirror_incoming *in, const char *tip, bool fresh, bool *ret_overtaken,
                    struct error *err) MUST_CHECK;
