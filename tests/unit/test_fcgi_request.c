#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi_request.h"

/* Which may be anything by then: a program that was started without standard input has its first socket there. */
static void a_thread_that_cannot_wait_leaves_descriptor_0_open(void **state UNUSED)
{
	struct exchange *exchange = NULL;
	struct error err = ERROR_INIT;
	int sockets[2];

	assert_true(exchange_library_init());
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_not_equal(dup2(sockets[1], STDIN_FILENO), -1);
	assert_false(exchange_new(sockets[0], -1, false, &exchange, &err));
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_null(exchange);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	close(sockets[0]);
	close(sockets[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_thread_that_cannot_wait_leaves_descriptor_0_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
