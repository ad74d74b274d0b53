/* Lists page by page, of a server whose objects are as large as anybody may make them. */
#include "kube_resources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "caps.h"
#include "http_peer.h"

enum { OBJECTS = 26 };

struct fixture {
	struct http_peer *peer;
	struct kube_client *client;
	struct strbuf filling; /* of each object */
	unsigned pages;
	unsigned expire_at; /* the page that is answered with 410; 0: none */
	char names[OBJECTS * 8];
	size_t seen;
};

static unsigned number_of(const char *target, const char *name, unsigned otherwise)
{
	const char *at = strstr(target, name);

	return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : otherwise;
}

/* All of an object but its name. */
static void fill(struct fixture *f, size_t bytes, size_t values)
{
	strbuf_release(&f->filling);
	strbuf_add_string(&f->filling, "\"text\":\"");
	for (size_t i = 0; i < bytes; i++)
		strbuf_add_char(&f->filling, 'x');
	strbuf_add_string(&f->filling, "\",\"list\":[0");
	for (size_t i = 1; i < values; i++)
		strbuf_add_string(&f->filling, ",0");
	strbuf_add_string(&f->filling, "]}");
}

/* What the API server does with ?limit= and &continue=. */
static void handle(struct peer_exchange *x, void *context)
{
	struct fixture *f = context;
	CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT((size_t)64 << 20);
	unsigned first = number_of(x->target, "continue=", 0), limit = number_of(x->target, "limit=", OBJECTS);
	unsigned end = first + limit < OBJECTS ? first + limit : OBJECTS;

	f->pages++;
	if (f->pages == f->expire_at) {
		peer_answer(x, "410 Gone", "", "{\"kind\":\"Status\",\"reason\":\"Expired\"}");
		return;
	}
	strbuf_addf(&body, "{\"metadata\":{\"resourceVersion\":\"7\"");
	if (end < OBJECTS)
		strbuf_addf(&body, ",\"continue\":\"%u\"", end);
	strbuf_add_string(&body, "},\"items\":[");
	for (unsigned i = first; i < end; i++) {
		if (i > first)
			strbuf_add_char(&body, ',');
		strbuf_addf(&body, "{\"metadata\":{\"name\":\"o%u\",\"uid\":\"%u\"},", i, i);
		strbuf_add(&body, f->filling.data, f->filling.length);
	}
	strbuf_add_string(&body, "]}");
	peer_answer(x, "200 OK", "", body.data);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct strbuf filling = STRBUF_INIT((size_t)8 << 20);
	CLEANUP(kube_config_release) struct kube_config config = KUBE_CONFIG_INIT;
	struct error err = ERROR_INIT;

	f->filling = filling;
	f->peer = http_peer_start(PEER_TLS_GOOD, handle, f);
	config.server = xasprintf("https://127.0.0.1:%u", http_peer_port(f->peer));
	config.host = xstrdup("127.0.0.1");
	config.port = http_peer_port(f->peer);
	config.ca_file = xstrdup(http_peer_ca_file(f->peer));
	secret_set(&config.token, "t", 1);
	require(kube_client_new(&config, "acp-gitlab-test/1", &f->client, &err));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	kube_client_freep(&f->client);
	http_peer_stop(f->peer);
	strbuf_release(&f->filling);
	free(f);
	return 0;
}

static bool visit(void *context, json_t *object, struct error *err)
{
	struct fixture *f = context;

	(void)err;
	assert_true(f->seen < OBJECTS);
	snprintf(f->names + f->seen++ * 8, 8, "%s", json_string_or(json_object_get(object, "metadata"), "name", ""));
	return true;
}

static const struct {
	const char *sentence;
	size_t bytes, values;
	unsigned pages; /* that are asked for */
} rows[] = {
        {"small ones come in one page", 10, 1, 1},
        {"together more bytes than one answer may have: two pages of 25, after 625 and 125", (size_t)640 << 10, 1, 4},
        {"as large as etcd takes them: six pages of 5, after 625, 125 and 25", (size_t)1500 << 10, 1, 9},
        {"five of them more values than that: one by one", 10, LIMIT_KUBE_VALUES / 5 + 1, 30},
};

static void every_object_is_seen_however_large_they_are(void **state)
{
	static const struct kube_kind kind = {"ambient-code.io", "v1alpha1", "agenticsessions"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *version = NULL;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		fill(f, rows[i].bytes, rows[i].values);
		f->pages = 0;
		f->seen = 0;
		if (!kube_list(f->client, &kind, NULL, visit, f, &version, &err))
			fail_msg("%s (%s)", err.message, err.detail);
		assert_int_equal(f->seen, OBJECTS);
		for (unsigned k = 0; k < OBJECTS; k++) {
			char name[16];

			snprintf(name, sizeof(name), "o%u", k);
			assert_string_equal(f->names + (size_t)k * 8, name);
		}
		assert_string_equal(version, "7");
		assert_int_equal(f->pages, rows[i].pages);
	}
}

/* One that no answer can hold fails the list, after a page of it alone was asked for. */
static void one_that_cannot_be_read_ends_the_list(void **state)
{
	static const struct kube_kind kind = {"ambient-code.io", "v1alpha1", "agenticsessions"};
	struct fixture *f = *state;
	CLEANUP(freep) char *version = NULL;
	struct error err = ERROR_INIT;

	fill(f, 0, LIMIT_KUBE_VALUES + 1);
	assert_false(kube_list(f->client, &kind, NULL, visit, f, &version, &err));
	assert_int_equal(err.code, ERR_KUBERNETES_UNAVAILABLE);
	assert_non_null(strstr(err.detail, "too many values"));
	assert_int_equal(f->pages, 5);
	assert_null(version);
}

static void an_expired_list_begins_again(void **state)
{
	static const struct kube_kind kind = {"ambient-code.io", "v1alpha1", "agenticsessions"};
	struct fixture *f = *state;
	CLEANUP(freep) char *version = NULL;
	struct error err = ERROR_INIT;

	fill(f, 0, 1);
	f->expire_at = 1;
	assert_true(kube_list(f->client, &kind, NULL, visit, f, &version, &err));
	assert_int_equal(f->seen, OBJECTS);
	assert_int_equal(f->pages, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(every_object_is_seen_however_large_they_are, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(one_that_cannot_be_read_ends_the_list, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(an_expired_list_begins_again, set_up, tear_down),
	};

	if (!secret_library_init())
		return 1;
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
