#include "render_project.h"

#include <string.h>

#include "encoding.h"
#include "response.h"

static json_t *report_list(const struct check_report *reports, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, check_report_json(&reports[i]));
	return list;
}

json_t *render_project(const struct project_view *view)
{
	json_t *answer = json_copy(view->document);

	/* Among the members that a client invented; no answer of the API has it at the top. */
	json_object_del(answer, "data");
	if (view->reports)
		json_object_set_new(answer, "reports", report_list(view->reports, view->count));
	return answer;
}

json_t *render_reports(const struct check_report *reports, size_t count)
{
	return json_pack("{s:o}", "reports", report_list(reports, count));
}

json_t *render_branches(const struct forge_branch_list *list)
{
	json_t *branches = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct forge_branch_row *row = &list->items[i];

		json_array_append_new(branches,
		                      json_pack("{s:o, s:b, s:b, s:{s:o, s:o, s:o, s:o}}", "name", response_text(row->name),
		                                "protected", (int)row->is_protected, "default", (int)row->is_default, "commit",
		                                "sha", response_text(row->sha), "message", response_text(row->message), "author",
		                                response_text(row->author), "timestamp", response_text(row->timestamp)));
	}
	return json_pack("{s:o}", "branches", branches);
}

static json_t *entry_of(const struct forge_tree_entry *entry)
{
	json_t *object =
	        json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", response_text(entry->name), "path", response_text(entry->path),
	                  "type", response_text(entry->type), "mode", response_text(entry->mode), "sha", response_text(entry->sha));

	if (entry->size >= 0)
		json_object_set_new(object, "size", json_integer(entry->size));
	return object;
}

json_t *render_tree(const char *path, const char *ref, const struct forge_tree *tree)
{
	json_t *entries = json_array();

	for (size_t i = 0; i < tree->count; i++)
		json_array_append_new(entries, entry_of(&tree->items[i]));
	return json_pack("{s:o, s:o, s:o}", "path", response_text(path), "ref", response_text(ref), "entries", entries);
}

/* Bytes that JSON writes as six: a file full of them is no text to look at, and would not fit into nginx's memory. */
static bool is_full_of_controls(const struct strbuf *bytes)
{
	size_t controls = 0;

	for (size_t i = 0; i < bytes->length; i++)
		controls += (unsigned char)bytes->data[i] < 0x20 && !strchr("\b\t\n\f\r", bytes->data[i]);
	return controls > bytes->length / 16;
}

json_t *render_blob(const struct strbuf *bytes)
{
	CLEANUP(strbuf_release) struct strbuf base64 = STRBUF_INIT((size_t)2 * LIMIT_BLOB);
	const bool text = is_utf8(bytes->data, bytes->length) && !is_full_of_controls(bytes);

	if (!text)
		encode_base64(&base64, bytes->data, bytes->length);
	return json_pack("{s:o, s:s, s:I}", "content",
	                 text ? json_stringn_nocheck(bytes->data, bytes->length) : json_stringn_nocheck(base64.data, base64.length),
	                 "encoding", text ? "utf-8" : "base64", "size", (json_int_t)bytes->length);
}
