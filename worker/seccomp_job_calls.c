/*
 * seccomp_job_calls — what a git job may call: found by tracing the jobs, with libgit2 and with git. Beside a call that was seen
 * stand those that another processor or C library uses in its place (openat and open, poll and ppoll). What none of them needs does
 * not belong here.
 */
#include "seccomp_private.h"

#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
	NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
	SET_ID = S_ISUID | S_ISGID,
	SOCKET_TYPE = 0xf, /* without SOCK_NONBLOCK and SOCK_CLOEXEC */
};

/* Nothing is made that would run with somebody else's rights. */
#define WITHOUT_SET_ID(n) ARGUMENT_BITS(n, SET_ID, 0)
/* Landlock's rules know TCP alone: multipath TCP, SCTP and SMC are streams, too, and would pass it. */
#define TCP(family, protocol)                                                                                                      \
	CALL_IF_3(socket, ARGUMENT_IS(0, family), ARGUMENT_BITS(1, SOCKET_TYPE, SOCK_STREAM), ARGUMENT_IS(2, protocol))
#define PROTECTION(n, value) ARGUMENT_BITS(n, PROT_WRITE | PROT_EXEC, value)

static const struct seccomp_rule library[] = {
        /* bytes of open files */
        CALL(read),
        CALL(write),
        CALL(pread64),
        CALL(pwrite64),
        CALL(readv),
        CALL(writev),
        CALL(lseek),
        CALL(ftruncate),
        CALL(fsync),
        CALL(fdatasync),
        CALL(close),
        CALL(dup),
        CALL(fcntl),
        CALL(flock),
        CALL_IF(ioctl, ARGUMENT_IS(1, TCGETS)),
        CALL_IF(ioctl, ARGUMENT_IS(1, FIONREAD)),
        CALL_IF(ioctl, ARGUMENT_IS(1, FIONBIO)),

        /* names; which of them is Landlock's business */
        CALL_IF(open, WITHOUT_SET_ID(2)),
        CALL_IF(openat, WITHOUT_SET_ID(3)),
        CALL(stat),
        CALL(lstat),
        CALL(fstat),
        CALL(newfstatat),
        CALL(statx),
        CALL(statfs),
        CALL(fstatfs),
        CALL(access),
        CALL(faccessat),
        CALL(faccessat2),
        CALL(getdents64),
        CALL(readlink),
        CALL(readlinkat),
        CALL(getcwd),
        CALL(chdir),
        CALL(fchdir),
        CALL(mkdir),
        CALL(mkdirat),
        CALL(rmdir),
        CALL(unlink),
        CALL(unlinkat),
        CALL(rename),
        CALL(renameat),
        CALL(renameat2),
        CALL(link),
        CALL(linkat),
        CALL_IF(chmod, WITHOUT_SET_ID(1)),
        CALL_IF(fchmod, WITHOUT_SET_ID(1)),
        CALL_IF(fchmodat, WITHOUT_SET_ID(2)),
        CALL(utime),
        CALL(utimes),
        CALL(utimensat),
        CALL(umask),

        /* memory, never writable and executable at once */
        CALL(brk),
        CALL_IF(mmap, PROTECTION(2, 0)),
        CALL_IF(mmap, PROTECTION(2, PROT_WRITE)),
        CALL_IF(mmap, PROTECTION(2, PROT_EXEC)),
        CALL_IF(mprotect, ARGUMENT_BITS(2, PROT_EXEC, 0)),
        CALL(munmap),
        CALL(mremap),
        CALL(madvise),

        /* waiting and time */
        CALL(poll),
        CALL(ppoll),
        CALL(select),
        CALL(pselect6),
        CALL(nanosleep),
        CALL(clock_nanosleep),
        CALL(clock_gettime),
        CALL(clock_getres),
        CALL(gettimeofday),
        CALL(time),
        CALL(restart_syscall),

        /* itself */
        CALL(getpid),
        CALL(gettid),
        CALL(getppid),
        CALL(getuid),
        CALL(geteuid),
        CALL(getgid),
        CALL(getegid),
        CALL(getpgrp),
        CALL(uname),
        CALL(sysinfo),
        CALL(getrusage),
        CALL(getrlimit),
        CALL_IF(prlimit64, ARGUMENT_IS(2, 0)), /* asking */
        CALL(sched_yield),
        CALL(sched_getaffinity),
        CALL(getrandom),
        CALL(futex),
        CALL(rseq),
        CALL(rt_sigaction),
        CALL(rt_sigprocmask),
        CALL(rt_sigreturn),
        CALL(sigaltstack),
        CALL(tgkill), /* abort() */
        CALL(exit),
        CALL(exit_group),

        /* a connection to the gate: TCP alone, outward alone; the port is Landlock's */
        TCP(AF_INET, 0),
        TCP(AF_INET, IPPROTO_TCP),
        TCP(AF_INET6, 0),
        TCP(AF_INET6, IPPROTO_TCP),
        CALL(connect),
        CALL_IF(sendto, ARGUMENT_IS(4, 0)), /* on a connection: no address. TCP Fast Open would go round Landlock's port */
        CALL(recvfrom),
        CALL(shutdown),
        CALL(getsockname),
        CALL(getpeername),
        CALL(getsockopt),
        CALL(setsockopt),
};
const struct seccomp_table seccomp_git_library = {library, ARRAY_SIZE(library)};

