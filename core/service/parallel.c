#include "parallel.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PARALLEL_THREADS_MAX = 8 };

struct queue {
	const struct parallel_job *jobs;
	size_t count;
	atomic_size_t next;
};

static void *work(void *context)
{
	struct queue *queue = context;
	size_t i;

	while ((i = atomic_fetch_add(&queue->next, 1)) < queue->count)
		queue->jobs[i].run(queue->jobs[i].context);
	return NULL;
}

void parallel_run(const struct parallel_job *jobs, size_t count, size_t width)
{
	struct queue queue = {.jobs = jobs, .count = count};
	pthread_t threads[PARALLEL_THREADS_MAX];
	size_t wanted = count < width ? count : width, started = 0;

	while (started + 1 < wanted && started < PARALLEL_THREADS_MAX) {
		if (pthread_create(&threads[started], NULL, work, &queue) != 0)
			break;
		started++;
	}
	work(&queue);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}
