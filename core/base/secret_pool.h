#pragma once
/*
 * secret_pool — memory for secrets: one locked area with guard pages, kept out of core dumps, cut into slots. A sodium_malloc of
 * its own for each token would cost ten system calls a request, 200 µs with sixteen threads. Values larger than a slot, and those
 * beyond the last free slot, still get one. Thread-safe. For struct secret and the vault's plain texts. Floor: base.
 */
#include "macros.h"

/* `size` bytes, not cleared; aborts when there is no memory. */
unsigned char *secret_pool_take(size_t size) MUST_CHECK;

/* Wipes and gives back; NULL is allowed. `size` as it was taken. */
void secret_pool_give(unsigned char *bytes, size_t size);
