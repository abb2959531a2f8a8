/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Model values: finding, sameness of files, and equality, in which every field but the free room
 * must count. */

#include "watch-fixture.h"

static SinterDomain *
make_domain(void)
{
    SinterDomain *domain = fixture_domain("a", TRUE);
    SinterDisk *disk = fixture_disk(domain, "vda");
    SinterSnapshot *snapshot = fixture_snapshot(domain, "s1");

    fixture_layer(disk->layers, "/top", 1);
    fixture_layer(disk->layers, "/base", 2);
    disk->inactive_layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    fixture_layer(disk->inactive_layers, "/top", 1);
    fixture_snapshot_disk(snapshot, "vda", "/top", "/base");
    return domain;
}

static void
test_find(void)
{
    g_autoptr(SinterDomain) domain = make_domain();
    const SinterDisk *disk = sinter_domain_find_disk(domain, "vda");
    g_auto(GStrv) chain = NULL;
    SinterLayer *network = sinter_layer_new();

    g_assert_nonnull(disk);
    g_assert_null(sinter_domain_find_disk(domain, "vdb"));
    g_assert_nonnull(sinter_domain_find_snapshot(domain, "s1"));
    g_assert_null(sinter_domain_find_snapshot(domain, "s2"));
    network->type = SINTER_SOURCE_NETWORK;
    network->description = g_strdup("rbd:pool/image");
    g_ptr_array_add(disk->layers, network);
    chain = sinter_disk_dup_chain(disk);
    g_assert_cmpuint(g_strv_length(chain), ==, 3);
    g_assert_cmpstr(chain[0], ==, "/top");
    g_assert_cmpstr(chain[1], ==, "/base");
    g_assert_cmpstr(chain[2], ==, "rbd:pool/image");
}

static void
test_same_file(void)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    SinterLayer *one = fixture_layer(layers, "/images/a", 7);
    SinterLayer *hard_link = fixture_layer(layers, "/images/b", 7);
    SinterLayer *replaced = fixture_layer(layers, "/images/a", 8);
    SinterLayer *unseen = fixture_layer(layers, "/images/../images/./a", 0);
    SinterLayer *other = fixture_layer(layers, "/images/c", 0);
    SinterLayer *rbd = fixture_layer(layers, NULL, 0);
    SinterLayer *nbd = fixture_layer(layers, NULL, 0);

    rbd->type = nbd->type = SINTER_SOURCE_NETWORK;
    rbd->description = g_strdup("rbd:a/b");
    nbd->description = g_strdup("nbd://a/b");
    g_assert_true(sinter_layer_same_file(one, hard_link));
    g_assert_false(sinter_layer_same_file(one, replaced));
    g_assert_true(sinter_layer_same_file(one, unseen));
    g_assert_false(sinter_layer_same_file(one, other));
    g_assert_false(sinter_layer_same_file(other, rbd));
    g_assert_true(sinter_layer_same_file(rbd, rbd));
    g_assert_false(sinter_layer_same_file(rbd, nbd));
}

typedef void (*ChangeFunc)(SinterDomain *domain);

#define DISK(domain) ((SinterDisk *)g_ptr_array_index((domain)->disks, 0))
#define LAYER(domain, i) ((SinterLayer *)g_ptr_array_index(DISK(domain)->layers, i))
#define SNAPSHOT(domain) ((SinterSnapshot *)g_ptr_array_index((domain)->snapshots, 0))
#define SNAPSHOT_DISK(domain) ((SinterSnapshotDisk *)g_ptr_array_index(SNAPSHOT(domain)->disks, 0))
#define CHANGE(name, statement)                                                                    \
    static void change_##name(SinterDomain *domain)                                                \
    {                                                                                              \
        statement;                                                                                 \
    }

static void
set(char **text, const char *value)
{
    g_free(*text);
    *text = g_strdup(value);
}

static GPtrArray *
one_layer(void)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);

    fixture_layer(layers, "/new", 0);
    return layers;
}

