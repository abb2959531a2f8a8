/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A disk on the bus, alone: what it shows, and what its block jobs and the measuring of its chain
 * ask of the daemon. */

#include "sinter-disk-object.h"

#include "service-stage.h"
#include "sinter-chain-usage.h"

#define PATH "/org/sinter/Sinter1/domains/_uuid_2dof_2dweb/disks/vda"
#define WORLD "web | vda: top:64M:v2G > mid:1M > base:1G | @s1 vda=mid>top"

typedef struct {
    ServiceStage stage;
    SinterDiskObject *object;
} Fixture;

static void
show_world(Fixture *f, const char *world)
{
    SinterServiceContext *context = service_stage_get_context(&f->stage);
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(SinterDomain) domain = NULL;

    played_context_set_world(f->stage.context, world);
    graph = sinter_service_context_get_graph(context);
    domain = sinter_service_context_lookup_domain(context, "web");
    sinter_disk_object_update(f->object, domain, sinter_domain_find_disk(domain, "vda"), graph);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    service_stage_set_up(&f->stage, NULL);
    f->object = sinter_disk_object_new(service_stage_get_context(&f->stage), f->stage.publisher,
                                       "uuid-of-web", "vda");
    show_world(f, WORLD);
    sinter_publisher_export(f->stage.publisher, PATH, G_DBUS_INTERFACE_SKELETON(f->object));
    f->stage.context->new_job = "7";
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_clear_object(&f->object);
    service_stage_tear_down(&f->stage);
}

static void
test_properties(Fixture *f, gconstpointer data)
{
    SinterDBusDisk *iface = SINTER_DBUS_DISK(f->object);

    g_assert_cmpstr(sinter_dbus_disk_get_domain(iface), ==,
                    "/org/sinter/Sinter1/domains/_uuid_2dof_2dweb");
    g_assert_cmpstr(sinter_dbus_disk_get_target(iface), ==, "vda");
    g_assert_cmpstr(sinter_dbus_disk_get_device(iface), ==, "disk");
    g_assert_cmpuint(sinter_dbus_disk_get_depth(iface), ==, 3);
    g_assert_cmpuint(g_variant_n_children(sinter_dbus_disk_get_chain(iface)), ==, 3);
    g_assert_cmpuint(sinter_dbus_disk_get_virtual_size_bytes(iface), ==,
                     G_GUINT64_CONSTANT(2) << 30);
    g_assert_cmpuint(sinter_dbus_disk_get_allocated_bytes(iface), ==,
                     (G_GUINT64_CONSTANT(1024) + 64 + 1) << 20);
    g_assert_false(sinter_dbus_disk_get_read_only(iface));
    g_assert_cmpstr(sinter_dbus_disk_get_job(iface), ==, "/");
}

static void
test_job(Fixture *f, gconstpointer data)
{
    f->stage.context->job_on_disk = "12";
    sinter_disk_object_show_job(f->object);
    g_assert_cmpstr(sinter_dbus_disk_get_job(SINTER_DBUS_DISK(f->object)), ==,
                    "/org/sinter/Sinter1/jobs/12");
    f->stage.context->job_on_disk = NULL;
    sinter_disk_object_show_job(f->object);
    g_assert_cmpstr(sinter_dbus_disk_get_job(SINTER_DBUS_DISK(f->object)), ==, "/");
}

