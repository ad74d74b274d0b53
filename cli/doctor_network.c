/* doctor: what lies on the network. */
#include "doctor.h"

#include "alloc.h"
#include "ca_file.h"
#include "clock.h"
#include "forge_transport_errors.h"
#include "machine.h"
#include "notice_delivery.h"
#include "remote.h"
#include "url_parts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- CA files ---- */

enum { SOON_DAYS = 30, DAY_S = 86400 };

static void look_at_ca(struct doctor *doctor, const char *path)
{
	struct ca_file_facts facts;
	struct error failure = ERROR_INIT;
	char until[CLOCK_TEXT_SIZE];

	if (!ca_file_examine(path, clock_now_s(), &facts, &failure)) {
		finding_add_error(doctor, "CA file", &failure);
		return;
	}
	clock_format(facts.first_expires_at, until);
	if (facts.expired == facts.count)
		finding_add(doctor, "CA file", FINDING_FAILED, "Replace it by the CA's new certificate.",
		            "Every certificate in %s has expired: no instance that it vouches for is trusted.", path);
	else if (facts.expired > 0)
		finding_add(doctor, "CA file", FINDING_WARNING, "Take the expired ones out, or replace them.",
		            "%zu of %zu certificates in %s have expired.", facts.expired, facts.count, path);
	else if (facts.first_expires_at - clock_now_s() < (int64_t)SOON_DAYS * DAY_S)
		finding_add(doctor, "CA file", FINDING_WARNING, "Add the CA's new certificate before then.",
		            "'%s' in %s expires at %s.", facts.first_expiring, path, until);
	else
		finding_add(doctor, "CA file", FINDING_OK, NULL, "%zu certificate%s in %s, good until %s.", facts.count,
		            facts.count == 1 ? "" : "s", path, until);
}

void doctor_trust(struct doctor *doctor)
{
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	const char *path = settings_get(&doctor->settings, CA_FILE);

	if (*path)
		look_at_ca(doctor, path);
	machine.policy = address_policy_new();
	/* What is wrong with the list itself is told with the instances. */
	if (!instances_load(settings_get(&doctor->settings, INSTANCES_FILE), machine.policy, &machine.instances, NULL))
		return;
	for (size_t i = 0; i < machine.instances.count; i++)
		if (machine.instances.items[i].ca_file)
			look_at_ca(doctor, machine.instances.items[i].ca_file);
}

/* ---- Instances ---- */

static const char *const stages[] = {
        [HTTP_OK] = "answer",           [HTTP_REFUSED_BY_POLICY] = "egress", [HTTP_UNRESOLVABLE] = "name",
        [HTTP_UNREACHABLE] = "connect", [HTTP_TIMEOUT] = "connect",          [HTTP_TLS] = "TLS",
        [HTTP_PROXY] = "proxy",         [HTTP_TOO_LARGE] = "answer",         [HTTP_BROKEN] = "answer",
        [HTTP_RESTING] = "connect",
};

/* Where a server of each kind says who it is without a credential. Caller frees. */
static char *question_of(const char *url, enum provider provider)
{
	if (provider != PROVIDER_GITHUB)
		return xasprintf("%s/api/v4/version", url);
	return strcmp(url, "https://github.com") == 0 ? xstrdup("https://api.github.com/meta") : xasprintf("%s/api/v3/meta", url);
}

/* RFC 9110's form; 0: none. */
static int64_t http_date(const char *text)
{
	struct tm date = {0};
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date);

	return end && *end == '\0' ? (int64_t)timegm(&date) : 0;
}

static void judge_answer(struct doctor *doctor, const char *name, const struct http_call *call, const char *host,
                         enum provider provider)
{
	const struct forge_words words = {.title = provider == PROVIDER_GITHUB ? "GitHub" : "GitLab", .api_root = "/api/v4"};
	struct error failure = ERROR_INIT;

