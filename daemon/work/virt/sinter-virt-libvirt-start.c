/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Starts libvirt's block jobs. Invariant: a layer is named by its index in the live XML of the same
 * moment (vda[3]), never by a path, which symbolic links and relative names make ambiguous.
 */

#include "sinter-virt-libvirt-private.h"

#include <libvirt/virterror.h>

/* (transfer full) (nullable): "vda[3]" for the layer at @path, or NULL with an error */
static char *
name_layer(const SinterDisk *disk, const char *path, GError **error)
{
    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = disk->layers->pdata[i];

        if (g_strcmp0(layer->path ? layer->path : layer->description, path) != 0)
            continue;
        if (layer->index > 0)
            return g_strdup_printf("%s[%u]", disk->target, layer->index);
        return g_strdup(path);
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "'%s' is no longer in the chain of disk %s", path, disk->target);
    return NULL;
}

/* The arguments of a start; names may be NULL if the operation takes none. */
typedef struct {
    virDomainPtr domain;
    const SinterDiskPlan *plan;
    char *top;
    char *base;
    unsigned long bandwidth; /* bytes per second */
} Start;

static void
start_clear(Start *start)
{
    g_free(start->top);
    g_free(start->base);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Start, start_clear)

/* RELATIVE keeps relative backing file names relative. libvirt refuses it with OPERATION_INVALID
 * for a chain of absolute names, where it is not needed: then retries without it. */
static gboolean
retry_without_relative(void)
{
    return virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID;
}

/* Names the top: a snapshot taken between our scan and this call makes another layer the active
 * one, and libvirt then refuses; without the name it would merge that layer as well. */
static int
start_active_commit(const Start *start)
{
    return virDomainBlockCommit(
        start->domain, start->plan->disk, start->base, start->top, start->bandwidth,
        VIR_DOMAIN_BLOCK_COMMIT_ACTIVE | VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES);
}

static int
start_commit(const Start *start)
{
    const unsigned int flags = VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES;
    int rc = virDomainBlockCommit(start->domain, start->plan->disk, start->base, start->top,
                                  start->bandwidth, flags | VIR_DOMAIN_BLOCK_COMMIT_RELATIVE);

    if (rc < 0 && retry_without_relative())
        rc = virDomainBlockCommit(start->domain, start->plan->disk, start->base, start->top,
                                  start->bandwidth, flags);
    return rc;
}

static int
start_pull(const Start *start)
{
    const unsigned int flags = VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES;
    int rc;

    if (!start->base)
        return virDomainBlockPull(start->domain, start->plan->disk, start->bandwidth,
                                  VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES);
    rc = virDomainBlockRebase(start->domain, start->plan->disk, start->base, start->bandwidth,
                              flags | VIR_DOMAIN_BLOCK_REBASE_RELATIVE);
    if (rc < 0 && retry_without_relative())
        rc = virDomainBlockRebase(start->domain, start->plan->disk, start->base, start->bandwidth,
                                  flags);
    return rc;
}

static int
start_copy(const Start *start)
{
    const SinterDiskPlan *plan = start->plan;
    g_autofree char *xml = g_markup_printf_escaped(
        "<disk type='file'><source file='%s'/><driver type='%s'/></disk>", plan->destination,
        plan->destination_format ? plan->destination_format : "qcow2");
    /* TRANSIENT_JOB: allows copying the disk of a persistent domain; an interrupted job is not
     * restored */
    unsigned int flags = VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB;
    virTypedParameterPtr params = NULL;
    int n_params = 0;
    int max_params = 0;
    int rc;

    if (plan->shallow)
        flags |= VIR_DOMAIN_BLOCK_COPY_SHALLOW;
    if (plan->reuse_external)
        flags |= VIR_DOMAIN_BLOCK_COPY_REUSE_EXT;
    if (start->bandwidth > 0 &&
        virTypedParamsAddULLong(&params, &n_params, &max_params, VIR_DOMAIN_BLOCK_COPY_BANDWIDTH,
                                start->bandwidth) < 0)
        return -1;
    rc = virDomainBlockCopy(start->domain, plan->disk, xml, params, n_params, flags);
    virTypedParamsFree(params, n_params);
    return rc;
}

static int (*const starters[])(const Start *start) = {
    [SINTER_OPERATION_ACTIVE_COMMIT] = start_active_commit,
    [SINTER_OPERATION_COMMIT] = start_commit,
    [SINTER_OPERATION_PULL] = start_pull,
    [SINTER_OPERATION_COPY] = start_copy,
    [SINTER_OPERATION_CHECK] = start_active_commit,
};

gboolean
sinter_virt_libvirt_start(SinterVirt *virt, const SinterDomain *domain, const SinterDiskPlan *plan,
                          guint64 bandwidth_bytes_per_sec, GError **error)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, plan->disk);
    g_auto(DomainHandle) handle = NULL;
    g_auto(Start) start = { .plan = plan };
    int rc;

    if (!disk) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain '%s' has no disk '%s'",
                    domain->name, plan->disk);
        return FALSE;
    }
    if (plan->operation != SINTER_OPERATION_PULL && plan->operation != SINTER_OPERATION_COPY &&
        !(start.top = name_layer(disk, plan->top_path, error)))
        return FALSE;
    if (plan->base_path && !(start.base = name_layer(disk, plan->base_path, error)))
        return FALSE;
    start.bandwidth = (unsigned long)MIN(bandwidth_bytes_per_sec, (guint64)G_MAXLONG);
    handle = sinter_virt_open_domain(virt, domain->uuid, error);
    if (!handle)
        return FALSE;
    start.domain = handle;
    rc = starters[plan->operation](&start);
    sinter_virt_note_change(virt, domain->uuid);
    if (rc < 0) {
        sinter_connection_set_error(error, "starting the %s of domain '%s', disk %s",
                                    sinter_operation_name(plan->operation), domain->name,
                                    plan->disk);
        return FALSE;
    }
    return TRUE;
}
