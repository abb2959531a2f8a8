/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-doctor-checks.h"
#include "sinter-executor.h"
#include "sinter-model.h"
#include "sinter-plan.h"
#include "sinter-reference-graph.h"

G_BEGIN_DECLS

/* How many plans are kept and for how long. */
typedef struct {
    guint lifetime_sec;
    guint max_per_user; /* for one user other than root */
    guint max;          /* for all users together */
} SinterPlanLimits;

/**
 * SinterServiceContext:
 *
 * The interface through which the objects on the bus use the rest of the daemon: the inventory, the
 * executor, the measurement of chains, and the settings that concern them. The objects use nothing
 * else of the daemon, so a test can implement this interface and run each of them alone. Main
 * context.
 *
 * Signals:
 *  - "update-requested": a caller is about to be answered. Changes of the inventory that are not
 *    shown yet must be on the bus when the emission returns.
 */
#define SINTER_TYPE_SERVICE_CONTEXT (sinter_service_context_get_type())
G_DECLARE_INTERFACE(SinterServiceContext, sinter_service_context, SINTER, SERVICE_CONTEXT, GObject)

struct _SinterServiceContextInterface {
    GTypeInterface parent;

    gboolean (*is_scanned)(SinterServiceContext *self);
    gboolean (*has_problems)(SinterServiceContext *self);
    SinterDomain *(*lookup_domain)(SinterServiceContext *self, const char *name_or_uuid);
    SinterReferenceGraph *(*get_graph)(SinterServiceContext *self);
    void (*refresh_async)(SinterServiceContext *self, const char *uuid,
                          GAsyncReadyCallback callback, gpointer user_data);
    void (*settle_async)(SinterServiceContext *self, const char *uuid, GAsyncReadyCallback callback,
                         gpointer user_data);
    gboolean (*refresh_finish)(SinterServiceContext *self, GAsyncResult *result, GError **error);
    void (*measure_chain_async)(SinterServiceContext *self, SinterDomain *domain,
                                const char *target, GAsyncReadyCallback callback,
                                gpointer user_data);
    void (*examine_host_async)(SinterServiceContext *self, GAsyncReadyCallback callback,
                               gpointer user_data);
    GStrv (*submit)(SinterServiceContext *self, const SinterPlan *plan,
                    const SinterJobOptions *options, GError **error);
    const char *(*find_job_on_disk)(SinterServiceContext *self, const char *domain_uuid,
                                    const char *target);
    gboolean (*cancel_job)(SinterServiceContext *self, const char *id, GError **error);
    gboolean (*set_job_bandwidth)(SinterServiceContext *self, const char *id, guint64 bytes_per_sec,
                                  GError **error);
    gboolean (*resolve_job)(SinterServiceContext *self, const char *id, const char *choice,
                            GError **error);
    gboolean (*resolve_incident)(SinterServiceContext *self, const char *id, GError **error);
    gboolean (*retry_incident)(SinterServiceContext *self, const char *id, GError **error);
    void (*choose_remedy_async)(SinterServiceContext *self, const char *id, const char *remedy,
                                GAsyncReadyCallback callback, gpointer user_data);
    char *(*choose_remedy_finish)(SinterServiceContext *self, GAsyncResult *result, GError **error);
    void (*preview_policies_async)(SinterServiceContext *self, SinterDomain *only,
                                   GAsyncReadyCallback callback, gpointer user_data);
    GPtrArray *(*preview_policies_finish)(SinterServiceContext *self, GAsyncResult *result,
                                          GError **error);
    const SinterPlanLimits *(*get_plan_limits)(SinterServiceContext *self);
    const SinterJobLimits *(*get_job_limits)(SinterServiceContext *self);
    const char *(*get_copy_folders)(SinterServiceContext *self);
};

/* Emits "update-requested". */
void sinter_service_context_request_update(SinterServiceContext *self);

/* Returns whether libvirt is connected and every domain has been read since. */
gboolean sinter_service_context_is_scanned(SinterServiceContext *self);

/* Returns whether any domain could not be read completely at its last scan. */
gboolean sinter_service_context_has_problems(SinterServiceContext *self);

/* (transfer full) (nullable): by UUID or by name */
SinterDomain *sinter_service_context_lookup_domain(SinterServiceContext *self,
                                                   const char *name_or_uuid);

/* (transfer full): the present users of each image */
SinterReferenceGraph *sinter_service_context_get_graph(SinterServiceContext *self);

/* Reads one domain (@uuid) or all (%NULL). The callback runs when the inventory has a state that
 * was read after this call. Its source object is up to the implementation. */
