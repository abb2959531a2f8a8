/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The one way from a call to a plan, and from a plan to jobs:
 *
 *   handler → read the domain anew → show it → planner → the handler's answer
 *
 * What holds: the call is answered once, whatever happens on the way.
 */

#include "sinter-request.h"

#include "sinter-authority.h"
#include "sinter-dbus-error.h"
#include "sinter-domain-table.h"
#include "sinter-job-table.h"
#include "sinter-object-path.h"

SinterRequest *
sinter_request_new(SinterService *service, GDBusMethodInvocation *invocation,
                   const char *domain_uuid, GVariant *options)
{
    SinterRequest *self = g_new0(SinterRequest, 1);

    self->service = g_object_ref(service);
    self->invocation = invocation;
    self->uid = sinter_authority_get_caller_uid(invocation);
    self->domain_uuid = g_strdup(domain_uuid);
    self->dictionary = g_variant_ref(options);
    sinter_options_read(options, (SinterOptionFlags)~0u, &self->options, NULL);
    return self;
}

static void
request_free(SinterRequest *self)
{
    g_assert(!self->invocation); /* it was answered */
    g_object_unref(self->service);
    g_free(self->domain_uuid);
    g_variant_unref(self->dictionary);
    g_free(self->target);
    g_free(self->destination);
    g_clear_pointer(&self->plan, sinter_plan_unref);
    g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterRequest, request_free)

void
sinter_request_fail(SinterRequest *request, GError *error)
{
    sinter_dbus_return_error(g_steal_pointer(&request->invocation), error);
}

void
sinter_request_refuse(SinterRequest *request, GError *error)
{
    sinter_request_fail(request, error);
    request_free(request);
}

static gboolean
make_plan(SinterRequest *self, GError **error)
{
    SinterInventory *inventory = sinter_service_get_inventory(self->service);
    g_autoptr(SinterDomain) domain = sinter_inventory_lookup(inventory, self->domain_uuid);
    g_autoptr(SinterReferenceGraph) graph = NULL;

    if (!domain) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain %s is gone",
                    self->domain_uuid);
        return FALSE;
    }
    if (self->plan)
        return TRUE;
    graph = sinter_inventory_get_graph(inventory);
    self->plan = sinter_planner_plan(&self->wanted, domain, graph, g_get_real_time(), error);
    return self->plan != NULL;
}

static void
on_refreshed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(SinterRequest) self = user_data;
    g_autoptr(GError) error = NULL;

    if (sinter_inventory_refresh_finish(SINTER_INVENTORY(source), result, &error)) {
        sinter_domain_table_show(sinter_service_get_domains(self->service));
        if (make_plan(self, &error)) {
            self->answer(self, self->plan);
            return;
        }
    }
    sinter_request_fail(self, g_steal_pointer(&error));
}

void
sinter_request_run(SinterRequest *request, SinterRequestFunc answer)
{
    SinterInventory *inventory = sinter_service_get_inventory(request->service);
    /* a domain that could not be read stands in the way of all others, and may have been in the
     * midst of a change: libvirt then fails to list the snapshots of one that gets another */
    gboolean all = sinter_inventory_has_problems(inventory);

    request->answer = answer;
    sinter_inventory_refresh_async(inventory, all ? NULL : request->domain_uuid, NULL, on_refreshed,
                                   request);
}

GStrv
sinter_request_submit(SinterRequest *request, SinterPlan *plan, GError **error)
{
    SinterJobOptions options = {
        .bandwidth_set = (request->options.set & SINTER_OPTION_BANDWIDTH) != 0,
        .bandwidth_bytes_per_sec = request->options.bandwidth_bytes_per_sec,
        .uid = request->uid,
    };
    g_autoptr(GPtrArray) jobs = NULL;
    g_autoptr(GPtrArray) paths = NULL;

    jobs = sinter_executor_submit(sinter_service_get_executor(request->service), plan, &options,
                                  error);
    if (!jobs)
        return NULL;
    paths = g_ptr_array_new();
    for (guint i = 0; i < jobs->len; i++) {
        SinterJob *job = g_ptr_array_index(jobs, i);

        sinter_job_table_add(sinter_service_get_jobs(request->service), job);
        g_ptr_array_add(paths, sinter_object_path_job(sinter_job_get_record(job)->id));
    }
    g_ptr_array_add(paths, NULL);
    return (GStrv)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
}

/* Why a plan has no work: its first refusal, of whatever kind. */
static GError *
explain_idle(const SinterPlan *plan)
{
    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *disk = g_ptr_array_index(plan->disks, i);

        if (disk->refusals->len > 0) {
            const SinterRefusal *refusal = g_ptr_array_index(disk->refusals, 0);

            return g_error_new_literal(SINTER_ERROR, sinter_refusal_code_error(refusal->code),
                                       refusal->text);
        }
    }
    return g_error_new(SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "domain '%s': nothing to do",
                       plan->domain_name);
}

char *
sinter_request_submit_one(SinterRequest *request, SinterPlan *plan, GError **error)
{
    g_auto(GStrv) jobs = sinter_request_submit(request, plan, error);

    if (!jobs)
        return NULL;
    if (!jobs[0]) {
        g_propagate_error(error, explain_idle(plan));
        return NULL;
    }
    return g_strdup(jobs[0]);
}
