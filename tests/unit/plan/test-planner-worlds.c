/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * No plan loses a byte that somebody may still want. Random worlds of images hold clusters with
 * known values; a plan that nothing speaks against is carried out on them as QEMU would, the guest
 * writes on, the files are removed, and then everybody reads: the guest, other domains, snapshots
 * that were kept, the definition for the next boot. Each must find what it found before. The
 * planner knows nothing of clusters: it is right when its rules are.
 */

#include "sinter-planner.h"
#include "watch-fixture.h"

#include <string.h>

#define N_WORLDS 20000
#define N_CLUSTERS 6
#define MAX_FILES 16
#define NONE G_MAXUINT

typedef struct {
    char *path;
    guint backing;           /* NONE for none */
    guint8 data[N_CLUSTERS]; /* 0: look below */
    gboolean removed;
} File;

typedef struct {
    guint8 data[N_CLUSTERS];
} View;

typedef enum {
    READER_FOREIGN,
    READER_SNAPSHOT,
    READER_NEXT_BOOT,
} ReaderKind;

/* Somebody who counts on the content of an image. */
typedef struct {
    ReaderKind kind;
    guint file;
    char *snapshot;
    View before;
} Reader;

typedef struct {
    GRand *rand;
    File files[MAX_FILES];
    guint n_files;
    guint n_layers; /* files 0 … n_layers - 1 are the live chain */
    GPtrArray *domains;
    SinterDomain *domain;
    SinterDisk *disk;
    GArray *readers; /* of Reader */
} World;

static guint
pick(World *world, guint n)
{
    return g_rand_int_range(world->rand, 0, n);
}

static gboolean
toss(World *world)
{
    return pick(world, 2) == 0;
}

static guint
add_file(World *world, guint backing)
{
    File *file = &world->files[world->n_files];

    g_assert_cmpuint(world->n_files, <, MAX_FILES);
    file->path = g_strdup_printf("/sim/f%u", world->n_files);
    file->backing = backing;
    for (guint i = 0; i < N_CLUSTERS; i++)
        file->data[i] = toss(world) ? 1 + pick(world, 200) : 0;
    return world->n_files++;
}

/* What a reader of @top finds; whoever needs a file that is gone finds nothing. */
static gboolean
read_view(const World *world, guint top, View *ret_view)
{
    memset(ret_view, 0, sizeof *ret_view);
    for (guint at = top; at != NONE; at = world->files[at].backing) {
        if (world->files[at].removed)
            return FALSE;
        for (guint i = 0; i < N_CLUSTERS; i++) {
            if (ret_view->data[i] == 0)
                ret_view->data[i] = world->files[at].data[i];
        }
    }
    return TRUE;
}

static void
add_layers(World *world, GPtrArray *layers, guint top)
{
    for (guint at = top; at != NONE; at = world->files[at].backing) {
        SinterLayer *layer = fixture_layer(layers, world->files[at].path, at + 1);

        layer->virtual_size_bytes = 1 << 30;
        layer->allocated_bytes = 1 << 20;
        layer->fs_device = 1;
        layer->fs_free_bytes = G_GUINT64_CONSTANT(1) << 40;
    }
}

static void
add_reader(World *world, ReaderKind kind, guint file, const char *snapshot)
{
    Reader reader = { .kind = kind, .file = file, .snapshot = g_strdup(snapshot) };

    g_assert_true(read_view(world, file, &reader.before));
    g_array_append_val(world->readers, reader);
}

static GPtrArray *
new_layers(World *world, guint top)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);

    add_layers(world, layers, top);
    return layers;
}

static SinterDomain *
add_domain(World *world, const char *name, gboolean active)
{
    SinterDomain *domain = fixture_domain(name, active);

    g_ptr_array_add(world->domains, domain);
    return domain;
}

/* Any file but the active layer, which its guest changes under everybody anyway. */
static guint
pick_still_file(World *world)
{
    return 1 + pick(world, world->n_files - 1);
}

static void
add_foreign_domain(World *world)
{
    g_autofree char *name = g_strdup_printf("other%u", world->domains->len);
    SinterDomain *domain = add_domain(world, name, toss(world));
    SinterDisk *disk = fixture_disk(domain, "vda");
    guint top = add_file(world, pick_still_file(world));

    add_layers(world, disk->layers, top);
    disk->inactive_layers = new_layers(world, top);
    add_reader(world, READER_FOREIGN, top, NULL);
}

