#include "pool.h"

#include <string.h>

#include "git_transfer.h"

/* Nobody waits longer for an answer: fastcgi_read_timeout of reports (nginx/service.conf). */
enum { ANSWER_MAX_MS = 120 * 1000 };

static const struct {
	unsigned pools;
	const char *name;
} names[] = {
        {POOL_STATUS, "status"}, {POOL_CONNECT, "connect"}, {POOL_REPOSITORIES, "repositories"},
        {POOL_GIT, "git"},       {POOL_ALL, "all"},
};

const char *pool_name(unsigned pools)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].pools == pools)
			return names[i].name;
	return "mixed";
}

bool pool_parse(const char *name, unsigned *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].name, name) == 0 && names[i].pools != POOL_ALL) {
			*ret = names[i].pools;
			return true;
		}
	return false;
}

bool pools_call_out(unsigned pools)
{
	return pools & ~(unsigned)POOL_STATUS;
}

bool pools_open_tokens(unsigned pools)
{
	return pools & (POOL_REPOSITORIES | POOL_GIT);
}

/* The gate knows sessions, not callers. */
bool pools_know_callers(unsigned pools)
{
	return pools != POOL_GIT;
}

int64_t pools_longest_ms(unsigned pools)
{
	/* A transfer begins once the project is confirmed, and a push once its list of refs has come. */
	return pools & POOL_GIT ? GIT_TRANSFER_MAX_MS + ANSWER_MAX_MS : ANSWER_MAX_MS;
}
