/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Why QEMU may not write to an image. Causes are tried from the certain to the likely: what the
 * kernel has logged, what denies it to everybody, mode and owner, a profile. Invariant: nothing is
 * changed. Mode and owner count only as far as libvirt does not change them for the time of a job:
 * it makes QEMU's user the owner, unless that is disabled, and afterwards changes back.
 */

#include "sinter-write-denial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pwd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sinter-file.h"
#include "sinter-qemu-process.h"

/* So much of the end of an audit log is read. */
#define TAIL_BYTES (256 * 1024)

#define MAX_PROFILE_BYTES (1024 * 1024)

/* Larger than any valid entry of the user database. */
#define MAX_ENTRY_BYTES (64 * 1024)

static const char *const audit_logs[] = { "/var/log/audit/audit.log", "/var/log/kern.log",
                                          "/var/log/messages", NULL };

const SinterDenialPlaces sinter_denial_places = {
    .audit_logs = audit_logs,
    .profile_dir = "/etc/apparmor.d/libvirt",
    .qemu_conf = "/etc/libvirt/qemu.conf",
    .proc = "/proc",
};

/* --- what the kernel has logged --------------------------------------------------------------- */

/* (transfer full) (nullable): the end of a text file */
static char *
read_tail(const char *path)
{
    g_auto(SinterFd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    g_autofree char *text = NULL;
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return NULL;
    text = g_malloc(TAIL_BYTES + 1);
    n = pread(fd, text, TAIL_BYTES, MAX(st.st_size - TAIL_BYTES, 0));
    if (n < 0)
        return NULL;
    text[n] = '\0';
    return g_steal_pointer(&text);
}

/* (transfer full) (nullable): the value of a field of an entry, with or without quotes */
static char *
get_field(const char *line, const char *name)
{
    g_autofree char *key = g_strdup_printf(" %s=", name);
    const char *at = strstr(line, key);

    if (!at)
        return NULL;
    at += strlen(key);
    if (*at == '"')
        return g_strndup(at + 1, strcspn(at + 1, "\""));
    return g_strndup(at, strcspn(at, " \n"));
}

/* The kernel writes names with special characters as hexadecimal digits. */
static gboolean
is_name(const char *field, const char *name)
{
    g_autoptr(GString) hex = g_string_new(NULL);

    for (const char *c = name; *c; c++)
        g_string_append_printf(hex, "%02X", (guint8)*c);
    return strcmp(field, name) == 0 || strcmp(field, hex->str) == 0;
}

static gboolean
has_word(const char *line, const char *name, const char *value)
{
    g_autofree char *field = get_field(line, name);

    return field && is_name(field, value);
}

/* "audit(1700000000.123:45):" */
static gboolean
is_recent(const char *line, gint64 since_usec)
{
    const char *at = strstr(line, "audit(");
    guint64 sec = at ? g_ascii_strtoull(at + strlen("audit("), NULL, 10) : 0;

    return (gint64)MIN(sec, (guint64)G_MAXINT64 / G_USEC_PER_SEC) * G_USEC_PER_SEC +
               G_USEC_PER_SEC >
           since_usec;
}

static char *
explain_apparmor(const SinterDenial *denial, const char *profile)
{
    g_autofree char *rule = g_strdup_printf("\"%s\" rwk,", denial->image);
    g_autofree char *quoted = g_shell_quote(rule);

    return g_strdup_printf("the AppArmor profile '%s' denies it: echo %s >> "
                           "/etc/apparmor.d/local/abstractions/libvirt-qemu && apparmor_parser -r "
                           "/etc/apparmor.d/libvirt/libvirt-%s",
                           profile, quoted, denial->uuid);
}

/* (transfer full) (nullable) */
static char *
find_apparmor_entry(const SinterDenial *denial, const char *line)
{
    g_autofree char *mask = NULL;
    g_autofree char *profile = NULL;

    if (!has_word(line, "apparmor", "DENIED") || !has_word(line, "name", denial->image))
        return NULL;
    mask = get_field(line, "denied_mask");
    profile = get_field(line, "profile");
    if (!mask || !strchr(mask, 'w'))
        return NULL;
    return explain_apparmor(denial, profile ? profile : "of the domain");
}

/* The levels of a context: "s0:c1,c2" of "system_u:system_r:svirt_t:s0:c1,c2". */
static const char *
get_levels(const char *context)
{
    for (guint i = 0; context && i < 3; i++) {
        context = strchr(context, ':');
        context = context ? context + 1 : NULL;
    }
    return context ? context : "s0";
}

/* (transfer full) (nullable) */
static char *
find_selinux_entry(const SinterDenial *denial, const char *line)
{
    g_autofree char *base = g_path_get_basename(denial->image);
    g_autofree char *path = g_shell_quote(denial->image);
    g_autofree char *levels = NULL;
    g_autofree char *source = NULL;
    g_autofree char *target = NULL;
    const char *rights = strstr(line, "avc:  denied  {");

    if (!rights || !(has_word(line, "pid", denial->pid) || strstr(line, "svirt")) ||
        !(has_word(line, "path", denial->image) || has_word(line, "name", base)) ||
        !g_strstr_len(rights, strcspn(rights, "}"), " write "))
        return NULL;
    source = get_field(line, "scontext");
    target = get_field(line, "tcontext");
    levels = g_shell_quote(get_levels(source));
    return g_strdup_printf("SELinux denies it, because the image has the label '%s': chcon -t "
                           "svirt_image_t -l %s %s",
                           target ? target : "unknown", levels, path);
}

static char *
find_in_log(const SinterDenial *denial, const char *path)
{
    g_autofree char *text = read_tail(path);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    char *found = NULL;

    for (guint i = g_strv_length(lines); !found && i > 0; i--) {
        const char *line = lines[i - 1];

        if (!is_recent(line, denial->since_usec))
            continue;
        found = find_apparmor_entry(denial, line);
        if (!found)
            found = find_selinux_entry(denial, line);
    }
    return found;
}

static char *
find_logged(const SinterDenialPlaces *places, const SinterDenial *denial)
{
    char *found = NULL;

    for (const char *const *log = places->audit_logs; !found && *log; log++)
        found = find_in_log(denial, *log);
    return found;
}

/* --- what denies it to everybody -------------------------------------------------------------- */

static char *
find_general(const SinterDenialPlaces *places, const SinterDenial *denial)
{
    g_auto(SinterFd) fd = open(denial->image, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    g_autofree char *path = g_shell_quote(denial->image);
    struct statvfs fs;
    long flags = 0;

    if (statvfs(denial->image, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0)
        return g_strdup_printf("its file system is mounted read-only: mount -o remount,rw \"$(stat "
                               "-c %%m %s)\"",
                               path);
    if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL) != 0)
        return g_strdup_printf("the file is immutable: chattr -i %s", path);
    return NULL;
}

/* --- mode and owner --------------------------------------------------------------------------- */

static char *
name_user(guint uid)
{
    g_autofree char *buf = g_malloc(MAX_ENTRY_BYTES);
    struct passwd entry;
    struct passwd *found = NULL;

    getpwuid_r(uid, &entry, buf, MAX_ENTRY_BYTES, &found);
    return found ? g_strdup(found->pw_name) : g_strdup_printf("%u", uid);
}

/* Returns whether libvirt leaves the owners of images alone. The system daemon alone changes them,
 * and only there QEMU has another user than we have. */
static gboolean
are_owners_kept(const SinterDenialPlaces *places, guint uid)
{
    g_autofree char *text =
        sinter_file_read_bounded(places->qemu_conf, MAX_PROFILE_BYTES, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        g_autofree char *line = g_strdelimit(g_strdup(lines[i]), " \t\"", ' ');
        g_auto(GStrv) parts = g_strsplit(line, "=", 2);

        if (parts[0] && parts[1] && strcmp(g_strstrip(parts[0]), "dynamic_ownership") == 0)
            return g_ascii_strtoull(g_strstrip(parts[1]), NULL, 10) == 0;
    }
    return uid == geteuid();
}

static char *
explain_mode(const SinterDenial *denial, const struct stat *st, guint uid, guint gid)
{
    g_autofree char *path = g_shell_quote(denial->image);
    g_autofree char *user = name_user(uid);
    const char *who = st->st_uid == uid ? "u" : st->st_gid == gid ? "g" : "o";

    return g_strdup_printf("its mode is %04o, which denies it to QEMU's user '%s': chmod %s+w %s",
                           (guint)st->st_mode & 07777, user, who, path);
}

static char *
explain_owner(const SinterDenial *denial, const struct stat *st, guint uid)
{
    g_autofree char *path = g_shell_quote(denial->image);
    g_autofree char *owner = name_user(st->st_uid);
    g_autofree char *user = name_user(uid);
    g_autofree char *quoted = g_shell_quote(user);

    return g_strdup_printf("its owner is '%s' and its mode %04o, and QEMU's user is '%s': chown %s "
                           "%s",
                           owner, (guint)st->st_mode & 07777, user, quoted, path);
}

/* Access control lists are left out: they may allow what mode and owner do not. */
static char *
find_mode(const SinterDenialPlaces *places, const SinterDenial *denial)
{
    guint uid;
    guint gid;
    struct stat st;
    gboolean own;

    if (stat(denial->image, &st) < 0 || !sinter_qemu_process_get_user(denial->pid, &uid, &gid) ||
        uid == 0 || (uid == geteuid() && access(denial->image, W_OK) == 0))
        return NULL;
    own = st.st_uid == uid || !are_owners_kept(places, uid);
    if (own && (st.st_mode & S_IWUSR) == 0)
        return explain_mode(denial, &st, st.st_uid, gid);
    if (own || (st.st_mode & S_IWOTH) != 0 || (st.st_gid == gid && (st.st_mode & S_IWGRP) != 0))
        return NULL;
    if (st.st_gid == gid)
        return explain_mode(denial, &st, uid, gid);
    return explain_owner(denial, &st, uid);
}

/* --- a profile -------------------------------------------------------------------------------- */

/* (transfer full) (nullable): the AppArmor profile that confines the process */
static char *
read_confinement(const SinterDenialPlaces *places, const char *pid)
{
    static const char *const files[] = { "attr/apparmor/current", "attr/current" };

    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(places->proc, pid, files[i], NULL);
        g_autofree char *text = sinter_qemu_process_read_line(path);
        char *mode = text ? strstr(text, " (enforce)") : NULL;

        if (!mode)
            continue;
        *mode = '\0';
        return g_steal_pointer(&text);
    }
    return NULL;
}

