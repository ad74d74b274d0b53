#pragma once
/*
 * controller — the process that follows the Kubernetes resources of ACP_CRD_GROUP: a child of the worker's, and the only one that
 * has the ServiceAccount's token. It reads no repository and starts no agent; those processes are others' children and cannot look
 * into it. What it makes of resources are rows in the database, which the worker takes like any other.
 */
#include "worker.h"
#include <sys/types.h>

/* Whether resources are to be followed at all. */
bool controller_is_wanted(const struct worker *worker);

/* Starts it. -1: it cannot be started. It ends with its parent; on SIGTERM within a few seconds, after having written what is left.
 */
pid_t controller_start(const struct worker *worker);
