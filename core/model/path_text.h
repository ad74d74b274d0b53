#pragma once
/*
 * path_text — the path of an address as segments, and which of them may name a group or project of GitLab (path_regex.rb). Floor:
 * model, private.
 */
#include "macros.h"

struct path_segments {
	char **items; /* owned */
	size_t count;
};
#define PATH_SEGMENTS_INIT ZERO_INIT

/* Cuts at every "/"; one leading "/" is not a segment, "" has none. Empty segments are kept: the caller judges them. */
void path_split(const char *path, struct path_segments *ret);
void path_segments_release(struct path_segments *path);

bool path_has_git_suffix(const char *segment);

/* Whether it can be a group (`is_last` false) or a project. */
bool path_segment_is_valid(const char *segment, bool is_last);
