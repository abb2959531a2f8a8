/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disks as text: rows of a table, and the space that was freed. Pure functions. */

#include "sinter-disk-text.h"

#include <string.h>

#include "sinter-job-text.h"
#include "sinter-time-text.h"
#include "sinter-units.h"

gboolean
sinter_disk_text_is_drive(const SinterProperties *disk)
{
    const char *device = sinter_properties_get_string(disk, "Device");

    return strcmp(device, "cdrom") == 0 || strcmp(device, "floppy") == 0;
}

static const SinterTableColumn columns[] = {
    { "Domain", SINTER_ALIGN_LEFT },      { "State", SINTER_ALIGN_LEFT },
    { "Disk", SINTER_ALIGN_LEFT },        { "Depth", SINTER_ALIGN_RIGHT },
    { "Chain size", SINTER_ALIGN_RIGHT }, { "Reclaimable", SINTER_ALIGN_RIGHT },
    { "Notes", SINTER_ALIGN_LEFT },
};

SinterTable *
sinter_disk_text_table_new(void)
{
    return sinter_table_new(columns, G_N_ELEMENTS(columns));
}

/* Returns the number of layers that are missing or have another problem. */
static guint
count_bad_layers(const SinterProperties *disk)
{
    GVariant *chain = sinter_properties_get(disk, "Chain");
    guint n = 0;

    if (!chain || !g_variant_is_of_type(chain, G_VARIANT_TYPE("aa{sv}")))
        return 0;
    for (gsize i = 0; i < g_variant_n_children(chain); i++) {
        g_autoptr(GVariant) layer = g_variant_get_child_value(chain, i);
        gboolean missing = FALSE;
        const char *problem = NULL;

        g_variant_lookup(layer, "missing", "b", &missing);
        g_variant_lookup(layer, "problem", "&s", &problem);
        n += missing || problem;
    }
    return n;
}

static void
add_note(GString *notes, char *note)
{
    g_string_append_printf(notes, "%s%s", notes->len > 0 ? "; " : "", note);
    g_free(note);
}

/* A block job that another program has started: what it is, since when it waits, what it costs. */
static char *
describe_foreign_job(const SinterProperties *disk)
{
    const char *name = sinter_properties_get_string(disk, "BlockJob");
    gint64 since_usec = (gint64)sinter_properties_get_number(disk, "BlockJobReadyTime");
    g_autofree char *age = NULL;

    if (since_usec == 0)
        return g_strdup_printf("block job of another program: %s", name);
    age = sinter_units_format_duration((guint64)MAX(g_get_real_time() - since_usec, 0));
    return g_strdup_printf("%s of another program waits for its end since %s or longer, and each "
                           "write is made twice: see 'sinter adopt'",
                           name, age);
}

/* When @object, a domain or disk, stopped responding. */
static void
note_unresponsive(GString *notes, const SinterProperties *object)
{
    guint64 since_usec = sinter_properties_get_number(object, "UnresponsiveSince");
    g_autofree char *since = NULL;

    if (since_usec == 0 || since_usec > G_MAXINT64)
        return;
    since = sinter_time_text_since((gint64)since_usec);
    add_note(notes, g_strdup_printf("%s not responding since %s",
                                    sinter_properties_get(object, "Target") ? "storage" : "domain",
                                    since));
}

static char *
disk_notes(const SinterProperties *domain, const SinterProperties *disk,
           const SinterProperties *job)
{
    GString *notes = g_string_new(NULL);
    const char *block_job = disk ? sinter_properties_get_string(disk, "BlockJob") : "";
    gboolean silent = disk && sinter_properties_get_number(disk, "UnresponsiveSince") != 0;
    guint n_bad = disk && !silent ? count_bad_layers(disk) : 0;

    if (job) {
        g_autofree char *state = sinter_job_text_state(job);

        add_note(notes,
                 g_strdup_printf("job %s: %s", sinter_properties_get_string(job, "Id"), state));
    } else if (*block_job != '\0' && strcmp(block_job, "none") != 0) {
        add_note(notes, describe_foreign_job(disk));
    }
    note_unresponsive(notes, domain);
    if (disk)
        note_unresponsive(notes, disk);
    if (n_bad > 0)
        add_note(notes, g_strdup_printf("PROBLEM with %u layer%s", n_bad, n_bad == 1 ? "" : "s"));
    if (*sinter_properties_get_string(domain, "Problem") != '\0')
        add_note(notes, g_strdup("PROBLEM: not read completely"));
    return g_string_free(notes, FALSE);
}

void
sinter_disk_text_add_row(SinterTable *table, const SinterProperties *domain,
                         const SinterProperties *disk, const SinterProperties *job)
{
    g_autofree char *notes = disk_notes(domain, disk, job);
    const char *name = sinter_properties_get_string(domain, "Name");
    const char *state = sinter_properties_get_string(domain, "State");
    guint64 reclaimable;
    g_autofree char *depth = NULL;
    g_autofree char *taken = NULL;
    g_autofree char *freed = NULL;

    if (!disk) {
        sinter_table_add_row(table, (const char *[]){ name, state, NULL, NULL, NULL, NULL, notes });
        return;
    }
    reclaimable = sinter_properties_get_number(disk, "ReclaimableBytes");
    depth = g_strdup_printf("%" G_GUINT64_FORMAT, sinter_properties_get_number(disk, "Depth"));
    taken = sinter_units_format_bytes(sinter_properties_get_number(disk, "AllocatedBytes"));
    freed = reclaimable > 0 ? sinter_units_format_bytes(reclaimable) : NULL;
    sinter_table_add_row(table, (const char *[]){ name, state,
                                                  sinter_properties_get_string(disk, "Target"),
                                                  depth, taken, freed, notes });
}

char *
sinter_disk_text_merged(guint64 depth_before, guint64 depth_after, guint64 bytes_before,
                        guint64 bytes_after)
{
    guint64 more = bytes_after > bytes_before ? bytes_after - bytes_before : 0;
    guint64 less = bytes_before > bytes_after ? bytes_before - bytes_after : 0;
    g_autofree char *bytes = sinter_units_format_bytes(MAX(more, less));

    return g_strdup_printf("%" G_GUINT64_FORMAT " layers merged into %" G_GUINT64_FORMAT ", %s %s",
                           depth_before, depth_after, bytes, more > 0 ? "more taken" : "freed");
}
