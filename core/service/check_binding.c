/* The first checks: address, provider and connection. */
#include "check_run.h"

#include "alloc.h"
#include "clock.h"

#include <stdlib.h>
#include <string.h>

static void note_ignored(struct check_report *report)
{
	static const struct {
		unsigned flag;
		const char *what;
	} parts[] = {
	        {REPO_URL_IGNORED_QUERY, "its query"},        {REPO_URL_IGNORED_FRAGMENT, "its fragment"},
	        {REPO_URL_IGNORED_PAGE, "the page it shows"}, {REPO_URL_IGNORED_SSH_PORT, "its SSH port"},
	        {REPO_URL_IGNORED_SSH_USER, "its SSH user"},
	};
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT(256);

	if (report->url.had_credentials) {
		check_list_note(&report->checks, CHECK_ADDRESS, NOTE_CREDENTIALS_DROPPED,
		                "The password in the URL was removed; the connected account is used. If it was a real secret, "
		                "revoke it.");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (report->url.ignored & parts[i].flag)
			strbuf_addf(&list, "%s%s", list.length > 0 ? ", " : "", parts[i].what);
	}
	if (list.length > 0)
		check_list_note(&report->checks, CHECK_ADDRESS, NOTE_ADDRESS_CORRECTED, "Of the address these are not used: %s.",
		                list.data);
}

static bool check_address(struct check_run *run)
{
	struct check_report *report = run->report;
	struct error failure = ERROR_INIT;

	if (!repo_url_parse(run->request->url, &report->url, &failure)) {
		check_fail(report, CHECK_ADDRESS, &failure, CHECK_BLOCKS_CLONE);
		return false;
	}
	check_list_pass(&report->checks, CHECK_ADDRESS);
	note_ignored(report);
	return true;
}

/* Host and, where it is not the scheme's own, port of the address that was given. */
static char *address_authority(const struct repo_url *url)
{
	unsigned default_port = url->form == REPO_URL_HTTP ? 80 : 443;

	if (url->port == 0 || url->port == default_port)
		return xstrdup(url->host);
	return xasprintf(strchr(url->host, ':') ? "[%s]:%u" : "%s:%u", url->host, url->port);
}

/* The provider of a connected instance with this host, whatever its port and name. */
static enum provider provider_of_connections(const struct connection_list *connections, const char *host)
{
	for (size_t i = 0; i < connections->count; i++) {
		CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;
		const struct forge *forge = forge_of_name(connections->items[i].provider);

		if (forge && instance_url_parse_stored(connections->items[i].instance_url, &instance, NULL) &&
		    strcmp(instance.host, host) == 0)
			return forge->provider;
	}
	return PROVIDER_UNKNOWN;
}

static enum provider detect_provider(const struct check_run *run, const struct connection_list *connections)
{
	const struct credential *credential = &run->report->credential;
	const struct instance_url *github = run->service->credentials.github;
	const struct repo_url *url = &run->report->url;
	const struct instances *instances = run->service->credentials.accounts->instances;
	const struct instance_entry *listed = instances_find_for(instances, url);
	enum provider provider = PROVIDER_UNKNOWN;

	if (run->request->provider && run->request->provider[0] != '\0')
		return provider_parse(run->request->provider, &provider) ? provider : PROVIDER_UNKNOWN;
	if (credential->forge)
		return credential->forge->provider;
	provider = provider_of_connections(connections, url->host);
	if (provider == PROVIDER_UNKNOWN && listed)
		provider = listed->provider;
	if (provider == PROVIDER_UNKNOWN && github && repo_url_is_on(url, github))
		provider = PROVIDER_GITHUB;
	if (provider == PROVIDER_UNKNOWN)
		provider = provider_of_host(url->host);
	if (provider == PROVIDER_UNKNOWN && run->service->probe && credential->instance.https &&
	    clock_monotonic_ms() < run->until_ms)
		provider = provider_probe_ask(run->service->probe, credential->instance.text,
		                              instances_route(instances, &credential->instance), run->request->request_id);
	return provider;
}

static bool check_provider(struct check_run *run, const struct connection_list *connections)
{
	struct error failure = ERROR_INIT;
	const char *given = run->request->provider;

	run->report->provider = detect_provider(run, connections);
	if (run->report->provider != PROVIDER_UNKNOWN) {
		check_list_pass(&run->report->checks, CHECK_PROVIDER);
		return true;
	}
	if (given && given[0] != '\0')
		error_set(&failure, ERR_PROVIDER_UNKNOWN, "The provider '%.40s' is not known.", given);
	else
		error_set(&failure, ERR_PROVIDER_UNKNOWN, "It cannot be told from %s which kind of server it is.",
		          run->report->host);
	check_fail(run->report, CHECK_PROVIDER, &failure, CHECK_BLOCKS_CLONE);
	return false;
}