static void
add_foreign_snapshot(World *world)
{
    g_autofree char *name = g_strdup_printf("other%u", world->domains->len);
    SinterDomain *domain = add_domain(world, name, FALSE);
    guint frozen = pick_still_file(world);
    SinterSnapshotDisk *disk = fixture_snapshot_disk(fixture_snapshot(domain, "theirs"), "vda",
                                                     "/sim/x", world->files[frozen].path);

    if (toss(world)) /* else what it stands on is not known */
        disk->frozen_layers = new_layers(world, frozen);
    add_reader(world, READER_FOREIGN, frozen, NULL);
}

static void
add_other_disk(World *world)
{
    g_autofree char *target = g_strdup_printf("vd%u", world->domain->disks->len);
    SinterDisk *disk = fixture_disk(world->domain, target);
    guint top = add_file(world, pick_still_file(world));

    add_layers(world, disk->layers, top);
    disk->inactive_layers = new_layers(world, top);
    add_reader(world, READER_FOREIGN, top, NULL);
}

static void
add_own_snapshot(World *world, guint frozen, const char *overlay)
{
    g_autofree char *name = g_strdup_printf("s%u", world->domain->snapshots->len);
    SinterSnapshot *snapshot = fixture_snapshot(world->domain, name);
    SinterSnapshotDisk *disk =
        fixture_snapshot_disk(snapshot, "vda", overlay, world->files[frozen].path);

    disk->external = TRUE;
    disk->frozen_device = 1;
    disk->frozen_inode = frozen + 1;
    if (frozen >= world->n_layers)
        disk->frozen_layers = new_layers(world, frozen);
    add_reader(world, READER_SNAPSHOT, frozen, name);
}

static void
add_branch_snapshot(World *world)
{
    add_own_snapshot(world, add_file(world, pick_still_file(world)), "/sim/branch");
}

static void
set_next_boot(World *world)
{
    guint top = 0;

    switch (pick(world, 6)) {
    case 0:
        return; /* not in the definition */
    case 1:
        top = pick_still_file(world);
        break;
    case 2:
        top = add_file(world, pick_still_file(world));
        break;
    }
    world->disk->inactive_layers = new_layers(world, top);
    if (top != 0)
        add_reader(world, READER_NEXT_BOOT, top, NULL);
}

static void
make_world(World *world, guint32 seed)
{
    static void (*const add_something[])(World *) = {
        add_foreign_domain,
        add_foreign_snapshot,
        add_other_disk,
        add_branch_snapshot,
    };

    memset(world, 0, sizeof *world);
    world->rand = g_rand_new_with_seed(seed);
    world->domains = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_domain_unref);
    world->readers = g_array_new(FALSE, FALSE, sizeof(Reader));
    world->domain = add_domain(world, "web", pick(world, 4) > 0);
    world->disk = fixture_disk(world->domain, "vda");
    world->n_layers = 2 + pick(world, 5);
    for (guint i = 0; i < world->n_layers; i++)
        add_file(world, i + 1 < world->n_layers ? i + 1 : NONE);
    add_layers(world, world->disk->layers, 0);
    for (guint i = 1; i < world->n_layers; i++) {
        if (toss(world))
            add_own_snapshot(world, i, world->files[i - 1].path);
    }
    for (guint i = pick(world, 3); i > 0; i--)
        add_something[pick(world, G_N_ELEMENTS(add_something))](world);
    if (world->domain->active)
        set_next_boot(world);
    else
        world->disk->inactive_layers = g_ptr_array_ref(world->disk->layers);
}

static void
clear_world(World *world)
{
    for (guint i = 0; i < world->n_files; i++)
        g_free(world->files[i].path);
    for (guint i = 0; i < world->readers->len; i++)
        g_free(g_array_index(world->readers, Reader, i).snapshot);
    g_array_unref(world->readers);
    g_ptr_array_unref(world->domains);
    g_rand_free(world->rand);
}

static SinterPlanRequest
make_request(World *world)
{
    SinterPlanRequest request = { .disk = "vda", .keep_files = pick(world, 4) == 0 };

    request.operation_set = toss(world);
    request.operation = (SinterOperation)pick(world, 4);
    request.pull = !request.operation_set && toss(world);
    if (request.operation_set && request.operation == SINTER_OPERATION_COPY) {
        request.destination = "/sim/copy";
        request.pivot = toss(world);
        request.shallow = toss(world);
        return request;
    }
    if (toss(world))
        request.base = world->files[pick(world, world->n_layers)].path;
    if (request.pull || (request.operation_set && request.operation == SINTER_OPERATION_PULL))
        return request;
    if (!request.operation_set && toss(world))
        request.keep = pick(world, world->n_layers);
    else if (toss(world))
        request.top = world->files[pick(world, world->n_layers)].path;
    return request;
}

