#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "seccomp_filter.h"

enum { ALLOWED = -1, KILLED = -2 }; /* else: the errno of the refusal */

struct row {
	const char *why;
	int expected;
	long call, arguments[6];
};

/* What becomes of one call under the profile. A call that is let through may fail for a reason of its own. */
static int outcome(enum seccomp_profile profile, bool asks_names, const struct row *row)
{
	struct seccomp_filter filter = SECCOMP_FILTER_INIT;
	struct error err = ERROR_INIT;
	int status = 0;

	if (!seccomp_filter_build(profile, asks_names, &filter, &err))
		fail_msg("%s", err.message);
	pid_t pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !seccomp_filter_enter(&filter))
			_exit(99);
		errno = 0;
		long code = syscall(row->call, row->arguments[0], row->arguments[1], row->arguments[2], row->arguments[3],
		                    row->arguments[4], row->arguments[5]);
		_exit(code < 0 ? errno : 0);
	}
	seccomp_filter_release(&filter);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : -100 - WTERMSIG(status);
	return WEXITSTATUS(status);
}

static void check(enum seccomp_profile profile, bool asks_names, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int got = outcome(profile, asks_names, &rows[i]);
		bool ok = rows[i].expected == ALLOWED ? got >= 0 && got != ENOSYS && got != EAFNOSUPPORT && got != EPERM
		                                      : got == rows[i].expected;
		if (!ok)
			fail_msg("%s: expected %d, got %d", rows[i].why, rows[i].expected, got);
	}
}

