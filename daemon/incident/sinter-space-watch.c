/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Warnings about space. Invariant: a crossing of the limit opens one incident; after it, nothing is
 * opened until the usage has been below the limit by the distance, even if a user resolves the
 * incident. A file system that does not respond changes nothing.
 */

#include "sinter-space-watch.h"

#include <string.h>

#include "sinter-space-place.h"
#include "sinter-units.h"

/* So far below the limit the usage has to fall until a warning ends. */
#define DISTANCE_PERCENT 5

struct _SinterSpaceWatch {
    SinterInventory *inventory;
    SinterIncidentLog *incidents;
    GCancellable *stopped;
    GHashTable *warned; /* set of names of places above the limit */
    guint warn_percent;
    gboolean measuring;
    gulong scanned_id;
};

static const SinterCause cause = {
    .name = SINTER_SPACE_CAUSE,
    .advice =
        "free or add space before guests are paused; 'sinter list' shows what a consolidation "
        "could free",
};

/* --- incidents -------------------------------------------------------------------------------- */

static void
warn(SinterSpaceWatch *self, const SinterSpacePlace *place, guint percent)
{
    g_autofree char *free_text = sinter_units_format_bytes(place->free_bytes);
    g_autofree char *total = sinter_units_format_bytes(place->total_bytes);
    g_autofree char *summary =
        g_strdup_printf("'%s', which holds images of domains, is %u%% full", place->name, percent);
    g_autoptr(GPtrArray) evidence = g_ptr_array_new_with_free_func(g_free);
    const SinterDiagnosis diagnosis = { &cause, place->name, summary, evidence };

    g_ptr_array_add(evidence, g_strdup_printf("size: %s", total));
    g_ptr_array_add(evidence, g_strdup_printf("free: %s", free_text));
    for (guint i = 0; i < place->users->len; i++)
        g_ptr_array_add(evidence, g_strdup(g_ptr_array_index(place->users, i)));
    sinter_incident_log_warn(self->incidents, &diagnosis);
}

/* Resolves the warning about @name, if it is open. */
static void
resolve(SinterSpaceWatch *self, const char *name, const char *outcome)
{
    g_autoptr(GPtrArray) list = sinter_incident_log_list(self->incidents);

    for (guint i = 0; i < list->len; i++) {
        const SinterIncident *incident = g_ptr_array_index(list, i);

        if (sinter_incident_is_open(incident) && strcmp(incident->cause, cause.name) == 0 &&
            strcmp(incident->layer, name) == 0) {
            sinter_incident_log_resolve(self->incidents, incident->id, outcome, NULL);
            return;
        }
    }
}

static void
judge(SinterSpaceWatch *self, const SinterSpacePlace *place)
{
    guint percent = sinter_space_place_get_percent(place);

    if (place->total_bytes == 0 || !place->name)
        return;
    if (percent >= self->warn_percent) {
        if (g_hash_table_add(self->warned, g_strdup(place->name)))
            warn(self, place, percent);
    } else if (percent + MIN(DISTANCE_PERCENT, self->warn_percent - 1) <= self->warn_percent &&
               g_hash_table_remove(self->warned, place->name)) {
        g_autofree char *outcome = g_strdup_printf("%u%% is in use", percent);

        resolve(self, place->name, outcome);
    }
}

static gboolean
holds_images(GPtrArray *places, const char *name)
{
    for (guint i = 0; i < places->len; i++) {
        const SinterSpacePlace *place = g_ptr_array_index(places, i);

        /* one without a name does not respond, and may be this one */
        if (!place->name || strcmp(place->name, name) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
forget_unused(SinterSpaceWatch *self, GPtrArray *places)
{
    g_autoptr(GPtrArray) unused = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer name;

    g_hash_table_iter_init(&iter, self->warned);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        if (!holds_images(places, name))
            g_ptr_array_add(unused, g_strdup(name));
    }
    for (guint i = 0; i < unused->len; i++) {
        g_hash_table_remove(self->warned, unused->pdata[i]);
        resolve(self, unused->pdata[i], "no domain writes to images there any more");
    }
}

/* --- measurements ----------------------------------------------------------------------------- */

typedef struct {
    GPtrArray *places;
    SinterPatience *storage;
} Measurement;

static void
measurement_free(gpointer data)
{
    Measurement *measurement = data;

    g_ptr_array_unref(measurement->places);
    sinter_patience_unref(measurement->storage);
    g_free(measurement);
}

static void
measure_in_thread(GTask *task, gpointer source_object, gpointer task_data,
                  GCancellable *cancellable)
{
    const Measurement *measurement = task_data;

    sinter_space_places_measure(measurement->places, measurement->storage);
    g_task_return_boolean(task, TRUE);
}

static void
on_measured(GObject *source, GAsyncResult *result, gpointer user_data)
{
    SinterSpaceWatch *self = user_data;
    const Measurement *measurement = g_task_get_task_data(G_TASK(result));

    /* cancelled: the watch is freed */
    if (!g_task_propagate_boolean(G_TASK(result), NULL))
        return;
    self->measuring = FALSE;
    for (guint i = 0; i < measurement->places->len; i++)
        judge(self, g_ptr_array_index(measurement->places, i));
    forget_unused(self, measurement->places);
}

static void
on_scanned(SinterInventory *inventory, SinterSpaceWatch *self)
{
    g_autoptr(GPtrArray) domains = sinter_inventory_list(inventory);
    g_autoptr(GTask) task = NULL;
    Measurement *measurement;

    if (self->measuring)
        return;
    self->measuring = TRUE;
    measurement = g_new(Measurement, 1);
    measurement->places = sinter_space_places_collect(domains);
    measurement->storage =
        sinter_patience_ref(sinter_inventory_get_settings(inventory)->memory->storage);
    task = g_task_new(NULL, self->stopped, on_measured, self);
    g_task_set_task_data(task, measurement, measurement_free);
    g_task_run_in_thread(task, measure_in_thread);
}

/* What an earlier run of the daemon has warned of. */
static void
remember_known(SinterSpaceWatch *self)
{
    g_autoptr(GPtrArray) list = sinter_incident_log_list(self->incidents);

    for (guint i = 0; i < list->len; i++) {
        const SinterIncident *incident = g_ptr_array_index(list, i);

        if (sinter_incident_is_open(incident) && strcmp(incident->cause, cause.name) == 0)
            g_hash_table_add(self->warned, g_strdup(incident->layer));
    }
}

SinterSpaceWatch *
sinter_space_watch_new(SinterInventory *inventory, SinterIncidentLog *incidents, guint warn_percent)
{
    SinterSpaceWatch *self = g_new0(SinterSpaceWatch, 1);

    self->inventory = g_object_ref(inventory);
    self->incidents = g_object_ref(incidents);
    self->stopped = g_cancellable_new();
    self->warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->warn_percent = warn_percent;
    remember_known(self);
    if (warn_percent > 0)
        self->scanned_id = g_signal_connect(inventory, "scanned", G_CALLBACK(on_scanned), self);
    return self;
}

void
sinter_space_watch_free(SinterSpaceWatch *watch)
{
    if (!watch)
        return;
    g_cancellable_cancel(watch->stopped);
    if (watch->scanned_id != 0)
        g_signal_handler_disconnect(watch->inventory, watch->scanned_id);
    g_hash_table_unref(watch->warned);
    g_object_unref(watch->stopped);
    g_object_unref(watch->incidents);
    g_object_unref(watch->inventory);
    g_free(watch);
}
