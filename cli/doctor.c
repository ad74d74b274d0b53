/* doctor: what is wrong with this installation, and how to mend it. */
#include "doctor.h"

#include "alloc.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>

static const char *const level_names[] = {
        [FINDING_OK] = "ok", [FINDING_WARNING] = "warning", [FINDING_FAILED] = "failed", [FINDING_NOT_RUN] = "not run"};

void doctor_release(struct doctor *doctor)
{
	settings_release(&doctor->settings);
	json_decref(doctor->findings);
}

static void add(struct doctor *doctor, const char *name, enum finding_level level, const char *message, const char *remediation)
{
	json_t *finding = json_pack("{s:s, s:s}", "name", name, "level", level_names[level]);

	json_object_set_new(finding, "message", json_string(message));
	if (remediation && *remediation)
		json_object_set_new(finding, "remediation", json_string(remediation));
	json_array_append_new(doctor->findings, finding);
	doctor->failed |= level == FINDING_FAILED;
	doctor->warned |= level == FINDING_WARNING;
}

void finding_add(struct doctor *doctor, const char *name, enum finding_level level, const char *remediation, const char *format,
                 ...)
{
	CLEANUP(strbuf_release) struct strbuf message = STRBUF_INIT(TERMINAL_LINE_MAX);
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&message, format, args);
	va_end(args);
	add(doctor, name, level, message.data, remediation);
}

void finding_add_error(struct doctor *doctor, const char *name, const struct error *err)
{
	add(doctor, name, FINDING_FAILED, err->message, error_remediation(err));
}

/* ---- The verb ---- */

static const char *mark_of(const char *level)
{
	static const enum terminal_mark marks[] = {[FINDING_OK] = MARK_OK,
	                                           [FINDING_WARNING] = MARK_WARNING,
	                                           [FINDING_FAILED] = MARK_FAILED,
	                                           [FINDING_NOT_RUN] = MARK_NOT_RUN};
	size_t i = 0;

	while (i < FINDING_NOT_RUN && strcmp(level, level_names[i]) != 0)
		i++;
	return terminal_mark(stdout, marks[i]);
}

static void print_findings(const struct doctor *doctor)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(doctor->findings, i, finding)
	{
		const char *remediation = json_string_or(finding, "remediation", NULL);

		terminal_line(stdout, "%s %s: %s", mark_of(json_string_or(finding, "level", "")),
		              json_string_or(finding, "name", "?"), json_string_or(finding, "message", ""));
		if (remediation)
			terminal_line(stdout, "       %s", remediation);
	}
	terminal_line(stdout, "%s",
	              doctor->failed   ? "Something is wrong; mend what failed, from the top."
	              : doctor->warned ? "It works; look at the warnings."
	                               : "Everything is well.");
}

static int doctor_verb(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(doctor_release) struct doctor doctor = {.findings = json_array()};
	const struct cli_option options[] = {{"--sockets", CLI_VALUE, &doctor.sockets}};

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	doctor_settings(&doctor);
	if (doctor.has_settings) {
		doctor_keys(&doctor);
		doctor_callers(&doctor);
		doctor_cluster(&doctor);
		doctor_database(&doctor);
		doctor_projects(&doctor);
		doctor_folders(&doctor);
		doctor_agent(&doctor);
		doctor_trust(&doctor);
		doctor_instances(&doctor);
		doctor_notices(&doctor);
		doctor_audit(&doctor);
		doctor_service(&doctor);
		doctor_sockets(&doctor);
	}
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:O}", "ok", (int)!doctor.failed, "findings", doctor.findings));
	else
		print_findings(&doctor);
	return doctor.failed ? CLI_CHECK_FAILED : CLI_OK;
}

const struct command doctor_commands[] = {
        {"doctor", NULL, "[--sockets DIR] [--json]", "Say what is wrong with this installation, and how to mend it.",
         "Looks at configuration, keys, callers, Kubernetes where it is used, database, worker, housekeeping, projects' Secrets,\n"
         "folders and disk, git and the kernel, CA files, every instance of ACP_INSTANCES_FILE and of the connections stage by\n"
         "stage, the clock, the receiver of notices, the audit log, the service at ACP_URL, and with --sockets at the pools'\n"
         "sockets in DIR (status/1.sock …). It changes nothing and sends no token. Run it as a user who may read what the\n"
         "service reads, with the service's settings. The exit code is 3 when a line failed, 0 with warnings.\n\n"
         "Examples:\n"
         "  acp-gitlab doctor\n"
         "  acp-gitlab doctor --sockets /run/acp-gitlab\n"
         "  acp-gitlab doctor --json | jq '.findings[] | select(.level == \"failed\")'\n",
         false, doctor_verb},
        {0},
};
