/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sinter monitor: prints libvirt's events and the phases of jobs as they occur, one per line. Ends
 * on Ctrl-C. Invariant: it subscribes before it reads the existing jobs, so no change of phase is
 * missed between the two; each line is written before the next is formatted.
 */

#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "sinter-commands.h"
#include "text/sinter-event-text.h"
#include "text/sinter-job-text.h"
#include "bus/sinter-object.h"

typedef struct {
    SinterClient *client;
    GMainLoop *loop;
    GHashTable *jobs; /* object path → SinterObject */
    char *owner;      /* the daemon's unique name, or NULL */
    gboolean json;
} Monitor;

/* --- output ----------------------------------------------------------------------------------- */

static void
print_line(gint64 time_usec, const char *text)
{
    g_autofree char *time = sinter_event_text_time(time_usec);

    g_print("%s %s\n", time, text);
}

/* Takes ownership of @object. */
static void
print_object(JsonObject *object)
{
    JsonNode *node = json_node_alloc();
    g_autofree char *text = NULL;

    json_node_init_object(node, object);
    text = sinter_json_format(node, SINTER_JSON_SHORT);
    g_print("%s", text);
    json_node_unref(node);
    json_object_unref(object);
}

static void
tell_job(Monitor *self, const SinterProperties *job)
{
    gint64 now_usec = g_get_real_time();
    g_autofree char *label = sinter_job_text_label(job);
    g_autofree char *end = NULL;
    g_autofree char *text = NULL;
    g_autofree char *printable = NULL;

    if (self->json) {
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "time", now_usec);
        json_object_set_string_member(object, "kind", "job");
        json_object_set_object_member(object, "job", sinter_properties_to_json(job));
        print_object(object);
        return;
    }
    if (sinter_job_text_is_final(job))
        end = sinter_job_text_outcome(job);
    text = g_strdup_printf(
        "%s: job %s (%s): %s%s%s", label, sinter_properties_get_string(job, "Id"),
        sinter_properties_get_string(job, "Operation"), sinter_properties_get_string(job, "Phase"),
        end ? ": " : "", end ? end : "");
    printable = sinter_text_printable(text);
    print_line(now_usec, printable);
}

static void
tell_event(Monitor *self, GVariant *parameters)
{
    g_autoptr(GVariant) details = NULL;
    g_autofree char *text = NULL;
    const char *kind, *domain, *disk;
    gint64 time_usec;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(xsssa{sv})")))
        return;
    g_variant_get(parameters, "(x&s&s&s@a{sv})", &time_usec, &kind, &domain, &disk, &details);
    if (self->json) {
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "time", time_usec);
        json_object_set_string_member(object, "kind", kind);
        json_object_set_string_member(object, "domain-name", domain);
        json_object_set_string_member(object, "disk", disk);
        json_object_set_member(object, "details", json_gvariant_serialize(details));
        print_object(object);
        return;
    }
    text = sinter_event_text_format(kind, domain, disk, details);
    print_line(time_usec, text);
}

/* --- jobs ------------------------------------------------------------------------------------- */

/* @told: whether this phase was already printed */
static void
add_job(Monitor *self, SinterObject *job, gboolean told)
{
    g_hash_table_replace(self->jobs, job->path, job);
    if (!told)
        tell_job(self, job->properties);
}

/* After a change: prints a new phase. */
static void
update_job(Monitor *self, const char *path, GVariant *changed)
{
    SinterObject *job = g_hash_table_lookup(self->jobs, path);
    g_autofree char *before = NULL;

    if (!job)
        return;
    before = g_strdup(sinter_properties_get_string(job->properties, "Phase"));
    sinter_properties_update(job->properties, changed);
    if (strcmp(sinter_properties_get_string(job->properties, "Phase"), before) != 0)
        tell_job(self, job->properties);
}

static void
take_added(Monitor *self, GVariant *parameters)
{
    g_autoptr(GVariant) interfaces = NULL;
    g_autoptr(GVariant) dictionary = NULL;
    const char *path;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oa{sa{sv}})")))
        return;
    g_variant_get(parameters, "(&o@a{sa{sv}})", &path, &interfaces);
    dictionary = g_variant_lookup_value(interfaces, SINTER_IFACE("Job"), G_VARIANT_TYPE_VARDICT);
    if (dictionary && !g_hash_table_contains(self->jobs, path))
        add_job(self, sinter_object_new(path, dictionary), FALSE);
}

/* The daemon removes jobs that ended long ago. */
static void
take_removed(Monitor *self, GVariant *parameters)
{
    const char *path;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oas)")))
        return;
    g_variant_get(parameters, "(&oas)", &path, NULL);
    g_hash_table_remove(self->jobs, path);
}

