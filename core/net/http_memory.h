#pragma once
/*
 * http_memory — the memory that libcurl works in: wiped when it is given back, because request lines and connections carry tokens.
 * Private to net. Floor: net.
 */
#include "macros.h"

/* Starts libcurl with it; counted by libcurl, each start needs its curl_global_cleanup(). */
void http_memory_start(void);
