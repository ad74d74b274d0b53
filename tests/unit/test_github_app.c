#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "encoding.h"
#include "file.h"
#include "github_app.h"
#include "github_fixture.h"
#include "temporary_folder.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>

#define INSTALLATION "/api/v3/app/installations/42"
#define SECRET_TOKEN "ghs_0123456789abcdefghijklmnopqrstuvwxyz"

enum { THREADS = 8 };

/* The App's server: it checks the JWT of every request, and gives tokens that end when the test says so. */
struct app_server {
	struct github_fixture *http;
	EVP_PKEY *key;
	struct github_app *app;
	struct temporary_folder folder;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* what the tests set */
	const char *status, *body; /* NULL: a token */
	int64_t good_for_s;
	unsigned callers_awaited;
	/* what happened */
	unsigned callers, tokens;
};

/* ---- the JWT, read as GitHub reads it ---- */

static size_t from_base64url(const char *text, size_t length, unsigned char *to, size_t capacity)
{
	CLEANUP(strbuf_release) struct strbuf plain = STRBUF_INIT(LIMIT_BEARER_MAX);
	size_t written = 0;

	for (size_t i = 0; i < length; i++)
		strbuf_add_char(&plain, text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	while (plain.length % 4 != 0)
		strbuf_add_char(&plain, '=');
	require(decode_base64(plain.data, plain.length, to, capacity, &written));
	return written;
}

static json_t *part_of(const char *text, size_t length)
{
	unsigned char json[512];
	size_t size = from_base64url(text, length, json, sizeof(json));

	return json_parse_answer((const char *)json, size);
}

static bool signature_holds(EVP_PKEY *key, const char *jwt, const char *second_dot)
{
	unsigned char signature[1024];
	size_t size = from_base64url(second_dot + 1, strlen(second_dot + 1), signature, sizeof(signature));
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool holds = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
	             EVP_DigestVerify(context, signature, size, (const unsigned char *)jwt, (size_t)(second_dot - jwt)) == 1;

	EVP_MD_CTX_free(context);
	return holds;
}

static bool jwt_is_good(EVP_PKEY *key, const char *jwt, int64_t now_s, int64_t tolerance_s)
{
	const char *first = strchr(jwt, '.'), *second = first ? strchr(first + 1, '.') : NULL;

	if (!second || strchr(second + 1, '.') || strchr(jwt, '='))
		return false;
	CLEANUP(json_decrefp)
	json_t *header = part_of(jwt, (size_t)(first - jwt)), *claims = part_of(first + 1, (size_t)(second - first - 1));
	int64_t issued = json_int_or(claims, "iat", 0), ends = json_int_or(claims, "exp", 0);
	return strcmp(json_string_or(header, "alg", ""), "RS256") == 0 && strcmp(json_string_or(header, "typ", ""), "JWT") == 0 &&
	       strcmp(json_string_or(claims, "iss", ""), "Iv1.0123456789abcdef") == 0 && ends == issued + 600 &&
	       issued + 60 <= now_s && issued + 60 >= now_s - tolerance_s && signature_holds(key, jwt, second);
}

/* ---- the server ---- */

static void read_body(struct peer_exchange *x)
{
	char length[16], body[64];
	long left = peer_header(x, "Content-Length", length, sizeof(length)) ? strtol(length, NULL, 10) : 0;

	while (left > 0) {
		long got = peer_read(x, body, (size_t)left < sizeof(body) ? (size_t)left : sizeof(body));
		require(got > 0);
		left -= got;
	}
}

static void answer_token(struct peer_exchange *x, struct app_server *s)
{
	char end[CLOCK_TEXT_SIZE];

	while (s->callers < s->callers_awaited)
		pthread_cond_wait(&s->changed, &s->lock);
	s->tokens++;
	clock_format(clock_now_s() + s->good_for_s, end);
	CLEANUP(freep) char *body = xasprintf("{\"token\":\"" SECRET_TOKEN "%u\",\"expires_at\":\"%s\"}", s->tokens, end);
	peer_answer(x, "201 Created", JSON_TYPE, body);
}

static void handle(struct peer_exchange *x, void *context)
{
	struct app_server *s = context;
	char bearer[2048];
	bool post = strcmp(x->method, "POST") == 0;

	read_body(x);
	pthread_mutex_lock(&s->lock);
	if (!peer_header(x, "Authorization", bearer, sizeof(bearer)) || strncmp(bearer, "Bearer ", 7) != 0 ||
	    !jwt_is_good(s->key, bearer + 7, clock_now_s(), 60) || !header_is(x, "X-GitHub-Api-Version", "2022-11-28"))
		peer_answer(x, "401 Unauthorized", JSON_TYPE, "{\"message\":\"A JSON web token could not be decoded\"}");
	else if (s->body)
		peer_answer(x, s->status, JSON_TYPE, s->body);
	else if (post && strncmp(x->target, INSTALLATION, strlen(INSTALLATION) - 2) == 0)
		answer_token(x, s);
	else
		peer_answer(x, "404 Not Found", JSON_TYPE, "{\"message\":\"Not Found\"}");
	pthread_mutex_unlock(&s->lock);
}

static void write_key(EVP_PKEY *key, const char *path)
{
	FILE *file = fopen(path, "w");

	require(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
	require(fclose(file) == 0);
}

static struct app_server *server_start(void)
{
	static const struct reply none[] = {{NULL}};
	struct app_server *s = xcalloc(1, sizeof(*s));
	struct error err = ERROR_INIT;

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->http = github_fixture_start(none);
	http_peer_stop(s->http->peer);
	s->http->peer = http_peer_start(PEER_PLAIN, handle, s);
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(s->http->peer));
	CLEANUP(freep) char *url = xasprintf("http://%s", allowed);
	require(address_policy_add(s->http->policy, allowed, NULL));
	instance_url_release(&s->http->instance);
	require(instance_url_parse(url, &s->http->instance, NULL));
	s->http->access.token = NULL;
	s->http->access.forge = NULL;
	folder_make(&s->folder);
	char path[PATH_SIZE];
	folder_file(&s->folder, "app.pem", path);
	s->key = EVP_RSA_gen(2048);
	write_key(s->key, path);
	if (!github_app_new("Iv1.0123456789abcdef", path, &s->app, &err))
		fail_msg("%s", err.message);
	s->good_for_s = 3600;
	return s;
}

static void server_stop(struct app_server *s)
{
	github_app_freep(&s->app);
	github_fixture_stop(s->http);
	EVP_PKEY_free(s->key);
	folder_remove(&s->folder);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- tests ---- */

static void the_jwt_is_what_github_verifies(void **state)
{
	struct app_server *s = server_start();
	CLEANUP(secret_release) struct secret jwt = SECRET_INIT;
	(void)state;

	assert_true(github_app_jwt(s->app, 1800000000, &jwt));
	assert_true(jwt_is_good(s->key, secret_bytes(&jwt), 1800000000, 0));
	server_stop(s);
}

static void write_text(const char *path, const char *text)
{
	assert_true(file_write_atomically(path, text, strlen(text), 0600, NULL));
}

/* An RSA key under a passphrase, which OpenSSL would ask for on the terminal. */
static void write_locked_key(const char *path)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	FILE *file = fopen(path, "w");

	require(file && PEM_write_PrivateKey(file, key, EVP_aes_256_cbc(), (const unsigned char *)"secret", 6, NULL, NULL) == 1);
	require(fclose(file) == 0);
	EVP_PKEY_free(key);
}

static void unusable_apps_are_refused_with_what_is_wrong(void **state)
{
	struct app_server *s = server_start();
	EVP_PKEY *short_key = EVP_RSA_gen(1024), *curve_key = EVP_EC_gen("P-256");
	char good[PATH_SIZE], text[PATH_SIZE], small[PATH_SIZE], curve[PATH_SIZE], locked[PATH_SIZE], missing[PATH_SIZE];
	const struct {
		const char *id, *file, *part;
	} rows[] = {
	        {"", good, "id of the GitHub App"},
	        {NULL, good, "id of the GitHub App"},
	        {"1\",\"x\":\"2", good, "id of the GitHub App"},
	        {"123", missing, "does not exist"},
	        {"123", text, "does not hold a private key"},
	        {"123", locked, "without a passphrase"},
	        {"123", small, "RSA key of at least 2048 bits"},
	        {"123", curve, "RSA key of at least 2048 bits"},
	};
	(void)state;

	folder_file(&s->folder, "app.pem", good);
	folder_file(&s->folder, "missing", missing);
	write_text(folder_file(&s->folder, "text", text), "-----BEGIN RSA PRIVATE KEY-----\nnonsense\n");
	write_locked_key(folder_file(&s->folder, "locked", locked));
	write_key(short_key, folder_file(&s->folder, "small", small));
	write_key(curve_key, folder_file(&s->folder, "curve", curve));
	EVP_PKEY_free(short_key);
	EVP_PKEY_free(curve_key);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct github_app *app = NULL;
		struct error err = ERROR_INIT;
		assert_false(github_app_new(rows[i].id, rows[i].file, &app, &err));
		if (err.code != ERR_CONFIG_INVALID || !strstr(err.message, rows[i].part))
			fail_msg("%s: %s", rows[i].part, err.message);
		assert_null(app);
	}
	server_stop(s);
}

