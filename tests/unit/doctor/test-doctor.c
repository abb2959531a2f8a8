/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The checks of the doctor, each with facts that make it find something and with facts that do not;
 * and the facts that this host's files give. */

#include "sinter-doctor-checks.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "plan-world.h"
#include "sinter-doctor-host.h"
#include "sinter-file.h"

typedef struct {
    SinterDoctorFacts *facts;
    SinterDomain *domain;
    SinterDisk *disk;
    SinterDoctorImage *top;
    SinterDoctorImage *base;
} World;

typedef struct {
    const char *name;
    const char *world;
    void (*spoil)(World *world);
    void (*mend)(World *world);
    const char *check;
    const char *subject;
    const char *words; /* in the problem */
    const char *remedy;
} Row;

static void
nothing(World *world)
{
}

static void
set_policy(World *world, const char *policy)
{
    g_free(world->disk->error_policy);
    world->disk->error_policy = g_strdup(policy);
}

static void
report_errors(World *world)
{
    set_policy(world, "report");
}

static void
ignore_errors(World *world)
{
    set_policy(world, "ignore");
}

static void
stop_on_errors(World *world)
{
    set_policy(world, "stop");
}

static void
lose_threshold(World *world)
{
    world->top->has_threshold = SINTER_ANSWER_NO;
}

static void
set_threshold(World *world)
{
    world->top->has_threshold = SINTER_ANSWER_YES;
}

static void
forget_threshold(World *world)
{
    world->top->has_threshold = SINTER_ANSWER_UNKNOWN;
}

static void
never_extend(World *world)
{
    world->facts->autoextend_percent = 100;
}

static void
extend_at_eighty(World *world)
{
    world->facts->autoextend_percent = 80;
}

static void
without_lvm(World *world)
{
    world->facts->autoextend_percent = 0;
}

static void
deny_base(World *world)
{
    world->base->denial = g_strdup("its file system is mounted read-only");
    world->facts->libvirt_version = 9000000;
}

static void
deny_to_new_libvirt(World *world)
{
    world->facts->libvirt_version = 12001000;
}

static void
mount_ext4(World *world)
{
    sinter_doctor_facts_add_file_system(world->facts, "/img", "ext4", SINTER_ANSWER_NO);
}

static void
mount_xfs(World *world)
{
    SinterDoctorFileSystem *fs = g_ptr_array_index(world->facts->file_systems, 0);

    fs->shares_blocks = SINTER_ANSWER_YES;
}

static void
lose_lock(World *world)
{
    world->top->is_locked = SINTER_ANSWER_NO;
}

static void
hold_lock(World *world)
{
    world->top->is_locked = SINTER_ANSWER_YES;
}

static void
own_storage(World *world)
{
    SinterLayer *layer = g_ptr_array_index(world->disk->layers, 0);

    g_clear_pointer(&layer->beyond_locks, g_free);
}

static void
lose_agent(World *world)
{
    world->domain->agent = SINTER_GUEST_AGENT_SILENT;
}

static void
lose_channel(World *world)
{
    world->domain->agent = SINTER_GUEST_AGENT_NO_CHANNEL;
}

static void
connect_agent(World *world)
{
    world->domain->agent = SINTER_GUEST_AGENT_CONNECTED;
}

static void
lose_manager(World *world)
{
    g_clear_pointer(&world->domain->manager, g_free);
}

static void
old_qemu(World *world)
{
    world->facts->qemu_version = 7002022;
    world->facts->max_pause_msec = 0;
}

static void
let_it_pause(World *world)
{
    world->facts->max_pause_msec = 500;
}

static void
newer_qemu(World *world)
{
    world->facts->qemu_version = 8002000;
}

static void
no_answer(World *world)
{
    world->facts->no_answer = g_strdup("it does not respond");
}

static void
answer(World *world)
{
    g_clear_pointer(&world->facts->no_answer, g_free);
}

#define WORLD "web | vda: top > base"
#define DEVICE "web | vda: /dev/vg/web:10G:dev:fs3 > base"

