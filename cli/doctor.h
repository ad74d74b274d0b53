#pragma once
/*
 * doctor — looks at an installation from every side and says of each what is so, and how to mend it.
 *
 * A finding is a success, a warning (works now, will not always), a failure, or something that could not be looked at because of an
 * earlier failure. The checks change nothing. `doctor_*` functions each look at one side and add findings in a fixed order.
 */
#include "cli.h"
#include "json.h"

enum finding_level { FINDING_OK, FINDING_WARNING, FINDING_FAILED, FINDING_NOT_RUN };

struct doctor {
	struct settings settings;
	bool has_settings;
	const char *sockets; /* folder of the pools' sockets; NULL: they are not looked at */
	int64_t clock_off_s; /* the largest difference to an instance's clock that was seen */
	json_t *findings;    /* [{"name", "level", "message", "remediation"?}]; owned */
	bool failed, warned;
};
void doctor_release(struct doctor *doctor);

void finding_add(struct doctor *doctor, const char *name, enum finding_level level, const char *remediation, const char *format,
                 ...) PRINTF_LIKE(5, 6);
/* A failure in the words of an error. */
void finding_add_error(struct doctor *doctor, const char *name, const struct error *err);

/* The sides. Each runs whatever the others found, as far as it can. */
void doctor_settings(struct doctor *doctor);  /* configuration */
void doctor_keys(struct doctor *doctor);      /* key files, alone and together */
void doctor_callers(struct doctor *doctor);   /* bearers of static callers */
void doctor_cluster(struct doctor *doctor);   /* Secrets, reviews and the rights to them, where Kubernetes is used */
void doctor_database(struct doctor *doctor);  /* state, folder, disk; sessions that nobody takes; housekeeping */
void doctor_projects(struct doctor *doctor);  /* the projects' own GitHub tokens, where they have Secrets for them */
void doctor_folders(struct doctor *doctor);   /* workspaces, mirrors: there, writable, room on the disk */
void doctor_agent(struct doctor *doctor);     /* git, the kernel's confinement, the agent's command */
void doctor_trust(struct doctor *doctor);     /* CA files and how long they last */
void doctor_instances(struct doctor *doctor); /* each instance, stage by stage; the clock against theirs */
void doctor_notices(struct doctor *doctor);   /* who is told of sessions and tokens: settings, way, certificate */
void doctor_audit(struct doctor *doctor);     /* where uses of tokens are written down */
void doctor_service(struct doctor *doctor);   /* nginx, the pools behind it, the gate */
void doctor_sockets(struct doctor *doctor);   /* the pools' sockets */
