#include "path_text.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ascii.h"

void path_split(const char *path, struct path_segments *ret)
{
	*ret = (struct path_segments)PATH_SEGMENTS_INIT;
	if (path[0] == '/')
		path++;
	if (path[0] == '\0')
		return;

	size_t count = 1;
	for (const char *c = path; *c; c++)
		count += *c == '/';
	ret->items = xcalloc(count, sizeof(*ret->items));
	while (ret->count < count) {
		size_t length = strcspn(path, "/");
		ret->items[ret->count++] = xstrndup(path, length);
		path += length + (path[length] == '/');
	}
}

void path_segments_release(struct path_segments *path)
{
	for (size_t i = 0; i < path->count; i++)
		free(path->items[i]);
	free(path->items);
	*path = (struct path_segments)PATH_SEGMENTS_INIT;
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text), suffix_length = strlen(suffix);

	return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

bool path_has_git_suffix(const char *segment)
{
	return has_suffix(segment, ".git");
}

bool path_segment_is_valid(const char *segment, bool is_last)
{
	size_t length = strlen(segment);

	if (length == 0 || segment[0] == '-' || strspn(segment, ".") == length)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!ascii_is_alnum(segment[i]) && !strchr("_.-", segment[i]))
			return false;
	}
	if (!is_last && segment[length - 1] == '.')
		return false;
	return !has_suffix(segment, ".git") && !has_suffix(segment, ".atom");
}