static void an_installation_is_described(void **state)
{
	static const struct {
		const char *body, *account;
		bool is_organization, suspended;
	} rows[] = {
	        {"{\"id\":42,\"account\":{\"login\":\"octo\",\"id\":7,\"type\":\"Organization\"},\"suspended_at\":null}", "octo",
	         true, false},
	        {"{\"id\":42,\"account\":{\"login\":\"john\",\"id\":7,\"type\":\"User\"},\"suspended_at\":\"2026-01-01T00:00:"
	         "00Z\"}",
	         "john", false, true},
	};
	struct app_server *s = server_start();
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct github_installation got = GITHUB_INSTALLATION_INIT;
		struct error err = ERROR_INIT;
		s->status = "200 OK";
		s->body = rows[i].body;
		if (!github_app_installation(s->app, &s->http->access, 42, &got, &err))
			fail_msg("%s (%s)", err.message, err.detail);
		assert_int_equal(got.id, 42);
		assert_int_equal(got.account_id, 7);
		assert_string_equal(got.account, rows[i].account);
		assert_int_equal(got.is_organization, rows[i].is_organization);
		assert_int_equal(got.suspended, rows[i].suspended);
		github_installation_release(&got);
	}
	server_stop(s);
}

static void refusals_of_the_app_are_named(void **state)
{
	static const struct {
		const char *what, *status, *body;
		enum error_code code;
	} rows[] = {
	        {"a key GitHub does not know", "401 Unauthorized", "{\"message\":\"A JSON web token could not be decoded\"}",
	         ERR_CONFIG_INVALID},
	        {"an App GitHub does not know", "404 Not Found", "{\"message\":\"Integration not found\"}", ERR_CONFIG_INVALID},
	        {"no such installation", "404 Not Found", "{\"message\":\"Not Found\"}", ERR_INSTALLATION_NOT_FOUND},
	        {"suspended", "403 Forbidden", "{\"message\":\"This installation has been suspended\"}",
	         ERR_INSTALLATION_SUSPENDED},
	        {"rate limited", "403 Forbidden", "{\"message\":\"API rate limit exceeded\"}", ERR_RATE_LIMITED},
	        {"down", "502 Bad Gateway", "{\"message\":\"Server Error\"}", ERR_INSTANCE_ERROR},
	        {"another answer", "200 OK", "{\"id\":43}", ERR_INSTANCE_NOT_API},
	        {"a token without an end", "201 Created", "{\"token\":\"" SECRET_TOKEN "\"}", ERR_INSTANCE_NOT_API},
	};
	struct app_server *s = server_start();
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct github_installation installation = GITHUB_INSTALLATION_INIT;
		struct secret token = SECRET_INIT;
		struct error err = ERROR_INIT, token_err = ERROR_INIT;
		s->status = rows[i].status;
		s->body = rows[i].body;
		assert_false(github_app_installation(s->app, &s->http->access, 42, &installation, &err));
		assert_false(github_app_token(s->app, &s->http->access, 42, &token, &token_err));
		if (err.code != rows[i].code || token_err.code != rows[i].code)
			fail_msg("%s: %s, %s", rows[i].what, error_name(err.code), token_err.message);
		assert_null(strstr(token_err.message, SECRET_TOKEN));
		assert_int_equal(token.length, 0);
	}
	server_stop(s);
}

