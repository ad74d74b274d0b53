#pragma once
/* ca_file — what a file of PEM certificates holds, for those who judge a configuration. Trusting them is http_client's. Floor: net.
 */
#include "error.h"

struct ca_file_facts {
	size_t count;             /* certificates */
	size_t expired;           /* of them, at `now_s` */
	int64_t first_expires_at; /* unix seconds: when the first of those that are valid ends; 0: none is */
	char first_expiring[128]; /* its subject's common name; "" if it has none */
};

/* ERR_CONFIG_INVALID: it cannot be read, or holds no certificate, or one that is damaged. */
bool ca_file_examine(const char *path, int64_t now_s, struct ca_file_facts *ret, struct error *err) MUST_CHECK;
