/* doctor: the Kubernetes API server, as far as this installation uses it. */
#include "doctor.h"

#include "alloc.h"
#include "cluster.h"
#include "credential.h"
#include "kube_review.h"
#include "kube_secret_value.h"
#include "machine.h"
#include "session.h"
#include "token_text.h"

#include <unistd.h>

/* What an operator needs to know is in the detail: which call was refused, and how. It quotes no record and no token. */
static void tell(struct doctor *doctor, const char *name, const struct error *err)
{
	finding_add(doctor, name, FINDING_FAILED, error_remediation(err), "%s%s%s%s", err->message, err->detail[0] ? " (" : "",
	            err->detail, err->detail[0] ? ")" : "");
}

static bool count_record(void *context, const struct secret_record *record UNUSED, struct error *err UNUSED)
{
	(*(size_t *)context)++;
	return true;
}

/* Whose the Secrets are, and the right to read each of them. */
static void look_at_secrets(struct doctor *doctor, struct kube_secrets *secrets)
{
	const struct secret_store store = kube_secrets_store(secrets);
	struct error failure = ERROR_INIT;
	size_t count = 0;

	if (!kube_secrets_check(secrets, &failure) || !store.ops->each(store.state, count_record, &count, &failure))
		tell(doctor, "Secrets", &failure);
	else
		finding_add(doctor, "Secrets", FINDING_OK, NULL, "Each can be read; %zu record%s of tokens.", count,
		            count == 1 ? "" : "s");
}

/* A token that is none shows whether we may ask at all. */
static void look_at_reviews(struct doctor *doctor, struct kube_client *client)
{
	CLEANUP(secret_release) struct secret nobodys = SECRET_INIT;
	CLEANUP(kube_user_release) struct kube_user nobody = {.subject = json_pack("{s:s}", "user", "acp-gitlab-doctor")};
	CLEANUP(kube_user_release) struct kube_user unused = KUBE_USER_INIT;
	const struct kube_access access = {
	        .verb = "get", .group = "ambient-code.io", .resource = "projectsettings", .namespace_ = "default"};
	struct error failure = ERROR_INIT;
	bool yes = false;

	secret_set(&nobodys, "nobody", sizeof("nobody") - 1);
	if (!kube_review_token(client, &nobodys, settings_get(&doctor->settings, TOKENREVIEW_AUDIENCES), &unused, &yes, &failure) ||
	    !kube_review_access(client, &nobody, &access, &yes, &failure))
		tell(doctor, "callers", &failure);
	else
		finding_add(doctor, "callers", FINDING_OK, NULL, "The API server says who is calling and what they may do.");
}

static const char *installation_of(const struct machine *machine)
{
	return machine->keyring ? keyring_installation(machine->keyring) : NULL;
}

void doctor_cluster(struct doctor *doctor)
{
	const bool secrets = cluster_holds_secrets(&doctor->settings), callers = cluster_knows_callers(&doctor->settings);
	const struct cluster_needs needs = {.secrets = secrets, .callers = callers};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(cluster_release) struct cluster cluster = CLUSTER_INIT;
	struct error failure = ERROR_INIT;

	if (!secrets && !callers)
		return;
	/* Keys that cannot be read are told elsewhere; without them nobody says whose the Secrets are. */
	if (!machine_open_keys(&machine, &doctor->settings, KEYRING_PUBLIC, NULL))
		machine.keyring = NULL;
	if (!cluster_read(&cluster, &doctor->settings, &needs, environ, &failure) ||
	    !cluster_open(&cluster, &doctor->settings, &needs, installation_of(&machine), "acp-gitlab/" ACP_VERSION, &failure)) {
		tell(doctor, "Kubernetes", &failure);
		return;
	}
	if (secrets)
		look_at_secrets(doctor, cluster.secrets);
	if (callers)
		look_at_reviews(doctor, cluster.client);
}

/* ---- Projects' own tokens ---- */

enum { PROJECTS_MAX = 50 /* what a person still reads */ };

/* Nothing but whether it is one of GitHub's: the token goes nowhere. */
static void judge_git_token(struct doctor *doctor, const char *name, const char *secret_name, const struct secret *value)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	struct error why = ERROR_INIT;

	if (token_text_parse(PROVIDER_GITHUB, secret_bytes(value), &token, &why))
		finding_add(doctor, name, FINDING_OK, NULL, "It has one, in its Secret %s.", secret_name);
	else
		finding_add(doctor, name, FINDING_WARNING, "Ask the project to put a token of GitHub there.",
		            "What is in its Secret %s cannot be used. %s", secret_name, why.message);
}

static void look_at_project(struct doctor *doctor, struct kube_client *client, const char *project)
{
	const char *secret_name = settings_get(&doctor->settings, GIT_TOKEN_SECRET);
	CLEANUP(freep) char *name = xasprintf(GIT_TOKEN_KEY " of %s", project);
	CLEANUP(secret_release) struct secret value = SECRET_INIT;
	enum kube_value what = KUBE_VALUE_NO_SECRET;
	struct error failure = ERROR_INIT;

	if (!project_name_is_valid(project))
		return; /* no namespace's */
	if (!kube_secret_value(client, project, secret_name, GIT_TOKEN_KEY, &value, &what, &failure)) {
		tell(doctor, name, &failure);
		return;
	}
	switch (what) {
	case KUBE_VALUE_FOUND:
		judge_git_token(doctor, name, secret_name, &value);
		return;
	case KUBE_VALUE_FORBIDDEN:
		finding_add(doctor, name, FINDING_OK, NULL,
		            "It gives none: its namespace does not let us read a Secret %s (deploy/kubernetes/project would).",
		            secret_name);
		return;
	case KUBE_VALUE_NO_SECRET:
		finding_add(doctor, name, FINDING_WARNING, "Ask the project to make it, or to take our right back.",
		            "Its namespace lets us read a Secret %s, but there is none.", secret_name);
		return;
	case KUBE_VALUE_NO_KEY:
		finding_add(doctor, name, FINDING_WARNING, "Ask the project to put its token there.",
		            "Its Secret %s has no key " GIT_TOKEN_KEY ", or nothing under it that could be a token.", secret_name);
		return;
	}
}

void doctor_projects(struct doctor *doctor)
{
	CLEANUP(machine_release) struct machine machine = {.wants_git_tokens = true};
	CLEANUP(id_list_release) struct id_list names = ID_LIST_INIT;
	struct project_store projects;
	struct error failure = ERROR_INIT;

	/* A database or an API server that cannot be used is told of above. */
	if (!cluster_has_git_tokens(&doctor->settings) || !machine_open_database(&machine, &doctor->settings, false, NULL))
		return;
	projects = database_projects(machine.database);
	if (!projects.ops->names(projects.state, PROJECTS_MAX, &names, &failure)) {
		finding_add_error(doctor, "projects", &failure);
		return;
	}
	for (size_t i = 0; i < names.count; i++)
		look_at_project(doctor, machine.cluster.client, names.items[i]);
}