void sinter_service_context_refresh_async(SinterServiceContext *self, const char *uuid,
                                          GAsyncReadyCallback callback, gpointer user_data);

/* Like a refresh of one domain, but also with a state that was read before this call, if that was
 * after the last known change (sinter_inventory_settle_async()). */
void sinter_service_context_settle_async(SinterServiceContext *self, const char *uuid,
                                         GAsyncReadyCallback callback, gpointer user_data);
gboolean sinter_service_context_refresh_finish(SinterServiceContext *self, GAsyncResult *result,
                                               GError **error);

/* Measures what each layer of disk @target stores. BUSY if too many measurements are waiting,
 * NOT_FOUND if @domain has no such disk. The result is a GTask; its source object is up to the
 * implementation. */
void sinter_service_context_measure_chain_async(SinterServiceContext *self, SinterDomain *domain,
                                                const char *target, GAsyncReadyCallback callback,
                                                gpointer user_data);

/* (transfer full) (nullable) (element-type SinterLayerUsage): the active layer first */
GArray *sinter_service_context_measure_chain_finish(GAsyncResult *result, GError **error);

/* Examines the host. BUSY if too many examinations are waiting. The result is a GTask; its source
 * object is up to the implementation. */
void sinter_service_context_examine_host_async(SinterServiceContext *self,
                                               GAsyncReadyCallback callback, gpointer user_data);

/* (transfer full) (nullable) (element-type SinterDoctorFinding) */
GPtrArray *sinter_service_context_examine_host_finish(GAsyncResult *result, GError **error);

/* Starts the jobs of @plan, all or none, as sinter_executor_submit(). (transfer full) (nullable):
 * their ids; empty if there was nothing to do. */
GStrv sinter_service_context_submit(SinterServiceContext *self, const SinterPlan *plan,
                                    const SinterJobOptions *options, GError **error);

/* (transfer none) (nullable): the id of the job on a disk that has not ended; valid until the main
 * context runs again */
const char *sinter_service_context_find_job_on_disk(SinterServiceContext *self,
                                                    const char *domain_uuid, const char *target);

/* As sinter_job_cancel() and sinter_job_set_bandwidth(); NOT_FOUND if there is no such job. */
gboolean sinter_service_context_cancel_job(SinterServiceContext *self, const char *id,
                                           GError **error);
gboolean sinter_service_context_set_job_bandwidth(SinterServiceContext *self, const char *id,
                                                  guint64 bytes_per_sec, GError **error);

/* As sinter_job_resolve(); NOT_FOUND if there is no such job. */
gboolean sinter_service_context_resolve_job(SinterServiceContext *self, const char *id,
                                            const char *choice, GError **error);
/* Starts a remedy that a user chose; the result is (transfer full) the ID of its job. Errors as of
 * sinter_responder_choose_async(). */
void sinter_service_context_choose_remedy_async(SinterServiceContext *self, const char *id,
                                                const char *remedy, GAsyncReadyCallback callback,
                                                gpointer user_data);
char *sinter_service_context_choose_remedy_finish(SinterServiceContext *self, GAsyncResult *result,
                                                  GError **error);

/* Marks an incident as resolved by a user, or has it diagnosed again. NOT_FOUND if there is no such
 * incident, BUSY if it is resolved. */
gboolean sinter_service_context_resolve_incident(SinterServiceContext *self, const char *id,
                                                 GError **error);
gboolean sinter_service_context_retry_incident(SinterServiceContext *self, const char *id,
                                               GError **error);

/* As sinter_policy_runner_preview_async(). The result is (transfer full) (element-type
 * SinterPolicyForecast). */
void sinter_service_context_preview_policies_async(SinterServiceContext *self, SinterDomain *only,
                                                   GAsyncReadyCallback callback,
                                                   gpointer user_data);
GPtrArray *sinter_service_context_preview_policies_finish(SinterServiceContext *self,
                                                          GAsyncResult *result, GError **error);

/* (transfer none): the present configuration */
const SinterPlanLimits *sinter_service_context_get_plan_limits(SinterServiceContext *self);

/* (transfer none) */
const SinterJobLimits *sinter_service_context_get_job_limits(SinterServiceContext *self);

/* (transfer none) (nullable): where a copy may be created besides the folders of its disk's images,
 * joined by ':'. %NULL: anywhere, because a user's own daemon has only that user's rights. */
const char *sinter_service_context_get_copy_folders(SinterServiceContext *self);

G_END_DECLS
