#include "connection.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "alloc.h"

static struct connection make(const char *user, const char *name, int64_t generation)
{
	return (struct connection){
	        .key = "k1-x",
	        .user_id = xstrdup(user),
	        .username = xstrdup(name),
	        .generation = generation,
	        .is_bot = true,
	};
}

static void copy_shares_nothing_with_its_original(void **state)
{
	struct connection from = make("user@example.com", "john", 3);
	CLEANUP(connection_release) struct connection to = make("old", "old", 1);

	(void)state;
	connection_copy(&to, &from);
	assert_ptr_not_equal(to.user_id, from.user_id);
	connection_release(&from);
	assert_string_equal(to.key, "k1-x");
	assert_string_equal(to.user_id, "user@example.com");
	assert_string_equal(to.username, "john");
	assert_null(to.expires_at);
	assert_int_equal(to.generation, 3);
	assert_true(to.is_bot);
}

static void copy_onto_itself_changes_nothing(void **state)
{
	CLEANUP(connection_release) struct connection c = make("u", "john", 1);

	(void)state;
	connection_copy(&c, &c);
	assert_string_equal(c.username, "john");
}

static void release_leaves_an_empty_connection(void **state)
{
	struct connection c = make("u", "john", 1);

	(void)state;
	connection_release(&c);
	assert_null(c.user_id);
	assert_int_equal(c.generation, 0);
	connection_release(&c);
}

static void list_keeps_the_order_and_empties_what_it_takes(void **state)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;

	(void)state;
	for (int64_t i = 0; i < 37; i++) {
		struct connection c = make("u", "john", i);
		connection_list_take(&list, &c);
		assert_null(c.user_id);
	}
	assert_int_equal(list.count, 37);
	for (size_t i = 0; i < list.count; i++) {
		assert_int_equal(list.items[i].generation, (int64_t)i);
		assert_string_equal(list.items[i].username, "john");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(copy_shares_nothing_with_its_original),
	        cmocka_unit_test(copy_onto_itself_changes_nothing),
	        cmocka_unit_test(release_leaves_an_empty_connection),
	        cmocka_unit_test(list_keeps_the_order_and_empties_what_it_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
