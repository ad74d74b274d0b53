#include "gitlab_pages.h"

#include "alloc.h"
#include <ctype.h>

enum {
	ROWS_OF_A_PAGE = 100, /* the most that GitLab gives */
	AT_A_TIME = 8,        /* a list is one user's wish: others must still get through to the instance */
	/* 100 commits with their whole messages, or 100 paths of 4 KiB with every character escaped. */
	PAGE_MAX = 4 * LIMIT_ANSWER,
};

static void init_page(struct api_call *call, const struct page_walk *walk, const struct forge_access *access, unsigned page)
{
	api_call_init(call, access, "%sper_page=%d&page=%u", walk->list, ROWS_OF_A_PAGE, page);
	call->http.max_body = PAGE_MAX;
}

void page_walk_begin(struct page_walk *walk, const struct forge_access *access, struct api_call *first)
{
	init_page(first, walk, access, 1);
	walk->rows = 0;
	walk->total = (struct http_header_wanted){.name = "x-total-pages"};
	first->http.wanted = &walk->total;
	first->http.wanted_count = 1;
}

/* A page number of a header; 0: none. */
static unsigned page_number(const char *text)
{
	unsigned number = 0;

	for (; isdigit((unsigned char)*text) && number < 1000000; text++)
		number = number * 10 + (unsigned)(*text - '0');
	return *text ? 0 : number;
}

static bool too_long(const struct page_walk *walk, struct error *err)
{
	return error_set(err, ERR_LIST_TOO_LONG, "There are more than %zu %s.", walk->max_rows, walk->what);
}

static bool take_page(struct page_walk *walk, const struct http_call *call, const char *host, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = call->status == 200 ? forge_json(call) : NULL;
	size_t index;
	const json_t *row;

	if (!answer)
		return walk->refuse ? walk->refuse(call, host, walk->context, err) : gitlab_classify(call, host, err);
	if (!json_is_array(answer))
		return gitlab_not_gitlab(host, err);
	if (json_array_size(answer) > walk->max_rows - walk->rows)
		return too_long(walk, err);
	json_array_foreach(answer, index, row) if (!walk->take(row, walk->context)) return gitlab_not_gitlab(host, err);
	walk->rows += json_array_size(answer);
	return true;
}

/* The pages from `from` on, at most AT_A_TIME of them, at once. */
static bool take_some(struct page_walk *walk, const struct forge_access *access, const char *host, unsigned from, unsigned count,
                      struct error *err)
{
	struct api_call calls[AT_A_TIME];
	bool taken = true;

	for (unsigned i = 0; i < count; i++)
		init_page(&calls[i], walk, access, from + i);
	gitlab_run(calls, count, access);
	for (unsigned i = 0; i < count; i++) {
		taken = taken && take_page(walk, &calls[i].http, host, err);
		api_call_release(&calls[i]);
	}
	return taken;
}

static bool take_numbered(struct page_walk *walk, const struct forge_access *access, const char *host, unsigned pages,
                          struct error *err)
{
	if (pages > (walk->max_rows + ROWS_OF_A_PAGE - 1) / ROWS_OF_A_PAGE)
		return too_long(walk, err);
	for (unsigned page = 2; page <= pages; page += AT_A_TIME) {
		unsigned left = pages - page + 1;
		if (!take_some(walk, access, host, page, left < AT_A_TIME ? left : AT_A_TIME, err))
			return false;
	}
	return true;
}

/* GitLab leaves the total out where counting would cost too much. */
static bool take_linked(struct page_walk *walk, const struct forge_access *access, const char *host, unsigned next,
                        struct error *err)
{
	for (unsigned page = 1; next > page;) {
		CLEANUP(api_call_release) struct api_call call;

		page = next;
		init_page(&call, walk, access, page);
		gitlab_run(&call, 1, access);
		size_t before = walk->rows;
		if (!take_page(walk, &call.http, host, err))
			return false;
		/* A server that always names a next page gives no rows at last. */
		next = walk->rows > before ? page_number(call.http.next_page) : 0;
	}
	return true;
}

bool page_walk_finish(struct page_walk *walk, const struct forge_access *access, const struct api_call *first, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	unsigned pages = page_number(walk->total.value);

	if (!take_page(walk, &first->http, host, err))
		return false;
	if (pages > 0)
		return take_numbered(walk, access, host, pages, err);
	return take_linked(walk, access, host, page_number(first->http.next_page), err);
}

bool page_walk_all(struct page_walk *walk, const struct forge_access *access, struct error *err)
{
	CLEANUP(api_call_release) struct api_call first;

	page_walk_begin(walk, access, &first);
	gitlab_run(&first, 1, access);
	return page_walk_finish(walk, access, &first, err);
}
