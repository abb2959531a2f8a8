/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the processes that hold byte locks on a file. The kernel lists open file description locks
 * without a process (pid -1), so this searches the descriptors of each process: the fdinfo of those
 * that refer to the file shows their locks. Locks in the kernel's list that no descriptor accounts
 * for are reported as a holder without a process.
 */

#include "sinter-lock-holder.h"
#include "sinter-error.h"
#include "sinter-file.h"
#include "sinter-file-id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PROC_FILE_MAX (1024 * 1024)

static void
holder_free(gpointer data)
{
    SinterLockHolder *self = data;

    g_free(self->program);
    g_free(self->domain);
    g_free(self);
}

/* Reads a file of /proc, whose size is not known beforehand. Returns NULL if it cannot. */
static char *
read_proc(const char *path, gsize *ret_len)
{
    g_auto(SinterFd) fd = open(path, O_RDONLY | O_CLOEXEC);
    g_autoptr(GString) out = g_string_new(NULL);
    char buf[4096];
    ssize_t n;

    if (fd < 0)
        return NULL;
    while ((n = read(fd, buf, sizeof buf)) != 0 && out->len < PROC_FILE_MAX) {
        if (n < 0 && errno != EINTR)
            return NULL;
        if (n > 0)
            g_string_append_len(out, buf, n);
    }
    if (ret_len)
        *ret_len = out->len;
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Returns the bits among @base .. @base + 3 that are in first .. last. */
static guint
bits_of_range(guint64 first, guint64 last, guint base)
{
    guint bits = 0;

    for (guint i = 0; i < SINTER_LOCK_PERMISSIONS; i++) {
        if (first <= base + i && base + i <= last)
            bits |= 1U << i;
    }
    return bits;
}

/*
 * Parses a line of the kernel's about a lock, from "OFDLCK" on: "OFDLCK ADVISORY  READ -1
 * 08:01:1234 100 101". Returns FALSE for other kinds of locks.
 */
static gboolean
parse_lock(const char *line, char **ret_file, SinterLockBytes *ret)
{
    guint64 first;
    guint64 last;
    char file[64];
    char end[32];
    const char *at = strstr(line, "OFDLCK");

    if (!at ||
        sscanf(at, "OFDLCK %*s %*s %*s %63s %" G_GUINT64_FORMAT " %31s", file, &first, end) != 3)
        return FALSE;
    last = strcmp(end, "EOF") == 0 ? G_MAXUINT64 : g_ascii_strtoull(end, NULL, 10);
    ret->uses = bits_of_range(first, last, SINTER_LOCK_USES_BYTE);
    ret->unshared = bits_of_range(first, last, SINTER_LOCK_UNSHARED_BYTE);
    if (ret_file)
        *ret_file = g_strdup(file);
    return TRUE;
}

/* Returns the locks of the descriptor @fd of @pid. */
static SinterLockBytes
locks_of_fd(const char *pid, const char *fd)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/fdinfo/%s", pid, fd);
    g_autofree char *text = read_proc(path, NULL);
    g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
    SinterLockBytes sum = { 0, 0 };

    for (gsize i = 0; lines && lines[i]; i++) {
        SinterLockBytes one;

        if (g_str_has_prefix(lines[i], "lock:") && parse_lock(lines[i], NULL, &one)) {
            sum.uses |= one.uses;
            sum.unshared |= one.unshared;
        }
    }
    return sum;
}

/*
 * Returns the guest's name in QEMU's "-name guest=NAME,debug-threads=on". A comma in it is doubled.
 */
static char *
domain_of_name_argument(const char *value)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (g_str_has_prefix(value, "guest="))
        value += strlen("guest=");
    for (; *value; value++) {
        if (*value == ',' && *++value != ',')
            break;
        g_string_append_c(out, *value);
    }
    return out->len ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

static char *
domain_of_arguments(const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/cmdline", pid);
    gsize len = 0;
    g_autofree char *args = read_proc(path, &len);

    for (gsize at = 0; args && at < len; at += strlen(args + at) + 1) {
        const char *value = args + at + strlen(args + at) + 1;

        if (strcmp(args + at, "-name") == 0 && value < args + len)
            return domain_of_name_argument(value);
    }
    return NULL;
}

/* libvirt keeps NAME.pid for each running domain. */
static char *
domain_of_run_folder(const char *folder, const char *pid)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = NULL;
        g_autofree char *text = NULL;

        if (!g_str_has_suffix(name, ".pid"))
            continue;
        path = g_build_filename(folder, name, NULL);
        text = sinter_file_read_bounded(path, 64, NULL, NULL);
        if (text && strcmp(g_strstrip(text), pid) == 0)
            return g_strndup(name, strlen(name) - strlen(".pid"));
    }
    return NULL;
}

