#pragma once
/*
 * path_text — the path of an address as segments, and which of them may name a group or project of GitLab (path_regex.rb). Floor:
 * model, private.
 */
#include "span.h"

struct path_segments {
	char **items; /* owned */
	size_t count;
};
#define PATH_SEGMENTS_INIT ZERO_INIT

/* Cuts at every "/"; one leading "/" is not a segment, "" has none. Empty segments are kept: the caller judges them. */
void path_split(const char *path, struct path_segments *ret);
void path_segments_release(struct path_segments *path);

/*
 * The same without copies, one segment a call: takes the next one off `rest`, which begins with path_begin(). False: there is none
 * left. After the last segment rest->start is NULL.
 */
struct span path_begin(struct span path);
bool path_next(struct span *rest, struct span *ret_segment);

bool path_has_git_suffix(const char *segment);

/* Whether it can be a project, or a group; a group's name does not end with a dot, which only the caller knows to be one. */
bool path_segment_is_valid(struct span segment);