static const Row rows[] = {
    { "no answer", WORLD, no_answer, answer, "libvirt", "host", "it does not respond",
      "virsh -c 'test:///default' domstats --block --nowait" },
    { "policy report", WORLD, report_errors, stop_on_errors, "error-policy", "web vda",
      "error_policy='report'", "virt-xml 'web' --edit target=vda --disk driver.error_policy=stop" },
    { "policy ignore", WORLD, ignore_errors, stop_on_errors, "error-policy", "web vda",
      "error_policy='ignore'", NULL },
    { "threshold", DEVICE, lose_threshold, set_threshold, "threshold", "web vda", "/dev/vg/web",
      "virsh domblkthreshold 'web' vda 8589934560" },
    { "threshold unknown", DEVICE, lose_threshold, forget_threshold, "threshold", "web vda", "",
      NULL },
    { "autoextend", "web | vda: top:thin > base", never_extend, extend_at_eighty, "lvm-autoextend",
      "host", "/img/top", NULL },
    { "no LVM", "web | vda: top > base:thin", never_extend, without_lvm, "lvm-autoextend", "host",
      "/img/base", NULL },
    { "denial", WORLD, deny_base, deny_to_new_libvirt, "backing-write", "web vda", "/img/base",
      "its file system is mounted read-only" },
    { "reflink", WORLD, mount_ext4, mount_xfs, "reflink", "/img", "ext4", NULL },
    { "lock", WORLD, lose_lock, hold_lock, "locks", "web vda", "QEMU holds no lock on '/img/top'",
      NULL },
    { "other hosts", "web off | vda: top:hosts", nothing, own_storage, "locks", "web vda",
      "do not reach other hosts", NULL },
    { "agent", WORLD, lose_agent, connect_agent, "agent", "web", "does not run", NULL },
    { "channel", WORLD, lose_channel, connect_agent, "agent", "web", "no channel", NULL },
    { "manager", "web managed | vda: top", nothing, lose_manager, "manager", "web", "OpenStack",
      "sinter consolidate 'web' --ignore-manager" },
    { "pivot", WORLD, old_qemu, let_it_pause, "version", "host", "QEMU 7.2.22", NULL },
    { "newer QEMU", WORLD, old_qemu, newer_qemu, "version", "host", "pivot", NULL },
    { "old libvirt", WORLD, deny_base, deny_to_new_libvirt, "version", "host", "libvirt 9.0.0",
      NULL },
};

static const SinterDoctorFinding *
find(GPtrArray *findings, const char *check)
{
    for (guint i = 0; i < findings->len; i++) {
        const SinterDoctorFinding *finding = g_ptr_array_index(findings, i);

        if (g_str_equal(finding->check, check))
            return finding;
    }
    return NULL;
}

static void
set_up(World *world, const char *text)
{
    g_autoptr(GPtrArray) domains = plan_world_parse(text, "/nowhere");

    world->facts = sinter_doctor_facts_new(domains, "test:///default");
    world->facts->max_pause_msec = 500;
    world->domain = g_ptr_array_index(domains, 0);
    world->disk = g_ptr_array_index(world->domain->disks, 0);
    world->domain->agent = SINTER_GUEST_AGENT_CONNECTED;
    world->top = g_ptr_array_index(world->facts->images, 0);
    world->base = g_ptr_array_index(world->facts->images, world->facts->images->len - 1);
}

static void
test_row(gconstpointer data)
{
    const Row *row = data;
    g_autoptr(GPtrArray) found = NULL;
    g_autoptr(GPtrArray) left = NULL;
    const SinterDoctorFinding *finding;
    World world;

    set_up(&world, row->world);
    row->spoil(&world);
    found = sinter_doctor_checks_run(world.facts);
    finding = find(found, row->check);
    g_assert_nonnull(finding);
    g_assert_cmpstr(finding->subject, ==, row->subject);
    g_assert_nonnull(strstr(finding->problem, row->words));
    g_assert_cmpstr(finding->remedy, !=, "");
    if (row->remedy)
        g_assert_cmpstr(finding->remedy, ==, row->remedy);
    row->mend(&world);
    left = sinter_doctor_checks_run(world.facts);
    g_assert_null(find(left, row->check));
    sinter_doctor_facts_free(world.facts);
}

