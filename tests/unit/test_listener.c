/* The sockets of a pool: who may connect, and what is replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc.h"
#include "listener.h"

static int make_folder(void **state)
{
	char template[] = "/tmp/test_listener_XXXXXX";

	*state = mkdtemp(template) ? xasprintf("%s/a.sock", template) : NULL;
	return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
	char *path = *state;

	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	free(path);
	return 0;
}

static void socket_is_for_owner_and_group_and_closed_on_exec(void **state)
{
	CLEANUP(listeners_release) struct listeners listeners = LISTENERS_INIT;
	struct stat st;

	assert_true(listeners_add(&listeners, *state, NULL, NULL));
	assert_int_equal(stat(*state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_true(fcntl(listeners.fds[0], F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(listeners.fds[0], F_GETFL) & O_NONBLOCK);
}

static void socket_that_answers_is_left_alone(void **state)
{
	CLEANUP(listeners_release) struct listeners first = LISTENERS_INIT, second = LISTENERS_INIT;
	struct error err = ERROR_INIT;

	assert_true(listeners_add(&first, *state, NULL, NULL));
	assert_false(listeners_add(&second, *state, NULL, &err));
	assert_int_equal(err.code, ERR_CONFIG_INVALID);
	assert_int_equal(access(*state, F_OK), 0);
}

static void file_of_a_dead_process_is_replaced(void **state)
{
	CLEANUP(listeners_release) struct listeners listeners = LISTENERS_INIT;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = *state;
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	close(dead);
	assert_true(listeners_add(&listeners, path, NULL, NULL));
}

static void another_kind_of_file_is_not_replaced(void **state)
{
	CLEANUP(listeners_release) struct listeners listeners = LISTENERS_INIT;
	struct error err = ERROR_INIT;

	close(open(*state, O_CREAT | O_WRONLY, 0600));
	assert_false(listeners_add(&listeners, *state, NULL, &err));
	assert_int_equal(err.code, ERR_CONFIG_INVALID);
	assert_int_equal(access(*state, F_OK), 0);
}

static void too_long_path_and_unknown_group_are_refused(void **state)
{
	CLEANUP(listeners_release) struct listeners listeners = LISTENERS_INIT;
	char path[200];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(listeners_add(&listeners, path, NULL, NULL));
	assert_false(listeners_add(&listeners, *state, "no-such-group-here", NULL));
}

static void release_removes_the_file(void **state)
{
	struct listeners listeners = LISTENERS_INIT;

	assert_true(listeners_add(&listeners, *state, NULL, NULL));
	listeners_release(&listeners);
	assert_int_not_equal(access(*state, F_OK), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(socket_is_for_owner_and_group_and_closed_on_exec),
	        TEST(socket_that_answers_is_left_alone),
	        TEST(file_of_a_dead_process_is_replaced),
	        TEST(another_kind_of_file_is_not_replaced),
	        TEST(too_long_path_and_unknown_group_are_refused),
	        TEST(release_removes_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
