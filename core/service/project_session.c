#include "project_session.h"

#include "project_document.h"

bool project_session_repositories(struct project_store *store, const char *project, json_t **ret, struct error *err)
{
	static const char *const members[] = {"url", "branch", "provider"};
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT;
	CLEANUP(json_decrefp) json_t *document = NULL;
	json_t *entry, *repositories;
	size_t i;

	if (!store->ops->get(store->state, project, &list, err) || !project_document_load(list.document, &document, err))
		return false;
	*ret = NULL;
	if (json_array_size(project_document_entries(document)) == 0)
		return true;
	repositories = json_array();
	json_array_foreach(project_document_entries(document), i, entry)
	{
		json_t *repository = json_object();

		for (size_t m = 0; m < ARRAY_SIZE(members); m++)
			if (project_entry_text(entry, members[m]))
				json_object_set(repository, members[m], json_object_get(entry, members[m]));
		json_array_append_new(repositories, repository);
	}
	*ret = repositories;
	return true;
}
