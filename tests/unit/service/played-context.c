/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "played-context.h"

#include "plan-world.h"
#include "sinter-chain-usage.h"

static void context_iface_init(SinterServiceContextInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(PlayedContext, played_context, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(SINTER_TYPE_SERVICE_CONTEXT,
                                                    context_iface_init))

PlayedContext *
played_context_new(void)
{
    return g_object_new(PLAYED_TYPE_CONTEXT, NULL);
}

void
played_context_set_world(PlayedContext *self, const char *world)
{
    g_clear_pointer(&self->domains, g_ptr_array_unref);
    self->domains = world ? plan_world_parse(world, "/nowhere")
                          : g_ptr_array_new_with_free_func((GDestroyNotify)sinter_domain_unref);
}

/* Fails with @place's error, once. */
static gboolean
fails(GError **place, GError **error)
{
    if (!*place)
        return FALSE;
    g_propagate_error(error, g_steal_pointer(place));
    return TRUE;
}

static gboolean
is_scanned(SinterServiceContext *context)
{
    return PLAYED_CONTEXT(context)->scanned;
}

static gboolean
has_problems(SinterServiceContext *context)
{
    return PLAYED_CONTEXT(context)->has_problems;
}

static SinterDomain *
lookup_domain(SinterServiceContext *context, const char *name_or_uuid)
{
    PlayedContext *self = PLAYED_CONTEXT(context);

    for (guint i = 0; i < self->domains->len; i++) {
        SinterDomain *domain = g_ptr_array_index(self->domains, i);

        if (g_str_equal(domain->uuid, name_or_uuid) || g_str_equal(domain->name, name_or_uuid))
            return sinter_domain_ref(domain);
    }
    return NULL;
}

static SinterReferenceGraph *
get_graph(SinterServiceContext *context)
{
    return sinter_reference_graph_new(PLAYED_CONTEXT(context)->domains);
}

static void
refresh_async(SinterServiceContext *context, const char *uuid, GAsyncReadyCallback callback,
              gpointer user_data)
{
    PlayedContext *self = PLAYED_CONTEXT(context);
    g_autoptr(GTask) task = g_task_new(context, NULL, callback, user_data);
    GError *error = NULL;

    self->n_refreshes++;
    g_free(self->refreshed);
    self->refreshed = g_strdup(uuid);
    if (self->meanwhile)
        self->meanwhile(self);
    if (fails(&self->refresh_error, &error))
        g_task_return_error(task, error);
    else
        g_task_return_boolean(task, TRUE);
}

static gboolean
refresh_finish(SinterServiceContext *context, GAsyncResult *result, GError **error)
{
    return g_task_propagate_boolean(G_TASK(result), error);
}

static void
measure_chain_async(SinterServiceContext *context, SinterDomain *domain, const char *target,
                    GAsyncReadyCallback callback, gpointer user_data)
{
    PlayedContext *self = PLAYED_CONTEXT(context);
    g_autoptr(GTask) task = g_task_new(context, NULL, callback, user_data);
    GError *error = NULL;

    if (fails(&self->measure_error, &error))
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, g_array_ref(self->usage), (GDestroyNotify)g_array_unref);
}

static void
examine_host_async(SinterServiceContext *context, GAsyncReadyCallback callback, gpointer user_data)
{
    PlayedContext *self = PLAYED_CONTEXT(context);
    g_autoptr(GTask) task = g_task_new(context, NULL, callback, user_data);
    g_autoptr(SinterDoctorFacts) facts = sinter_doctor_facts_new(self->domains, "test:///default");
    GError *error = NULL;

    if (fails(&self->examine_error, &error))
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, sinter_doctor_checks_run(facts),
                              (GDestroyNotify)g_ptr_array_unref);
}

static GStrv
submit(SinterServiceContext *context, const SinterPlan *plan, const SinterJobOptions *options,
       GError **error)
{
    PlayedContext *self = PLAYED_CONTEXT(context);
    const char *const ids[] = { self->new_job, NULL };

    self->n_submits++;
    g_clear_pointer(&self->plan, sinter_plan_unref);
    self->plan = sinter_plan_ref((SinterPlan *)plan);
    self->options = *options;
    return fails(&self->submit_error, error) ? NULL : g_strdupv((GStrv)ids);
}

static const char *
find_job_on_disk(SinterServiceContext *context, const char *domain_uuid, const char *target)
{
    return PLAYED_CONTEXT(context)->job_on_disk;
}

static void
note_job(PlayedContext *self, const char *id)
{
    g_free(self->asked_job);
    self->asked_job = g_strdup(id);
}

static gboolean
cancel_job(SinterServiceContext *context, const char *id, GError **error)
{
    PlayedContext *self = PLAYED_CONTEXT(context);

    self->n_cancels++;
    note_job(self, id);
    return !fails(&self->job_error, error);
}

