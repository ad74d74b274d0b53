#pragma once
/* account_internal — what the files of account_service share. Floor: service, private. */
#include "account_service.h"

void account_fill_connection(struct connection *to, const struct gitlab_account *account);

/* Borrows from service and connection. */
struct seal_binding account_binding(const struct account_service *s, const struct connection *c, int64_t generation);

/* Removes the value, then the row. */
bool account_finish_disconnect(struct account_service *s, const char *key, int64_t generation, struct error *err) MUST_CHECK;
