/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changes to the guest through libvirt: the I/O limits of a disk, suspending and resuming, stopping
 * and starting. */

#include "sinter-io-limits.h"
#include "sinter-virt-libvirt-private.h"

/* (transfer full): the numbers of a list of parameters. The name of a throttle group is left out:
 * whoever sets limits without it leaves the group as it is. */
static char **
list_numbers(virTypedParameterPtr params, int n_params)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();

    for (int i = 0; i < n_params; i++) {
        g_autofree char *text = g_strdup_printf("%s=%llu", params[i].field, params[i].value.ul);

        if (params[i].type == VIR_TYPED_PARAM_ULLONG)
            g_strv_builder_add(list, text);
    }
    return g_strv_builder_end(list);
}

char **
sinter_virt_libvirt_get_io_limits(SinterVirt *virt, const char *uuid, const char *disk,
                                  GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    g_autofree virTypedParameterPtr params = NULL;
    int n_params = 0;
    char **list;

    if (!domain)
        return NULL;
    if (virDomainGetBlockIoTune(domain, NULL, NULL, &n_params, VIR_DOMAIN_AFFECT_LIVE) < 0)
        goto failed;
    params = g_new0(virTypedParameter, n_params);
    if (virDomainGetBlockIoTune(domain, disk, params, &n_params, VIR_DOMAIN_AFFECT_LIVE) < 0)
        goto failed;
    list = list_numbers(params, n_params);
    virTypedParamsClear(params, n_params);
    return list;

failed:
    sinter_connection_set_error(error, "reading the I/O limits of domain '%s', disk %s",
                                virDomainGetName(domain), disk);
    return NULL;
}

/* Sets all in one call: libvirt clears those that are not named. */
gboolean
sinter_virt_libvirt_set_io_limits(SinterVirt *virt, const char *uuid, const char *disk,
                                  char *const *limits, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    virTypedParameterPtr params = NULL;
    int n_params = 0;
    int max_params = 0;
    int rc = 0;

    if (!domain)
        return FALSE;
    for (char *const *limit = limits; rc == 0 && *limit; limit++) {
        g_autofree char *name = NULL;
        guint64 value;

        if (sinter_io_limits_parse(*limit, &name, &value))
            rc = virTypedParamsAddULLong(&params, &n_params, &max_params, name, value);
    }
    if (rc == 0)
        rc = virDomainSetBlockIoTune(domain, disk, params, n_params, VIR_DOMAIN_AFFECT_LIVE);
    if (rc < 0)
        sinter_connection_set_error(
            error,
            "limiting the writes of domain '%s', disk %s to %" G_GUINT64_FORMAT " bytes per second",
            virDomainGetName(domain), disk, sinter_io_limits_get(limits, "write_bytes_sec"));
    virTypedParamsFree(params, n_params);
    return rc == 0;
}

gboolean
sinter_virt_libvirt_suspend(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    int state = VIR_DOMAIN_NOSTATE;

    if (!domain)
        return FALSE;
    if (virDomainGetState(domain, &state, NULL, 0) < 0) {
        sinter_connection_set_error(error, "reading the state of domain '%s'",
                                    virDomainGetName(domain));
        return FALSE;
    }
    /* libvirt would report success for a domain that another user has paused, and we would resume
     * it later */
    if (state != VIR_DOMAIN_RUNNING) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "suspending domain '%s': it is %s",
                    virDomainGetName(domain), sinter_domain_state_name(state));
        return FALSE;
    }
    if (virDomainSuspend(domain) < 0) {
        sinter_connection_set_error(error, "suspending domain '%s'", virDomainGetName(domain));
        return FALSE;
    }
    sinter_virt_note_change(virt, uuid);
    return TRUE;
}

/* Whether @domain is in @state for @reason. FALSE with an error if that is not known. */
static gboolean
check_state(virDomainPtr domain, int state, int reason, gboolean *ret_so, GError **error)
{
    int present = VIR_DOMAIN_NOSTATE;
    int present_reason = 0;

    if (virDomainGetState(domain, &present, &present_reason, 0) < 0) {
        sinter_connection_set_error(error, "reading the state of domain '%s'",
                                    virDomainGetName(domain));
        return FALSE;
    }
    *ret_so = present == state && present_reason == reason;
    return TRUE;
}

/* Resumes @domain if it is paused for @reason. @ret_other: set if it is in another state. */
static gboolean
resume_if(virDomainPtr domain, int reason, gboolean *ret_other, GError **error)
{
    gboolean so;

    if (!check_state(domain, VIR_DOMAIN_PAUSED, reason, &so, error))
        return FALSE;
    *ret_other = !so;
    if (*ret_other || virDomainResume(domain) == 0)
        return TRUE;
    sinter_connection_set_error(error, "resuming domain '%s'", virDomainGetName(domain));
    return FALSE;
}

gboolean
sinter_virt_libvirt_resume(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    gboolean other;

    /* running already, or paused for another reason than a suspend: not ours to resume */
    if (!domain || !resume_if(domain, VIR_DOMAIN_PAUSED_USER, &other, error))
        return FALSE;
    sinter_virt_note_change(virt, uuid);
    return TRUE;
}

gboolean
sinter_virt_libvirt_resume_failed(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    gboolean other = FALSE;

    if (!domain || !resume_if(domain, VIR_DOMAIN_PAUSED_IOERROR, &other, error))
        return FALSE;
    sinter_virt_note_change(virt, uuid);
    if (other)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "domain '%s' is not paused by an I/O error any more", virDomainGetName(domain));
    return !other;
}

gboolean
sinter_virt_libvirt_stop_failed(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    gboolean so = FALSE;
    gboolean stopped;

    if (!domain || !check_state(domain, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, &so, error))
        return FALSE;
    if (!so) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "domain '%s' is not paused by an I/O error any more", virDomainGetName(domain));
        return FALSE;
    }
    stopped = virDomainDestroy(domain) == 0;
    sinter_virt_note_change(virt, uuid);
    if (stopped)
        return TRUE;
    sinter_connection_set_error(error, "stopping domain '%s'", virDomainGetName(domain));
    return FALSE;
}

/* libvirt would restore a managed save image, whose guest expects the images as they were. */
gboolean
sinter_virt_libvirt_start_domain(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    int saved = domain ? virDomainHasManagedSaveImage(domain, 0) : 0;
    gboolean started;

    if (!domain)
        return FALSE;
    if (saved > 0 || virDomainIsActive(domain) == 1) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY, "domain '%s' %s",
                    virDomainGetName(domain),
                    saved > 0 ? "has a managed save image" : "is already active");
        return FALSE;
    }
    started = saved == 0 && virDomainCreate(domain) == 0;
    sinter_virt_note_change(virt, uuid);
    if (started)
        return TRUE;
    sinter_connection_set_error(error, "starting domain '%s'", virDomainGetName(domain));
    return FALSE;
}
