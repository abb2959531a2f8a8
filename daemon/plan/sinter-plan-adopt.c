/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A block job that another program has started and left behind, as a request: the plan is that of a
 * commit with the same range, with all its checks. Invariant: only a mirror that libvirt shows as
 * ready is taken over, and only an active commit, whose result is an image of the chain.
 */

#include "sinter-plan-adopt.h"

#include "sinter-block-job-name.h"
#include "sinter-plan-choice.h"

static gboolean
set_no_job(const SinterDomain *domain, const SinterDisk *disk, GError **error)
{
    if (disk->block_job == SINTER_BLOCK_JOB_NONE)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                    "disk '%s' of domain '%s' has no block job", disk->target, domain->name);
    else
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "the block job on disk '%s' of domain '%s' is a %s, which ends without a pivot",
                    disk->target, domain->name, sinter_block_job_name(disk->block_job));
    return FALSE;
}

/* Returns whether the mirror of @disk is one that can be taken over. */
static gboolean
check_mirror(const SinterDomain *domain, const SinterDisk *disk, GError **error)
{
    static const char *const obstacles[] = {
        [SINTER_MIRROR_COPYING] = "is still copying",
        [SINTER_MIRROR_PIVOTING] = "is already pivoting",
        [SINTER_MIRROR_ABORTING] = "is already being cancelled",
        [SINTER_MIRROR_ENDING] = "is already ending",
    };

    if (disk->mirror == SINTER_MIRROR_NONE)
        return set_no_job(domain, disk, error);
    if (disk->mirror != SINTER_MIRROR_READY) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "the block job on disk '%s' of domain '%s' %s", disk->target, domain->name,
                    obstacles[disk->mirror]);
        return FALSE;
    }
    if (disk->mirror_job == SINTER_BLOCK_JOB_ACTIVE_COMMIT)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "the block job on disk '%s' of domain '%s' is a copy, whose destination is not in "
                "the chain: end it with 'virsh blockjob %s %s' and --pivot or --abort",
                disk->target, domain->name, domain->name, disk->target);
    return FALSE;
}

/* (transfer none) (nullable): the path of the image that the block job writes to */
static const char *
find_target(const SinterDisk *disk)
{
    const SinterLayer *target =
        disk->mirror_layers && disk->mirror_layers->len > 0 ? disk->mirror_layers->pdata[0] : NULL;

    return target ? target->path : NULL;
}

gboolean
sinter_plan_adopt_complete(const SinterPlanRequest *request, const SinterDomain *domain,
                           SinterPlanRequest *ret_request, GError **error)
{
    const SinterDisk *disk = sinter_plan_choose_named(request, domain, error);

    if (!disk || !check_mirror(domain, disk, error))
        return FALSE;
    *ret_request = *request;
    ret_request->operation_set = TRUE;
    ret_request->operation = SINTER_OPERATION_ACTIVE_COMMIT;
    ret_request->top = NULL;
    ret_request->base = find_target(disk);
    if (ret_request->base)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "the block job on disk '%s' of domain '%s' writes to an image that is not a file "
                "of this host",
                disk->target, domain->name);
    return FALSE;
}
