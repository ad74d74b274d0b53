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

/* Makes the entry of `path` in its folder durable, after a create, link or rename. */
bool file_sync_folder_of(const char *path) MUST_CHECK;
