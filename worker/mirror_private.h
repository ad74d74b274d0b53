#pragma once
/*
 * mirror_private — what the files of the mirror share: its state on disk and its locks. For mirror*.c and their test alone.
 */
#include "mirror.h"

/* The content of `current`. */
struct mirror_state {
	int64_t generation; /* 0: none that can be used */
	char tip[COMMIT_SIZE];
};

/* The folder's lock. Returns a descriptor to close, -1 when it was not to be had within wait_ms. Close-on-exec. */
int mirror_lock(const char *folder, const char *name, int64_t wait_ms, int interrupt_fd);

/* A missing or unusable file, and one that says `publishing`, is no generation. */
void mirror_state_read(const char *folder, struct mirror_state *ret);
bool mirror_state_write(const char *folder, const struct mirror_state *state, bool publishing, struct error *err) MUST_CHECK;

/* "<folder>/<generation>/<what>". Caller frees. */
char *mirror_path(const char *folder, int64_t generation, const char *what) MUST_CHECK;
/* The generation that a folder's name says; 0: it is none. */
int64_t mirror_generation_of(const char *name);

/* Points m at this generation, as its borrower. The lock is held. */
bool mirror_take(struct mirror *m, const struct mirror_state *state, struct error *err) MUST_CHECK;

/* For all: ERR_WORKSPACE_FAILED with errno in the detail. Returns false. */
bool mirror_failed(const char *what, const char *path, struct error *err);

enum { MIRROR_LOCK_MS = 20 * 1000 };
