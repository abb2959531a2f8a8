/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Snapshots as text: each one is a node below the snapshot that it derives from.
 *
 *   vm1 (running), 3 snapshots
 *   └─ s1  2026-03-02 10:00:00  vda 9.3 GiB
 *      ├─ s2  2026-03-02 11:00:00  vda 1.9 GiB; "before the upgrade"
 *      └─ s3  2026-03-02 12:30:00  vda 64 MiB; memory 512 MiB in '/images/vm1.s3.mem'; current
 *
 * Invariant: each snapshot appears exactly once, also if its parent is unknown or parents form a
 * loop.
 */

#include "sinter-snapshot-text.h"

#include <string.h>

#include "sinter-text.h"
#include "sinter-dictionary.h"
#include "sinter-units.h"

/* The snapshots that are drawn, each at most once. */
typedef struct {
    GVariant *rows;    /* aa{sv} */
    GHashTable *names; /* of all snapshots */
    gboolean *drawn;   /* by row */
} Drawing;

static void
append_disk(GString *line, GVariant *disk)
{
    guint64 bytes = sinter_dictionary_get_number(disk, "allocated-bytes");
    const char *target = sinter_dictionary_get_string(disk, "disk");
    g_autofree char *size = sinter_units_format_bytes(bytes);

    g_string_append_printf(line, " %s", target ? target : "?");
    if (sinter_dictionary_get_flag(disk, "missing"))
        g_string_append_printf(line, " MISSING '%s'", sinter_dictionary_get_string(disk, "image"));
    else if (bytes > 0)
        g_string_append_printf(line, " %s", size);
}

static void
append_disks(GString *line, GVariant *row)
{
    g_autoptr(GVariant) disks = g_variant_lookup_value(row, "disks", G_VARIANT_TYPE("aa{sv}"));
    const char *separator = " ";

    for (gsize i = 0; disks && i < g_variant_n_children(disks); i++) {
        g_autoptr(GVariant) disk = g_variant_get_child_value(disks, i);

        if (!sinter_dictionary_get_flag(disk, "external"))
            continue;
        g_string_append(line, separator);
        append_disk(line, disk);
        separator = ",";
    }
}

static void
append_notes(GString *line, GVariant *row)
{
    const char *memory = sinter_dictionary_get_string(row, "memory");
    const char *description = sinter_dictionary_get_string(row, "description");
    g_autofree char *size =
        sinter_units_format_bytes(sinter_dictionary_get_number(row, "memory-bytes"));

    if (memory)
        g_string_append_printf(line, "; memory %s in '%s'", size, memory);
    if (sinter_dictionary_get_flag(row, "internal"))
        g_string_append(line, "; internal");
    if (description)
        g_string_append_printf(line, "; \"%s\"", description);
    if (sinter_dictionary_get_flag(row, "current"))
        g_string_append(line, "; current");
}

/* (transfer full) */
static char *
format_row(GVariant *row)
{
    guint64 created_usec = sinter_dictionary_get_number(row, "created");
    g_autoptr(GDateTime) time =
        g_date_time_new_from_unix_local((gint64)(created_usec / G_USEC_PER_SEC));
    g_autofree char *date = time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : NULL;
    GString *line = g_string_new(sinter_dictionary_get_string(row, "name"));
    g_autofree char *text = NULL;

    g_string_append_printf(line, "  %s", date ? date : "?");
    append_disks(line, row);
    append_notes(line, row);
    text = g_string_free(line, FALSE);
    return sinter_text_printable(text);
}

/* Adds the snapshots that derive from @parent (nullable); one whose parent does not exist derives
 * from none. */
static void
add_children(SinterTree *node, Drawing *drawing, const char *parent)
{
    for (gsize i = 0; i < g_variant_n_children(drawing->rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(drawing->rows, i);
        const char *above = sinter_dictionary_get_string(row, "parent");
        g_autofree char *text = NULL;

        if (above && !g_hash_table_contains(drawing->names, above))
            above = NULL;
        if (drawing->drawn[i] || g_strcmp0(above, parent) != 0)
            continue;
        drawing->drawn[i] = TRUE;
        text = format_row(row);
        add_children(sinter_tree_add(node, text), drawing,
                     sinter_dictionary_get_string(row, "name"));
    }
}

static void
add_rest(SinterTree *node, Drawing *drawing)
{
    for (gsize i = 0; i < g_variant_n_children(drawing->rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(drawing->rows, i);
        g_autofree char *text = NULL;

        if (drawing->drawn[i])
            continue;
        drawing->drawn[i] = TRUE;
        text = format_row(row);
        add_children(sinter_tree_add(node, text), drawing,
                     sinter_dictionary_get_string(row, "name"));
    }
}

/* (transfer full) */
static char *
format_title(const SinterProperties *domain, gsize n)
{
    g_autofree char *count = n == 0   ? g_strdup("no snapshots")
                             : n == 1 ? g_strdup("1 snapshot")
                                      : g_strdup_printf("%" G_GSIZE_FORMAT " snapshots", n);
    g_autofree char *title =
        g_strdup_printf("%s (%s), %s", sinter_properties_get_string(domain, "Name"),
                        sinter_properties_get_string(domain, "State"), count);

    return sinter_text_printable(title);
}

SinterTree *
sinter_snapshot_text_tree(const SinterProperties *domain)
{
    GVariant *rows = sinter_properties_get(domain, "SnapshotTree");
    gsize n = rows && g_variant_is_of_type(rows, G_VARIANT_TYPE("aa{sv}"))
                  ? g_variant_n_children(rows)
                  : 0;
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree gboolean *drawn = g_new0(gboolean, n + 1);
    g_autofree char *title = format_title(domain, n);
    SinterTree *tree = sinter_tree_new(title);
    Drawing drawing = { rows, names, drawn };

    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

        g_hash_table_add(names, g_strdup(sinter_dictionary_get_string(row, "name")));
    }
    if (n > 0) {
        add_children(tree, &drawing, NULL);
        add_rest(tree, &drawing);
    }
    return tree;
}
