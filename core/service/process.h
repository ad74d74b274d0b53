#pragma once
/*
 * process — what every program of ours does to itself before it touches a secret. Floor: service.
 */
#include "macros.h"

/*
 * Once, at the start of main: no core dumps and no ptrace by others of the same uid (PR_SET_DUMPABLE 0, RLIMIT_CORE 0), files
 * readable by us alone (umask 077), standard descriptors 0 to 2 open (so that no later file becomes stderr), SIGPIPE ignored.
 * Cannot fail: where the kernel refuses, nothing is worse than before.
 */
void process_harden(void);
