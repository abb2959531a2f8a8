/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What keeps QEMU from writing to an image: logs and profiles as the kernel and libvirt write them,
 * and real files. */

#include "sinter-write-denial.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UUID "12345678-1234-1234-1234-123456789abc"
#define SINCE_SEC 1700000000

typedef struct {
    char *dir;
    char *image;
    char *log;
    char *pid;
    const char *logs[2];
    SinterDenialPlaces places;
    SinterDenial denial;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("denial-XXXXXX", NULL);
    f->image = g_build_filename(f->dir, "base's.qcow2", NULL);
    f->log = g_build_filename(f->dir, "audit.log", NULL);
    f->pid = g_strdup_printf("%d", getpid());
    g_assert_true(g_file_set_contents(f->image, "x", 1, NULL));
    f->logs[0] = f->log;
    f->places = (SinterDenialPlaces){ f->logs, f->dir, f->log, "/proc" };
    f->denial = (SinterDenial){ f->image, f->pid, UUID, (gint64)SINCE_SEC * G_USEC_PER_SEC };
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", f->dir);

    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(f->dir);
    g_free(f->image);
    g_free(f->log);
    g_free(f->pid);
}

/* @expected: (nullable): a part of the explanation; NULL for none */
static void
check(Fixture *f, const char *log, const char *expected)
{
    g_autofree char *why = NULL;

    g_assert_true(g_file_set_contents(f->log, log, -1, NULL));
    why = sinter_write_denial_explain(&f->places, &f->denial);
    if (!expected)
        g_assert_null(why);
    else if (!why || !strstr(why, expected))
        g_error("'%s' does not contain '%s'", why ? why : "(none)", expected);
}

static char *
apparmor(const Fixture *f, const char *path, int sec, const char *mask)
{
    return g_strdup_printf("type=AVC msg=audit(1.000:1): noise\n"
                           "type=AVC msg=audit(%d.123:45): apparmor=\"DENIED\" operation=\"open\" "
                           "profile=\"libvirt-" UUID
                           "\" name=\"%s\" pid=1 comm=\"qemu-system-x86\" "
                           "requested_mask=\"rw\" denied_mask=\"%s\" fsuid=64055 ouid=64055\n"
                           "type=SYSCALL msg=audit(%d.123:46): more noise\n",
                           sec, path, mask, sec);
}

static void
test_apparmor_log(Fixture *f, gconstpointer data)
{
    g_autofree char *denied = apparmor(f, f->image, SINCE_SEC + 5, "w");
    g_autofree char *old = apparmor(f, f->image, SINCE_SEC - 60, "w");
    g_autofree char *other = apparmor(f, "/another", SINCE_SEC + 5, "w");
    g_autofree char *reading = apparmor(f, f->image, SINCE_SEC + 5, "r");
    g_autoptr(GString) hex = g_string_new(NULL);
    g_autofree char *quoted = NULL;

    check(f, denied, "the AppArmor profile 'libvirt-" UUID "' denies it: echo ");
    check(f, denied, "apparmor_parser -r /etc/apparmor.d/libvirt/libvirt-" UUID);
    check(f, old, NULL);
    check(f, other, NULL);
    check(f, reading, NULL);
    /* a name that the kernel writes in hexadecimal digits */
    for (const char *c = f->image; *c; c++)
        g_string_append_printf(hex, "%02X", (guint8)*c);
    quoted = apparmor(f, hex->str, SINCE_SEC + 5, "wk");
    check(f, quoted, "AppArmor");
}

static void
test_selinux_log(Fixture *f, gconstpointer data)
{
    g_autofree char *denied =
        g_strdup_printf("type=AVC msg=audit(%d.456:77): avc:  denied  { read write } for  pid=%s "
                        "comm=\"qemu-kvm\" name=\"base's.qcow2\" dev=\"dm-0\" ino=4711 "
                        "scontext=system_u:system_r:svirt_t:s0:c12,c99 "
                        "tcontext=system_u:object_r:virt_content_t:s0 tclass=file permissive=0\n",
                        SINCE_SEC + 1, f->pid);
    g_autofree char *reading = g_strdup(denied);
    char *right = strstr(reading, " write ");

    check(f, denied,
          "SELinux denies it, because the image has the label "
          "'system_u:object_r:virt_content_t:s0': chcon -t svirt_image_t -l 's0:c12,c99' ");
    memcpy(right, " getat ", 7);
    check(f, reading, NULL);
}

static void
test_mode(Fixture *f, gconstpointer data)
{
    if (geteuid() == 0) {
        g_test_skip("root may write to anything");
        return;
    }
    check(f, "", NULL);
    g_assert_cmpint(g_chmod(f->image, 0444), ==, 0);
    check(f, "", "its mode is 0444, which denies it to QEMU's user '");
    check(f, "", ": chmod u+w '");
    /* libvirt would make QEMU's user the owner, which does not help */
    check(f, "dynamic_ownership = 1\n", "chmod u+w");
}

static void
test_owner(Fixture *f, gconstpointer data)
{
    struct stat st;

    if (geteuid() == 0 || stat("/etc/passwd", &st) < 0 || st.st_uid != 0) {
        g_test_skip("no file of root that is not ours");
        return;
    }
    f->denial.image = "/etc/passwd";
    check(f, "dynamic_ownership = 0\n",
          "its owner is 'root' and its mode 0644, and QEMU's user is");
    check(f, "dynamic_ownership = 0\n", " '/etc/passwd'");
    check(f, "#dynamic_ownership = 1\ndynamic_ownership=1\n", NULL);
}

static void
test_profile(Fixture *f, gconstpointer data)
{
    g_autofree char *rules = g_build_filename(f->dir, "libvirt-" UUID ".files", NULL);
    g_autofree char *folder = g_build_filename(f->dir, f->pid, "attr", NULL);
    g_autofree char *current = g_build_filename(folder, "current", NULL);
    g_autofree char *reads = g_strdup_printf("  \"/top\" rwk,\n  \"%s\" rk,\n", f->image);
    g_autofree char *writes = g_strdup_printf("%s  \"%s\" rwk,\n", reads, f->image);

    f->places.proc = f->dir;
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(rules, reads, -1, NULL));
    check(f, "", NULL);
    g_assert_true(g_file_set_contents(current, "libvirt-" UUID " (enforce)\n", -1, NULL));
    check(f, "", "the AppArmor profile 'libvirt-" UUID "' denies it");
    g_assert_true(g_file_set_contents(current, "libvirt-" UUID " (complain)\n", -1, NULL));
    check(f, "", NULL);
    g_assert_true(g_file_set_contents(current, "libvirt-" UUID " (enforce)\n", -1, NULL));
    g_assert_true(g_file_set_contents(rules, writes, -1, NULL));
    check(f, "", NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/write-denial/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("apparmor-log", test_apparmor_log);
    ADD("selinux-log", test_selinux_log);
    ADD("mode", test_mode);
    ADD("owner", test_owner);
    ADD("profile", test_profile);
    return g_test_run();
}
