/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Wrappers for the interface's operations. An implementation must provide all of them. */

#include "sinter-service-context.h"

G_DEFINE_INTERFACE(SinterServiceContext, sinter_service_context, G_TYPE_OBJECT)

enum { UPDATE_REQUESTED, N_SIGNALS };

static guint signals[N_SIGNALS];

#define OPERATIONS(self) SINTER_SERVICE_CONTEXT_GET_IFACE(self)

static void
sinter_service_context_default_init(SinterServiceContextInterface *iface)
{
    signals[UPDATE_REQUESTED] =
        g_signal_new("update-requested", SINTER_TYPE_SERVICE_CONTEXT, G_SIGNAL_RUN_LAST, 0, NULL,
                     NULL, NULL, G_TYPE_NONE, 0);
}

void
sinter_service_context_request_update(SinterServiceContext *self)
{
    g_signal_emit(self, signals[UPDATE_REQUESTED], 0);
}

gboolean
sinter_service_context_is_scanned(SinterServiceContext *self)
{
    return OPERATIONS(self)->is_scanned(self);
}

gboolean
sinter_service_context_has_problems(SinterServiceContext *self)
{
    return OPERATIONS(self)->has_problems(self);
}

SinterDomain *
sinter_service_context_lookup_domain(SinterServiceContext *self, const char *name_or_uuid)
{
    return OPERATIONS(self)->lookup_domain(self, name_or_uuid);
}

SinterReferenceGraph *
sinter_service_context_get_graph(SinterServiceContext *self)
{
    return OPERATIONS(self)->get_graph(self);
}

void
sinter_service_context_refresh_async(SinterServiceContext *self, const char *uuid,
                                     GAsyncReadyCallback callback, gpointer user_data)
{
    OPERATIONS(self)->refresh_async(self, uuid, callback, user_data);
}

void
sinter_service_context_settle_async(SinterServiceContext *self, const char *uuid,
                                    GAsyncReadyCallback callback, gpointer user_data)
{
    OPERATIONS(self)->settle_async(self, uuid, callback, user_data);
}

gboolean
sinter_service_context_refresh_finish(SinterServiceContext *self, GAsyncResult *result,
                                      GError **error)
{
    return OPERATIONS(self)->refresh_finish(self, result, error);
}

void
sinter_service_context_measure_chain_async(SinterServiceContext *self, SinterDomain *domain,
                                           const char *target, GAsyncReadyCallback callback,
                                           gpointer user_data)
{
    OPERATIONS(self)->measure_chain_async(self, domain, target, callback, user_data);
}

GArray *
sinter_service_context_measure_chain_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

void
sinter_service_context_examine_host_async(SinterServiceContext *self, GAsyncReadyCallback callback,
                                          gpointer user_data)
{
    OPERATIONS(self)->examine_host_async(self, callback, user_data);
}

GPtrArray *
sinter_service_context_examine_host_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

GStrv
sinter_service_context_submit(SinterServiceContext *self, const SinterPlan *plan,
                              const SinterJobOptions *options, GError **error)
{
    return OPERATIONS(self)->submit(self, plan, options, error);
}

const char *
sinter_service_context_find_job_on_disk(SinterServiceContext *self, const char *domain_uuid,
                                        const char *target)
{
    return OPERATIONS(self)->find_job_on_disk(self, domain_uuid, target);
}

gboolean
sinter_service_context_cancel_job(SinterServiceContext *self, const char *id, GError **error)
{
    return OPERATIONS(self)->cancel_job(self, id, error);
}

gboolean
sinter_service_context_set_job_bandwidth(SinterServiceContext *self, const char *id,
                                         guint64 bytes_per_sec, GError **error)
{
    return OPERATIONS(self)->set_job_bandwidth(self, id, bytes_per_sec, error);
}

gboolean
sinter_service_context_resolve_job(SinterServiceContext *self, const char *id, const char *choice,
                                   GError **error)
{
    return OPERATIONS(self)->resolve_job(self, id, choice, error);
}

gboolean
sinter_service_context_resolve_incident(SinterServiceContext *self, const char *id, GError **error)
{
    return OPERATIONS(self)->resolve_incident(self, id, error);
}

gboolean
sinter_service_context_retry_incident(SinterServiceContext *self, const char *id, GError **error)
{
    return OPERATIONS(self)->retry_incident(self, id, error);
}

void
sinter_service_context_choose_remedy_async(SinterServiceContext *self, const char *id,
                                           const char *remedy, GAsyncReadyCallback callback,
                                           gpointer user_data)
{
    OPERATIONS(self)->choose_remedy_async(self, id, remedy, callback, user_data);
}

char *
sinter_service_context_choose_remedy_finish(SinterServiceContext *self, GAsyncResult *result,
                                            GError **error)
{
    return OPERATIONS(self)->choose_remedy_finish(self, result, error);
}

const SinterPlanLimits *
sinter_service_context_get_plan_limits(SinterServiceContext *self)
{
    return OPERATIONS(self)->get_plan_limits(self);
}

const SinterJobLimits *
sinter_service_context_get_job_limits(SinterServiceContext *self)
{
    return OPERATIONS(self)->get_job_limits(self);
}

const char *
sinter_service_context_get_copy_folders(SinterServiceContext *self)
{
    return OPERATIONS(self)->get_copy_folders(self);
}

void
sinter_service_context_preview_policies_async(SinterServiceContext *self, SinterDomain *only,
                                              GAsyncReadyCallback callback, gpointer user_data)
{
    OPERATIONS(self)->preview_policies_async(self, only, callback, user_data);
}

GPtrArray *
sinter_service_context_preview_policies_finish(SinterServiceContext *self, GAsyncResult *result,
                                               GError **error)
{
    return OPERATIONS(self)->preview_policies_finish(self, result, error);
}
