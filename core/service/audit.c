#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE "credential used"

static const char *const action_names[] = {
        [AUDIT_CONNECT] = "connect",
        [AUDIT_TEST] = "test",
        [AUDIT_CHECK] = "check",
        [AUDIT_RECHECK] = "recheck",
        [AUDIT_DISCONNECT] = "disconnect",
        [AUDIT_PROVE] = "prove.installation",
        [AUDIT_CHECK_REPOSITORY] = "repository.check",
        [AUDIT_BROWSE] = "repository.browse",
        [AUDIT_FETCH] = "git.fetch",
        [AUDIT_PUSH] = "git.push",
        [AUDIT_MERGE_REQUEST] = "merge-request",
};

const char *audit_action_name(enum audit_action action)
{
	return action_names[action];
}

bool audit_open(const char *where, const char *program, const char *pool, struct audit *ret, struct error *err)
{
	bool own = strcmp(where, "stderr") != 0;
	int fd = own ? open(where, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0660) : STDERR_FILENO;

	if (fd < 0) {
		error_set(err, ERR_CONFIG_INVALID, "ACP_AUDIT_LOG: %s cannot be written to.", where);
		return error_detail(err, "errno %d", errno);
	}
	*ret = (struct audit){.logger = {.fd = fd, .level = LOG_INFO, .program = program, .pool = pool}, .owns_fd = own};
	return true;
}

void audit_release(struct audit *audit)
{
	if (audit->owns_fd)
		close(audit->logger.fd);
	*audit = (struct audit)AUDIT_INIT;
}

static void set_text(json_t *object, const char *name, const char *text)
{
	json_t *value = text && *text ? json_string(text) : NULL;

	if (value)
		json_object_set_new(object, name, value);
}

/* Host, port and relative root: what an instance is called. */
static const char *without_scheme(const char *instance_url)
{
	const char *end = instance_url ? strstr(instance_url, "://") : NULL;

	return end ? end + 3 : instance_url;
}

static const char *outcome_of(const struct error *failure)
{
	if (!failure)
		return "ok";
	return failure->code == ERR_NONE ? "broken_off" : error_name(failure->code);
}

static json_t *fields_of(const struct audit *audit, const struct audit_use *use)
{
	json_t *fields = json_pack("{s:s, s:s}", "stream", "audit", "action", audit_action_name(use->action));

	set_text(fields, "actor", audit->actor ? audit->actor : use->user);
	set_text(fields, "user", use->user);
	set_text(fields, "provider", use->provider);
	set_text(fields, "host", without_scheme(use->instance_url));
	set_text(fields, "repository", use->repository);
	set_text(fields, "credential", use->credential ? use->credential : "connection");
	set_text(fields, "tokenHash", use->fingerprint);
	if (use->generation)
		json_object_set_new(fields, "generation", json_integer(use->generation));
	set_text(fields, "session", use->session);
	set_text(fields, "request_id", use->request_id);
	set_text(fields, "outcome", outcome_of(use->failure));
	return fields;
}

void audit_write(const struct audit *audit, const struct audit_use *use)
{
	json_t *fields;

	if (!audit || audit->logger.fd < 0)
		return;
	fields = fields_of(audit, use);
	if (!log_event(&audit->logger, LOG_INFO, NULL, MESSAGE, json_incref(fields)) && audit->logger.fd != STDERR_FILENO) {
		struct logger instead = audit->logger;

		instead.fd = STDERR_FILENO;
		(void)log_event(&instead, LOG_ERROR, NULL, MESSAGE "; the audit log did not take this line", json_incref(fields));
	}
	json_decref(fields);
}

void audit_connection(const struct audit *audit, const struct connection *c, struct audit_use more)
{
	more.user = c->user_id;
	more.provider = c->provider;
	more.instance_url = c->instance_url;
	more.fingerprint = c->fingerprint;
	more.generation = c->generation;
	audit_write(audit, &more);
}