static guint
find_file(const World *world, const char *path)
{
    for (guint i = 0; i < world->n_files; i++) {
        if (g_strcmp0(world->files[i].path, path) == 0)
            return i;
    }
    return NONE;
}

/* The data of [first, base) ends up in base, and what stood on first stands on base. */
static guint
carry_out_commit(World *world, guint first, guint base)
{
    File *target = &world->files[base];

    for (guint i = 0; i < N_CLUSTERS; i++) {
        for (guint at = first; at < base; at++) {
            if (world->files[at].data[i] != 0) {
                target->data[i] = world->files[at].data[i];
                break;
            }
        }
    }
    if (first > 0)
        world->files[first - 1].backing = base;
    return first > 0 ? 0 : base;
}

static guint
carry_out_pull(World *world, guint base)
{
    guint end = base == NONE ? world->n_layers : base;

    for (guint i = 0; i < N_CLUSTERS; i++) {
        for (guint at = 1; at < end && world->files[0].data[i] == 0; at++)
            world->files[0].data[i] = world->files[at].data[i];
    }
    world->files[0].backing = base;
    return 0;
}

static guint
carry_out_copy(World *world, const SinterDiskPlan *plan)
{
    guint copy = add_file(world, plan->shallow ? world->files[0].backing : NONE);
    View view;

    g_assert_true(read_view(world, 0, &view));
    g_free(world->files[copy].path);
    world->files[copy].path = g_strdup(plan->destination);
    memcpy(world->files[copy].data, plan->shallow ? world->files[0].data : view.data, N_CLUSTERS);
    return plan->pivot ? copy : 0;
}

/* Returns the new active layer. */
static guint
carry_out(World *world, const SinterDiskPlan *plan)
{
    guint top = find_file(world, plan->top_path);
    guint base = plan->base_path ? find_file(world, plan->base_path) : NONE;
    guint active = 0;

    switch (plan->operation) {
    case SINTER_OPERATION_ACTIVE_COMMIT:
    case SINTER_OPERATION_COMMIT:
        active = carry_out_commit(world, top, base);
        break;
    case SINTER_OPERATION_PULL:
        active = carry_out_pull(world, base);
        break;
    case SINTER_OPERATION_RECOVER:
    case SINTER_OPERATION_COPY:
        active = carry_out_copy(world, plan);
        break;
    case SINTER_OPERATION_CHECK: /* not drawn: they move nothing */
    case SINTER_OPERATION_REPAIR:
    case SINTER_OPERATION_SNAPSHOT:
        g_assert_not_reached();
    }
    for (char **path = plan->remove_files; *path; path++)
        world->files[find_file(world, *path)].removed = TRUE;
    return active;
}

static void
assert_same_view(const World *world, guint file, const View *before)
{
    View now;

    g_assert_true(read_view(world, file, &now));
    g_assert_cmpmem(now.data, N_CLUSTERS, before->data, N_CLUSTERS);
}

static void
assert_chain(const World *world, guint active, char **chain)
{
    for (guint at = active; at != NONE; at = world->files[at].backing)
        g_assert_cmpstr(*chain++, ==, world->files[at].path);
    g_assert_null(*chain);
}

static gboolean
has_name(char **names, const char *name)
{
    return g_strv_contains((const char *const *)names, name);
}

/* @merged: what the base of a commit holds afterwards, before the guest writes on */
static void
check_reader(const World *world, const SinterDiskPlan *plan, const Reader *reader,
             const View *merged)
{
    guint base = plan->base_path ? find_file(world, plan->base_path) : NONE;

    if (reader->kind == READER_SNAPSHOT && has_name(plan->drop_snapshots, reader->snapshot))
        return;
    if (reader->kind == READER_SNAPSHOT && has_name(plan->redefine_snapshots, reader->snapshot))
        assert_same_view(world, base, &reader->before);
    else if (reader->kind == READER_NEXT_BOOT && merged && reader->file == base)
        assert_same_view(world, base, merged); /* newer, but whole */
    else
        assert_same_view(world, reader->file, &reader->before);
}

