#pragma once
/* account_fixture — what the tests of accounts ask of a service_fixture: which token is stored, and which checks a verdict has. */
#include "clock.h"
#include "service_fixture.h"

/* The token that the stored connection opens to now; "" when there is no connection. */
static inline void opened_token(struct service_fixture *f, const char *user, char *to, size_t size)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct error err = ERROR_INIT;

	to[0] = '\0';
	must(f->service.connections.ops->list(f->service.connections.state, user, &list, &err), &err);
	if (list.count == 0)
		return;
	must(account_open(&f->service, &list.items[0], &payload, &err), &err);
	(void)snprintf(to, size, "%s", secret_bytes(&payload.token));
}

static inline void assert_opens_to(struct service_fixture *f, const char *user, const char *token)
{
	char opened[64];

	opened_token(f, user, opened, sizeof(opened));
	assert_string_equal(opened, token);
}

/* One letter a check, in order: '+' passed, '!' failed, '.' not run. */
static inline void assert_checks(const struct check_list *list, const char *expected)
{
	char states[CHECK_COUNT + 1] = "";

	for (size_t i = 0; i < CHECK_COUNT; i++)
		states[i] = ".+!"[list->states[i]];
	assert_string_equal(states, expected);
}
