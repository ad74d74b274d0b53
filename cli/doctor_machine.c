/* doctor: what lies on this machine. */
#include "doctor.h"

#include "alloc.h"
#include "clock.h"
#include "database.h"
#include "identity.h"
#include "machine.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- Configuration ---- */

void doctor_settings(struct doctor *doctor)
{
	struct error failure = ERROR_INIT;
	unsigned given = 0;

	doctor->has_settings = settings_load(environ, &doctor->settings, &failure);
	if (!doctor->has_settings) {
		finding_add_error(doctor, "configuration", &failure);
		return;
	}
	for (enum setting id = 0; id < SETTING_COUNT; id++)
		given += doctor->settings.sources[id] != SETTING_FROM_DEFAULT;
	finding_add(doctor, "configuration", FINDING_OK, NULL, "%u of %u settings are set; 'acp-gitlab config' shows them.", given,
	            (unsigned)SETTING_COUNT);
}

/* ---- Keys ---- */

static bool look_at_key(struct doctor *doctor, const char *name, unsigned parts)
{
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	struct error failure = ERROR_INIT;

	if (machine_open_keys(&machine, &doctor->settings, parts, &failure)) {
		finding_add(doctor, name, FINDING_OK, NULL, "Whole, and closed to others.");
		return true;
	}
	finding_add_error(doctor, name, &failure);
	return false;
}

void doctor_keys(struct doctor *doctor)
{
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	struct error failure = ERROR_INIT;
	bool all = look_at_key(doctor, "public keys", KEYRING_PUBLIC);

	all = look_at_key(doctor, "signing key", KEYRING_SIGNING) && all;
	all = look_at_key(doctor, "private keys", KEYRING_PRIVATE) && all;
	if (!all)
		finding_add(doctor, "keys together", FINDING_NOT_RUN, NULL, "A key file is missing or damaged.");
	else if (!machine_open_keys(&machine, &doctor->settings, KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE, &failure))
		finding_add_error(doctor, "keys together", &failure);
	else if (!keyring_can_open(machine.keyring, keyring_active_kid(machine.keyring)))
		finding_add(doctor, "keys together", FINDING_FAILED, "Put back the private key of the active public key.",
		            "What is sealed now can never be opened: the private keys lack %s.",
		            keyring_active_kid(machine.keyring));
	else
		finding_add(doctor, "keys together", FINDING_OK, NULL, "They fit; %s seals.", keyring_active_kid(machine.keyring));
}

/* ---- Callers ---- */

static void look_at_tokens(struct doctor *doctor, const char *path)
{
	struct static_token_line *lines = NULL;
	struct error failure = ERROR_INIT;
	struct stat file;
	size_t count = 0;

	if (stat(path, &file) != 0 || !static_tokens_list(path, &lines, &count, &failure)) {
		finding_add(doctor, "callers", FINDING_FAILED,
		            "Run 'acp-gitlab token add USER --project NAME', or correct ACP_STATIC_TOKENS_FILE.",
		            "The bearers in %s cannot be read: nobody can sign in.", path);
		return;
	}
	if (count == 0)
		finding_add(doctor, "callers", FINDING_WARNING, "Run 'acp-gitlab token add USER --project NAME'.",
		            "%s holds no bearer: nobody can sign in.", path);
	else if (file.st_mode & S_IWOTH)
		finding_add(doctor, "callers", FINDING_FAILED, "Run 'chmod o-w' on it.",
		            "Everybody may write %s, and so become anybody.", path);
	else
		finding_add(doctor, "callers", FINDING_OK, NULL, "%zu bearer%s.", count, count == 1 ? "" : "s");
	static_token_lines_free(lines, count);
}

void doctor_callers(struct doctor *doctor)
{
	if (strcmp(settings_get(&doctor->settings, AUTH), "static") == 0)
		look_at_tokens(doctor, settings_get(&doctor->settings, STATIC_TOKENS_FILE));
}

