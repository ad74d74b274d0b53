#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "encoding.h"
#include "http_peer.h"
#include "http_stream.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Above it lie a sanitizer's tables, which hold no copies of anything. */
#define REGION_MAX ((size_t)1 << 30)

/* The server is a process of its own: its memory holds what it was sent. */
struct distant_peer {
	pid_t process;
	unsigned port;
	char ca_file[256];
};

static void answer(struct peer_exchange *x, void *context)
{
	(void)context;
	peer_answer(x, "200 OK", "", "ok");
}

static void serve(int to)
{
	struct distant_peer told = {0};
	struct http_peer *peer = http_peer_start(PEER_TLS_GOOD, answer, NULL);

	told.port = http_peer_port(peer);
	snprintf(told.ca_file, sizeof(told.ca_file), "%s", http_peer_ca_file(peer));
	require(write(to, &told, sizeof(told)) == (ssize_t)sizeof(told));
	for (;;)
		pause();
}

static void distant_peer_start(struct distant_peer *ret)
{
	int ends[2];

	require(pipe(ends) == 0);
	pid_t process = fork();
	if (process == 0)
		serve(ends[1]);
	require(process > 0 && read(ends[0], ret, sizeof(*ret)) == (ssize_t)sizeof(*ret));
	close(ends[0]);
	close(ends[1]);
	ret->process = process;
}

static void distant_peer_stop(const struct distant_peer *peer)
{
	kill(peer->process, SIGKILL);
	waitpid(peer->process, NULL, 0);
	unlink(peer->ca_file);
}

/* What is looked for is kept inverted, so that the search does not find itself. */
struct needle {
	unsigned char inverted[64];
	size_t length;
};

static struct needle invert(const char *text)
{
	struct needle needle = {.length = strlen(text)};

	for (size_t i = 0; i < needle.length; i++)
		needle.inverted[i] = (unsigned char)~text[i];
	return needle;
}

static size_t count_in(const unsigned char *bytes, size_t length, const struct needle *needle)
{
	size_t count = 0;

	for (size_t i = 0; i + needle->length <= length; i++) {
		size_t same = 0;
		while (same < needle->length && (bytes[i + same] ^ needle->inverted[same]) == 0xff)
			same++;
		count += same == needle->length;
	}
	return count;
}

/* In all writable memory of this process. */
static size_t copies_of(const struct needle *needle)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char line[512], mode[8];
	size_t from, to, count = 0;

	require(maps && memory >= 0);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%zx-%zx %7s", &from, &to, mode) != 3 || mode[1] != 'w' || to - from > REGION_MAX)
			continue;
		unsigned char *bytes = xmalloc(to - from);
		ssize_t got = pread(memory, bytes, to - from, (off_t)from);
		if (got > 0)
			count += count_in(bytes, (size_t)got, needle);
		explicit_bzero(bytes, to - from);
		free(bytes);
	}
	close(memory);
	fclose(maps);
	return count;
}

/* Random, so that no copy of it is in the program itself. */
static void make_token(struct secret *token, struct needle *ret_plain, struct needle *ret_base64)
{
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(64), basic = STRBUF_INIT(128), encoded = STRBUF_INIT(128);
	unsigned char bytes[18];

	random_bytes(bytes, sizeof(bytes));
	encode_base64url(&text, bytes, sizeof(bytes));
	secret_set(token, text.data, text.length);
	*ret_plain = invert(text.data);
	strbuf_add_string(&basic, "oauth2:");
	strbuf_add(&basic, text.data, text.length);
	encode_base64(&encoded, basic.data, basic.length);
	*ret_base64 = invert(encoded.data);
}

struct fixture {
	struct distant_peer peer;
	struct address_policy *policy;
	struct http_client_options options;
	char url[64];
};

static void start(struct fixture *f)
{
	struct error err = ERROR_INIT;
	char allowed[32];

	require(secret_library_init());
	distant_peer_start(&f->peer);
	snprintf(allowed, sizeof(allowed), "127.0.0.1:%u", f->peer.port);
	snprintf(f->url, sizeof(f->url), "https://localhost:%u/", f->peer.port);
	f->policy = address_policy_new();
	require(address_policy_add(f->policy, allowed, &err));
	f->options = (struct http_client_options){.policy = f->policy, .ca_file = f->peer.ca_file, .user_agent = "test/1"};
}

static void stop(struct fixture *f)
{
	address_policy_freep(&f->policy);
	distant_peer_stop(&f->peer);
}

static void call_leaves_no_copy_of_its_token(void **state)
{
	struct fixture f;
	struct http_client *client = NULL;
	struct secret token = SECRET_INIT;
	struct needle plain, base64;
	struct error err = ERROR_INIT;
	(void)state;

	start(&f);
	assert_true(http_client_new(&f.options, &client, &err));
	make_token(&token, &plain, &base64);
	assert_int_equal(copies_of(&plain), 1);
	struct http_call bearer = {.method = "GET", .url = f.url, .bearer = &token};
	struct http_call basic = {.method = "GET", .url = f.url, .basic_user = "oauth2", .basic_password = &token};
	for (int i = 0; i < 3; i++) {
		http_client_run(client, &bearer, 1);
		assert_int_equal(bearer.status, 200);
		http_call_release(&bearer);
		http_client_run(client, &basic, 1);
		assert_int_equal(basic.status, 200);
		http_call_release(&basic);
	}
	/* The connection is kept; the client's own secret is the one copy. */
	assert_int_equal(copies_of(&plain), 1);
	assert_int_equal(copies_of(&base64), 0);
	http_client_freep(&client);
	secret_release(&token);
	assert_int_equal(copies_of(&plain), 0);
	stop(&f);
}

static void stream_leaves_no_copy_of_its_token(void **state)
{
	struct fixture f;
	struct http_streams *streams = NULL;
	struct secret token = SECRET_INIT;
	struct needle plain, base64;
	struct error err = ERROR_INIT;
	(void)state;

	start(&f);
	assert_true(http_streams_new(&f.options, &streams, &err));
	make_token(&token, &plain, &base64);
	for (int i = 0; i < 3; i++) {
		struct http_stream_call call = {
		        .method = "GET", .url = f.url, .user = "oauth2", .password = &token, .total_ms = 10000};
		assert_true(http_stream_run(streams, &call));
		assert_int_equal(call.status, 200);
	}
	assert_int_equal(copies_of(&plain), 1);
	assert_int_equal(copies_of(&base64), 0);
	http_streams_freep(&streams);
	secret_release(&token);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(call_leaves_no_copy_of_its_token),
	        cmocka_unit_test(stream_leaves_no_copy_of_its_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