static const struct seccomp_rule program[] = {
        /* git, its helpers, and their threads; clone3 hides its flags from a filter and is answered ENOSYS: clone is used then */
        CALL(execve),
        CALL_IF(clone, ARGUMENT_BITS(0, NAMESPACES, 0)),
        CALL(fork),
        CALL(vfork),
        CALL(wait4),
        CALL(waitid),
        CALL_IF(prctl, ARGUMENT_IS(0, PR_SET_PDEATHSIG)),
        CALL(kill), /* of its own helpers; Landlock's scope keeps it to them */
        CALL(setpgid),
        CALL(getpgid),
        CALL(arch_prctl),
        CALL(set_tid_address),
        CALL(set_robust_list),

        /* between them */
        CALL(pipe),
        CALL(pipe2),
        CALL(dup2),
        CALL(dup3),
        CALL_IF(socketpair, ARGUMENT_IS(0, AF_UNIX)), /* libcurl wakes itself up with one */
        CALL(eventfd2),
        CALL(close_range),

        /* git's timer behind its progress lines */
        CALL(setitimer),
        CALL(alarm),

        /* a connection of libcurl's */
        CALL_IF(sendmsg, ARGUMENT_IS(2, MSG_NOSIGNAL)),
        CALL_IF(sendmsg, ARGUMENT_IS(2, 0)),
        CALL(recvmsg),
};
const struct seccomp_table seccomp_git_program = {program, ARRAY_SIZE(program)};

#define DATAGRAM(family)                                                                                                           \
	CALL_IF_3(socket, ARGUMENT_IS(0, family), ARGUMENT_BITS(1, SOCKET_TYPE, SOCK_DGRAM), ARGUMENT_IS(2, 0)),                   \
	        CALL_IF_3(socket, ARGUMENT_IS(0, family), ARGUMENT_BITS(1, SOCKET_TYPE, SOCK_DGRAM), ARGUMENT_IS(2, IPPROTO_UDP))

static const struct seccomp_rule names[] = {
        DATAGRAM(AF_INET),
        DATAGRAM(AF_INET6),
        CALL_IF(sendmmsg, ARGUMENT_IS(3, MSG_NOSIGNAL)), /* the questions for both kinds of address; the socket is connected */
        CALL(recvmsg),
};
const struct seccomp_table seccomp_git_names = {names, ARRAY_SIZE(names)};