/* A host where nothing stands in the way, and what nobody writes to. */
static void
test_clean(void)
{
    static const char *const worlds[] = { WORLD, DEVICE, "web | vda ro: top | vdb cdrom: iso:raw" };

    for (gsize i = 0; i < G_N_ELEMENTS(worlds); i++) {
        g_autoptr(GPtrArray) findings = NULL;
        g_autoptr(GPtrArray) domains = plan_world_parse(worlds[i], "/nowhere");
        g_autoptr(SinterDoctorFacts) facts = sinter_doctor_facts_new(domains, "test:///default");
        SinterDomain *domain = g_ptr_array_index(domains, 0);

        facts->max_pause_msec = 500;
        domain->agent = SINTER_GUEST_AGENT_CONNECTED;
        g_assert_cmpuint(facts->images->len, ==, i < 2 ? 2 : 0);
        findings = sinter_doctor_checks_run(facts);
        g_assert_cmpuint(findings->len, ==, 0);
    }
}

/* --- facts of this host ----------------------------------------------------------------------- */

/* A folder with what the host keeps; it is the runtime directory too. */
typedef struct {
    char *dir;
    SinterDoctorPlaces places;
    SinterPatience *patience;
    GPtrArray *paths;
} Host;

/* (transfer none) */
static const char *
write_file(Host *host, const char *name, const char *text)
{
    char *path = g_build_filename(host->dir, name, NULL);
    g_autofree char *folder = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_ptr_array_add(host->paths, path);
    return path;
}

static void
host_set_up(Host *host, gconstpointer data)
{
    const SinterPatienceLimits limits = { 60000, 1 };

    host->dir = g_strdup(data);
    host->paths = g_ptr_array_new_with_free_func(g_free);
    host->patience = sinter_patience_new(&limits);
    host->places = (SinterDoctorPlaces){ "/nonexistent", host->dir, "/nonexistent", host->dir };
}

static void
host_tear_down(Host *host, gconstpointer data)
{
    const char *const argv[] = { "find", host->dir, "-mindepth", "1", "-delete", NULL };

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
    sinter_patience_unref(host->patience);
    g_ptr_array_unref(host->paths);
    g_free(host->dir);
}

static guint
read_autoextend(Host *host, const char *text)
{
    g_autoptr(GPtrArray) domains = plan_world_parse("web | vda: top", "/nowhere");
    g_autoptr(SinterDoctorFacts) facts = sinter_doctor_facts_new(domains, "test:///default");

    host->places.lvm_conf = text ? write_file(host, "lvm.conf", text) : "/nonexistent";
    sinter_doctor_host_examine(facts, host->patience, &host->places);
    return facts->autoextend_percent;
}

static void
test_autoextend(Host *host, gconstpointer data)
{
    g_assert_cmpuint(read_autoextend(host, NULL), ==, 0);
    g_assert_cmpuint(read_autoextend(host, "activation {\n}\n"), ==, 100);
    g_assert_cmpuint(
        read_autoextend(host, "activation {\n\t# thin_pool_autoextend_threshold = 70\n}\n"), ==,
        100);
    g_assert_cmpuint(
        read_autoextend(host, "activation {\n\tthin_pool_autoextend_threshold = 70\n}\n"), ==, 70);
    g_assert_cmpuint(read_autoextend(host, "thin_pool_autoextend_threshold=900\n"), ==, 100);
}

static SinterDoctorFacts *
examine(Host *host, const char *world)
{
    g_autoptr(GPtrArray) domains = plan_world_parse(world, "/nowhere");
    SinterDoctorFacts *facts = sinter_doctor_facts_new(domains, "qemu:///session");

    sinter_doctor_host_examine(facts, host->patience, &host->places);
    return facts;
}

