/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The byte locks that coordinate QEMU and this engine. The locks are shared open file description
 * locks; a conflict is detected by testing whether a write lock could be taken. Invariant: lock
 * first, then test. Of two racing processes both may fail, but never both succeed.
 */

#include "sinter-lock.h"
#include "sinter-error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PERM_CONSISTENT_READ = 1 << 0,
    PERM_WRITE = 1 << 1,
    PERM_WRITE_UNCHANGED = 1 << 2,
    PERM_RESIZE = 1 << 3,
    PERM_ALL = 15,
};

static const SinterLockBytes mode_table[] = {
    [SINTER_IO_LOCK_NONE] = { 0, 0 },
    [SINTER_IO_LOCK_SHARED] = { PERM_CONSISTENT_READ, PERM_WRITE | PERM_RESIZE },
    [SINTER_IO_LOCK_WRITE] = { PERM_CONSISTENT_READ | PERM_WRITE | PERM_RESIZE,
                               PERM_WRITE | PERM_RESIZE },
    [SINTER_IO_LOCK_ALONE] = { PERM_ALL, PERM_ALL },
};

SinterLockBytes
sinter_lock_bytes(SinterIoLock mode)
{
    return mode_table[mode];
}

static struct flock
one_byte(short type, guint byte)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
}

/* Sets @type on each byte of @bits over @base. */
static gboolean
set_bytes(int fd, short type, guint base, guint bits)
{
    for (guint i = 0; i < SINTER_LOCK_PERMISSIONS; i++) {
        struct flock lock = one_byte(type, base + i);

        if ((bits & (1U << i)) && fcntl(fd, F_OFD_SETLK, &lock) < 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean
set_all(int fd, short type, SinterLockBytes bytes)
{
    return set_bytes(fd, type, SINTER_LOCK_USES_BYTE, bytes.uses) &&
           set_bytes(fd, type, SINTER_LOCK_UNSHARED_BYTE, bytes.unshared);
}

/* Returns whether another description holds one of the bytes; -1 if unknown. */
static int
held_by_other(int fd, guint base, guint bits)
{
    for (guint i = 0; i < SINTER_LOCK_PERMISSIONS; i++) {
        struct flock lock = one_byte(F_WRLCK, base + i);

        if (!(bits & (1U << i)))
            continue;
        if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
            return -1;
        if (lock.l_type != F_UNLCK)
            return 1;
    }
    return 0;
}

/* Returns whether the permissions that others use or do not share conflict with @bytes. */
static int
in_conflict(int fd, SinterLockBytes bytes)
{
    int unshared = held_by_other(fd, SINTER_LOCK_UNSHARED_BYTE, bytes.uses);

    return unshared != 0 ? unshared : held_by_other(fd, SINTER_LOCK_USES_BYTE, bytes.unshared);
}

/* Describes the holders that conflict with @want, and sets @met to their conflicting bytes. */
static char *
conflicting_holders(int fd, SinterLockBytes want, SinterLockBytes *met)
{
    g_autoptr(GPtrArray) holders = NULL;
    GString *names = g_string_new(NULL);
    struct stat st;

    if (fstat(fd, &st) == 0)
        holders = sinter_lock_holders(st.st_dev, st.st_ino, fd);
    for (guint i = 0; holders && i < holders->len; i++) {
        const SinterLockHolder *holder = g_ptr_array_index(holders, i);
        g_autofree char *who = NULL;

        if (!(holder->unshared & want.uses) && !(holder->uses & want.unshared))
            continue;
        met->unshared |= holder->unshared & want.uses;
        met->uses |= holder->uses & want.unshared;
        who = sinter_lock_holder_describe(holder);
        g_string_append_printf(names, "%s%s", names->len ? " and " : "", who);
    }
    return g_string_free(names, FALSE);
}

/*
 * Describes the conflict in the words of QEMU's tools: the first permission that another process
 * does not share, else the first that it uses and must not.
 */
static void
set_conflict_error(int fd, const char *path, SinterLockBytes want, GError **error)
{
    static const char *const permissions[] = { "consistent read", "write", "write unchanged",
                                               "resize" };
    SinterLockBytes met = { 0, 0 };
    g_autofree char *names = conflicting_holders(fd, want, &met);
    g_autofree char *hint = NULL;
    guint bits = met.unshared ? met.unshared : met.uses;

    if (bits == 0) /* released meanwhile */
        bits = want.uses & PERM_WRITE ? PERM_WRITE : want.unshared;
    hint = g_strdup_printf("is another process using the image [%s]? It is locked by %s", path,
                           *names ? names : "another process");
    sinter_error_set_hinted(error, SINTER_ERROR_LOCKED, hint, "Failed to get %s\"%s\" lock",
                            met.unshared || !met.uses ? "" : "shared ",
                            permissions[g_bit_nth_lsf(bits, -1) & (SINTER_LOCK_PERMISSIONS - 1)]);
}

gboolean
sinter_lock_switch(int fd, const char *path, SinterIoLock held, SinterIoLock mode, GError **error)
{
    SinterLockBytes old = sinter_lock_bytes(held);
    SinterLockBytes want = sinter_lock_bytes(mode);
    SinterLockBytes added = { want.uses & ~old.uses, want.unshared & ~old.unshared };
    SinterLockBytes dropped = { old.uses & ~want.uses, old.unshared & ~want.unshared };
    int errnum = 0;
    int conflict;

    if (!set_all(fd, F_RDLCK, added)) {
        errnum = errno;
        conflict = -1;
    } else {
        conflict = in_conflict(fd, want);
        errnum = errno;
    }
    if (conflict == 0) {
        set_all(fd, F_UNLCK, dropped);
        return TRUE;
    }
    set_all(fd, F_UNLCK, added);
    /* a process may hold a write lock on a byte, which QEMU itself never does */
    if (conflict > 0 || errnum == EAGAIN || errnum == EACCES)
        set_conflict_error(fd, path, want, error);
    else
        sinter_error_set_errno(error, errnum, "locking '%s'", path);
    return FALSE;
}

gboolean
sinter_lock_descriptor(int fd, const char *path, gboolean alone, GError **error)
{
    return sinter_lock_switch(fd, path, SINTER_IO_LOCK_NONE,
                              alone ? SINTER_IO_LOCK_ALONE : SINTER_IO_LOCK_SHARED, error);
}
