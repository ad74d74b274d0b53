#pragma once
/* gate_fixture — the gate's service over a real database, a running session of alice's, and the small GitLab. After cmocka.h. */
#include "database.h"
#include "gate_credential.h"
#include "gate_service.h"
#include "service_fixture.h"
#include "session_service.h"

#define TOKEN "glpat-first-token-0001"

struct gate_fixture {
	struct service_fixture f;
	struct database *db;
	struct project_service projects;
	struct outcome_pace *pace;
	struct gate_service gate;
	struct session_row session;
	struct session_spec spec;
	struct secret credential;
};

static inline void open_sessions(struct gate_fixture *g)
{
	char path[PATH_SIZE];
	const struct database_options options = {
	        .path = folder_file(&g->f.folder, "acp.db", path), .connections = 2, .busy_timeout_ms = 2000};
	struct error err = ERROR_INIT;
	unsigned applied;

	must(database_migrate(path, keyring_installation(g->f.keyring), &applied, &err), &err);
	must(database_open(&options, &g->db, &err), &err);
	g->projects = (struct project_service){.checks = &g->f.checks, .store = database_projects(g->db)};
	g->pace = outcome_pace_new();
	g->gate = (struct gate_service){
	        .checks = &g->f.checks, .projects = &g->projects, .sessions = database_sessions(g->db), .pace = g->pace};
}

static inline void claim_session(struct gate_fixture *g, const char *path)
{
	char url[128], hash[GATE_HASH_SIZE];
	json_t *object;
	struct error err = ERROR_INIT;
	bool created, found;

	(void)snprintf(url, sizeof(url), "%s%s", g->f.url, path);
	object = json_pack("{s:{s:s}, s:{s:{s:s, s:s}}}", "metadata", "name", "x", "spec", "outputRepo", "url", url, "branch",
	                   "ambient/x");
	must(session_create(&g->gate.sessions, &g->projects.store, "default", "alice", object, NULL, &g->session, &created, &err),
	     &err);
	json_decref(object);
	session_row_release(&g->session);
	secret_random(&g->credential, 32);
	gate_credential_digest(&g->credential, hash);
	must(g->gate.sessions.ops->claim(g->gate.sessions.state, "worker", NULL, 60, hash, &g->session, &found, &err), &err);
	assert_true(found);
	must(session_row_spec(&g->session, &g->spec, &err), &err);
}

static inline void gate_fixture_make(struct gate_fixture *g, const char *path)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	*g = (struct gate_fixture){0};
	service_fixture_make(&g->f);
	must(fixture_connect(&g->f, "alice", TOKEN, &verdict, &err), &err);
	open_sessions(g);
	claim_session(g, path);
}

static inline void gate_fixture_remove(struct gate_fixture *g)
{
	session_row_release(&g->session);
	session_spec_release(&g->spec);
	secret_release(&g->credential);
	database_freep(&g->db);
	outcome_pace_freep(&g->pace);
	service_fixture_remove(&g->f);
}

static inline bool gate_fixture_preflight(struct gate_fixture *g, bool *ret_blocks, struct error *err)
{
	struct check_report *reports;

	if (!gate_preflight(&g->gate, &g->session, &g->spec, "request-1", &reports, err))
		return false;
	*ret_blocks = check_blocks_clone(&reports[0]);
	check_report_release(&reports[0]);
	free(reports);
	return true;
}