	if (call->status >= 300 && call->status < 400) {
		(void)redirect_classify(call, &words, host, &failure);
		finding_add_error(doctor, name, &failure);
	} else if (page_judge(call, &words, host, &failure)) {
		finding_add_error(doctor, name, &failure);
	} else if (call->status >= 500) {
		finding_add(doctor, name, FINDING_WARNING, "Look at its status page, and try again.", "It answers with status %d.",
		            call->status);
	} else {
		finding_add(doctor, name, FINDING_OK, NULL, "Its API answers, in %lld ms.", (long long)(call->elapsed_us / 1000));
	}
}

static void look_at_instance(struct doctor *doctor, struct machine *machine, const char *text, enum provider provider)
{
	CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;
	CLEANUP(freep) char *name = xasprintf("instance %s", text), *question = question_of(text, provider);
	struct http_header_wanted date = {.name = "date"};
	CLEANUP(http_call_release) struct http_call call = {.method = "GET", .url = question, .wanted = &date, .wanted_count = 1};
	struct error failure = ERROR_INIT;
	int64_t theirs, off;

	if (!account_instance(&machine->accounts, text, &url, &call.route, &failure)) {
		finding_add_error(doctor, name, &failure);
		return;
	}
	http_client_run(machine->client, &call, 1);
	if (call.failure != HTTP_OK) {
		(void)transport_classify(&call, url.host, &failure);
		finding_add(doctor, name, FINDING_FAILED, error_remediation(&failure), "%s: %s", stages[call.failure],
		            failure.message);
		return;
	}
	judge_answer(doctor, name, &call, url.host, provider);
	theirs = http_date(date.value);
	off = theirs == 0 ? 0 : clock_now_s() - theirs;
	if (llabs(off) > llabs(doctor->clock_off_s))
		doctor->clock_off_s = off;
}

/* The clock decides on expiry, on certificates and on leases. */
static void judge_clock(struct doctor *doctor)
{
	enum { ODD_S = 30, WRONG_S = 300 };
	const long long off = llabs(doctor->clock_off_s);
	const char *way = doctor->clock_off_s > 0 ? "ahead of" : "behind";

	if (off > WRONG_S)
		finding_add(doctor, "clock", FINDING_FAILED, "Start time synchronisation ('timedatectl').",
		            "This machine is %lld s %s an instance: expiry dates and certificates are judged wrongly.", off, way);
	else if (off > ODD_S)
		finding_add(doctor, "clock", FINDING_WARNING, "Look at 'timedatectl' here and there.",
		            "This machine is %lld s %s an instance.", off, way);
	else
		finding_add(doctor, "clock", FINDING_OK, NULL, "It agrees with the instances that answered.");
}

enum { INSTANCES_MAX = 32 /* what a person still reads */ };

struct instance_seen {
	char *urls[INSTANCES_MAX];
	size_t count;
};

static void free_seen(struct instance_seen *seen)
{
	for (size_t i = 0; i < seen->count; i++)
		free(seen->urls[i]);
}

static void look_once(struct doctor *doctor, struct machine *machine, struct instance_seen *seen, const char *url,
                      enum provider provider)
{
	for (size_t i = 0; i < seen->count; i++)
		if (strcmp(seen->urls[i], url) == 0)
			return;
	if (seen->count == INSTANCES_MAX)
		return;
	seen->urls[seen->count++] = xstrdup(url);
	look_at_instance(doctor, machine, url, provider);
}

static void look_at_connected(struct doctor *doctor, struct machine *machine, struct instance_seen *seen)
{
	enum { CONNECTIONS_LOOKED_AT = 10000 };
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	const struct connection_store *store = &machine->accounts.connections;

	/* A database that cannot be read is told elsewhere. */
	if (!machine_open_database(machine, &doctor->settings, false, NULL) ||
	    !store->ops->list_unchecked(store->state, INT64_MAX, NULL, CONNECTIONS_LOOKED_AT, &list, NULL))
		return;
	for (size_t i = 0; i < list.count; i++) {
		enum provider provider = PROVIDER_UNKNOWN;

		if (provider_parse(list.items[i].provider, &provider))
			look_once(doctor, machine, seen, list.items[i].instance_url, provider);
	}
}