static const SinterDoctorImage *
image_at(const SinterDoctorFacts *facts, guint n)
{
    return g_ptr_array_index(facts->images, n);
}

/* @answer: about the top image of a running QEMU, this process; the one below is not asked about */
static void
expect_lock(Host *host, const char *world, SinterAnswer answer)
{
    g_autoptr(SinterDoctorFacts) facts = examine(host, world);

    g_assert_cmpint(image_at(facts, 0)->is_locked, ==, answer);
    g_assert_cmpint(image_at(facts, 1)->is_locked, ==, SINTER_ANSWER_UNKNOWN);
    g_assert_cmpuint(facts->file_systems->len, ==, 1);
}

static void
test_locks(Host *host, gconstpointer data)
{
    const char *top = write_file(host, "img/top", "top");
    const char *base = write_file(host, "img/base", "base");
    g_autofree char *world = g_strdup_printf("web | vda: %s > %s", top, base);
    g_autofree char *off = g_strdup_printf("web off | vda: %s > %s", top, base);
    g_autofree char *pid = g_strdup_printf("%d\n", (int)getpid());
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1 };
    g_auto(SinterFd) fd = open(top, O_RDONLY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    expect_lock(host, world, SINTER_ANSWER_UNKNOWN); /* no process is known */
    write_file(host, "libvirt/qemu/run/web.pid", pid);
    expect_lock(host, world, SINTER_ANSWER_NO);
    expect_lock(host, off, SINTER_ANSWER_UNKNOWN);
    g_assert_cmpint(fcntl(fd, F_OFD_SETLK, &lock), ==, 0);
    expect_lock(host, world, SINTER_ANSWER_YES);
}

/* The image below the top, under a profile that lets it be read. */
static void
expect_denial(Host *host, const char *world, const char *rules, gboolean denied)
{
    g_autoptr(SinterDoctorFacts) facts = NULL;

    write_file(host, "libvirt-uuid-of-web.files", rules);
    facts = examine(host, world);
    g_assert_null(image_at(facts, 0)->denial);
    g_assert_cmpint(image_at(facts, 1)->denial != NULL, ==, denied);
    if (denied)
        g_assert_nonnull(strstr(image_at(facts, 1)->denial, "libvirt-uuid-of-web"));
}

static void
test_denials(Host *host, gconstpointer data)
{
    const char *top = write_file(host, "img/top", "top");
    const char *base = write_file(host, "img/base", "base");
    g_autofree char *world = g_strdup_printf("web | vda: %s > %s", top, base);
    g_autofree char *pid = g_strdup_printf("%d\n", (int)getpid());
    g_autofree char *attr = g_strdup_printf("%d/attr/current", (int)getpid());
    g_autofree char *reads = g_strdup_printf("  \"%s\" rwk,\n  \"%s\" rk,\n", top, base);
    g_autofree char *writes = g_strdup_printf("  \"%s\" rwk,\n  \"%s\" rwk,\n", top, base);

    write_file(host, "libvirt/qemu/run/web.pid", pid);
    expect_denial(host, world, reads, FALSE); /* nothing confines the process */
    write_file(host, attr, "libvirt-uuid-of-web (enforce)\n");
    expect_denial(host, world, reads, TRUE);
    expect_denial(host, world, writes, FALSE);
}

int
main(int argc, char **argv)
{
    g_autofree char *runtime_dir = g_dir_make_tmp("sinter-doctor-XXXXXX", NULL);
    int status;

    g_setenv("XDG_RUNTIME_DIR", runtime_dir, TRUE);
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/doctor/check/", rows[i].name, NULL);

        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/doctor/clean", test_clean);
    g_test_add("/doctor/autoextend", Host, runtime_dir, host_set_up, test_autoextend,
               host_tear_down);
    g_test_add("/doctor/locks", Host, runtime_dir, host_set_up, test_locks, host_tear_down);
    g_test_add("/doctor/denials", Host, runtime_dir, host_set_up, test_denials, host_tear_down);
    status = g_test_run();
    g_rmdir(runtime_dir);
    return status;
}
