#pragma once
/*
 * gitlab_pages — lists that GitLab gives in pages of 100. The first page says how many there are, and the others are asked for
 * several at a time; where it does not say so, each page names the next. Private to gitlab. Floor: gitlab.
 */
#include "gitlab_api.h"

/* A list that is being read, in GitLab's order. */
struct page_walk {
	const char *list; /* "/projects/1/protected_branches?" or "…?search=x&": what comes before "per_page=" */
	const char *what; /* "branches", as ERR_LIST_TOO_LONG calls them */
	size_t max_rows;
	/* One row. False: not what GitLab sends. */
	bool (*take)(const json_t *row, void *context);
	/* What an answer means that is no page. Always fills err, returns false. NULL: gitlab_classify. */
	bool (*refuse)(const struct http_call *call, const char *host, const void *context, struct error *err);
	void *context;

	size_t rows;                     /* taken so far */
	struct http_header_wanted total; /* of the first page */
};

/* Prepares the call for the first page. It refers to the walk, which stays in its place until the call is answered. */
void page_walk_begin(struct page_walk *walk, const struct forge_access *access, struct api_call *first);

/* Takes the first page from its answer, then asks for all others. ERR_LIST_TOO_LONG without asking for more than that takes. */
bool page_walk_finish(struct page_walk *walk, const struct forge_access *access, const struct api_call *first,
                      struct error *err) MUST_CHECK;

/* Both, and the first call between them. */
bool page_walk_all(struct page_walk *walk, const struct forge_access *access, struct error *err) MUST_CHECK;
