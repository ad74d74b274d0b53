#pragma once
/*
 * sandbox — takes from a worker process what it does not need once its keys are read: every file but the listed ones (Landlock),
 * listening on TCP and, for pools without outgoing calls, dialling it; signals to and abstract sockets of others; all capabilities;
 * new privileges. Best effort: what a kernel lacks is reported, not fatal. Applies to the calling thread and to threads it starts
 * later.
 */
#include "macros.h"

struct sandbox_rules {
	const char *const *read_only; /* files or folders; missing ones are skipped */
	size_t read_only_count;
	const char *const *writable; /* folders */
	size_t writable_count;
	bool may_dial;      /* may open TCP connections */
	unsigned dial_port; /* the one port that may be dialled otherwise; 0: none */
};

struct sandbox_report {
	int landlock_abi; /* 0: the kernel has none; then files stay reachable */
	bool confined;
	bool capabilities_dropped;
};

void sandbox_enter(const struct sandbox_rules *rules, struct sandbox_report *ret);