CHANGE(uuid, set(&domain->uuid, "x"))
CHANGE(name, set(&domain->name, "x"))
CHANGE(state, domain->state = SINTER_DOMAIN_PAUSED)
CHANGE(reason, domain->reason = 9)
CHANGE(active, domain->active = FALSE)
CHANGE(persistent, domain->persistent = FALSE)
CHANGE(managed_save, domain->has_managed_save = TRUE)
CHANGE(metadata, domain->metadata_digest = 1)
CHANGE(problem, set(&domain->problem, "x"))
CHANGE(more_disks, fixture_disk(domain, "vdb"))
CHANGE(more_snapshots, fixture_snapshot(domain, "s2"))
CHANGE(target, set(&DISK(domain)->target, "sda"))
CHANGE(device, set(&DISK(domain)->device, "cdrom"))
CHANGE(alias, set(&DISK(domain)->alias, "virtio-disk0"))
CHANGE(serial, set(&DISK(domain)->serial, "x"))
CHANGE(read_only, DISK(domain)->read_only = TRUE)
CHANGE(shareable, DISK(domain)->shareable = TRUE)
CHANGE(transient, DISK(domain)->transient = TRUE)
CHANGE(mirror, DISK(domain)->mirror = SINTER_MIRROR_READY)
CHANGE(mirror_job, DISK(domain)->mirror_job = SINTER_BLOCK_JOB_COPY)
CHANGE(mirror_layers, DISK(domain)->mirror_layers = one_layer())
CHANGE(block_job, DISK(domain)->block_job = SINTER_BLOCK_JOB_PULL)
CHANGE(depth, fixture_layer(DISK(domain)->layers, "/below", 0))
CHANGE(no_inactive, g_clear_pointer(&DISK(domain)->inactive_layers, g_ptr_array_unref))
CHANGE(inactive, fixture_layer(DISK(domain)->inactive_layers, "/below", 0))
CHANGE(type, LAYER(domain, 1)->type = SINTER_SOURCE_BLOCK)
CHANGE(path, set(&LAYER(domain, 1)->path, "/x"))
CHANGE(description, set(&LAYER(domain, 1)->description, "/x"))
CHANGE(format, set(&LAYER(domain, 1)->format, "raw"))
CHANGE(index, LAYER(domain, 1)->index = 3)
CHANGE(virtual_size, LAYER(domain, 1)->virtual_size_bytes = 1)
CHANGE(allocated, LAYER(domain, 1)->allocated_bytes = 1)
CHANGE(layer_device, LAYER(domain, 1)->device = 9)
CHANGE(inode, LAYER(domain, 1)->inode = 9)
CHANGE(fs_device, LAYER(domain, 1)->fs_device = 9)
CHANGE(missing, LAYER(domain, 1)->missing = TRUE)
CHANGE(internal, LAYER(domain, 1)->has_internal_snapshots = TRUE)
CHANGE(backing, set(&LAYER(domain, 1)->backing_name, "x"))
CHANGE(looks_like, set(&LAYER(domain, 1)->looks_like, "x"))
CHANGE(snapshot_name, set(&LAYER(domain, 1)->snapshot_name, "x"))
CHANGE(layer_problem, set(&LAYER(domain, 1)->problem, "x"))
CHANGE(snapshot, set(&SNAPSHOT(domain)->name, "x"))
CHANGE(parent, set(&SNAPSHOT(domain)->parent, "x"))
CHANGE(creation, SNAPSHOT(domain)->creation_time_sec = 1)
CHANGE(snapshot_internal, SNAPSHOT(domain)->internal = TRUE)
CHANGE(memory, set(&SNAPSHOT(domain)->memory_path, "/m"))
CHANGE(snapshot_disks, fixture_snapshot_disk(SNAPSHOT(domain), "vdb", NULL, NULL))
CHANGE(snapshot_target, set(&SNAPSHOT_DISK(domain)->target, "sda"))
CHANGE(external, SNAPSHOT_DISK(domain)->external = FALSE)
CHANGE(overlay, set(&SNAPSHOT_DISK(domain)->overlay_path, "/x"))
CHANGE(frozen, set(&SNAPSHOT_DISK(domain)->frozen_path, "/x"))
CHANGE(overlay_inode, SNAPSHOT_DISK(domain)->overlay_inode = 1)
CHANGE(frozen_inode, SNAPSHOT_DISK(domain)->frozen_inode = 1)
CHANGE(frozen_layers, SNAPSHOT_DISK(domain)->frozen_layers = one_layer())

