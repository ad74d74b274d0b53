#include "instances.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "json.h"

static char path[] = "/tmp/test_instances.XXXXXX";

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, false);
	assert_int_equal(fclose(file), 0);
}

static bool allows(const struct address_policy *policy, const char *host, const char *address, unsigned port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_storage storage = {0};

	assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
	memcpy(&storage, &in, sizeof(in));
	return address_policy_allows(policy, host, (const struct sockaddr *)&storage);
}

static void no_path_gives_no_instances(void **state)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	CLEANUP(instances_release) struct instances instances = INSTANCES_INIT;

	(void)state;
	assert_true(instances_load("", policy, &instances, NULL));
	assert_int_equal(instances.count, 0);
	assert_null(instances_find(&instances, "https://gitlab.com"));
}

static void entries_are_found_by_their_canonical_address(void **state)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	CLEANUP(instances_release) struct instances instances = INSTANCES_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	write_file("[{\"name\": \"Corp\", \"url\": \"https://GitLab.corp/\", \"caFile\": \"/dev/null\"},"
	           " {\"name\": \"Lab\", \"url\": \"http://git.lab:8080/gitlab\", \"insecureHttp\": true}]");
	if (!instances_load(path, policy, &instances, &err))
		fail_msg("%s", err.message);
	assert_int_equal(instances.count, 2);
	const struct instance_entry *corp = instances_find(&instances, "https://gitlab.corp");
	assert_non_null(corp);
	assert_string_equal(corp->name, "Corp");
	assert_string_equal(corp->ca_file, "/dev/null");
	assert_false(corp->insecure_http);
	const struct instance_entry *lab = instances_find(&instances, "http://git.lab:8080/gitlab");
	assert_non_null(lab);
	assert_null(lab->ca_file);
	assert_true(lab->insecure_http);
	assert_null(instances_find(&instances, "https://git.lab:8080/gitlab"));
}

static void networks_are_opened_for_their_instance_only(void **state)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	CLEANUP(instances_release) struct instances instances = INSTANCES_INIT;

	(void)state;
	write_file("[{\"name\": \"Corp\", \"url\": \"https://gitlab.corp\", \"networks\": [\"10.0.0.0/8\", \"127.0.0.1:8443\"]},"
	           " {\"name\": \"By address\", \"url\": \"https://192.168.1.5:8443\"}]");
	assert_true(instances_load(path, policy, &instances, NULL));
	assert_true(allows(policy, "gitlab.corp", "10.1.2.3", 443));
	assert_true(allows(policy, "gitlab.corp", "127.0.0.1", 8443));
	assert_false(allows(policy, "other.corp", "10.1.2.3", 443));
	assert_false(allows(policy, "other.corp", "127.0.0.1", 8443));
	assert_true(allows(policy, "192.168.1.5", "192.168.1.5", 8443));
	assert_false(allows(policy, "192.168.1.5", "192.168.1.5", 443));
	assert_false(allows(policy, "rebound.example", "192.168.1.5", 8443));
}

static const struct {
	const char *sentence;
	const char *text;
	const char *named; /* what the message must name */
} refused[] = {
        {"no JSON", "instances:", "not a JSON array"},
        {"an object", "{}", "not a JSON array"},
        {"an entry that is no object", "[1]", "entry 1"},
        {"no name", "[{\"url\": \"https://g.corp\"}]", "name"},
        {"no url", "[{\"name\": \"Corp\"}]", "url"},
        {"an empty url does not mean gitlab.com", "[{\"name\": \"Corp\", \"url\": \"\"}]", "'Corp'"},
        {"a url without a scheme", "[{\"name\": \"Corp\", \"url\": \"g.corp\"}]", "'Corp'"},
        {"http that nobody allowed", "[{\"name\": \"Corp\", \"url\": \"http://g.corp\"}]", "insecureHttp"},
        {"an unknown member", "[{\"name\": \"Corp\", \"url\": \"https://g.corp\", \"cafile\": \"x\"}]", "cafile"},
        {"a certificate file that is missing",
         "[{\"name\": \"Corp\", \"url\": \"https://g.corp\", \"caFile\": \"/nowhere/ca.pem\"}]", "/nowhere/ca.pem"},
        {"a network that is none", "[{\"name\": \"Corp\", \"url\": \"https://g.corp\", \"networks\": [\"10.0.0.0/99\"]}]",
         "10.0.0.0/99"},
        {"a network that is no text", "[{\"name\": \"Corp\", \"url\": \"https://g.corp\", \"networks\": [10]}]", "networks"},
        {"one instance twice", "[{\"name\": \"A\", \"url\": \"https://g.corp\"}, {\"name\": \"B\", \"url\": \"https://G.CORP/\"}]",
         "https://g.corp"},
        {"the entry's number is told", "[{\"name\": \"A\", \"url\": \"https://g.corp\"}, {\"name\": \"B\", \"url\": 1}]",
         "entry 2 ('B')"},
};

static void mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
		struct instances instances = INSTANCES_INIT;
		struct error err = ERROR_INIT;

		print_message("%s\n", refused[i].sentence);
		write_file(refused[i].text);
		assert_false(instances_load(path, policy, &instances, &err));
		assert_int_equal(err.code, ERR_CONFIG_INVALID);
		if (!strstr(err.message, refused[i].named))
			fail_msg("%s", err.message);
		assert_null(instances.items);
	}
}

static void missing_file_is_an_error(void **state)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	struct instances instances = INSTANCES_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_false(instances_load("/nowhere/instances.json", policy, &instances, &err));
	assert_int_equal(err.code, ERR_CONFIG_INVALID);
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	json_library_init();
	return fd >= 0 ? close(fd) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(no_path_gives_no_instances),
	        cmocka_unit_test(entries_are_found_by_their_canonical_address),
	        cmocka_unit_test(networks_are_opened_for_their_instance_only),
	        cmocka_unit_test(mistakes_are_named),
	        cmocka_unit_test(missing_file_is_an_error),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