/* libvirt's block job on it, a mirror's as well. */
static void
test_block_job(Fixture *f, gconstpointer data)
{
    static const char *const cases[][2] = {
        { "web | vda: top > base", "none" },
        { "web | vda job=pull: top > base", "pull" },
        { "web | vda job=copy: top > base", "copy" },
        { "web | vda job=commit: top > base", "commit" },
        { "web | vda job=active-commit: top > base", "active-commit" },
        { "web | vda job=backup: top > base", "backup" },
        { "web | vda job=copy mirror=ready: top > base", "copy" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        show_world(f, cases[i][0]);
        g_assert_cmpstr(sinter_dbus_disk_get_block_job(SINTER_DBUS_DISK(f->object)), ==,
                        cases[i][1]);
    }
}

static const SinterDiskPlan *
get_part(Fixture *f)
{
    g_assert_cmpuint(f->stage.context->n_submits, ==, 1);
    g_assert_cmpuint(f->stage.context->plan->disks->len, ==, 1);
    return g_ptr_array_index(f->stage.context->plan->disks, 0);
}

/* A single block job leaves the files, unless the caller says otherwise. */
static void
test_commit(Fixture *f, gconstpointer data)
{
    g_autofree char *reply = service_stage_ask(&f->stage, PATH, "Disk.Commit",
                                               "({'top': <'mid'>, 'bandwidth': <uint64 9>},)");

    g_assert_cmpstr(reply, ==, "('/org/sinter/Sinter1/jobs/7',)");
    g_assert_cmpint(get_part(f)->operation, ==, SINTER_OPERATION_COMMIT);
    g_assert_cmpstr(get_part(f)->top_path, ==, "/img/mid");
    g_assert_cmpuint(g_strv_length(get_part(f)->remove_files), ==, 0);
    g_assert_cmpuint(f->stage.context->options.bandwidth_bytes_per_sec, ==, 9);
}

static void
test_commit_removes(Fixture *f, gconstpointer data)
{
    g_autofree char *reply =
        service_stage_ask(&f->stage, PATH, "Disk.Commit", "({'keep-files': <false>},)");

    g_assert_cmpint(get_part(f)->operation, ==, SINTER_OPERATION_ACTIVE_COMMIT);
    g_assert_cmpuint(g_strv_length(get_part(f)->remove_files), ==, 2);
}

static void
test_pull(Fixture *f, gconstpointer data)
{
    g_autofree char *reply =
        service_stage_ask(&f->stage, PATH, "Disk.Pull", "({'base': <'base'>},)");

    g_assert_cmpint(get_part(f)->operation, ==, SINTER_OPERATION_PULL);
    g_assert_cmpstr(get_part(f)->base_path, ==, "/img/base");
}

/* Nothing to do is an error here, for there is no job to be named. */
static void
test_idle(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    show_world(f, "web | vda: top");
    f->stage.context->new_job = NULL;
    g_assert_null(service_stage_call(&f->stage, PATH, "Disk.Pull", "(@a{sv} {},)", &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(f->stage.context->n_submits, ==, 1);
}

static void
test_copy(Fixture *f, gconstpointer data)
{
    g_autofree char *reply = NULL;

    f->stage.context->copy_folders = "/copies";
    reply = service_stage_ask(&f->stage, PATH, "Disk.Copy",
                              "('/copies/a', {'shallow': <true>, 'finish': <true>})");
    g_assert_cmpint(get_part(f)->operation, ==, SINTER_OPERATION_COPY);
    g_assert_cmpstr(get_part(f)->destination, ==, "/copies/a");
    g_assert_cmpstr(get_part(f)->destination_format, ==, "qcow2");
    g_assert_cmpstr(get_part(f)->destination_root, ==, "/copies");
    g_assert_true(get_part(f)->shallow);
    g_assert_false(get_part(f)->reuse_external);
    g_assert_false(get_part(f)->pivot);
}

static void
test_copy_anywhere(Fixture *f, gconstpointer data)
{
    g_autofree char *reply =
        service_stage_ask(&f->stage, PATH, "Disk.Copy", "('/any/b', {'format': <'raw'>})");

    g_assert_cmpstr(get_part(f)->destination_format, ==, "raw");
    g_assert_null(get_part(f)->destination_root);
    g_assert_true(get_part(f)->pivot);
}

static void
test_copy_refused(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *arguments;
        SinterError code;
    } cases[] = {
        { "('relative', @a{sv} {})", SINTER_ERROR_INVALID_ARGUMENT },
        { "('/copies/a', {'format': <'vmdk'>})", SINTER_ERROR_INVALID_ARGUMENT },
        { "('/elsewhere/a', @a{sv} {})", SINTER_ERROR_NOT_AUTHORIZED },
        { "('/copies/../a', @a{sv} {})", SINTER_ERROR_INVALID_ARGUMENT },
        { "('/copies/a', {'keep-files': <true>})", SINTER_ERROR_INVALID_ARGUMENT },
    };

    f->stage.context->copy_folders = "/copies";
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(service_stage_call(&f->stage, PATH, "Disk.Copy", cases[i].arguments, &error));
        g_assert_error(error, SINTER_ERROR, (int)cases[i].code);
    }
    g_assert_cmpuint(f->stage.context->n_submits, ==, 0);
}

static void
test_measure(Fixture *f, gconstpointer data)
{
    SinterLayerUsage usage = { .data_bytes = 7, .shadowed_bytes = 3 };
    g_autofree char *reply = NULL;

    g_array_append_val(f->stage.context->usage, usage);
    reply = service_stage_ask(&f->stage, PATH, "Disk.MeasureChain", "(@a{sv} {},)");
    g_assert_cmpstr(reply, ==, "([{'data-bytes': <uint64 7>, 'shadowed-bytes': <uint64 3>}],)");
}

static void
test_measure_fails(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) gone = NULL;

    f->stage.context->measure_error = g_error_new(SINTER_ERROR, SINTER_ERROR_BUSY, "as played");
    g_assert_null(service_stage_call(&f->stage, PATH, "Disk.MeasureChain", "(@a{sv} {},)", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
    played_context_set_world(f->stage.context, NULL);
    g_assert_null(service_stage_call(&f->stage, PATH, "Disk.MeasureChain", "(@a{sv} {},)", &gone));
    g_assert_error(gone, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
    service_stage_init(&argc, &argv);
#define ADD(name, func) g_test_add("/disk-object/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("properties", test_properties);
    ADD("job", test_job);
    ADD("block-job", test_block_job);
    ADD("commit", test_commit);
    ADD("commit-removes", test_commit_removes);
    ADD("pull", test_pull);
    ADD("idle", test_idle);
    ADD("copy", test_copy);
    ADD("copy-anywhere", test_copy_anywhere);
    ADD("copy-refused", test_copy_refused);
    ADD("measure", test_measure);
    ADD("measure-fails", test_measure_fails);
    return g_test_run();
}
