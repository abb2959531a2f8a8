/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An incident on the bus. Invariant: the properties show one state of the incident; whoever changes
 * it limits how often that happens.
 */

#include "sinter-incident-object.h"

#include "sinter-dbus-error.h"
#include "sinter-object-path.h"

struct _SinterIncidentObject {
    SinterDBusIncidentSkeleton parent_instance;
    SinterServiceContext *context;
};

static void incident_iface_init(SinterDBusIncidentIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(SinterIncidentObject, sinter_incident_object,
                              SINTER_DBUS_TYPE_INCIDENT_SKELETON,
                              G_IMPLEMENT_INTERFACE(SINTER_DBUS_TYPE_INCIDENT, incident_iface_init))

/* Texts may contain the names of files, which need not be UTF-8. */
#define SET_TEXT(iface, member, text)                                                              \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autofree char *valid = sinter_dbus_text(text);                                           \
        sinter_dbus_incident_set_##member(iface, valid);                                           \
    }                                                                                              \
    G_STMT_END

static void
show_evidence(SinterDBusIncident *iface, const SinterIncident *incident)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < incident->evidence->len; i++)
        g_ptr_array_add(lines, sinter_dbus_text(incident->evidence->pdata[i]));
    g_ptr_array_add(lines, NULL);
    sinter_dbus_incident_set_evidence(iface, (const char *const *)lines->pdata);
}

static void
show_tries(SinterDBusIncident *iface, const SinterIncident *incident)
{
    GVariantBuilder builder;
    GHashTableIter iter;
    gpointer remedy;
    gpointer n;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{su}"));
    g_hash_table_iter_init(&iter, incident->tries);
    while (g_hash_table_iter_next(&iter, &remedy, &n))
        g_variant_builder_add(&builder, "{su}", (const char *)remedy, GPOINTER_TO_UINT(n));
    sinter_dbus_incident_set_remedy_attempts(iface, g_variant_builder_end(&builder));
}

static void
show_timeline(SinterDBusIncident *iface, const SinterIncident *incident)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(xss)"));
    for (guint i = 0; i < incident->timeline->len; i++) {
        const SinterIncidentEntry *entry = incident->timeline->pdata[i];
        g_autofree char *text = sinter_dbus_text(entry->text);

        g_variant_builder_add(&builder, "(xss)", entry->time_usec, entry->kind, text);
    }
    sinter_dbus_incident_set_timeline(iface, g_variant_builder_end(&builder));
}

void
sinter_incident_object_update(SinterIncidentObject *self, const SinterIncident *incident)
{
    SinterDBusIncident *iface = SINTER_DBUS_INCIDENT(self);

    sinter_dbus_incident_set_state(iface, sinter_incident_is_open(incident) ? "open" : "resolved");
    sinter_dbus_incident_set_paused(iface, incident->paused);
    sinter_dbus_incident_set_events(iface, incident->n_events);
    sinter_dbus_incident_set_attempts(iface, (guint64)MAX(incident->n_attempts, 0));
    sinter_dbus_incident_set_first_time(iface, (guint64)MAX(incident->first_usec, 0));
    sinter_dbus_incident_set_last_time(iface, (guint64)MAX(incident->last_usec, 0));
    sinter_dbus_incident_set_resolved_time(iface, (guint64)MAX(incident->resolved_usec, 0));
    sinter_dbus_incident_set_cause(iface, incident->cause);
    SET_TEXT(iface, image, incident->layer);
    SET_TEXT(iface, summary, incident->summary);
    SET_TEXT(iface, advice, incident->advice);
    SET_TEXT(iface, outcome, incident->outcome);
    show_tries(iface, incident);
    show_evidence(iface, incident);
    show_timeline(iface, incident);
}

SinterIncidentObject *
sinter_incident_object_new(SinterServiceContext *context, const SinterIncident *incident)
{
    SinterIncidentObject *self = g_object_new(SINTER_TYPE_INCIDENT_OBJECT, NULL);
    SinterDBusIncident *iface = SINTER_DBUS_INCIDENT(self);

    self->context = g_object_ref(context);
    sinter_dbus_incident_set_id(iface, incident->id);
    sinter_dbus_incident_set_domain_uuid(iface, incident->domain_uuid);
    SET_TEXT(iface, domain_name, incident->domain_name);
    SET_TEXT(iface, disk, incident->disk);
    sinter_incident_object_update(self, incident);
    return self;
}

static gboolean
handle_resolve(SinterDBusIncident *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterIncidentObject *self = SINTER_INCIDENT_OBJECT(iface);
    GError *error = NULL;

    if (sinter_service_context_resolve_incident(self->context, sinter_dbus_incident_get_id(iface),
                                                &error))
        sinter_dbus_incident_complete_resolve(iface, invocation);
    else
        sinter_dbus_return_error(invocation, error);
    return TRUE;
}

static gboolean
handle_retry(SinterDBusIncident *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterIncidentObject *self = SINTER_INCIDENT_OBJECT(iface);
    GError *error = NULL;

    if (sinter_service_context_retry_incident(self->context, sinter_dbus_incident_get_id(iface),
                                              &error))
        sinter_dbus_incident_complete_retry(iface, invocation);
    else
        sinter_dbus_return_error(invocation, error);
    return TRUE;
}

typedef struct {
    SinterIncidentObject *self; /* referenced */
    GDBusMethodInvocation *invocation;
} Choice;

static void
on_chosen(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree Choice *choice = user_data;
    g_autoptr(SinterIncidentObject) self = choice->self;
    GError *error = NULL;
    g_autofree char *job =
        sinter_service_context_choose_remedy_finish(self->context, result, &error);
    g_autofree char *path = job ? sinter_object_path_job(job) : NULL;

    if (path)
        sinter_dbus_incident_complete_choose(SINTER_DBUS_INCIDENT(self), choice->invocation, path);
    else
        sinter_dbus_return_error(choice->invocation, error);
}

static gboolean
handle_choose(SinterDBusIncident *iface, GDBusMethodInvocation *invocation, const char *remedy,
              GVariant *options)
{
    SinterIncidentObject *self = SINTER_INCIDENT_OBJECT(iface);
    Choice *choice = g_new(Choice, 1);

    *choice = (Choice){ g_object_ref(self), invocation };
    sinter_service_context_choose_remedy_async(self->context, sinter_dbus_incident_get_id(iface),
                                               remedy, on_chosen, choice);
    return TRUE;
}

static void
incident_iface_init(SinterDBusIncidentIface *iface)
{
    iface->handle_resolve = handle_resolve;
    iface->handle_retry = handle_retry;
    iface->handle_choose = handle_choose;
}

static void
sinter_incident_object_finalize(GObject *object)
{
    g_clear_object(&SINTER_INCIDENT_OBJECT(object)->context);
    G_OBJECT_CLASS(sinter_incident_object_parent_class)->finalize(object);
}

static void
sinter_incident_object_class_init(SinterIncidentObjectClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_incident_object_finalize;
}

static void
sinter_incident_object_init(SinterIncidentObject *self)
{
}