void doctor_instances(struct doctor *doctor)
{
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(free_seen) struct instance_seen seen = {.count = 0};
	struct error failure = ERROR_INIT;

	machine.accounts.instances = &machine.instances;
	if (!machine_open_network(&machine, &doctor->settings, &failure)) {
		finding_add_error(doctor, "instances", &failure);
		return;
	}
	for (size_t i = 0; i < machine.instances.count; i++)
		look_once(doctor, &machine, &seen, machine.instances.items[i].url.text, machine.instances.items[i].provider);
	look_at_connected(doctor, &machine, &seen);
	if (seen.count == 0)
		finding_add(doctor, "instances", FINDING_NOT_RUN, NULL,
		            "None is listed in ACP_INSTANCES_FILE, and nobody has connected one.");
	else
		judge_clock(doctor);
}

/* ---- The receiver of notices ---- */

/* Only that somebody answers there: a notice is sent when there is one. A redirect is never followed, so it tells of a wrong
 * address. */
static void look_at_receiver(struct doctor *doctor, const char *url)
{
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(http_call_release) struct http_call call = {.method = "HEAD", .url = url, .accept = "*/*"};
	CLEANUP(url_parts_release) struct url_parts parts = URL_PARTS_INIT;
	struct error failure = ERROR_INIT;

	if (!url_split(url, &parts)) {
		finding_add(doctor, "notices", FINDING_FAILED, "Correct ACP_NOTIFY_URL.", "ACP_NOTIFY_URL is no address.");
		return;
	}
	if (!machine_open_network(&machine, &doctor->settings, &failure)) {
		finding_add_error(doctor, "notices", &failure);
		return;
	}
	http_client_run(machine.client, &call, 1);
	if (call.failure != HTTP_OK) {
		(void)transport_classify(&call, parts.host, &failure);
		finding_add(doctor, "notices", FINDING_FAILED,
		            call.failure == HTTP_REFUSED_BY_POLICY ? "List the receiver in ACP_EGRESS_ALLOW."
		            : call.failure == HTTP_TLS             ? "Name the receiver's CA in ACP_CA_FILE."
		                                                   : "Check ACP_NOTIFY_URL, and that the receiver is running.",
		            "%s: %s", stages[call.failure], failure.message);
	} else if (call.status >= 300 && call.status < 400) {
		finding_add(doctor, "notices", FINDING_WARNING, "Set ACP_NOTIFY_URL to the address that it leads to.",
		            "%s answers with a redirect, which no notice follows.", parts.host);
	} else {
		finding_add(doctor, "notices", FINDING_OK, NULL, "%s answers, in %lld ms.", parts.host,
		            (long long)(call.elapsed_us / 1000));
	}
}

void doctor_notices(struct doctor *doctor)
{
	const char *url = settings_get(&doctor->settings, NOTIFY_URL), *secret = settings_get(&doctor->settings, NOTIFY_SECRET);
	CLEANUP(notice_sender_release) struct notice_sender sender = NOTICE_SENDER_INIT;
	struct error failure = ERROR_INIT;

	if (!*url) {
		finding_add(doctor, "notices", *secret ? FINDING_WARNING : FINDING_OK, *secret ? "Set ACP_NOTIFY_URL." : NULL,
		            *secret ? "ACP_NOTIFY_SECRET is set, ACP_NOTIFY_URL is not: nobody is told of anything."
		                    : "ACP_NOTIFY_URL is not set: nobody is told of sessions and tokens.");
		return;
	}
	/* The key is housekeeping's alone and may be a credential of its unit: without it the address is judged all the same. */
	if (!notice_sender_init(&sender, NULL, (struct notice_store){0}, url, *secret ? secret : "judges the address", &failure)) {
		finding_add_error(doctor, "notices", &failure);
		return;
	}
	if (!*secret)
		finding_add(doctor, "notices' key", FINDING_WARNING,
		            "Set ACP_NOTIFY_SECRET for housekeeping; where its unit has it, all is well.",
		            "ACP_NOTIFY_SECRET is not among these settings: without it housekeeping does not start.");
	look_at_receiver(doctor, url);
}