/* ---- Disk ---- */

enum { ROOM_LITTLE_MIB = 1024, ROOM_NONE_MIB = 64 };

/* Whether a folder can take files, and how many MiB. */
static void look_at_folder(struct doctor *doctor, const char *name, const char *setting, const char *path)
{
	struct statvfs disk;
	unsigned long long room;

	if (access(path, W_OK | X_OK) != 0) {
		finding_add(doctor, name, FINDING_FAILED,
		            errno == ENOENT ? "Create it, owned by the service's user." : "Give it to the service's user.",
		            errno == ENOENT ? "%s (%s) is missing." : "%s (%s) cannot be written.", path, setting);
		return;
	}
	if (statvfs(path, &disk) != 0) {
		finding_add(doctor, name, FINDING_FAILED, "Look at the file system with 'df' and 'mount'.",
		            "The disk of %s cannot be looked at.", path);
		return;
	}
	room = (unsigned long long)disk.f_bavail * disk.f_frsize >> 20;
	if (room < ROOM_NONE_MIB || (disk.f_files > 0 && disk.f_favail == 0))
		finding_add(doctor, name, FINDING_FAILED, "Make room, or give it a larger disk.",
		            "The disk of %s is full: %llu MiB are free.", path, room);
	else if (room < ROOM_LITTLE_MIB)
		finding_add(doctor, name, FINDING_WARNING, "Make room, or give it a larger disk.", "Only %llu MiB are free for %s.",
		            room, path);
	else
		finding_add(doctor, name, FINDING_OK, NULL, "%s can be written, %llu MiB are free.", path, room);
}

void doctor_folders(struct doctor *doctor)
{
	const char *mirrors = settings_get(&doctor->settings, MIRRORS);

	look_at_folder(doctor, "workspaces", "ACP_WORKSPACES", settings_get(&doctor->settings, WORKSPACES));
	/* The worker makes it when it first shares something. */
	if (*mirrors && access(mirrors, F_OK) == 0)
		look_at_folder(doctor, "mirrors", "ACP_MIRRORS", mirrors);
}

/* ---- The audit log ---- */

/* Whether a log that is there takes lines, and from whom; false: there is something to say. */
static bool judge_audit_file(struct doctor *doctor, const char *path, const struct stat *file)
{
	const char *name = "audit log";

	if (!S_ISREG(file->st_mode))
		finding_add(doctor, name, FINDING_WARNING, "Name a file in ACP_AUDIT_LOG.",
		            "%s is no file: 'acp-gitlab audit find' finds nothing in it.", path);
	else if (access(path, W_OK) != 0)
		finding_add(doctor, name, FINDING_FAILED,
		            "Let the users of connect, repositories, git and housekeeping append to it.", "%s cannot be written.",
		            path);
	else if (file->st_mode & S_IWOTH)
		finding_add(doctor, name, FINDING_FAILED, "Run 'chmod o-rw' on it.",
		            "Everybody may write %s: what it says proves nothing.", path);
	else if (file->st_mode & S_IROTH)
		finding_add(doctor, name, FINDING_WARNING, "Run 'chmod o-r' on it.",
		            "Everybody may read in %s who uses which repository.", path);
	else
		return true;
	return false;
}

/* Whoever opens it makes it: here it is only looked at. */
void doctor_audit(struct doctor *doctor)
{
	const char *path = settings_get(&doctor->settings, AUDIT_LOG);
	CLEANUP(freep) char *copy = xstrdup(path);
	struct stat file;

	if (strcmp(path, "stderr") == 0)
		finding_add(doctor, "audit log", FINDING_OK, NULL, "Uses of tokens are lines of the programs' standard error.");
	else if (stat(path, &file) != 0 || judge_audit_file(doctor, path, &file))
		look_at_folder(doctor, "audit log", "ACP_AUDIT_LOG", dirname(copy));
}

/* ---- Database ---- */