/* A page of GitHub's below "owner/repository" is not part of the path, on Enterprise servers of any name, too. */
static void cut_github_path(struct check_report *report)
{
	char *slash = report->credential.path ? strchr(report->credential.path, '/') : NULL;

	slash = slash ? strchr(slash + 1, '/') : NULL;
	if (report->provider != PROVIDER_GITHUB || !slash)
		return;
	*slash = '\0';
	report->url.ignored |= REPO_URL_IGNORED_PAGE;
	note_ignored(report);
}

/* What the address alone tells about where things are; the project's own answer replaces it. */
static void fill_places(struct check_report *report)
{
	const struct credential *credential = &report->credential;
	const struct forge *forge = forge_of(report->provider);
	CLEANUP(strbuf_release) struct strbuf api = STRBUF_INIT(4 * (size_t)LIMIT_URL_MAX);

	if (!credential->path || !credential->instance.text)
		return;
	report->path = xstrdup(credential->path);
	report->web_url = xasprintf("%s/%s", credential->instance.text, credential->path);
	report->clone_url = xasprintf("%s.git", report->web_url);
	if (forge) {
		forge->api_project(&credential->instance, credential->path, &api);
		report->api_url = strbuf_detach(&api);
	}
}

static bool check_connected(struct check_run *run)
{
	const char *title = run->report->provider == PROVIDER_GITHUB ? "GitHub" : "GitLab";
	bool plain = run->report->url.form == REPO_URL_HTTP;
	struct error failure = ERROR_INIT;

	if (run->report->credential.source != CREDENTIAL_NONE)
		return true;
	error_set(&failure, ERR_NOT_CONNECTED,
	          "no %s credentials available. Connect %s on the Integrations page: there is no connection to %s%s.", title, title,
	          plain ? "http://" : "", run->report->host);
	error_remedy(&failure, "Connect %s on the Integrations page.", run->report->host);
	check_fail(run->report, CHECK_CONNECTION, &failure, CHECK_BLOCKS_CLONE);
	return false;
}

static bool is_store_failure(enum error_code code)
{
	return code == ERR_STORE_UNAVAILABLE || code == ERR_STORE_NOT_READY || code == ERR_SECRET_STORE_UNAVAILABLE ||
	       code == ERR_KUBERNETES_UNAVAILABLE || code == ERR_INTERNAL;
}

static bool check_opens(struct check_run *run, struct error *err)
{
	struct credential *credential = &run->report->credential;
	struct error failure = ERROR_INIT;

	if (!credential_open(&run->service->credentials, credential, run->request->request_id, &failure)) {
		if (!is_store_failure(failure.code)) {
			/* An installation's token is asked for at GitHub: then the failure may be the network's. */
			if (check_of_error(failure.code) > CHECK_CONNECTION)
				check_list_pass(&run->report->checks, CHECK_CONNECTION);
			check_fail_network(run->report, &failure);
		} else if (err) {
			*err = failure;
		}
		return false;
	}
	check_list_pass(&run->report->checks, CHECK_CONNECTION);
	run->access = credential_access(&run->service->credentials, credential, run->request->request_id);
	run->access.until_ms = run->until_ms;
	return true;
}

bool check_binding(struct check_run *run, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list connections = CONNECTION_LIST_INIT;
	const struct credential_sources *sources = &run->service->credentials;
	const struct connection_store *store = &sources->accounts->connections;
	const struct credential_asker asker = {run->request->user_id, run->request->project};
	struct check_report *report = run->report;
	enum provider asked = PROVIDER_UNKNOWN;

	if (!check_address(run))
		return false;
	if (run->request->provider && !provider_parse(run->request->provider, &asked))
		asked = PROVIDER_UNKNOWN;
	if (!store->ops->list(store->state, asker.user_id, &connections, err) ||
	    !credential_choose(sources, &connections, &asker, &report->url, asked, &report->credential, err))
		return false;
	report->host = report->credential.source == CREDENTIAL_NONE || report->credential.instance.host == NULL
	                       ? address_authority(&report->url)
	                       : instance_url_authority(&report->credential.instance);
	if (!check_provider(run, &connections))
		return false;
	cut_github_path(report);
	fill_places(report);
	return check_connected(run) && check_opens(run, err);
}
