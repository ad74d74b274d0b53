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

static void load(const char *text, struct address_policy *policy, struct instances *ret)
{
	struct error err = ERROR_INIT;

	write_file(text);
	if (!instances_load(path, policy, ret, &err))
		fail_msg("%s", err.message);
}

static void server_has_one_way_to_it(void **state)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	CLEANUP(instances_release) struct instances instances = INSTANCES_INIT;
	static const struct {
		const char *sentence, *url, *proxy, *ca_file;
	} rows[] = {
	        {"the listed root", "https://h.corp/gitlab", "http://proxy.corp:3128", "/dev/null"},
	        {"a root that is not listed", "https://h.corp/other", "http://proxy.corp:3128", "/dev/null"},
	        {"no root", "https://h.corp", "http://proxy.corp:3128", "/dev/null"},
	        {"another port", "https://h.corp:8443", NULL, NULL},
	        {"http", "http://h.corp:443", NULL, NULL},
	        {"another host", "https://gitlab.com", NULL, NULL},
	};

	(void)state;
	load("[{\"name\": \"H\", \"url\": \"https://h.corp/gitlab\", \"caFile\": \"/dev/null\","
	     "  \"proxy\": \"HTTP://Proxy.corp:3128/\"},"
	     " {\"name\": \"H2\", \"url\": \"https://h.corp/second\", \"caFile\": \"/dev/null\","
	     "  \"proxy\": \"http://proxy.corp:3128\"}]",
	     policy, &instances);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;

		print_message("%s\n", rows[i].sentence);
		assert_true(instance_url_parse(rows[i].url, &url, NULL));
		const struct instance_route route = instances_route(&instances, &url), none = instances_route(NULL, &url);
		assert_string_equal(route.proxy ? route.proxy : "-", rows[i].proxy ? rows[i].proxy : "-");
		assert_string_equal(route.ca_file ? route.ca_file : "-", rows[i].ca_file ? rows[i].ca_file : "-");
		assert_null(none.proxy);
	}
	assert_true(allows(policy, "http://proxy.corp:3128", "10.1.2.3", 3128));
	assert_false(allows(policy, "proxy.corp", "10.1.2.3", 3128));
	assert_false(allows(policy, "h.corp", "10.1.2.3", 3128));
}

static void repositories_belong_to_the_deepest_root(void **state)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	CLEANUP(instances_release) struct instances instances = INSTANCES_INIT;
	static const struct {
		const char *url, *name; /* NULL: on none */
		enum provider provider;
	} rows[] = {
	        {"https://h.corp/a/b", "top", PROVIDER_UNKNOWN},
	        {"https://h.corp/apps/gitlab/a/b", "deep", PROVIDER_GITLAB},
	        {"https://h.corp/apps/gitlab/a", "top", PROVIDER_UNKNOWN},
	        {"https://code.corp:8443/octo/hello", "hub", PROVIDER_GITHUB},
	        {"git@code.corp:octo/hello.git", "hub", PROVIDER_GITHUB},
	        {"https://code.corp/octo/hello", NULL, PROVIDER_UNKNOWN},
	        {"http://h.corp/a/b", NULL, PROVIDER_UNKNOWN},
	};

	(void)state;
	load("[{\"name\": \"top\", \"url\": \"https://h.corp\"},"
	     " {\"name\": \"deep\", \"url\": \"https://h.corp/apps/gitlab\", \"provider\": \"gitlab\"},"
	     " {\"name\": \"hub\", \"url\": \"https://code.corp:8443\", \"provider\": \"github\"}]",
	     policy, &instances);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;

		print_message("%s\n", rows[i].url);
		assert_true(repo_url_parse(rows[i].url, &url, NULL));
		const struct instance_entry *entry = instances_find_for(&instances, &url);
		assert_string_equal(entry ? entry->name : "-", rows[i].name ? rows[i].name : "-");
		if (entry)
			assert_int_equal(entry->provider, rows[i].provider);
		assert_null(instances_find_for(NULL, &url));
	}
}

static void users_may_name_the_deep_roots_of_the_list(void **state)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	CLEANUP(instances_release) struct instances instances = INSTANCES_INIT;
	CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	load("[{\"name\": \"deep\", \"url\": \"https://h.corp/apps/gitlab/\"}]", policy, &instances);
	assert_true(instances_parse_url(&instances, "https://H.corp/apps/gitlab", &url, &err));
	assert_string_equal(url.text, "https://h.corp/apps/gitlab");
	assert_string_equal(url.root, "/apps/gitlab");
	assert_false(instances_parse_url(&instances, "https://h.corp/apps/gitlab/a/b", &url, &err));
	assert_string_equal(error_remediation(&err), "Use https://h.corp/apps/gitlab as the instance URL.");
	assert_false(instances_parse_url(NULL, "https://h.corp/apps/gitlab", &url, &err));
	assert_string_equal(error_remediation(&err), "Use https://h.corp as the instance URL.");
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
        {"a repository is no instance", "[{\"name\": \"Corp\", \"url\": \"https://g.corp/group/project.git\"}]", "repository"},
        {"a provider that is none", "[{\"name\": \"Corp\", \"url\": \"https://g.corp\", \"provider\": \"svn\"}]", "'provider'"},
        {"an empty provider", "[{\"name\": \"Corp\", \"url\": \"https://g.corp\", \"provider\": \"\"}]", "'provider'"},
        {"a proxy that is none", "[{\"name\": \"Corp\", \"url\": \"https://g.corp\", \"proxy\": \"proxy.corp\"}]", "'proxy'"},
        {"an empty proxy", "[{\"name\": \"Corp\", \"url\": \"https://g.corp\", \"proxy\": \"\"}]", "'proxy'"},
        {"a proxy with credentials", "[{\"name\": \"Corp\", \"url\": \"https://g.corp\", \"proxy\": \"http://u:p@p.corp:3128\"}]",
         "credentials of proxies are not supported"},
        {"a proxy that would read the tokens",
         "[{\"name\": \"Corp\", \"url\": \"http://g.corp\", \"insecureHttp\": true, \"proxy\": \"http://p.corp:3128\"}]",
         "https alone"},
        {"two proxies for one server",
         "[{\"name\": \"A\", \"url\": \"https://g.corp/a\", \"proxy\": \"http://p.corp:3128\"}, {\"name\": \"B\", \"url\": "
         "\"https://g.corp/b\"}]",
         "one server"},
        {"two CAs for one server",
         "[{\"name\": \"A\", \"url\": \"https://g.corp/a\", \"caFile\": \"/dev/null\"}, {\"name\": \"B\", \"url\": "
         "\"https://g.corp/b\", \"caFile\": \"/dev/zero\"}]",
         "one server"},
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
	        cmocka_unit_test(server_has_one_way_to_it),
	        cmocka_unit_test(repositories_belong_to_the_deepest_root),
	        cmocka_unit_test(users_may_name_the_deep_roots_of_the_list),
	        cmocka_unit_test(mistakes_are_named),
	        cmocka_unit_test(missing_file_is_an_error),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
