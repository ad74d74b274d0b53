#pragma once
/*
 * metrics — what a pool's processes count together, for Prometheus.
 *
 * The counters lie in memory that the pool's parent shares with all its workers: they survive a worker's death, and whichever
 * worker is asked tells the sum. Each pool has its own and is asked by itself, so that no pool reaches into another. Every label
 * comes from a table of ours (routes, statuses, the operator's instances): what strangers send makes no series. Adding is a few
 * atomic operations without a lock. Thread-safe.
 */
#include "http_client.h"
#include "instances.h"
#include "strbuf.h"

struct metrics;

/* Before the fork. Never NULL; aborts when there is no memory. */
struct metrics *metrics_new(void);
void metrics_freep(struct metrics **metrics);

/* `metrics` may be NULL below: nothing is counted (CGI). */

/* An answered request. `route`: its number in the table of routes; -1: none was found. */
void metrics_request(struct metrics *metrics, int route, int status, int64_t elapsed_us);

/* A call to an instance. `host` is one that the operator listed, or gitlab.com or github.com; anything else counts as "other". */
void metrics_upstream(struct metrics *metrics, const struct instances *instances, const struct http_call *call);

enum metrics_transfer { METRICS_FETCH, METRICS_PUSH };
/* A git transfer through the gate that has ended. */
void metrics_git(struct metrics *metrics, enum metrics_transfer kind, bool whole, uint64_t sent, uint64_t received);

/* A worker's files (keys and what lies beside them) are others by now, and it goes on with the former ones; a worker has started
 * with the files as they are. In between the pool cannot use the new ones: somebody has to mend them. */
void metrics_outdated(struct metrics *metrics);
void metrics_fresh(struct metrics *metrics);

/* The text format of Prometheus, version 0.0.4; `pool` is a label of every series. */
void metrics_write(const struct metrics *metrics, const char *pool, struct strbuf *to);
