/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Quotas of users and groups. What QEMU writes counts for the owner of the file, and QEMU has no
 * privilege to exceed the quota. The quota of a project needs no attention: statvfs() accounts for
 * it. Invariant: without CAP_SYS_ADMIN the kernel reports a quota only to its user or group, so a
 * short-lived thread takes their place; the process itself never changes its user.
 */

#include "sinter-quota.h"

#include <fcntl.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sinter-file.h"

typedef struct {
    int fd;
    uid_t uid;
    gid_t gid;
    guint64 room;
} Question;

guint64
sinter_quota_get_room(const SinterQuota *quota, guint64 now_sec)
{
    gboolean soft_ended = quota->soft_bytes > 0 && quota->used_bytes > quota->soft_bytes &&
                          quota->grace_end_sec > 0 && quota->grace_end_sec <= now_sec;

    if (soft_ended)
        return 0;
    if (quota->hard_bytes == 0)
        return G_MAXUINT64;
    return quota->hard_bytes > quota->used_bytes ? quota->hard_bytes - quota->used_bytes : 0;
}

/* QCMD() shifts a signed number. */
static long
ask(int fd, guint command, guint type, guint id, void *answer)
{
    return syscall(SYS_quotactl_fd, fd, command << SUBCMDSHIFT | (type & SUBCMDMASK), id, answer);
}

/* Needs no privilege. */
static gboolean
has_quotas(int fd, guint type)
{
    struct dqinfo info;

    return ask(fd, Q_GETINFO, type, 0, &info) == 0;
}

static guint64
multiply(guint64 blocks)
{
    guint64 bytes;

    return __builtin_mul_overflow(blocks, (guint64)1024, &bytes) ? 0 : bytes;
}

static guint64
find_room_of(int fd, guint type, guint id)
{
    struct dqblk block;
    SinterQuota quota;

    if (!has_quotas(fd, type) || ask(fd, Q_GETQUOTA, type, id, &block) != 0)
        return G_MAXUINT64;
    quota = (SinterQuota){ .hard_bytes = multiply(block.dqb_bhardlimit),
                           .soft_bytes = multiply(block.dqb_bsoftlimit),
                           .used_bytes = block.dqb_curspace,
                           .grace_end_sec = block.dqb_btime };
    return sinter_quota_get_room(&quota, (guint64)(g_get_real_time() / G_USEC_PER_SEC));
}

/* The system calls change the user of this thread only, unlike the functions of the C library. */
static gpointer
ask_as_owner(gpointer data)
{
    Question *question = data;

    if (geteuid() == 0 && (syscall(SYS_setresgid, -1, question->gid, -1) != 0 ||
                           syscall(SYS_setresuid, -1, question->uid, -1) != 0))
        return NULL;
    question->room = MIN(find_room_of(question->fd, USRQUOTA, question->uid),
                         find_room_of(question->fd, GRPQUOTA, question->gid));
    return NULL;
}

guint64
sinter_quota_find_room(const char *path, const struct stat *st)
{
    g_auto(SinterFd) fd = open(path, O_PATH | O_CLOEXEC);
    Question question = { fd, st->st_uid, st->st_gid, G_MAXUINT64 };

    /* root may exceed its quota */
    if (fd < 0 || st->st_uid == 0 || (!has_quotas(fd, USRQUOTA) && !has_quotas(fd, GRPQUOTA)))
        return G_MAXUINT64;
    if (geteuid() == 0)
        g_thread_join(g_thread_new("quota", ask_as_owner, &question));
    else
        ask_as_owner(&question);
    return question.room;
}
