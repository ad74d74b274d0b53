#include "merge_request_spec.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "branch_name.h"
#include "caps.h"
#include "encoding.h"

void merge_request_spec_release(struct merge_request_spec *spec)
{
	for (size_t i = 0; i < spec->label_count; i++)
		free(spec->labels[i]);
	free(spec->labels);
	free(spec->title);
	free(spec->description);
	free(spec->target_branch);
	*spec = (struct merge_request_spec)MERGE_REQUEST_SPEC_INIT;
}

static bool label_is_usable(const json_t *item)
{
	const char *label = json_string_value(item);
	size_t length = json_string_length(item);

	if (!label || length == 0 || length > MERGE_REQUEST_LABEL_MAX || strchr(label, ',') || label[strspn(label, " ")] == '\0')
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)label[i] < ' ' || label[i] == 0x7f)
			return false;
	return true;
}

static bool read_labels(const json_t *object, struct merge_request_spec *spec, struct error *err)
{
	const json_t *list = NULL;
	size_t i;
	json_t *item;

	if (!json_read_array(object, "labels", JSON_OPTIONAL, MERGE_REQUEST_LABELS_MAX, &list, err))
		return false;
	spec->labels = xcalloc(json_array_size(list) + 1, sizeof(*spec->labels));
	json_array_foreach(list, i, item)
	{
		if (!label_is_usable(item))
			return error_set(err, ERR_FIELD_INVALID, "labels[%zu] is not a label: 1 to %d characters without a comma.",
			                 i, MERGE_REQUEST_LABEL_MAX);
		spec->labels[spec->label_count++] = xstrdup(json_string_value(item));
	}
	return true;
}

static bool check_target(const char *branch, struct error *err)
{
	struct error cause = ERROR_INIT;

	if (!branch || !*branch || branch_name_check(branch, &cause))
		return true;
	return error_set(err, cause.code, "targetBranch: %s", cause.message);
}

static char *copy_unless_empty(const char *text)
{
	return text && *text ? xstrdup(text) : NULL;
}

bool merge_request_spec_parse(const json_t *object, struct merge_request_spec *ret, struct error *err)
{
	CLEANUP(merge_request_spec_release) struct merge_request_spec spec = MERGE_REQUEST_SPEC_INIT;
	const char *title = NULL, *description = NULL, *target = NULL;

	if (!json_read_string(object, "title", JSON_OPTIONAL, MERGE_REQUEST_TITLE_MAX, &title, err) ||
	    !json_read_text(object, "description", JSON_OPTIONAL, LIMIT_DESCRIPTION, &description, err) ||
	    !json_read_string(object, "targetBranch", JSON_OPTIONAL, LIMIT_BRANCH_MAX, &target, err) ||
	    !json_read_bool(object, "draft", JSON_OPTIONAL, &spec.draft, err) || !check_target(target, err) ||
	    !read_labels(object, &spec, err))
		return false;
	spec.title = copy_unless_empty(title);
	spec.description = copy_unless_empty(description);
	spec.target_branch = copy_unless_empty(target);
	*ret = spec;
	spec = (struct merge_request_spec)MERGE_REQUEST_SPEC_INIT;
	return true;
}

char *merge_request_title(const char *display_name, const char *description, const char *session)
{
	const char *source = display_name && *display_name ? display_name : description;

	source += strspn(source, " \t\r\n#");
	size_t length = strcspn(source, "\r\n");
	while (length > 0 && source[length - 1] == ' ')
		length--;
	if (length == 0)
		return xasprintf("Changes of the session %.200s", session);
	return xstrndup(source, utf8_cut(source, length, MERGE_REQUEST_TITLE_MAX));
}

char *merge_request_description(const char *description, const char *session)
{
	struct strbuf text = STRBUF_INIT(SIZE_MAX);

	for (const char *line = description; *line;) {
		size_t length = strcspn(line, "\n");
		size_t with_end = length + (line[length] == '\n');
		if (line[strspn(line, " \t")] == '/')
			strbuf_add_char(&text, '\\');
		strbuf_add(&text, line, with_end);
		line += with_end;
	}
	strbuf_addf(&text, "%sAgenticSession: %s", text.length ? "\n\n" : "", session);
	return strbuf_detach(&text);
}