static const char *mend_of(const char *state)
{
	if (strcmp(state, "missing") == 0 || strcmp(state, "older") == 0)
		return "Run 'acp-gitlab db migrate'.";
	if (strcmp(state, "newer") == 0)
		return "Install the version of acp-gitlab that migrated it, or a newer one.";
	return "Put the right file back; or run 'acp-gitlab rebuild-index' to take it as it is.";
}

static void look_at_queue(struct doctor *doctor, struct database *database)
{
	enum { PATIENCE_S = 60 };
	struct session_store sessions = database_sessions(database);
	struct session_queue queue = {0};
	struct error failure = ERROR_INIT;

	if (!sessions.ops->queue(sessions.state, &queue, &failure))
		finding_add_error(doctor, "worker", &failure);
	else if (queue.waiting > 0 && clock_now_s() - queue.waiting_since > PATIENCE_S)
		finding_add(doctor, "worker", queue.running > 0 ? FINDING_WARNING : FINDING_FAILED,
		            queue.running > 0 ? "Start another worker, or give it more with --sessions."
		                              : "Start 'acp-git-worker serve', and read its log.",
		            "%zu session%s for a worker, the first for %lld s; %zu run.", queue.waiting,
		            queue.waiting == 1 ? " waits" : "s wait", (long long)(clock_now_s() - queue.waiting_since),
		            queue.running);
	else
		finding_add(doctor, "worker", FINDING_OK, NULL, "%zu sessions run, %zu wait.", queue.running, queue.waiting);
}

/* It leaves no sign of life but its work, so that is what is looked for. */
static void look_at_housekeeping(struct doctor *doctor, struct database *database)
{
	static const char name[] = "housekeeping";
	struct database_figures figures = {0};
	struct error failure = ERROR_INIT;

	if (!database_figures(database, &figures, &failure))
		finding_add_error(doctor, name, &failure);
	else if (figures.intents_overdue > 0)
		finding_add(doctor, name, FINDING_FAILED, "Start 'acp-gitlab housekeeping', or read its log.",
		            "What a crash left over has not been put right in 5 minutes (%zu).", figures.intents_overdue);
	else if (figures.unchecked > 0)
		finding_add(doctor, name, FINDING_WARNING,
		            "Start 'acp-gitlab housekeeping', or read its log. Of an instance that is gone, 'acp-gitlab admin "
		            "revoke' forgets the tokens.",
		            "The tokens of %zu connection%s have not been looked at for two days.", figures.unchecked,
		            figures.unchecked == 1 ? "" : "s");
	else
		finding_add(doctor, name, FINDING_OK, NULL, "Nothing is left over, and every token was looked at within two days.");
}

static void look_inside(struct doctor *doctor)
{
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	struct error failure = ERROR_INIT;

	if (!machine_open_database(&machine, &doctor->settings, false, &failure)) {
		finding_add_error(doctor, "worker", &failure);
		return;
	}
	look_at_queue(doctor, machine.database);
	look_at_housekeeping(doctor, machine.database);
}

void doctor_database(struct doctor *doctor)
{
	const char *path = settings_get(&doctor->settings, DATABASE), *state = NULL;
	CLEANUP(freep) char *path_copy = xstrdup(path);
	struct migration_status *migrations = NULL;
	struct error failure = ERROR_INIT;
	size_t count = 0;

	if (!database_status(path, &migrations, &count, &state, &failure)) {
		finding_add_error(doctor, "database", &failure);
		return;
	}
	free(migrations);
	look_at_folder(doctor, "database's folder", "ACP_DATABASE", dirname(path_copy));
	if (strcmp(state, "ready") != 0) {
		finding_add(doctor, "database", FINDING_FAILED, mend_of(state), "%s is not ready: %s.", path, state);
		return;
	}
	finding_add(doctor, "database", FINDING_OK, NULL, "Ready, %zu migrations.", count);
	look_inside(doctor);
}
