/* doctor: what the machine offers to agents, and the sockets between nginx and the pools. */
#include "doctor.h"

#include "alloc.h"

#include <errno.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Agents ---- */

static bool is_program_on_path(const char *name)
{
	static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP(freep) char *path = xasprintf("%s/%s", folders[i], name);

		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void look_at_confinement(struct doctor *doctor)
{
	enum { ABI_TCP = 4 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const bool unconfined = settings_switch(&doctor->settings, AGENT_UNCONFINED);

	if (abi <= 0)
		finding_add(doctor, "confinement", unconfined ? FINDING_WARNING : FINDING_FAILED,
		            "Run on Linux 5.13 or newer with Landlock in its 'lsm=' list.", "The kernel has no Landlock: %s.",
		            unconfined ? "agents and git run without it" : "no session can run");
	else if (unconfined)
		finding_add(doctor, "confinement", FINDING_WARNING, "Take ACP_AGENT_UNCONFINED out: this kernel can confine.",
		            "ACP_AGENT_UNCONFINED is on.");
	else if (abi < ABI_TCP)
		finding_add(doctor, "confinement", FINDING_WARNING,
		            "Use Linux 6.7 or newer, or restrict the worker's network from outside.",
		            "Landlock %ld has no rule for TCP: git's processes can dial any address.", abi);
	else
		finding_add(doctor, "confinement", FINDING_OK, NULL, "Landlock %ld.", abi);
}

/* The first word of a command is a program, unless it is the shell's own. */
static void look_at_command(struct doctor *doctor)
{
	const char *command = settings_get(&doctor->settings, AGENT_COMMAND);
	CLEANUP(freep) char *program = xstrndup(command, strcspn(command, " \t"));

	if (!*command)
		finding_add(doctor, "agent", FINDING_OK, NULL, "None is set: sessions wait for git/push.");
	else if (program[0] == '/' && access(program, X_OK) != 0)
		finding_add(doctor, "agent", FINDING_FAILED, "Correct ACP_AGENT_COMMAND, or install it.", "%s %s.", program,
		            errno == ENOENT ? "is missing" : "cannot be executed");
	else
		finding_add(doctor, "agent", FINDING_OK, NULL, "%s", command);
}

void doctor_agent(struct doctor *doctor)
{
	if (is_program_on_path("git"))
		finding_add(doctor, "git", FINDING_OK, NULL, "It is installed.");
	else
		finding_add(doctor, "git", FINDING_FAILED, "Install the package git.",
		            "The worker fetches with it, and it is missing.");
	look_at_confinement(doctor);
	look_at_command(doctor);
}

/* ---- Sockets ---- */

static bool takes_connections(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;
	bool taken;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	taken = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		(void)close(fd);
	return taken;
}

static void look_at_socket(struct doctor *doctor, const char *path)
{
	enum { MODE = 0660 };
	CLEANUP(freep) char *name = xasprintf("socket %s", path);
	struct stat file;

	if (stat(path, &file) != 0)
		finding_add(doctor, name, FINDING_FAILED, "Start the pool, or name the right folder with --sockets.",
		            "It is missing.");
	else if (!S_ISSOCK(file.st_mode))
		finding_add(doctor, name, FINDING_FAILED, "Remove it and start the pool again.", "It is no socket.");
	else if ((file.st_mode & 0777) != MODE)
		finding_add(doctor, name, FINDING_FAILED, "Start the pool again, with --socket-group naming nginx's group.",
		            "Its mode is %o, not %o: %s.", (unsigned)file.st_mode & 0777, (unsigned)MODE,
		            file.st_mode & 07 ? "everybody can talk to the pool" : "nginx cannot reach the pool");
	else if (!takes_connections(path))
		finding_add(doctor, name, FINDING_FAILED, "Start the pool, and read its log.",
		            "Nobody listens on it, or you may not ask (%s).", strerror(errno));
	else
		finding_add(doctor, name, FINDING_OK, NULL, "A pool listens.");
}

void doctor_sockets(struct doctor *doctor)
{
	static const char *const pools[] = {"status", "connect", "repositories", "git"};

	for (size_t i = 0; doctor->sockets && i < ARRAY_SIZE(pools); i++) {
		for (int number = 1; number <= 2; number++) {
			CLEANUP(freep) char *path = xasprintf("%s/%s/%d.sock", doctor->sockets, pools[i], number);

			look_at_socket(doctor, path);
		}
	}
}
