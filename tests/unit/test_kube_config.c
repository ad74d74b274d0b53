#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube_config.h"

#include <string.h>

#define HEAD      "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
#define CONTEXT   "contexts:\n- name: c\n  context: {cluster: k, user: u, namespace: team}\n"
#define CLUSTER   "clusters:\n- name: k\n  cluster:\n    server: https://API.corp:6443/\n    certificate-authority: ca.crt\n"
#define USER      "users:\n- name: u\n  user: {token: secret-of-u}\n"
#define USERS(u)  "users:\n- name: u\n  user: {" u "}\n"
#define SERVER(s) "clusters:\n- name: k\n  cluster: {server: \"" s "\"}\n"

static bool parse(const char *text, struct kube_config *ret, struct error *err)
{
	return kube_config_parse(text, strlen(text), "/etc/kube", ret, err);
}

static void parse_reads_the_current_context(void **state)
{
	CLEANUP(kube_config_release) struct kube_config c = KUBE_CONFIG_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(parse(HEAD CONTEXT CLUSTER USER "preferences: {}\n", &c, &err));
	assert_string_equal(c.server, "https://api.corp:6443");
	assert_string_equal(c.host, "api.corp");
	assert_int_equal(c.port, 6443);
	assert_string_equal(c.ca_file, "/etc/kube/ca.crt");
	assert_string_equal(c.namespace_, "team");
	assert_string_equal(secret_bytes(&c.token), "secret-of-u");
}

static void parse_takes_json_a_token_file_and_embedded_certificates(void **state)
{
	CLEANUP(kube_config_release) struct kube_config c = KUBE_CONFIG_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(
	        parse("{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":\"k\",\"user\":\"u\"}}],"
	              "\"clusters\":[{\"name\":\"k\",\"cluster\":{\"server\":\"https://"
	              "[::1]\",\"certificate-authority-data\":\"UEVN\"}}],"
	              "\"users\":[{\"name\":\"u\",\"user\":{\"tokenFile\":\"/run/token\"}}]}",
	              &c, &err));
	assert_string_equal(c.server, "https://[::1]:443");
	assert_string_equal(c.ca_pem, "PEM");
	assert_string_equal(c.token_file, "/run/token");
	assert_int_equal(c.token.length, 0);
	assert_null(c.namespace_);
}

static void parse_refuses_with_a_line_that_says_why(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	        {"", "current-context"},
	        {"a: [", "not YAML"},
	        {"[1, 2]", "current-context"},
	        {HEAD CLUSTER USER, "no context of its name"},
	        {HEAD CONTEXT USER, "no cluster with a server"},
	        {HEAD CONTEXT CLUSTER, "no user with a token"},
	        {HEAD CONTEXT CLUSTER USERS("exec: {command: aws}"), "'exec'"},
	        {HEAD CONTEXT CLUSTER USERS("token: t, as: somebody"), "'as'"},
	        {HEAD CONTEXT CLUSTER USERS("tokenFile: /t, as-groups: [few]"), "'as-groups'"},
	        {HEAD CONTEXT CLUSTER USERS("client-certificate-data: eA=="), "'client-certificate-data'"},
	        {HEAD CONTEXT CLUSTER USERS("token: \"one\\ntwo\""), "not one line"},
	        {HEAD CONTEXT USER SERVER("http://api.corp"), "https://"},
	        {HEAD CONTEXT USER SERVER("https://me:secret@api.corp"), "plain URL"},
	        {HEAD CONTEXT USER SERVER("https://api.corp:0"), "port"},
	        {HEAD CONTEXT USER "clusters:\n- name: k\n  cluster: {server: \"https://a\", insecure-skip-tls-verify: true}\n",
	         "insecure"},
	        {HEAD CONTEXT USER "clusters:\n- name: k\n  cluster: {server: \"https://a\", proxy-url: \"http://p\"}\n",
	         "proxy-url"},
	        {HEAD CONTEXT USER "clusters:\n- name: k\n  cluster: {server: \"https://a\", certificate-authority-data: \"%\"}\n",
	         "base64"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(kube_config_release) struct kube_config c = KUBE_CONFIG_INIT;
		struct error err = ERROR_INIT;

		assert_false(parse(rows[i].text, &c, &err));
		assert_int_equal(err.code, ERR_CONFIG_INVALID);
		if (!strstr(err.message, rows[i].says))
			fail_msg("row %zu says: %s", i, err.message);
		assert_null(strstr(err.message, "secret"));
		assert_null(c.server);
	}
}

static void without_pod_and_kubeconfig_there_is_no_server(void **state)
{
	CLEANUP(kube_config_release) struct kube_config c = KUBE_CONFIG_INIT;
	const struct kube_sources nothing = {.service_account = "/nonexistent"};
	struct error err = ERROR_INIT;

	(void)state;
	assert_false(kube_config_load(&nothing, &c, &err));
	assert_non_null(strstr(err.message, "KUBECONFIG is not set"));
}

static void a_pod_knows_its_server(void **state)
{
	static const struct {
		const char *host, *server;
	} rows[] = {{"10.96.0.1", "https://10.96.0.1:6443"}, {"fd00::1", "https://[fd00::1]:6443"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(kube_config_release) struct kube_config c = KUBE_CONFIG_INIT;
		const struct kube_sources pod = {
		        .service_host = rows[i].host, .service_port = "6443", .service_account = "/sa", .kubeconfig = "/ignored"};
		struct error err = ERROR_INIT;

		assert_true(kube_config_load(&pod, &c, &err));
		assert_string_equal(c.server, rows[i].server);
		assert_string_equal(c.token_file, "/sa/token");
		assert_string_equal(c.ca_file, "/sa/ca.crt");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(parse_reads_the_current_context),
	        cmocka_unit_test(parse_takes_json_a_token_file_and_embedded_certificates),
	        cmocka_unit_test(parse_refuses_with_a_line_that_says_why),
	        cmocka_unit_test(without_pod_and_kubeconfig_there_is_no_server),
	        cmocka_unit_test(a_pod_knows_its_server),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