static void job_makes_the_calls_of_git_and_no_others(void **state)
{
	static const struct row rows[] = {
	        {"a stream to the gate", ALLOWED, SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}},
	        {"the same, named TCP", ALLOWED, SYS_socket, {AF_INET6, SOCK_STREAM, IPPROTO_TCP}},
	        {"multipath TCP is not under Landlock's ports", ENOSYS, SYS_socket, {AF_INET, SOCK_STREAM, 262}},
	        {"nor is SCTP", ENOSYS, SYS_socket, {AF_INET, SOCK_STREAM, IPPROTO_SCTP}},
	        {"datagrams go anywhere", ENOSYS, SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
	        {"raw sockets", ENOSYS, SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_ICMP}},
	        {"local sockets of other services", ENOSYS, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
	        {"netlink", ENOSYS, SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
	        {"the kernel's cryptography", ENOSYS, SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}},
	        {"TCP Fast Open connects without connect()", ENOSYS, SYS_sendto, {0, 0, 0, MSG_FASTOPEN, 4096, 16}},
	        {"it waits for nobody's connection", ENOSYS, SYS_listen, {0, 1}},
	        {"a plain mode", ALLOWED, SYS_fchmodat, {AT_FDCWD, (long)"/nonexistent", 0755}},
	        {"a program with another user's rights", ENOSYS, SYS_fchmodat, {AT_FDCWD, (long)"/nonexistent", 04755}},
	        {"the same from its birth", ENOSYS, SYS_openat, {AT_FDCWD, (long)"/nonexistent", O_CREAT | O_WRONLY, 02755}},
	        {"an owner", ENOSYS, SYS_fchownat, {AT_FDCWD, (long)"/nonexistent", 0, 0, 0}},
	        {"a symbolic link", ENOSYS, SYS_symlinkat, {(long)"/etc", AT_FDCWD, (long)"/nonexistent"}},
	        {"a device or a pipe", ENOSYS, SYS_mknodat, {AT_FDCWD, (long)"/nonexistent", S_IFIFO | 0600, 0}},
	        {"memory for data", ALLOWED, SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	        {"memory for smuggled code",
	         ENOSYS,
	         SYS_mmap,
	         {0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	        {"data that becomes code", ENOSYS, SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}},
	        {"a program", ENOSYS, SYS_execve, {(long)"/bin/true", 0, 0}},
	        {"a process", ENOSYS, SYS_clone, {SIGCHLD, 0, 0, 0, 0}},
	        {"somebody else's limits", ENOSYS, SYS_prlimit64, {1, 7, 4096, 0}},
	        {"another process's signal", ENOSYS, SYS_kill, {1, 0}},
	        {"tracing", KILLED, SYS_ptrace, {0, 0, 0, 0}},
	        {"another process's memory", KILLED, SYS_process_vm_readv, {1, 0, 0, 0, 0, 0}},
	        {"a mount", KILLED, SYS_mount, {0, 0, 0, 0, 0}},
	        {"another namespace", KILLED, SYS_setns, {-1, 0}},
	        {"the kernel's keys", KILLED, SYS_keyctl, {0, 0, 0, 0, 0}},
	        {"a program for the kernel", KILLED, SYS_bpf, {0, 0, 0}},
	        {"the kernel's counters", KILLED, SYS_perf_event_open, {0, 0, -1, -1, 0}},
	        {"page faults by hand", KILLED, SYS_userfaultfd, {0}},
	        {"calls that pass no filter", KILLED, SYS_io_uring_setup, {1, 0}},
	        {"another kernel", KILLED, SYS_kexec_load, {0, 0, 0, 0}},
	        {"a kernel module", KILLED, SYS_finit_module, {-1, 0, 0}},
	        {"a file by its number", KILLED, SYS_open_by_handle_at, {-1, 0, 0}},
	};

	(void)state;
	check(SECCOMP_GIT_LIBRARY, false, rows, ARRAY_SIZE(rows));
}

static void job_with_programs_starts_them_and_stays_where_it_is(void **state)
{
	static const struct row rows[] = {
	        {"a program", ALLOWED, SYS_execve, {(long)"/nonexistent", 0, 0}},
	        {"a pipe between programs", ALLOWED, SYS_dup3, {0, 50, 0}},
	        {"a way to wake oneself up", ALLOWED, SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 4096}},
	        {"a process in a namespace of its own", ENOSYS, SYS_clone, {SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0}},
	        {"flags that cannot be seen", ENOSYS, SYS_clone3, {0, 0}},
	        {"datagrams", ENOSYS, SYS_socket, {AF_INET6, SOCK_DGRAM, 0}},
	        {"a local socket by name", ENOSYS, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
	        {"tracing", KILLED, SYS_ptrace, {0, 0, 0, 0}},
	};

	(void)state;
	check(SECCOMP_GIT_PROGRAM, false, rows, ARRAY_SIZE(rows));
}

static void job_that_asks_for_names_sends_datagrams_and_no_more(void **state)
{
	static const struct row rows[] = {
	        {"a question to a name server", ALLOWED, SYS_socket, {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}},
	        {"over the newer protocol", ALLOWED, SYS_socket, {AF_INET6, SOCK_DGRAM, IPPROTO_UDP}},
	        {"not by hand", ENOSYS, SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_UDP}},
	        {"not as an echo", ENOSYS, SYS_socket, {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}},
	        {"not to a service of the machine", ENOSYS, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
	        {"no datagram to an address of its own choice", ENOSYS, SYS_sendto, {0, 0, 0, 0, 4096, 16}},
	};

	(void)state;
	check(SECCOMP_GIT_LIBRARY, true, rows, ARRAY_SIZE(rows));
}

static void agent_is_refused_what_leads_out_of_its_sandbox(void **state)
{
	static const struct row rows[] = {
	        {"programs list the machine's addresses", ALLOWED, SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
	        {"names are resolved by datagrams", ALLOWED, SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
	        {"development servers are local sockets, too", ALLOWED, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
	        {"debuggers and leak checkers trace their own children", ALLOWED, SYS_ptrace, {0 /* PTRACE_TRACEME */, 0, 0, 0}},
	        {"compilers at run time", ALLOWED, SYS_mmap, {0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	        {"a folder's own descriptor table", ALLOWED, SYS_unshare, {CLONE_FILES}},
	        {"a symbolic link", ALLOWED, SYS_symlinkat, {(long)"x", AT_FDCWD, (long)"/nonexistent/x"}},
	        {"the superuser of a namespace", EPERM, SYS_unshare, {CLONE_NEWUSER}},
	        {"the same by clone", EPERM, SYS_clone, {SIGCHLD | CLONE_NEWUSER | CLONE_NEWNS, 0, 0, 0, 0}},
	        {"the same where it cannot be seen", ENOSYS, SYS_clone3, {0, 0}},
	        {"a mount", EPERM, SYS_mount, {0, 0, 0, 0, 0}},
	        {"a mount by the new calls", EPERM, SYS_fsopen, {0, 0}},
	        {"the kernel's keys", EPERM, SYS_keyctl, {0, 0, 0, 0, 0}},
	        {"a program for the kernel", EPERM, SYS_bpf, {0, 0, 0}},
	        {"the kernel's counters", EPERM, SYS_perf_event_open, {0, 0, -1, -1, 0}},
	        {"page faults by hand", EPERM, SYS_userfaultfd, {0}},
	        {"node falls back where this is missing", ENOSYS, SYS_io_uring_setup, {1, 0}},
	        {"another kernel", EPERM, SYS_kexec_load, {0, 0, 0, 0}},
	        {"packets by hand", EAFNOSUPPORT, SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
	        {"the host of a virtual machine", EAFNOSUPPORT, SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
	        {"a protocol nobody speaks", EAFNOSUPPORT, SYS_socket, {AF_X25, SOCK_SEQPACKET, 0}},
	        {"a family hidden in the upper half", EAFNOSUPPORT, SYS_socket, {(long)(1UL << 32 | AF_X25), SOCK_SEQPACKET, 0}},
	        {"a program with another user's rights", EPERM, SYS_fchmodat, {AT_FDCWD, (long)"/nonexistent", 04755}},
	        {"its own limits", ALLOWED, SYS_prlimit64, {0, 7, 0, 0}},
	        {"another process's limits", EPERM, SYS_prlimit64, {1, 7, 0, 0}},
	        {"typing into a terminal", EPERM, SYS_ioctl, {0, TIOCSTI, (long)"x"}},
	        {"the same, with bits the kernel ignores", EPERM, SYS_ioctl, {0, (long)(1UL << 40 | TIOCSTI), (long)"x"}},
	        {"a call that is younger than the filter", ENOSYS, 460, {0}},
	};
	static const struct row unscoped[] = {
	        {"without Landlock nothing keeps tracing to its own children", EPERM, SYS_ptrace, {0, 0, 0, 0}},
	        {"nor reading memory", EPERM, SYS_process_vm_readv, {1, 0, 0, 0, 0, 0}},
	};

	(void)state;
	check(SECCOMP_AGENT, false, rows, ARRAY_SIZE(rows));
	check(SECCOMP_AGENT_UNSCOPED, false, unscoped, ARRAY_SIZE(unscoped));
}

/* Programs from their beginning to their end under a profile. */
static void ordinary_programs_work(void **state)
{
	static const struct {
		const char *why;
		enum seccomp_profile profile;
		const char *script;
	} rows[] = {
	        {"git brings a repository, with its packs, threads and helpers", SECCOMP_GIT_PROGRAM,
	         "git -c pack.threads=2 clone -q --no-local --bare \"$TMP/from\" \"$TMP/to\"; git -C \"$TMP/to\" fetch -q; "
	         "git -C \"$TMP/to\" repack -adq; git -C \"$TMP/to\" fsck --no-progress"},
	        {"an agent works with git", SECCOMP_AGENT,
	         "git clone -q \"$TMP/from\" \"$TMP/work\"; cd \"$TMP/work\"; echo y > g; git add g; "
	         "git -c user.name=a -c user.email=a@b commit -q -m m; git gc -q"},
	        {"an agent compiles", SECCOMP_AGENT,
	         "cd \"$TMP\"; printf 'int main(void){return 0;}' > m.c; ! command -v cc || { cc m.c -o m; ./m; }"},
	        {"an agent runs threads, processes and name resolution", SECCOMP_AGENT,
	         "! command -v python3 || python3 -c 'import subprocess,threading,socket\n"
	         "t=threading.Thread(target=lambda:subprocess.run([\"true\"],check=True))\nt.start()\nt.join()\n"
	         "socket.getaddrinfo(\"localhost\",80)'"},
	        {"an agent packs and unpacks", SECCOMP_AGENT, "cd \"$TMP\"; tar czf t.tar.gz from; mkdir u; tar xzf t.tar.gz -C u"},
	};
	static const char prologue[] =
	        "set -e; exec >/dev/null; TMP=$(mktemp -d); trap 'rm -rf \"$TMP\"' EXIT; cd \"$TMP\"; git init -q from; "
	        "cd from; seq 1000 > f; git add f; git -c user.name=a -c user.email=a@b commit -q -m m; cd ..; ";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(seccomp_filter_release) struct seccomp_filter filter = SECCOMP_FILTER_INIT;
		CLEANUP(freep) char *script = xasprintf("%s%s", prologue, rows[i].script);
		int status = 0;
		assert_true(seccomp_filter_build(rows[i].profile, false, &filter, NULL));
		pid_t pid = fork();
		if (pid == 0) {
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !seccomp_filter_enter(&filter))
				_exit(99);
			execl("/bin/sh", "sh", "-c", script, (char *)NULL);
			_exit(98);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("%s: wait status 0x%x", rows[i].why, (unsigned)status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(job_makes_the_calls_of_git_and_no_others),
	        cmocka_unit_test(job_with_programs_starts_them_and_stays_where_it_is),
	        cmocka_unit_test(job_that_asks_for_names_sends_datagrams_and_no_more),
	        cmocka_unit_test(agent_is_refused_what_leads_out_of_its_sandbox),
	        cmocka_unit_test(ordinary_programs_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
