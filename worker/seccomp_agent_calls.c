/*
 * seccomp_agent_calls — what an agent is refused, and what ends a git job. Chosen by what the tools of developers do without:
 * namespaces and mounts (an unprivileged user becomes root in one, and half of the kernel's local exploits begin there), the
 * kernel's keys, programs and counters, its asynchronous interfaces, and protocols that nobody speaks.
 */
#include "seccomp_private.h"

#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const struct seccomp_rule attacks[] = {
        /* the file system as a whole */
        CALL(mount),
        CALL(umount2),
        CALL(pivot_root),
        CALL(chroot),
        CALL(move_mount),
        CALL(open_tree),
        CALL(mount_setattr),
        CALL(fsopen),
        CALL(fsconfig),
        CALL(fsmount),
        CALL(fspick),
        CALL(open_by_handle_at),
        CALL(quotactl),
        CALL(quotactl_fd),
        CALL(swapon),
        CALL(swapoff),
        CALL(fanotify_init),
        CALL(nfsservctl),

        /* the kernel itself */
        CALL(setns),
        CALL(bpf),
        CALL(perf_event_open),
        CALL(userfaultfd),
        CALL(keyctl),
        CALL(add_key),
        CALL(request_key),
        CALL(init_module),
        CALL(finit_module),
        CALL(delete_module),
        CALL(kexec_load),
        CALL(kexec_file_load),
        CALL(reboot),
        CALL(acct),
        CALL(syslog),
        CALL(lookup_dcookie),
        CALL(iopl),
        CALL(ioperm),
        CALL(modify_ldt),
        CALL(vm86),
        CALL(uselib),
        CALL(_sysctl),
        CALL(vhangup),
        CALL(settimeofday),
        CALL(clock_settime),
        CALL(sethostname),
        CALL(setdomainname),

        /* programs have another way where these are missing */
        CALL_ERROR(io_uring_setup, ENOSYS),
        CALL_ERROR(io_uring_enter, ENOSYS),
        CALL_ERROR(io_uring_register, ENOSYS),
};
const struct seccomp_table seccomp_attacks = {attacks, ARRAY_SIZE(attacks)};

#define NO_NAMESPACE(flag) CALL_IF(unshare, ARGUMENT_BITS(0, flag, flag)), CALL_IF(clone, ARGUMENT_BITS(0, flag, flag))
#define NO_FAMILY(family)  CALL_ERROR_IF(socket, EAFNOSUPPORT, ARGUMENT_IS(0, family))
/* A program with another user's rights is nothing an agent makes. */
#define NO_SET_ID(call, n) CALL_IF(call, ARGUMENT_BITS(n, S_ISUID, S_ISUID)), CALL_IF(call, ARGUMENT_BITS(n, S_ISGID, S_ISGID))
/* The kernel reads 32 bits of an ioctl's number. */
#define NO_IOCTL(request) CALL_IF(ioctl, ARGUMENT_BITS(1, 0xffffffffu, request))

static const struct seccomp_rule agent[] = {
        NO_NAMESPACE(CLONE_NEWUSER), NO_NAMESPACE(CLONE_NEWNS), NO_NAMESPACE(CLONE_NEWPID), NO_NAMESPACE(CLONE_NEWNET),
        NO_NAMESPACE(CLONE_NEWIPC), NO_NAMESPACE(CLONE_NEWUTS), NO_NAMESPACE(CLONE_NEWCGROUP),
        CALL_IF(unshare, ARGUMENT_BITS(0, CLONE_NEWTIME, CLONE_NEWTIME)), /* in clone this bit is a signal's */
        CALL_ERROR(clone3, ENOSYS),  /* its flags lie in memory, where a filter cannot look; clone is used then */
        CALL_ERROR(openat2, ENOSYS), /* so do its modes */

        /* left are local ones, IPv4, IPv6, and netlink, by which programs list the machine's addresses; raw
         * sockets need a capability */
        NO_FAMILY(3), NO_FAMILY(4), NO_FAMILY(5), NO_FAMILY(6), NO_FAMILY(7), NO_FAMILY(8), NO_FAMILY(9), NO_FAMILY(11),
        NO_FAMILY(12), NO_FAMILY(13), NO_FAMILY(14), NO_FAMILY(15),
        CALL_ERROR_IF(socket, EAFNOSUPPORT, ARGUMENT_ABOVE(0, AF_NETLINK)),

        NO_SET_ID(chmod, 1), NO_SET_ID(fchmod, 1), NO_SET_ID(fchmodat, 2), NO_SET_ID(creat, 1), NO_SET_ID(mknod, 1),
        NO_SET_ID(mknodat, 2),

        CALL_IF(prlimit64, ARGUMENT_ABOVE(0, 0)), /* another process's limits; 0 is its own */

        /* typing into the terminal from which somebody started the worker */
        NO_IOCTL(TIOCSTI), NO_IOCTL(0x541c), /* TIOCLINUX */
};
const struct seccomp_table seccomp_agent = {agent, ARRAY_SIZE(agent)};

static const struct seccomp_rule tracing[] = {
        CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev), CALL(pidfd_getfd), CALL(kcmp),
};
const struct seccomp_table seccomp_tracing = {tracing, ARRAY_SIZE(tracing)};
