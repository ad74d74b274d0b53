#include "path_text.h"

#include <stdlib.h>

#include "alloc.h"

struct span path_begin(struct span path)
{
	if (path.length > 0 && path.start[0] == '/')
		path = span_from(path, 1);
	return path.length > 0 ? path : (struct span){NULL, 0};
}

bool path_next(struct span *rest, struct span *ret_segment)
{
	if (!rest->start)
		return false;
	const char *slash = span_find(*rest, '/');
	*ret_segment = span_between(rest->start, slash ? slash : span_end(*rest));
	*rest = slash ? span_from(*rest, ret_segment->length + 1) : (struct span){NULL, 0};
	return true;
}

void path_split(const char *path, struct path_segments *ret)
{
	struct span rest = path_begin(span_of(path)), segment;
	size_t capacity = 1;

	for (const char *c = path; *c; c++)
		capacity += *c == '/';
	*ret = (struct path_segments){.items = xcalloc(capacity, sizeof(*ret->items))};
	while (path_next(&rest, &segment))
		ret->items[ret->count++] = xstrndup(segment.start, segment.length);
}

void path_segments_release(struct path_segments *path)
{
	for (size_t i = 0; i < path->count; i++)
		free(path->items[i]);
	free(path->items);
	*path = (struct path_segments)PATH_SEGMENTS_INIT;
}

bool path_has_git_suffix(const char *segment)
{
	return span_ends_with(span_of(segment), ".git");
}

bool path_segment_is_valid(struct span segment)
{
	bool only_dots = true;

	if (segment.length == 0 || segment.start[0] == '-')
		return false;
	for (size_t i = 0; i < segment.length; i++) {
		char c = segment.start[i];
		if (!ascii_is_alnum(c) && c != '_' && c != '.' && c != '-')
			return false;
		only_dots = only_dots && c == '.';
	}
	return !only_dots && !span_ends_with(segment, ".git") && !span_ends_with(segment, ".atom");
}