/* Returns whether a rule of the profile lets the image be written: "PATH" rwk, */
static gboolean
allows_write(const char *rules, const char *image)
{
    g_auto(GStrv) lines = g_strsplit(rules, "\n", -1);
    g_autofree char *name = g_strdup_printf("\"%s\"", image);

    for (guint i = 0; lines[i]; i++) {
        const char *line = g_strchug(lines[i]);

        if (g_str_has_prefix(line, name) && strchr(line + strlen(name), 'w'))
            return TRUE;
    }
    return FALSE;
}

static char *
find_profile(const SinterDenialPlaces *places, const SinterDenial *denial)
{
    g_autofree char *profile = read_confinement(places, denial->pid);
    g_autofree char *file = profile ? g_strconcat(profile, ".files", NULL) : NULL;
    g_autofree char *path = file ? g_build_filename(places->profile_dir, file, NULL) : NULL;
    g_autofree char *rules =
        path ? sinter_file_read_bounded(path, MAX_PROFILE_BYTES, NULL, NULL) : NULL;

    if (!rules || !g_str_has_prefix(profile, "libvirt-") || allows_write(rules, denial->image))
        return NULL;
    return explain_apparmor(denial, profile);
}

char *
sinter_write_denial_foresee(const SinterDenialPlaces *places, const SinterDenial *denial)
{
    char *found = find_general(places, denial);

    return found ? found : find_profile(places, denial);
}

char *
sinter_write_denial_explain(const SinterDenialPlaces *places, const SinterDenial *denial)
{
    static char *(*const searches[])(const SinterDenialPlaces *, const SinterDenial *) = {
        find_logged,
        find_general,
        find_mode,
        find_profile,
    };
    char *found = NULL;

    for (gsize i = 0; !found && i < G_N_ELEMENTS(searches); i++)
        found = searches[i](places, denial);
    return found;
}
