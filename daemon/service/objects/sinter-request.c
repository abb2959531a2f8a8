/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The common path from a method call to a plan, and from a plan to jobs:
 *
 *   handler → read the domain again → update the objects → planner → the handler's answer
 *
 * Invariant: the call is answered exactly once in every case.
 */

#include "sinter-request.h"

#include "sinter-authority.h"
#include "sinter-dbus-error.h"
#include "sinter-object-path.h"
#include "sinter-planner-task.h"

SinterRequest *
sinter_request_new(SinterServiceContext *context, gpointer object,
                   GDBusMethodInvocation *invocation, const char *domain_uuid)
{
    const SinterCall *call = sinter_authority_get_call(invocation);
    SinterRequest *self = g_new0(SinterRequest, 1);

    self->context = g_object_ref(context);
    self->object = g_object_ref(object);
    self->invocation = invocation;
    self->uid = call->uid;
    self->options = call->options;
    self->domain_uuid = g_strdup(domain_uuid);
    return self;
}

static void
request_free(SinterRequest *self)
{
    g_assert(!self->invocation); /* already answered */
    g_clear_handle_id(&self->watch_id, g_bus_unwatch_name);
    g_clear_handle_id(&self->begin_id, g_source_remove);
    g_object_unref(self->object);
    g_object_unref(self->context);
    g_free(self->domain_uuid);
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

/* (transfer full) (nullable): the domain's present state */
static SinterDomain *
lookup_domain(SinterRequest *self, GError **error)
{
    SinterDomain *domain = sinter_service_context_lookup_domain(self->context, self->domain_uuid);

    if (!domain)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain %s no longer exists",
                    self->domain_uuid);
    return domain;
}

static void on_planned(GObject *source, GAsyncResult *result, gpointer user_data);

/* @request: (transfer full): continued in on_planned() */
static void
make_plan(SinterRequest *request, SinterDomain *domain)
{
    g_autoptr(SinterReferenceGraph) graph = sinter_service_context_get_graph(request->context);

    sinter_planner_task_start(&request->options.wanted, domain, graph, on_planned, request);
}

static void
on_planned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(SinterRequest) self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterPlan) plan = sinter_planner_task_finish(result, &error);
    g_autoptr(SinterDomain) domain = plan ? lookup_domain(self, &error) : NULL;

    if (!domain) {
        sinter_request_fail(self, g_steal_pointer(&error));
    } else if (domain != sinter_planner_task_get_domain(result)) {
        make_plan(g_steal_pointer(&self), domain); /* the domain changed in between */
    } else {
        self->plan = g_steal_pointer(&plan);
        self->answer(self, self->plan);
    }
}

static void
on_refreshed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(SinterRequest) self = user_data;
    g_autoptr(SinterDomain) domain = NULL;
    g_autoptr(GError) error = NULL;

    if (sinter_service_context_refresh_finish(self->context, result, &error)) {
        sinter_service_context_request_update(self->context);
        domain = lookup_domain(self, &error);
    }
    if (!domain)
        sinter_request_fail(self, g_steal_pointer(&error));
    else if (self->plan)
        self->answer(self, self->plan);
    else
        make_plan(g_steal_pointer(&self), domain);
}

static void
begin(SinterRequest *request)
{
    /* a domain that could not be read blocks operations on all others. It may have been read during
     * a change: libvirt fails to list the snapshots of a domain while one is being created */
    gboolean all = sinter_service_context_has_problems(request->context);

    if (request->begun)
        return;
    request->begun = TRUE;
    sinter_service_context_refresh_async(request->context, all ? NULL : request->domain_uuid,
                                         on_refreshed, request);
}

static gboolean
begin_in_idle(gpointer user_data)
{
    SinterRequest *self = user_data;

    self->begin_id = 0;
    begin(self);
    return G_SOURCE_REMOVE;
}

static void
on_caller_appeared(GDBusConnection *connection, const char *name, const char *owner,
                   gpointer user_data)
{
    SinterRequest *self = user_data;

    /* the watch notices no change before this has returned */
    if (!self->begun && self->begin_id == 0)
        self->begin_id = g_idle_add_full(G_PRIORITY_DEFAULT, begin_in_idle, self, NULL);
}

static void
on_caller_vanished(GDBusConnection *connection, const char *name, gpointer user_data)
{
    SinterRequest *self = user_data;

    self->caller_gone = TRUE;
    begin(self);
}

/* A caller that wants no reply may end at once. */
static gboolean
expects_reply(GDBusMethodInvocation *invocation)
{
    GDBusMessage *message = g_dbus_method_invocation_get_message(invocation);

    return g_dbus_method_invocation_get_sender(invocation) &&
           !(g_dbus_message_get_flags(message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
}

void
sinter_request_run(SinterRequest *request, SinterRequestFunc answer)
{
    GDBusMethodInvocation *invocation = request->invocation;

    request->answer = answer;
    if (expects_reply(invocation))
        request->watch_id = g_bus_watch_name_on_connection(
            g_dbus_method_invocation_get_connection(invocation),
            g_dbus_method_invocation_get_sender(invocation), G_BUS_NAME_WATCHER_FLAGS_NONE,
            on_caller_appeared, on_caller_vanished, request, NULL);
    else
        begin(request);
}

GStrv
sinter_request_submit(SinterRequest *request, SinterPlan *plan, GError **error)
{
    SinterJobOptions options = {
        .bandwidth_set = (request->options.set & SINTER_OPTION_BANDWIDTH) != 0,
        .bandwidth_bytes_per_sec = request->options.bandwidth_bytes_per_sec,
        .uid = request->uid,
    };
    g_auto(GStrv) ids = NULL;
    g_autoptr(GPtrArray) paths = g_ptr_array_new();

    if (request->caller_gone)
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CANCELLED,
                            "the caller ended before a job was started");
    else
        ids = sinter_service_context_submit(request->context, plan, &options, error);
    if (!ids)
        return NULL;
    for (guint i = 0; ids[i]; i++)
        g_ptr_array_add(paths, sinter_object_path_job(ids[i]));
    g_ptr_array_add(paths, NULL);
    return (GStrv)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
}

/* Why a plan has no work: its first refusal of any kind. */
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
