#pragma once
/*
 * pid_namespace — a process tree that ends as one: when the first process of a PID namespace ends, by whatever signal, the kernel
 * kills all others in it, those that were made daemons included. They see no process outside, so they can neither signal nor look
 * at one, and their /proc shows them alone.
 *
 * As the superuser nothing else is needed. Another user gets it with a user namespace that holds its own id and no other, which
 * changes neither the ownership of files nor what may be opened; the privileges that come with it are given up at once.
 */
#include "error.h"

/* Whether this kernel and what runs us allow it. Tries it in a child. */
bool pid_namespace_is_available(void);

/* The next child of the calling process will be the first of a namespace of its own. False: errno says why. */
bool pid_namespace_prepare(void) MUST_CHECK;
/* In that child: a /proc of its own, and no privileges but those of its user. False: errno says why. */
bool pid_namespace_begin(void) MUST_CHECK;