/* ---- The service ---- */

static bool ask(struct doctor *doctor, struct remote *remote, const char *name, const char *path, struct remote_answer *ret)
{
	struct error failure = ERROR_INIT;

	if (remote_ask(remote, &(struct remote_request){.method = "GET", .path = path}, ret, &failure))
		return true;
	finding_add_error(doctor, name, &failure);
	return false;
}

/* The service says how to mend it; one that does not is another program. */
static void tell_refusal(struct doctor *doctor, const char *name, const struct remote_answer *answer)
{
	finding_add(doctor, name, FINDING_FAILED,
	            json_string_or(answer->json, "remediation", "Check that ACP_URL is the address of acp-gitlab."), "%s",
	            json_string_or(answer->json, "error", "It answers with an error."));
}

static void look_at_version(struct doctor *doctor, struct remote *remote)
{
	CLEANUP(remote_answer_release) struct remote_answer answer = REMOTE_ANSWER_INIT;
	const char *version;

	if (!ask(doctor, remote, "service", "/api/version", &answer))
		return;
	version = json_string_or(answer.json, "version", "unknown");
	if (answer.status != 200)
		tell_refusal(doctor, "service", &answer);
	else if (strcmp(version, ACP_VERSION) != 0)
		finding_add(doctor, "service", FINDING_WARNING, "Restart the pools after an upgrade.",
		            "It runs version %s, this command is %s.", version, ACP_VERSION);
	else
		finding_add(doctor, "service", FINDING_OK, NULL, "%s answers, version %s.", remote->base.text, version);
}

static void look_at_readiness(struct doctor *doctor, struct remote *remote)
{
	CLEANUP(remote_answer_release) struct remote_answer answer = REMOTE_ANSWER_INIT;

	if (!ask(doctor, remote, "readiness", "/readyz", &answer))
		return;
	if (answer.status == 200)
		finding_add(doctor, "readiness", FINDING_OK, NULL, "It is ready.");
	else
		tell_refusal(doctor, "readiness", &answer);
}

/* Each pool answers with its own refusal to one who is nobody: what nginx says instead means that the pool is away. */
static void look_at_pool(struct doctor *doctor, struct remote *remote, const char *name, const char *method, const char *path,
                         const char *refusal)
{
	CLEANUP(remote_answer_release) struct remote_answer answer = REMOTE_ANSWER_INIT;
	struct error failure = ERROR_INIT;
	const char *code;

	if (!remote_ask(remote, &(struct remote_request){.method = method, .path = path}, &answer, &failure)) {
		finding_add_error(doctor, name, &failure);
		return;
	}
	code = json_string_or(answer.json, "code", "");
	if (strcmp(code, refusal) == 0)
		finding_add(doctor, name, FINDING_OK, NULL, "It answers through nginx.");
	else
		finding_add(doctor, name, FINDING_FAILED, "Start the pool, and read its log.",
		            "nginx gets no answer from it (status %d, %s).", answer.status, code[0] ? code : "no code");
}

void doctor_service(struct doctor *doctor)
{
	CLEANUP(remote_release) struct remote remote = REMOTE_INIT;
	struct error failure = ERROR_INIT;

	if (!remote_open_public(&remote, &doctor->settings, &failure)) {
		finding_add_error(doctor, "service", &failure);
		return;
	}
	look_at_version(doctor, &remote);
	look_at_readiness(doctor, &remote);
	look_at_pool(doctor, &remote, "pool status", "GET", "/api/auth/gitlab/status", "unauthenticated");
	look_at_pool(doctor, &remote, "pool connect", "POST", "/api/auth/gitlab/connect", "unauthenticated");
	look_at_pool(doctor, &remote, "pool repositories", "GET", "/api/projects/default/repositories", "unauthenticated");
	look_at_pool(doctor, &remote, "pool git", "GET", "/git/doctor/outcomes", "git_credential");
}