static char *
domain_of_process(const char *pid)
{
    g_autofree char *session =
        g_build_filename(g_get_user_runtime_dir(), "libvirt", "qemu", "run", NULL);
    char *domain = domain_of_run_folder("/run/libvirt/qemu", pid);

    if (!domain)
        domain = domain_of_run_folder(session, pid);
    return domain ? domain : domain_of_arguments(pid);
}

static SinterLockHolder *
holder_new(const char *pid, SinterLockBytes bytes)
{
    SinterLockHolder *self = g_new0(SinterLockHolder, 1);
    g_autofree char *path = g_strdup_printf("/proc/%s/comm", pid);

    self->pid = (gint)g_ascii_strtoll(pid, NULL, 10);
    self->program = read_proc(path, NULL);
    if (self->program)
        g_strchomp(self->program);
    self->domain = domain_of_process(pid);
    self->uses = bytes.uses;
    self->unshared = bytes.unshared;
    return self;
}

/* Adds @pid to @holders if one of its descriptors holds a lock on the file. */
static void
scan_process(GPtrArray *holders, const char *pid, dev_t device, ino_t inode, int own_fd)
{
    g_autofree char *folder = g_strdup_printf("/proc/%s/fd", pid);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    gboolean own = g_ascii_strtoll(pid, NULL, 10) == getpid();
    SinterLockBytes sum = { 0, 0 };
    const char *fd;

    while (dir && (fd = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, fd, NULL);
        SinterLockBytes one;
        struct stat st;

        if (stat(path, &st) < 0 ||
            !sinter_file_id_equal(sinter_file_id_of(&st), (SinterFileId){ device, inode }))
            continue;
        if (own && g_ascii_strtoll(fd, NULL, 10) == own_fd)
            continue;
        one = locks_of_fd(pid, fd);
        sum.uses |= one.uses;
        sum.unshared |= one.unshared;
    }
    if (sum.uses || sum.unshared)
        g_ptr_array_add(holders, holder_new(pid, sum));
}

/* Returns all locks on the file that the kernel knows of, of any process. */
static SinterLockBytes
locks_of_file(dev_t device, ino_t inode)
{
    g_autofree char *text = read_proc("/proc/locks", NULL);
    g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
    g_autofree char *want = g_strdup_printf("%02x:%02x:%" G_GUINT64_FORMAT, major(device),
                                            minor(device), (guint64)inode);
    SinterLockBytes sum = { 0, 0 };

    for (gsize i = 0; lines && lines[i]; i++) {
        g_autofree char *file = NULL;
        SinterLockBytes one;

        if (parse_lock(lines[i], &file, &one) && strcmp(file, want) == 0) {
            sum.uses |= one.uses;
            sum.unshared |= one.unshared;
        }
    }
    return sum;
}

static void
add_unseen(GPtrArray *holders, SinterLockBytes all, SinterLockBytes own)
{
    SinterLockHolder *unseen;

    all.uses &= ~own.uses;
    all.unshared &= ~own.unshared;
    for (guint i = 0; i < holders->len; i++) {
        const SinterLockHolder *holder = g_ptr_array_index(holders, i);

        all.uses &= ~holder->uses;
        all.unshared &= ~holder->unshared;
    }
    if (!all.uses && !all.unshared)
        return;
    unseen = g_new0(SinterLockHolder, 1);
    unseen->uses = all.uses;
    unseen->unshared = all.unshared;
    g_ptr_array_add(holders, unseen);
}

GPtrArray *
sinter_lock_holders(dev_t device, ino_t inode, int own_fd)
{
    GPtrArray *holders = g_ptr_array_new_with_free_func(holder_free);
    SinterLockBytes all = locks_of_file(device, inode);
    g_autofree char *fd = g_strdup_printf("%d", own_fd);
    g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
    const char *pid;

    while (dir && (pid = g_dir_read_name(dir))) {
        if (g_ascii_isdigit(*pid))
            scan_process(holders, pid, device, inode, own_fd);
    }
    add_unseen(holders, all, own_fd >= 0 ? locks_of_fd("self", fd) : (SinterLockBytes){ 0, 0 });
    return holders;
}

GPtrArray *
sinter_lock_list(const char *path, GError **error)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return sinter_lock_holders(st.st_dev, st.st_ino, -1);
    sinter_error_set_open_errno(error, errno, path);
    return NULL;
}

char *
sinter_lock_holder_describe(const SinterLockHolder *holder)
{
    if (holder->pid == 0)
        return g_strdup("a process that is not visible here");
    if (holder->domain)
        return g_strdup_printf("process %d (%s), domain '%s'", holder->pid,
                               holder->program ? holder->program : "?", holder->domain);
    return g_strdup_printf("process %d (%s)", holder->pid, holder->program ? holder->program : "?");
}
