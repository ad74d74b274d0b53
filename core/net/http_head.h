#pragma once
/*
 * http_head — the header lines of an answer: status and the few values that anybody here asks for, cut to size. Private to net.
 * Floor: net.
 */
#include "http_client.h"

struct http_head {
	int status;                   /* of the last head that began; 1xx heads are forgotten when the next begins */
	bool complete;                /* the blank line of a final head was seen; what follows are trailers */
	size_t bytes;                 /* of all heads */
	char content_type[128];       /* lower case, without parameters */
	char location[LIMIT_URL_MAX]; /* "" when longer */
	char retry_after[64];
	char ratelimit_reset[32];
	char ratelimit_name[64];
	char server[64];
	char request_id[128];
	char next_page[16];
	bool gitlab_meta, github_id, cf_ray;
	struct http_header_wanted *wanted; /* borrowed: what a caller wants besides; filled in place, emptied when a head begins */
	size_t wanted_count;
};

/* One line as libcurl gives it, with its line break. False: more than LIMIT_ANSWER_HEADERS in all. */
bool http_head_add(struct http_head *head, const char *line, size_t length) MUST_CHECK;
