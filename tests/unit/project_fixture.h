#pragma once
/* project_fixture — a project's list in memory, checked against the small GitLab of service_fixture. */
#include "caps.h"
#include "project_service.h"
#include "service_fixture.h"

#include <stdlib.h>

#define TOKEN "glpat-first-token-0001"

/* ---- One project's list in memory ---- */

struct memory_projects {
	struct project_list list;
	unsigned rivals;              /* so many times another writer comes between reading and writing */
	const char *rival_identities; /* what it leaves */
	const char *fail_at;          /* "get" or "put"; NULL: none */
};

static inline void copy_list(const struct project_list *from, struct project_list *to)
{
	set_string(&to->document, from->document);
	set_string(&to->identities, from->identities);
	to->version = from->version;
}

static inline bool memory_projects_fail(const struct memory_projects *m, const char *name, struct error *err)
{
	if (!m->fail_at || strcmp(m->fail_at, name) != 0)
		return false;
	error_set(err, ERR_STORE_UNAVAILABLE, "The store is busy.");
	return true;
}

static inline bool memory_projects_get(void *state, const char *project UNUSED, struct project_list *ret, struct error *err)
{
	struct memory_projects *m = state;

	if (memory_projects_fail(m, "get", err))
		return false;
	copy_list(&m->list, ret);
	return true;
}

static inline bool memory_projects_put(void *state, const char *project UNUSED, int64_t expected, struct project_list *list,
                                       struct error *err)
{
	struct memory_projects *m = state;

	if (memory_projects_fail(m, "put", err))
		return false;
	if (m->rivals > 0) {
		m->rivals--;
		m->list.version++;
		set_string(&m->list.document, "{\"repositories\":[]}");
		set_string(&m->list.identities, m->rival_identities);
	}
	if (expected != PROJECT_VERSION_ANY && expected != m->list.version)
		return error_set(err, ERR_PRECONDITION_FAILED, "Somebody else was faster.");
	list->version = m->list.version + 1;
	copy_list(list, &m->list);
	return true;
}

/* ---- The fixture ---- */

struct project_fixture {
	struct service_fixture f;
	struct memory_projects store;
	struct project_service service;
};

static const struct project_store_ops memory_projects_ops = {.get = memory_projects_get, .put = memory_projects_put};

static inline void project_fixture_make(struct project_fixture *p)
{
	p->store = (struct memory_projects){0};
	service_fixture_make(&p->f);
	p->service = (struct project_service){.checks = &p->f.checks, .store = {&memory_projects_ops, &p->store}};
}

static inline void project_fixture_remove(struct project_fixture *p)
{
	free(p->store.list.document);
	free(p->store.list.identities);
	service_fixture_remove(&p->f);
}

static inline void project_fixture_connect(struct project_fixture *p)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	must(fixture_connect(&p->f, "alice", TOKEN, &verdict, &err), &err);
}

/* Writes ' for " and, for ~, the address of the GitLab (for ^, its host and port alone). */
static inline char *project_fixture_text(const struct project_fixture *p, const char *text)
{
	CLEANUP(strbuf_release) struct strbuf json = STRBUF_INIT(LIMIT_BODY_DEFAULT);

	for (; *text; text++) {
		if (*text == '~')
			strbuf_add_string(&json, p->f.url);
		else if (*text == '^')
			strbuf_add_string(&json, p->f.url + strlen("http://"));
		else
			strbuf_add_char(&json, *text == '\'' ? '"' : *text);
	}
	return strbuf_detach(&json);
}

static inline json_t *project_fixture_json(const struct project_fixture *p, const char *text)
{
	CLEANUP(freep) char *json = project_fixture_text(p, text);
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);

	require(value != NULL);
	return value;
}