static const struct {
    const char *name;
    ChangeFunc change;
} changes[] = {
#define ENTRY(name)                                                                                \
    {                                                                                              \
#name, change_##name                                                                       \
    }
    ENTRY(uuid),
    ENTRY(name),
    ENTRY(state),
    ENTRY(reason),
    ENTRY(active),
    ENTRY(persistent),
    ENTRY(alias),
    ENTRY(serial),
    ENTRY(managed_save),
    ENTRY(metadata),
    ENTRY(problem),
    ENTRY(more_disks),
    ENTRY(more_snapshots),
    ENTRY(target),
    ENTRY(device),
    ENTRY(read_only),
    ENTRY(shareable),
    ENTRY(transient),
    ENTRY(mirror),
    ENTRY(mirror_job),
    ENTRY(mirror_layers),
    ENTRY(block_job),
    ENTRY(depth),
    ENTRY(no_inactive),
    ENTRY(inactive),
    ENTRY(type),
    ENTRY(path),
    ENTRY(description),
    ENTRY(format),
    ENTRY(index),
    ENTRY(virtual_size),
    ENTRY(allocated),
    ENTRY(layer_device),
    ENTRY(inode),
    ENTRY(fs_device),
    ENTRY(missing),
    ENTRY(internal),
    ENTRY(backing),
    ENTRY(looks_like),
    ENTRY(snapshot_name),
    ENTRY(layer_problem),
    ENTRY(snapshot),
    ENTRY(parent),
    ENTRY(creation),
    ENTRY(snapshot_internal),
    ENTRY(memory),
    ENTRY(snapshot_disks),
    ENTRY(snapshot_target),
    ENTRY(external),
    ENTRY(overlay),
    ENTRY(frozen),
    ENTRY(overlay_inode),
    ENTRY(frozen_inode),
    ENTRY(frozen_layers),
};

static void
test_equal(void)
{
    g_autoptr(SinterDomain) domain = make_domain();
    g_autoptr(SinterDomain) again = make_domain();

    g_assert_true(sinter_domain_equal(domain, again));
    LAYER(domain, 0)->fs_free_bytes = 64000;
    LAYER(again, 0)->fs_free_bytes = 64900;
    g_assert_true(sinter_domain_equal(domain, again));
    g_assert_true(sinter_domain_is_like(domain, again));
    LAYER(again, 0)->fs_free_bytes = 62900;
    g_assert_true(sinter_domain_equal(domain, again));
    g_assert_false(sinter_domain_is_like(domain, again));
    LAYER(domain, 0)->fs_free_bytes = LAYER(again, 0)->fs_free_bytes = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autoptr(SinterDomain) changed = make_domain();

        changes[i].change(changed);
        if (sinter_domain_equal(domain, changed) || sinter_domain_equal(changed, domain))
            g_error("a change of '%s' is not seen", changes[i].name);
        g_assert_false(sinter_domain_is_like(domain, changed));
    }
}

static void
test_state_names(void)
{
    g_assert_cmpstr(sinter_domain_state_name(SINTER_DOMAIN_RUNNING), ==, "running");
    g_assert_cmpstr(sinter_domain_state_name(SINTER_DOMAIN_SHUT_OFF), ==, "shut off");
    g_assert_cmpstr(sinter_domain_state_name(SINTER_DOMAIN_PM_SUSPENDED), ==, "pmsuspended");
    g_assert_cmpstr(sinter_domain_state_name((SinterDomainState)99), ==, "no state");
    g_assert_cmpstr(sinter_domain_state_name((SinterDomainState)-1), ==, "no state");
}

static void
test_names(void)
{
    static const char *const sources[] = { "file", "block", "network", "other" };

    for (gsize i = 0; i < G_N_ELEMENTS(sources); i++)
        g_assert_cmpstr(sinter_source_type_name((SinterSourceType)i), ==, sources[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/find", test_find);
    g_test_add_func("/model/same-file", test_same_file);
    g_test_add_func("/model/equal", test_equal);
    g_test_add_func("/model/state-names", test_state_names);
    g_test_add_func("/model/names", test_names);
    return g_test_run();
}
