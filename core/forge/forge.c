#include "forge.h"

#include "ascii.h"

#include <stdlib.h>
#include <string.h>

bool forge_text_is_short(const char *text)
{
	enum { SHORT_MAX = 4 * 255 };
	size_t length = text ? strnlen(text, SHORT_MAX + 1) : 0;

	for (size_t i = 0; i < length; i++)
		if (ascii_is_control(text[i]))
			return false;
	return length > 0 && length <= SHORT_MAX;
}

void forge_account_release(struct forge_account *account)
{
	free(account->id);
	free(account->username);
	free(account->name);
	free(account->email);
	free(account->token_name);
	free(account->scopes);
	free(account->expires_at);
	*account = (struct forge_account)FORGE_ACCOUNT_INIT;
}

void forge_project_release(struct forge_project *project)
{
	free(project->path);
	free(project->web_url);
	free(project->clone_url);
	free(project->api_url);
	free(project->default_branch);
	*project = (struct forge_project)FORGE_PROJECT_INIT;
}

void forge_branch_list_release(struct forge_branch_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct forge_branch_row *row = &list->items[i];

		free(row->name);
		free(row->sha);
		free(row->message);
		free(row->author);
		free(row->timestamp);
	}
	free(list->items);
	*list = (struct forge_branch_list)FORGE_BRANCH_LIST_INIT;
}

void forge_tree_release(struct forge_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		struct forge_tree_entry *entry = &tree->items[i];

		free(entry->name);
		free(entry->path);
		free(entry->type);
		free(entry->mode);
		free(entry->sha);
	}
	free(tree->items);
	*tree = (struct forge_tree)FORGE_TREE_INIT;
}

void forge_ref_release(struct forge_ref *ref)
{
	free(ref->name);
	free(ref->path);
	*ref = (struct forge_ref)FORGE_REF_INIT;
}

void forge_merge_request_release(struct forge_merge_request *request)
{
	free(request->web_url);
	*request = (struct forge_merge_request)FORGE_MERGE_REQUEST_INIT;
}
