#include "kube_private.h"

#include "secret.h"

#include <time.h>

int64_t kube_random_below(int64_t limit)
{
	uint32_t random;

	random_bytes(&random, sizeof(random));
	return random % (limit > 0 ? limit : 1);
}

void kube_pause(int64_t ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&left, &left) != 0)
		;
}
