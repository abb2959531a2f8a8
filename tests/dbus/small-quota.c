/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A kernel that limits how much the owner of a file may store: preloaded into sinterd, it answers
 * questions about the quotas of users with a limit of $QUOTA_LIMIT_KIB, of which $QUOTA_USED_KIB
 * are used. Few kernels that run tests have quotas.
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned long
number_of(const char *name)
{
    const char *text = getenv(name);

    return text ? strtoul(text, NULL, 10) : 0;
}

static long
answer(int command, unsigned int id, void *to)
{
    struct dqblk block = { .dqb_bhardlimit = number_of("QUOTA_LIMIT_KIB"),
                           .dqb_curspace = number_of("QUOTA_USED_KIB") * 1024 };

    if (command == QCMD(Q_GETINFO, USRQUOTA))
        return 0;
    if (command == QCMD(Q_GETQUOTA, USRQUOTA) && id == getuid()) {
        memcpy(to, &block, sizeof block);
        return 0;
    }
    errno = ESRCH;
    return -1;
}

long
syscall(long number, ...)
{
    static long (*next)(long, ...);
    long words[6];
    va_list args;

    if (!next)
        next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        words[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_quotactl_fd)
        return answer((int)words[1], (unsigned int)words[2], (void *)words[3]);
    return next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
