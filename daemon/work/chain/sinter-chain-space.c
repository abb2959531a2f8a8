/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Free space for what a job writes. The planner has checked it for one domain alone; here, just
 * before the start, the job claims it, with the claims of all other jobs taken into account.
 * Invariant: a job that would fit alone is not refused because of other jobs; it waits for them in
 * the queue.
 */

#include "sinter-chain-space.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "sinter-units.h"

/* The target file system of a job. */
typedef struct {
    const char *path;
    guint64 fs_device; /* 0: nothing to claim, or unknown */
    guint64 free_bytes;
} Target;

static void
find_layer(const SinterDisk *disk, const char *path, Target *target)
{
    for (guint i = 0; disk && i < disk->layers->len; i++) {
        const SinterLayer *layer = disk->layers->pdata[i];

        if (g_strcmp0(layer->path, path) != 0)
            continue;
        *target = (Target){ path, layer->fs_device, layer->fs_free_bytes };
        return;
    }
}

/* Ignores a folder that does not exist or is not accessible: QEMU reports that. */
static void
find_folder(const char *folder, Target *target)
{
    struct statvfs fs;
    struct stat st;

    if (stat(folder, &st) < 0 || statvfs(folder, &fs) < 0)
        return;
    target->fs_device = st.st_dev;
    if (__builtin_mul_overflow(fs.f_bavail, fs.f_frsize, &target->free_bytes))
        target->free_bytes = G_MAXUINT64;
}

static char *
describe(const Target *target, guint64 need_bytes, guint64 promised_bytes)
{
    g_autofree char *need = sinter_units_format_bytes(need_bytes);
    g_autofree char *left = sinter_units_format_bytes(target->free_bytes);
    g_autofree char *promised = sinter_units_format_bytes(promised_bytes);

    if (promised_bytes == 0)
        return g_strdup_printf("'%s' may grow by %s, but its file system has only %s available",
                               target->path, need, left);
    return g_strdup_printf(
        "'%s' may grow by %s; its file system has %s available, of which other jobs may need %s",
        target->path, need, left, promised);
}

SinterSpace
sinter_chain_claim_space(SinterJobRun *run, GError **error)
{
    SinterDiskPlan *plan = run->record->plan;
    const SinterDisk *disk = sinter_domain_find_disk(sinter_chain_look(run)->domain, plan->disk);
    gboolean copy = plan->operation == SINTER_OPERATION_COPY;
    Target target = { copy ? plan->destination : plan->base_path, 0, 0 };
    g_autofree char *folder = copy ? g_path_get_dirname(plan->destination) : NULL;
    g_autofree char *text = NULL;
    guint64 promised;
    SinterSpace space;

    if (copy && !plan->reuse_external)
        find_folder(folder, &target);
    else if (!copy)
        find_layer(disk,
                   plan->operation == SINTER_OPERATION_PULL ? plan->chain_before[0]
                                                            : plan->base_path,
                   &target);
    if (target.fs_device == 0 || plan->peak_extra_bytes == 0)
        return SINTER_SPACE_GRANTED;
    plan->fs_device = target.fs_device; /* unknown to a copy's plan; budgets use it */
    space = sinter_space_ledger_claim(run->context.ledger, run->record->id, target.fs_device,
                                      plan->peak_extra_bytes, target.free_bytes, &promised);
    if (space == SINTER_SPACE_GRANTED)
        return space;
    text = describe(&target, plan->peak_extra_bytes, space == SINTER_SPACE_LACKING ? 0 : promised);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE, "%s", text);
    return space;
}

void
sinter_chain_renew_space(SinterJobRun *run)
{
    const SinterDiskPlan *plan = run->record->plan;

    if (plan->fs_device != 0)
        sinter_space_ledger_renew(run->context.ledger, run->record->id, plan->fs_device,
                                  plan->peak_extra_bytes);
}