static void
take_changed(Monitor *self, const char *path, GVariant *parameters)
{
    g_autoptr(GVariant) changed = NULL;
    const char *interface;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
        return;
    g_variant_get(parameters, "(&s@a{sv}as)", &interface, &changed, NULL);
    if (strcmp(interface, SINTER_IFACE("Job")) == 0)
        update_job(self, path, changed);
}

static void
on_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
          const char *signal, GVariant *parameters, gpointer user_data)
{
    Monitor *self = user_data;

    if (g_strcmp0(sender, self->owner) != 0)
        return;
    if (strcmp(signal, "Event") == 0)
        tell_event(self, parameters);
    else if (strcmp(signal, "InterfacesAdded") == 0)
        take_added(self, parameters);
    else if (strcmp(signal, "InterfacesRemoved") == 0)
        take_removed(self, parameters);
    else if (strcmp(signal, "PropertiesChanged") == 0)
        take_changed(self, path, parameters);
}

/* Reads the existing jobs; a job that is already known is printed if it has changed. */
static gboolean
read_jobs(Monitor *self, gboolean told, GError **error)
{
    g_autoptr(GVariant) all = sinter_object_read_all(self->client, error);
    g_autoptr(GPtrArray) jobs = NULL;

    if (!all)
        return FALSE;
    jobs = sinter_object_select(all, SINTER_IFACE("Job"));
    while (jobs->len > 0) {
        SinterObject *job = g_ptr_array_steal_index(jobs, jobs->len - 1);

        add_job(self, job, told || sinter_job_text_is_final(job->properties));
    }
    return TRUE;
}

/* --- the daemon and the end ------------------------------------------------------------------- */

static void
tell_daemon(Monitor *self, const char *kind, const char *text)
{
    gint64 now_usec = g_get_real_time();

    if (self->json) {
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "time", now_usec);
        json_object_set_string_member(object, "kind", kind);
        print_object(object);
        return;
    }
    print_line(now_usec, text);
}

static void
on_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer user_data)
{
    Monitor *self = user_data;
    g_autoptr(GError) error = NULL;

    if (g_strcmp0(self->owner, owner) == 0)
        return;
    g_free(self->owner);
    self->owner = g_strdup(owner);
    tell_daemon(self, "daemon-appeared", "sinterd is back");
    if (!read_jobs(self, FALSE, &error))
        g_printerr("sinter: %s\n", error->message);
}

static void
on_vanished(GDBusConnection *bus, const char *name, gpointer user_data)
{
    Monitor *self = user_data;

    if (!bus) {
        g_printerr("sinter: the message bus was lost\n");
        g_main_loop_quit(self->loop);
        return;
    }
    if (!self->owner)
        return;
    g_clear_pointer(&self->owner, g_free);
    g_hash_table_remove_all(self->jobs);
    tell_daemon(self, "daemon-vanished", "sinterd has stopped");
}

static gboolean
on_interrupt(gpointer user_data)
{
    g_main_loop_quit(user_data);
    return G_SOURCE_CONTINUE;
}

static gboolean
monitor(Monitor *self, GError **error)
{
    guint interrupt_id = g_unix_signal_add(SIGINT, on_interrupt, self->loop);
    guint terminate_id = g_unix_signal_add(SIGTERM, on_interrupt, self->loop);
    guint watch_id;
    gboolean lost;

    self->owner = g_dbus_proxy_get_name_owner(G_DBUS_PROXY(self->client->manager));
    sinter_client_subscribe(self->client, SINTER_BUS_ROOT, on_signal, self);
    if (!read_jobs(self, TRUE, error))
        return FALSE;
    watch_id = g_bus_watch_name_on_connection(self->client->bus, SINTER_BUS_NAME,
                                              G_BUS_NAME_WATCHER_FLAGS_NONE, on_appeared,
                                              on_vanished, self, NULL);
    g_main_loop_run(self->loop);
    lost = g_dbus_connection_is_closed(self->client->bus);
    g_bus_unwatch_name(watch_id);
    g_source_remove(interrupt_id);
    g_source_remove(terminate_id);
    return !lost;
}

static int
run(const SinterCommandCall *call, GError **error)
{
    g_autoptr(SinterClient) client = sinter_client_open(call->globals, error);
    Monitor self = { .client = client };
    gboolean good;

    if (!client)
        return SINTER_EXIT_FAILED;
    self.json = client->json != SINTER_JSON_OFF;
    self.loop = g_main_loop_new(NULL, FALSE);
    self.jobs =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)sinter_object_free);
    good = monitor(&self, error);
    g_main_loop_unref(self.loop);
    g_hash_table_unref(self.jobs);
    g_free(self.owner);
    return good ? SINTER_EXIT_DONE : SINTER_EXIT_FAILED;
}

const SinterCommand sinter_command_monitor = {
    .name = "monitor",
    .summary = "show events and phases of jobs until Ctrl-C",
    .operands = "",
    .description = "With --json, each line is an object.",
    .run = run,
};
