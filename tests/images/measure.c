/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a program and says what it cost: measure FILE PROGRAM [ARG…] writes to FILE one line,
 * "STATUS CPU_MSEC PEAK_KIB ELAPSED_USEC" (STATUS 128 + N for signal N), and ends with the same
 * status.
 *
 * It is a program of its own because the peak of a child begins with the memory of who started
 * it: from Python that alone would be half of what an image may cost.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A program that never ends is stopped by the kernel, well above what any test allows.
 * SINTER_MEASURE_CPU_SEC, where it is set, stands for it. */
#define CPU_MAX_SEC 20

static long
msec_of(struct timeval time)
{
    return (long)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static long
now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static rlim_t
cpu_max_sec(void)
{
    const char *given = getenv("SINTER_MEASURE_CPU_SEC");

    return given ? (rlim_t)strtoul(given, NULL, 10) : CPU_MAX_SEC;
}

static _Noreturn void
become(char **argv)
{
    struct rlimit cpu = { cpu_max_sec(), cpu_max_sec() };
    struct rlimit core = { 0, 0 };

    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &core);
    execv(argv[0], argv);
    fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int
main(int argc, char **argv)
{
    struct rusage usage;
    int status;
    long start;
    pid_t child;
    FILE *out;

    if (argc < 3) {
        fprintf(stderr, "usage: measure FILE PROGRAM [ARG...]\n");
        return 127;
    }
    out = fopen(argv[1], "we");
    start = now_usec();
    child = out ? fork() : -1;
    if (child == 0)
        become(argv + 2);
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
        return 127;
    }
    status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    fprintf(out, "%d %ld %ld %ld\n", status, msec_of(usage.ru_utime) + msec_of(usage.ru_stime),
            usage.ru_maxrss, now_usec() - start);
    return fclose(out) == 0 ? status : 127;
}
