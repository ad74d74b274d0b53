#pragma once
/* render_fixture — a connection to render, and JSON compared whatever the order of its members. After cmocka.h. */
#include "alloc.h"
#include "connection.h"
#include "json.h"

enum { NOW_S = 1795366800 /* 2026-11-22T17:00:00Z */ };

static inline void fill(struct connection *c, const char *instance, int64_t updated_at)
{
	*c = (struct connection){.user_id = xstrdup("user-123"),
	                         .provider = xstrdup("gitlab"),
	                         .instance_url = xstrdup(instance),
	                         .gitlab_user_id = xstrdup("456789"),
	                         .username = xstrdup("yourname"),
	                         .token_name = xstrdup("acp"),
	                         .scopes = xstrdup("api read_user"),
	                         .expires_at = xstrdup("2026-12-22"),
	                         .generation = 1,
	                         .connected_at = updated_at,
	                         .updated_at = updated_at,
	                         .valid = true,
	                         .last_checked_at = updated_at};
}

static inline void assert_json(json_t *actual, const char *expected)
{
	char *text = json_dumps(actual, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *wanted = json_loads(expected, 0, NULL);
	char *wanted_text = json_dumps(wanted, JSON_COMPACT | JSON_SORT_KEYS);

	assert_non_null(wanted);
	assert_string_equal(text, wanted_text);
	free(text);
	free(wanted_text);
	json_decref(wanted);
	json_decref(actual);
}
