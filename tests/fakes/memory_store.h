#pragma once
/*
 * memory_store — connections, intents and sealed values in memory, for tests of what is built on them: each call is written down,
 * and any one of them can be made to fail. The secret store is one of its own (not in the row), so that every step of a connect is
 * a step here.
 */
#include "connection_store.h"

enum { MEMORY_ROWS = 8, MEMORY_LOG = 1024 };

struct memory_store {
	struct connection rows[MEMORY_ROWS]; /* user_id NULL: free */
	bool hidden[MEMORY_ROWS];
	struct intent intents[MEMORY_ROWS];
	bool overtaken[MEMORY_ROWS]; /* the intent of the same place */
	size_t intent_count;
	char value_keys[MEMORY_ROWS][RECORD_KEY_SIZE]; /* "": free */
	struct sealed_value values[MEMORY_ROWS];
	int64_t generation;
	char log[MEMORY_LOG]; /* "connect_begin replace connect_commit " */
	const char *fail_at;  /* the call that fails, once and before it does anything; NULL: none */
	const char *crash_at; /* from this call on nothing works, as after a crash; NULL: none */
	bool crashed;
	bool lose_answer; /* the next value that is written arrives, and its answer does not */
};

void memory_store_release(struct memory_store *store);
struct connection_store memory_connections(struct memory_store *store);
struct secret_store memory_secrets(struct memory_store *store);
