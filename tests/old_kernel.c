/* old-kernel PROGRAM [ARG]...: run it, and all it starts, as on Linux 5.4.
 *
 * A seccomp(2) filter answers ENOSYS to every system call that is younger, as
 * a kernel does that has never heard of it. Exit status 2: not started. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/* clone3 is the youngest that 5.4 has; since then the numbers grow
	 * with the kernel's age, the same on every architecture */
	FIRST_YOUNGER = SYS_clone3 + 1
};

static int forget_younger_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_YOUNGER, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {
		.len = sizeof code / sizeof code[0],
		.filter = code,
	};

	/* the kernel asks for the first, so that no setuid program is fooled */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: old-kernel PROGRAM [ARG]...\n", stderr);
		return 2;
	}
	if (forget_younger_calls() < 0) {
		fprintf(stderr, "old-kernel: no filter: %s\n", strerror(errno));
		return 2;
	}
	execvp(argv[1], argv + 1);
	fprintf(stderr, "old-kernel: %s: %s\n", argv[1], strerror(errno));
	return 2;
}