static void expect_token(struct app_server *s, int64_t id, const char *token)
{
	CLEANUP(secret_release) struct secret got = SECRET_INIT;
	struct error err = ERROR_INIT;

	if (!github_app_token(s->app, &s->http->access, id, &got, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_string_equal(secret_bytes(&got), token);
}

static void a_token_is_kept_until_five_minutes_before_its_end(void **state)
{
	struct app_server *s = server_start();
	(void)state;

	expect_token(s, 42, SECRET_TOKEN "1");
	expect_token(s, 42, SECRET_TOKEN "1");
	expect_token(s, 43, SECRET_TOKEN "2");
	expect_token(s, 42, SECRET_TOKEN "1");
	github_app_drop_token(s->app, 42);
	s->good_for_s = 299;
	expect_token(s, 42, SECRET_TOKEN "3");
	s->good_for_s = 600;
	expect_token(s, 42, SECRET_TOKEN "4");
	expect_token(s, 42, SECRET_TOKEN "4");
	server_stop(s);
}

static void a_failure_is_not_kept(void **state)
{
	struct app_server *s = server_start();
	struct secret token = SECRET_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	s->status = "502 Bad Gateway";
	s->body = "{\"message\":\"Server Error\"}";
	assert_false(github_app_token(s->app, &s->http->access, 42, &token, &err));
	s->body = NULL;
	expect_token(s, 42, SECRET_TOKEN "1");
	server_stop(s);
}

static void the_cache_is_bounded_and_gives_up_what_ends_first(void **state)
{
	enum { PLACES = 64, FIRST = 100 };
	struct app_server *s = server_start();
	(void)state;

	for (int i = 1; i <= PLACES; i++) {
		CLEANUP(freep) char *token = xasprintf(SECRET_TOKEN "%d", i);
		s->good_for_s = i == 1 ? 1000 : 3600;
		expect_token(s, FIRST + i, token);
	}
	expect_token(s, FIRST + 1, SECRET_TOKEN "1");
	expect_token(s, FIRST + PLACES + 1, SECRET_TOKEN "65");
	expect_token(s, FIRST + PLACES, SECRET_TOKEN "64");
	expect_token(s, FIRST + 1, SECRET_TOKEN "66");
	server_stop(s);
}

struct caller {
	struct app_server *server;
	pthread_t thread;
	bool ok;
};

static void *call(void *context)
{
	struct caller *caller = context;
	struct app_server *s = caller->server;
	CLEANUP(secret_release) struct secret token = SECRET_INIT;

	pthread_mutex_lock(&s->lock);
	s->callers++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	caller->ok =
	        github_app_token(s->app, &s->http->access, 42, &token, NULL) && strcmp(secret_bytes(&token), SECRET_TOKEN "1") == 0;
	return NULL;
}

static void of_several_callers_one_asks(void **state)
{
	struct app_server *s = server_start();
	struct caller callers[THREADS];
	(void)state;

	s->callers_awaited = THREADS;
	for (size_t i = 0; i < THREADS; i++) {
		callers[i] = (struct caller){.server = s};
		assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_true(callers[i].ok);
	}
	assert_int_equal(http_peer_requests(s->http->peer), 1);
	server_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_jwt_is_what_github_verifies),
	        cmocka_unit_test(unusable_apps_are_refused_with_what_is_wrong),
	        cmocka_unit_test(an_installation_is_described),
	        cmocka_unit_test(refusals_of_the_app_are_named),
	        cmocka_unit_test(a_token_is_kept_until_five_minutes_before_its_end),
	        cmocka_unit_test(a_failure_is_not_kept),
	        cmocka_unit_test(the_cache_is_bounded_and_gives_up_what_ends_first),
	        cmocka_unit_test(of_several_callers_one_asks),
	};

	require(secret_library_init());
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
