#pragma once
/* session_store_fixture — sessions in a store of their own, for the tests of the session store. After cmocka.h. */
#include "clock.h"
#include "store_fixture.h"

#define CALL(f, function, ...) ((f)->sessions.ops->function((f)->sessions.state, __VA_ARGS__))

static const char hash_a[GATE_HASH_SIZE] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char hash_b[GATE_HASH_SIZE] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static inline void must(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s: %s (%s)", error_name(err->code), err->message, err->detail);
}

static inline void expect(bool ok, const struct error *err, enum error_code code)
{
	if (ok || err->code != code)
		fail_msg("expected %s, got %s", error_name(code), ok ? "success" : error_name(err->code));
}

#define OBJECT(uid, spec)                                                                                                          \
	"{\"apiVersion\":\"v1alpha1\",\"kind\":\"AgenticSession\",\"metadata\":{\"uid\":\"" uid "\"},\"spec\":" spec "}"

/* Creates a session called `name` with the id "id-<name>". */
static inline bool create(struct store_fixture *f, const char *name, const char *owner, const char *object, const char *key,
                          struct session_row *ret, bool *ret_created, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;

	row.id = xasprintf("id-%s-%s", name, owner);
	row.project = xstrdup("alpha");
	row.name = xstrdup(name);
	row.owner = xstrdup(owner);
	row.object = xstrdup(object);
	row.status = xstrdup("{\"phase\":\"Pending\"}");
	row.project_repositories = xstrdup(strcmp(name, "of-project") == 0 ? "[{\"url\":\"https://gitlab.com/g/p\"}]" : NULL);
	row.created_at = 1000;
	return CALL(f, create, &row, key, ret, ret_created, err);
}

static inline void make_session(struct store_fixture *f, const char *name)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	bool created;

	must(create(f, name, "john", OBJECT("1", "{}"), NULL, &row, &created, &err), &err);
	assert_true(created);
}

/* Claims for lease_s; gives the attempt, or 0 when there was nothing to do. */
static inline int64_t claim(struct store_fixture *f, const char *only_id, int64_t lease_s, char ret_name[64])
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	bool found;

	must(CALL(f, claim, "worker-1", only_id, lease_s, hash_a, &row, &found, &err), &err);
	snprintf(ret_name, 64, "%s", found ? row.name : "");
	return found ? row.attempt : 0;
}