static gboolean
set_job_bandwidth(SinterServiceContext *context, const char *id, guint64 bytes_per_sec,
                  GError **error)
{
    PlayedContext *self = PLAYED_CONTEXT(context);

    self->bandwidth = bytes_per_sec;
    note_job(self, id);
    return !fails(&self->job_error, error);
}

static gboolean
resolve_job(SinterServiceContext *context, const char *id, const char *choice, GError **error)
{
    PlayedContext *self = PLAYED_CONTEXT(context);

    g_free(self->choice);
    self->choice = g_strdup(choice);
    note_job(self, id);
    return !fails(&self->job_error, error);
}

static gboolean
note_incident(PlayedContext *self, const char *id, GError **error)
{
    g_free(self->asked_incident);
    self->asked_incident = g_strdup(id);
    return !fails(&self->incident_error, error);
}

static gboolean
resolve_incident(SinterServiceContext *context, const char *id, GError **error)
{
    PlayedContext *self = PLAYED_CONTEXT(context);

    self->n_resolves++;
    return note_incident(self, id, error);
}

static gboolean
retry_incident(SinterServiceContext *context, const char *id, GError **error)
{
    PlayedContext *self = PLAYED_CONTEXT(context);

    self->n_retries++;
    return note_incident(self, id, error);
}

static void
choose_remedy_async(SinterServiceContext *context, const char *id, const char *remedy,
                    GAsyncReadyCallback callback, gpointer user_data)
{
    PlayedContext *self = PLAYED_CONTEXT(context);
    g_autoptr(GTask) task = g_task_new(self, NULL, callback, user_data);
    GError *error = NULL;

    g_free(self->remedy);
    self->remedy = g_strdup(remedy);
    if (note_incident(self, id, &error))
        g_task_return_pointer(task, g_strdup("7"), g_free);
    else
        g_task_return_error(task, error);
}

static char *
choose_remedy_finish(SinterServiceContext *context, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static const SinterPlanLimits *
get_plan_limits(SinterServiceContext *context)
{
    return &PLAYED_CONTEXT(context)->limits;
}

static const SinterJobLimits *
get_job_limits(SinterServiceContext *context)
{
    static const SinterJobLimits limits = { .converge_after_sec = 60, .max_pause_msec = 500 };

    return &limits;
}

static const char *
get_copy_folders(SinterServiceContext *context)
{
    return PLAYED_CONTEXT(context)->copy_folders;
}

static void
context_iface_init(SinterServiceContextInterface *iface)
{
    iface->is_scanned = is_scanned;
    iface->has_problems = has_problems;
    iface->lookup_domain = lookup_domain;
    iface->get_graph = get_graph;
    iface->refresh_async = refresh_async;
    iface->settle_async = refresh_async;
    iface->refresh_finish = refresh_finish;
    iface->measure_chain_async = measure_chain_async;
    iface->examine_host_async = examine_host_async;
    iface->submit = submit;
    iface->find_job_on_disk = find_job_on_disk;
    iface->cancel_job = cancel_job;
    iface->set_job_bandwidth = set_job_bandwidth;
    iface->resolve_job = resolve_job;
    iface->resolve_incident = resolve_incident;
    iface->retry_incident = retry_incident;
    iface->choose_remedy_async = choose_remedy_async;
    iface->choose_remedy_finish = choose_remedy_finish;
    iface->get_plan_limits = get_plan_limits;
    iface->get_job_limits = get_job_limits;
    iface->get_copy_folders = get_copy_folders;
}

static void
count_update(PlayedContext *self)
{
    self->n_updates++;
}

static void
played_context_finalize(GObject *object)
{
    PlayedContext *self = PLAYED_CONTEXT(object);

    g_free(self->remedy);
    g_ptr_array_unref(self->domains);
    g_array_unref(self->usage);
    g_clear_error(&self->refresh_error);
    g_clear_error(&self->measure_error);
    g_clear_error(&self->examine_error);
    g_clear_error(&self->submit_error);
    g_clear_error(&self->job_error);
    g_clear_error(&self->incident_error);
    g_free(self->asked_incident);
    g_free(self->choice);
    g_free(self->refreshed);
    g_free(self->asked_job);
    g_clear_pointer(&self->plan, sinter_plan_unref);
    G_OBJECT_CLASS(played_context_parent_class)->finalize(object);
}

static void
played_context_class_init(PlayedContextClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = played_context_finalize;
}

static void
played_context_init(PlayedContext *self)
{
    self->scanned = TRUE;
    self->limits = (SinterPlanLimits){ .lifetime_sec = 600, .max_per_user = 16, .max = 1024 };
    self->usage = g_array_new(FALSE, TRUE, sizeof(SinterLayerUsage));
    played_context_set_world(self, NULL);
    g_signal_connect(self, "update-requested", G_CALLBACK(count_update), NULL);
}
