/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Why a block job could not write. libvirt and QEMU report only that it failed. Invariant: the
 * error changes only if something was found that denies it.
 */

#include "sinter-live-denial.h"

#include <fcntl.h>

#include "sinter-file.h"

/* --- images that QEMU has given up ----------------------------------------------------------- */

/* QEMU locks byte 101 of an image that it writes to (its block/file-posix.c). At the end of a
 * migration, which a save and a dump are too, it gives that lock up and does not write any more
 * until it continues. */
static gboolean
is_given_up(const char *image)
{
    g_auto(SinterFd) fd = open(image, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct flock test = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };

    return fd >= 0 && fcntl(fd, F_OFD_GETLK, &test) == 0 && test.l_type == F_UNLCK;
}

static gboolean
explain_inactive(SinterJobRun *run, GError **error)
{
    const SinterDomain *domain = sinter_chain_look(run)->domain;
    const char *top = run->record->plan->chain_before[0];
    const char *name = run->record->domain_name;
    GError *explained;

    if (!domain || domain->state != SINTER_DOMAIN_PAUSED || !top || top[0] != '/' ||
        !is_given_up(top))
        return FALSE;
    explained = g_error_new(
        SINTER_ERROR, (*error)->code,
        "domain '%s' is paused and its QEMU has given up its images, as at the end of a save, dump "
        "or migration that was interrupted: continue it with 'virsh resume %s' if it does not run "
        "on another host, or shut it down; the chain is unchanged (%s)",
        name, name, (*error)->message);
    g_clear_error(error);
    *error = explained;
    return TRUE;
}

/* --- images that QEMU may not write to -------------------------------------------------------- */

/* The images that a commit writes to: its base, and the layer above its range, which gets a new
 * backing file name. (nullable) */
static const char *
get_above(const SinterDiskPlan *plan)
{
    const char *above = NULL;

    for (guint i = 0; plan->chain_before[i]; i++) {
        if (g_strcmp0(plan->chain_before[i], plan->top_path) == 0)
            return above;
        above = plan->chain_before[i];
    }
    return NULL;
}

static void
explain_denied(SinterJobRun *run, GError **error)
{
    SinterVirt *virt = run->context.virt;
    const SinterJobRecord *record = run->record;
    const SinterDiskPlan *plan = record->plan;
    const char *images[] = { plan->base_path, get_above(plan) };

    if (plan->operation != SINTER_OPERATION_ACTIVE_COMMIT &&
        plan->operation != SINTER_OPERATION_COMMIT)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(images); i++) {
        g_autofree char *why = NULL;
        GError *denied;

        if (!images[i] || images[i][0] != '/')
            continue;
        why =
            virt->klass->explain_denial(virt, record->domain_uuid, images[i], record->started_usec);
        if (!why)
            continue;
        denied = g_error_new(SINTER_ERROR, SINTER_ERROR_DENIED,
                             "QEMU may not write to '%s': %s; the chain is unchanged (%s)",
                             images[i], why, (*error)->message);
        g_clear_error(error);
        *error = denied;
        return;
    }
}

void
sinter_live_explain_denial(SinterJobRun *run, GError **error)
{
    if (!explain_inactive(run, error))
        explain_denied(run, error);
}
