#include "secret_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include <sodium.h>

/* A slot holds a cluster token (a JWT of about 1 KiB) or a PAT; as many slots as a process has threads, a few times over. */
enum { SLOT_SIZE = 1280, SLOT_COUNT = 256 };

/* The area and the slots that are free, a stack of their numbers. The one variable of the process that base keeps: it is an
 * allocator. */
static struct {
	pthread_mutex_t mutex;
	unsigned char *area; /* NULL: not made yet, or the machine has no room for it */
	bool made;
	uint16_t free_slots[SLOT_COUNT];
	size_t free_count;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void make_area(void)
{
	pool.made = true;
	pool.area = sodium_malloc((size_t)SLOT_SIZE * SLOT_COUNT);
	for (size_t i = 0; pool.area && i < SLOT_COUNT; i++)
		pool.free_slots[pool.free_count++] = (uint16_t)i;
}

static bool is_slot(const unsigned char *bytes)
{
	return pool.area && bytes >= pool.area && bytes < pool.area + (size_t)SLOT_SIZE * SLOT_COUNT;
}

unsigned char *secret_pool_take(size_t size)
{
	unsigned char *bytes = NULL;

	if (size <= SLOT_SIZE) {
		pthread_mutex_lock(&pool.mutex);
		if (!pool.made)
			make_area();
		if (pool.free_count > 0)
			bytes = pool.area + (size_t)pool.free_slots[--pool.free_count] * SLOT_SIZE;
		pthread_mutex_unlock(&pool.mutex);
	}
	if (!bytes)
		bytes = sodium_malloc(size);
	if (!bytes)
		abort();
	return bytes;
}

void secret_pool_give(unsigned char *bytes, size_t size)
{
	if (!is_slot(bytes)) {
		sodium_free(bytes); /* wipes; NULL is allowed */
		return;
	}
	sodium_memzero(bytes, size);
	pthread_mutex_lock(&pool.mutex);
	pool.free_slots[pool.free_count++] = (uint16_t)((size_t)(bytes - pool.area) / SLOT_SIZE);
	pthread_mutex_unlock(&pool.mutex);
}
