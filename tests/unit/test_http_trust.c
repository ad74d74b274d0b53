#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_peer_tls.h"
#include "http_trust.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A CA file that tests may write, two contexts of clients, and what is tested. */
struct fixture {
	char ca_path[64];
	SSL_CTX *one, *other;
	struct http_trust *trust;
};

/* Another CA each time. */
static void write_ca(const struct fixture *f)
{
	SSL_CTX_free(peer_tls_context(PEER_TLS_GOOD, f->ca_path));
}

static int start(void **state)
{
	static struct fixture f;

	snprintf(f.ca_path, sizeof(f.ca_path), "/tmp/test_http_trust.%d.pem", getpid());
	f.one = SSL_CTX_new(TLS_client_method());
	f.other = SSL_CTX_new(TLS_client_method());
	f.trust = http_trust_new();
	write_ca(&f);
	*state = &f;
	return 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;

	http_trust_freep(&f->trust);
	SSL_CTX_free(f->one);
	SSL_CTX_free(f->other);
	unlink(f->ca_path);
	return 0;
}

static int certificates(SSL_CTX *context)
{
	STACK_OF(X509) *all = X509_STORE_get1_all_certs(SSL_CTX_get_cert_store(context));
	int count = sk_X509_num(all);

	sk_X509_pop_free(all, X509_free);
	return count;
}

static void connections_share_what_was_parsed(void **state)
{
	struct fixture *f = *state;

	assert_true(http_trust_give(f->trust, f->ca_path, f->one));
	assert_true(http_trust_give(f->trust, f->ca_path, f->other));
	assert_ptr_equal(SSL_CTX_get_cert_store(f->one), SSL_CTX_get_cert_store(f->other));
	assert_int_equal(certificates(f->one), 1);
}

static void other_files_are_other_lists(void **state)
{
	struct fixture *f = *state;
	char same_file[128];

	snprintf(same_file, sizeof(same_file), "/proc/self/root%s", f->ca_path);
	assert_true(http_trust_give(f->trust, f->ca_path, f->one));
	assert_true(http_trust_give(f->trust, same_file, f->other));
	assert_ptr_not_equal(SSL_CTX_get_cert_store(f->one), SSL_CTX_get_cert_store(f->other));
}

static void changed_file_is_parsed_again_and_the_old_list_stays_with_its_connections(void **state)
{
	struct fixture *f = *state;
	const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	assert_int_equal(utimensat(AT_FDCWD, f->ca_path, long_ago, 0), 0);
	assert_true(http_trust_give(f->trust, f->ca_path, f->one));
	X509_STORE *before = SSL_CTX_get_cert_store(f->one);
	write_ca(f);
	assert_true(http_trust_give(f->trust, f->ca_path, f->other));
	assert_ptr_not_equal(SSL_CTX_get_cert_store(f->other), before);
	assert_int_equal(certificates(f->one), 1);
}

static void unusable_file_leaves_the_context_as_it_was(void **state)
{
	static const char *const paths[] = {"/nonexistent/ca.pem", "/dev/null", "/etc/hostname", "/etc"};
	struct fixture *f = *state;
	X509_STORE *before = SSL_CTX_get_cert_store(f->one);

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_false(http_trust_give(f->trust, paths[i], f->one));
		assert_ptr_equal(SSL_CTX_get_cert_store(f->one), before);
	}
	/* It was there and is no more: what was parsed does not outlive it. */
	assert_true(http_trust_give(f->trust, f->ca_path, f->other));
	unlink(f->ca_path);
	assert_false(http_trust_give(f->trust, f->ca_path, f->one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(connections_share_what_was_parsed, start, stop),
	        cmocka_unit_test_setup_teardown(other_files_are_other_lists, start, stop),
	        cmocka_unit_test_setup_teardown(changed_file_is_parsed_again_and_the_old_list_stays_with_its_connections, start,
	                                        stop),
	        cmocka_unit_test_setup_teardown(unusable_file_leaves_the_context_as_it_was, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
