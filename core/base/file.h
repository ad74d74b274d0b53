#pragma once
/*
 * file — whole small files, read with a cap and written so that a crash leaves the old or the new one.
 * Floor: base.
 */
#include "secret.h"
#include "strbuf.h"

/* Reads a regular file into `to` (cap: to->limit). ERR_CONFIG_INVALID: missing, unreadable, too large; the message names the path.
 */
bool file_read(const char *path, struct strbuf *to, struct error *err) MUST_CHECK;

/* Writes path.tmp (given mode, fdatasync), renames it over path, syncs the folder. ERR_CONFIG_INVALID. */
bool file_write_atomically(const char *path, const void *bytes, size_t length, unsigned mode, struct error *err) MUST_CHECK;

/*
 * The mode for a new file at `path`: `shared` in a folder with the set-group-ID bit, which an operator keeps for a group of users
 * (what is made in it belongs to that group), `own` in every other. The umask has no say: the folder is what somebody decided on.
 */
unsigned file_mode_in_folder(const char *path, unsigned own, unsigned shared);

/* What is left of an open file or pipe, into `to`. False with errno, which is 0 where there is more than the cap allows. */
bool file_read_all(int fd, struct strbuf *to) MUST_CHECK;
/* The whole of it, however many writes that takes and whatever signals come. False with errno; a part may have been written. For a
 * descriptor that blocks. */
bool file_write_all(int fd, const void *bytes, size_t length) MUST_CHECK;

/* Makes the entry of `path` in its folder durable, after a create, link or rename. */
bool file_sync_folder_of(const char *path) MUST_CHECK;