/*
 * A boot from the base after an active commit would find what the guest wrote since as well, so
 * that reader is asked before the guest writes on.
 */
static void
check_readers(const World *world, const SinterDiskPlan *plan, const View *merged,
              gboolean guest_wrote)
{
    guint base = plan->base_path ? find_file(world, plan->base_path) : NONE;

    for (guint i = 0; i < world->readers->len; i++) {
        const Reader *reader = &g_array_index(world->readers, Reader, i);

        if (guest_wrote && reader->kind == READER_NEXT_BOOT &&
            plan->operation == SINTER_OPERATION_ACTIVE_COMMIT && reader->file == base)
            continue;
        check_reader(world, plan, reader, merged);
    }
}

static void
carry_out_and_check(World *world, const SinterDiskPlan *plan)
{
    gboolean commit = plan->operation == SINTER_OPERATION_ACTIVE_COMMIT ||
                      plan->operation == SINTER_OPERATION_COMMIT;
    View live;
    View merged;
    guint active;

    g_assert_true(read_view(world, 0, &live));
    g_assert_true(read_view(world, find_file(world, plan->top_path), &merged));
    active = carry_out(world, plan);
    assert_same_view(world, active, &live);
    assert_chain(world, active, plan->chain_after);
    check_readers(world, plan, commit ? &merged : NULL, FALSE);
    memset(world->files[active].data, 255, N_CLUSTERS);
    check_readers(world, plan, commit ? &merged : NULL, TRUE);
}

/* Returns whether there was something to carry out. */
static gboolean
play_world(guint32 seed, SinterOperation *ret_operation)
{
    World world;
    SinterPlanRequest request;
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(SinterPlan) plan = NULL;
    g_autoptr(GError) error = NULL;
    gboolean work;

    make_world(&world, seed);
    request = make_request(&world);
    graph = sinter_reference_graph_new(world.domains);
    plan = sinter_planner_plan(&request, world.domain, graph, 0, &error);
    if (error)
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    work = plan && sinter_plan_has_work(plan);
    if (work) {
        const SinterDiskPlan *disk = g_ptr_array_index(plan->disks, 0);

        *ret_operation = disk->operation;
        carry_out_and_check(&world, disk);
    }
    clear_world(&world);
    return work;
}

static void
test_worlds(void)
{
    guint n_carried_out[SINTER_OPERATION_COPY + 1] = { 0 };

    for (guint i = 0; i < N_WORLDS; i++) {
        guint32 seed = g_test_rand_int();
        SinterOperation operation;

        if (play_world(seed, &operation))
            n_carried_out[operation]++;
    }
    for (guint i = 0; i <= SINTER_OPERATION_COPY; i++) {
        g_test_message("%s: %u plans carried out", sinter_operation_name((SinterOperation)i),
                       n_carried_out[i]);
        g_assert_cmpuint(n_carried_out[i], >, N_WORLDS / 100);
    }
}

/* A deletion takes the state of the named snapshot only. Returns whether it was carried out. */
static gboolean
play_deletion(guint32 seed)
{
    World world;
    SinterPlanRequest request = { NULL };
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(SinterPlan) plan = NULL;
    g_autoptr(GError) error = NULL;
    gboolean work;

    make_world(&world, seed);
    request.delete_snapshot = toss(&world) ? "s0" : "s1";
    graph = sinter_reference_graph_new(world.domains);
    plan = sinter_planner_plan(&request, world.domain, graph, 0, &error);
    work = plan && !sinter_plan_get_refusal(plan);
    if (work) {
        const SinterDiskPlan *disk = g_ptr_array_index(plan->disks, 0);

        g_assert_cmpstr(disk->drop_snapshots[0], ==, request.delete_snapshot);
        g_assert_null(disk->drop_snapshots[1]);
        carry_out_and_check(&world, disk);
    }
    clear_world(&world);
    return work;
}

static void
test_deletions(void)
{
    guint n_carried_out = 0;

    for (guint i = 0; i < N_WORLDS; i++)
        n_carried_out += play_deletion(g_test_rand_int());
    g_test_message("%u deletions carried out", n_carried_out);
    g_assert_cmpuint(n_carried_out, >, N_WORLDS / 10);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/planner/worlds", test_worlds);
    g_test_add_func("/planner/deletions", test_deletions);
    return g_test_run();
}
