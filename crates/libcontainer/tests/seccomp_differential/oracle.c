/* Builds filters with libseccomp. Reads commands from standard input, one a line, and answers on standard output:
 *   resolve ARCH NAME             number of a system call, negative when there is none
 *   begin DEFAULT OPTIMIZE        starts a filter
 *   arch ARCH                     adds an architecture (the native one is not there by itself)
 *   rule ACTION NAME N [ARGUMENT OPERATOR A B]...
 *   end                           "ok HEX" or "error NUMBER"
 * ARCH and ACTION are numbers of seccomp.h, OPERATOR too. */
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static int add_rule(scmp_filter_ctx filter, char *rest)
{
	char name[64];
	unsigned action, count, used;
	struct scmp_arg_cmp args[6];
	if (sscanf(rest, "%u %63s %u%n", &action, name, &count, &used) != 3 || count > 6)
		return -EBADMSG;
	for (unsigned i = 0; i < count; i++) {
		int more;
		unsigned arg, op;
		uint64_t a, b;
		rest += used;
		if (sscanf(rest, "%u %u %" SCNu64 " %" SCNu64 "%n", &arg, &op, &a, &b, &more) != 4)
			return -EBADMSG;
		used = more;
		args[i] = (struct scmp_arg_cmp){ .arg = arg, .op = op, .datum_a = a, .datum_b = b };
	}
	int number = seccomp_syscall_resolve_name(name);
	return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(filter, action, number, count, args);
}

static void answer(scmp_filter_ctx filter, int error, FILE *scratch)
{
	if (!error && ftruncate(fileno(scratch), 0))
		error = -errno;
	rewind(scratch);
	if (!error)
		error = seccomp_export_bpf(filter, fileno(scratch));
	if (error) {
		printf("error %d\n", error);
		return;
	}
	printf("ok ");
	rewind(scratch);
	for (int byte; (byte = getc(scratch)) != EOF;)
		printf("%02x", byte);
	printf("\n");
}

static sigjmp_buf gave_up;

static void give_up(int number)
{
	(void)number;
	siglongjmp(gave_up, 1);
}

/* libseccomp 2.5 never ends for some combinations of rules: half a second of its own time is enough. */
static void watch(int microseconds)
{
	setitimer(ITIMER_VIRTUAL, &(struct itimerval){ .it_value.tv_usec = microseconds }, NULL);
}

int main(void)
{
	signal(SIGVTALRM, give_up);
	static char line[65536];
	scmp_filter_ctx volatile filter = NULL;
	FILE *volatile scratch = tmpfile();
	volatile int error = 0;
	while (scratch && fgets(line, sizeof line, stdin)) {
		unsigned a, b;
		char name[64];
		if (sscanf(line, "resolve %u %63s", &a, name) == 2) {
			printf("%d\n", seccomp_syscall_resolve_name_arch(a, name));
		} else if (sscanf(line, "begin %u %u", &a, &b) == 2) {
			filter = seccomp_init(a);
			error = filter ? 0 : -ENOMEM;
			if (!error)
				error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, b);
			if (!error) /* last: without an architecture the filter takes no attribute */
				error = seccomp_arch_remove(filter, SCMP_ARCH_NATIVE);
		} else if (sscanf(line, "arch %u", &a) == 1) {
			if (!error)
				error = seccomp_arch_add(filter, a);
		} else if (!strncmp(line, "rule ", 5)) {
			if (!error && !sigsetjmp(gave_up, 1)) {
				watch(500000);
				error = add_rule(filter, line + 5);
				watch(0);
			} else if (!error) {
				filter = NULL; /* in no state to be released */
				error = -ELOOP;
			}
		} else if (!strncmp(line, "end", 3)) {
			if (!sigsetjmp(gave_up, 1)) {
				watch(500000);
				answer(filter, error, scratch);
				watch(0);
			} else {
				filter = NULL;
				printf("error %d\n", -ELOOP);
			}
			if (filter)
				seccomp_release(filter);
			filter = NULL;
		} else {
			return 2;
		}
	}
	return 0;
}
