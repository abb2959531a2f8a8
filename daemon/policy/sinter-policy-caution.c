/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is not done unasked. Invariant: a plan that passes loses no snapshot that is to stay, no
 * memory image and no half of a snapshot, and the next start of the domain finds its images.
 */

#include "sinter-policy-caution.h"

#include "sinter-error.h"

/* (nullable): the disk whose chain holds the state that @frozen names */
static const SinterDisk *
find_holder(const SinterDomain *domain, const SinterSnapshotDisk *frozen)
{
    const SinterLayer probe = { .type = SINTER_SOURCE_FILE,
                                .path = frozen->frozen_path,
                                .device = frozen->frozen_device,
                                .inode = frozen->frozen_inode };

    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = domain->disks->pdata[i];

        for (guint k = 0; k < disk->layers->len; k++) {
            if (sinter_layer_same_file(disk->layers->pdata[k], &probe))
                return disk;
        }
    }
    return NULL;
}

static gboolean
drops(const SinterPlan *plan, const char *disk, const char *snapshot)
{
    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *part = plan->disks->pdata[i];

        if (g_strcmp0(part->disk, disk) == 0 && part->refusals->len == 0)
            return g_strv_contains((const char *const *)part->drop_snapshots, snapshot);
    }
    return FALSE;
}

/* (nullable): the disk whose state in @snapshot stays although the snapshot is dropped */
static const char *
find_half(const SinterPlan *plan, const SinterDomain *domain, const SinterSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *frozen = snapshot->disks->pdata[i];
        const SinterDisk *holder;

        if (!frozen->external || !frozen->frozen_path || frozen->frozen_missing)
            continue;
        holder = find_holder(domain, frozen);
        if (!holder || !drops(plan, holder->target, snapshot->name))
            return frozen->target;
    }
    return NULL;
}

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error)
        *error = g_error_new_valist(SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, format, args);
    va_end(args);
    return FALSE;
}

/* How many snapshots of the domain are newer. */
static guint
count_newer(const SinterDomain *domain, const SinterSnapshot *snapshot)
{
    guint place = 0;

    g_ptr_array_find(domain->snapshots, snapshot, &place);
    return domain->snapshots->len - 1 - place;
}

static gboolean
check_snapshot(const SinterPlan *plan, const SinterDomain *domain, const SinterSnapshot *snapshot,
               guint n_keep, GError **error)
{
    const char *half = find_half(plan, domain, snapshot);

    if (count_newer(domain, snapshot) < n_keep)
        return refuse(error,
                      "snapshot '%s' would be lost, which is one of the %u newest: not all images "
                      "of the chain are snapshots",
                      snapshot->name, n_keep);
    if (snapshot->memory_path)
        return refuse(error, "snapshot '%s' would be lost, which has a memory image: '%s'",
                      snapshot->name, snapshot->memory_path);
    if (half)
        return refuse(error,
                      "snapshot '%s' would be lost, although its state of disk '%s' is complete",
                      snapshot->name, half);
    return TRUE;
}

/* Whether the next start of the domain uses the chain that the merge leaves. */
static gboolean
check_next_boot(const SinterDomain *domain, const SinterDiskPlan *part, GError **error)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, part->disk);
    gboolean differs = disk && disk->inactive_layers && disk->inactive_layers->len > 0;

    if (part->inactive_follows || (!differs && part->operation != SINTER_OPERATION_ACTIVE_COMMIT))
        return TRUE;
    if (!domain->persistent)
        return refuse(error, "the active image would change, and the domain is transient");
    return refuse(error,
                  differs ? "the persistent definition names another image for disk '%s'"
                          : "the active image would change, and disk '%s' is not in the "
                            "persistent definition",
                  part->disk);
}

static gboolean
check_part(const SinterPlan *plan, const SinterDomain *domain, const SinterDiskPlan *part,
           guint n_keep, GError **error)
{
    if (!check_next_boot(domain, part, error))
        return FALSE;
    for (char **name = part->drop_snapshots; *name; name++) {
        const SinterSnapshot *snapshot = sinter_domain_find_snapshot(domain, *name);

        if (snapshot && !check_snapshot(plan, domain, snapshot, n_keep, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_policy_caution_check(const SinterPlan *plan, const SinterDomain *domain, guint n_keep,
                            GError **error)
{
    if (domain->has_managed_save)
        return refuse(error, "the domain has a managed save image, which needs the present chain");
    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *part = plan->disks->pdata[i];

        if (part->refusals->len == 0 && !check_part(plan, domain, part, n_keep, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_policy_caution_spare_base(SinterPlanRequest *request, const SinterDomain *domain,
                                 GError **error)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, request->disk);
    const SinterLayer *layer;

    if (!disk || disk->layers->len < 3)
        return refuse(error, "there is nothing to merge above the lowest image");
    layer = disk->layers->pdata[disk->layers->len - 2];
    request->base = layer->path ? layer->path : layer->description;
    return TRUE;
}
