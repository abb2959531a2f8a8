/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Chains as text. The layers of a disk are listed one below the other, the active one first and the
 * base last, one per line, without further indentation because chains can be long.
 *
 *   vm1 (running)
 *   └─ vda: 20 GiB, 3 layers that take 12.4 GiB, up to 3.1 GiB reclaimable
 *      ├─ vda[1]  qcow2  1.2 GiB  /images/vm1.s2.qcow2  active
 *      ├─ vda[2]  qcow2  1.9 GiB  /images/vm1.s1.qcow2  snapshot s2; 512 MiB shadowed
 *      └─ vda[3]  qcow2  9.3 GiB  /images/vm1.qcow2     snapshot s1; also used by vm2/vda
 */

#include "sinter-chain-text.h"

#include <string.h>

#include "sinter-text.h"
#include "sinter-time-text.h"
#include "sinter-dictionary.h"
#include "sinter-units.h"

/* The columns of the line of a layer; notes follow. */
enum {
    CELL_NAME, /* libvirt's name, if the domain is running */
    CELL_FORMAT,
    CELL_BYTES,
    CELL_PATH,
    CELL_NOTES,
    N_CELLS,
};

static const SinterAlign cell_aligns[N_CELLS] = { [CELL_BYTES] = SINTER_ALIGN_RIGHT };

/* --- notes ------------------------------------------------------------------------------------ */

static void add_note(GString *notes, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
add_note(GString *notes, const char *format, ...)
{
    va_list args;

    if (notes->len > 0)
        g_string_append(notes, "; ");
    va_start(args, format);
    g_string_append_vprintf(notes, format, args);
    va_end(args);
}

static void
note_users(GString *notes, GVariant *layer)
{
    g_autoptr(GVariant) users = g_variant_lookup_value(layer, "users", G_VARIANT_TYPE_STRING_ARRAY);
    g_autofree const char **names = users ? g_variant_get_strv(users, NULL) : NULL;
    g_autofree char *list = NULL;

    if (!names || !names[0])
        return;
    list = g_strjoinv(", ", (char **)names);
    add_note(notes, "also used by %s", list);
}

/* Notes an image whose size differs from that of the disk. */
static void
note_size(GString *notes, GVariant *layer, guint64 disk_bytes)
{
    guint64 bytes = sinter_dictionary_get_number(layer, "virtual-size-bytes");
    g_autofree char *size = sinter_units_format_bytes(bytes);

    if (bytes > 0 && bytes != disk_bytes)
        add_note(notes, "of size %s", size);
}

/* Notes data that is stored but not visible to the guest. */
static void
note_shadowed(GString *notes, GVariant *layer)
{
    guint64 bytes = sinter_dictionary_get_number(layer, "shadowed-bytes");
    g_autofree char *text = sinter_units_format_bytes(bytes);

    if (bytes > 0)
        add_note(notes, "%s shadowed", text);
}

static char *
layer_notes(GVariant *layer, const SinterProperties *disk, gboolean active)
{
    GString *notes = g_string_new(NULL);
    const char *snapshot = sinter_dictionary_get_string(layer, "snapshot");
    const char *problem = sinter_dictionary_get_string(layer, "problem");
    gboolean missing = FALSE;

    g_variant_lookup(layer, "missing", "b", &missing);
    if (active)
        add_note(notes, "active");
    if (snapshot)
        add_note(notes, "snapshot %s", snapshot);
    note_shadowed(notes, layer);
    note_users(notes, layer);
    note_size(notes, layer, sinter_properties_get_number(disk, "VirtualSizeBytes"));
    if (missing)
        add_note(notes, "MISSING");
    if (problem && !(missing && *problem == '\0'))
        add_note(notes, "PROBLEM: %s", problem);
    return g_string_free(notes, FALSE);
}

/* --- layers ----------------------------------------------------------------------------------- */

static char *
layer_name(GVariant *layer, const char *target)
{
    guint32 index = 0;

    if (!g_variant_lookup(layer, "index", "u", &index))
        return g_strdup("");
    return g_strdup_printf("%s[%u]", target, index);
}

static char **
layer_cells(GVariant *layer, const SinterProperties *disk, gboolean active)
{
    char **cells = g_new0(char *, N_CELLS + 1);
    const char *target = sinter_properties_get_string(disk, "Target");
    const char *format = sinter_dictionary_get_string(layer, "format");
    const char *path = sinter_dictionary_get_string(layer, "path");
    guint64 bytes = sinter_dictionary_get_number(layer, "allocated-bytes");

    cells[CELL_NAME] = layer_name(layer, target);
    cells[CELL_FORMAT] = g_strdup(format ? format : "?");
    cells[CELL_BYTES] = bytes > 0 ? sinter_units_format_bytes(bytes) : g_strdup("-");
    cells[CELL_PATH] = g_strdup(path ? path : "?");
    cells[CELL_NOTES] = layer_notes(layer, disk, active);
    for (guint i = 0; i < N_CELLS; i++) {
        g_autofree char *raw = cells[i];

        cells[i] = sinter_text_printable(raw);
    }
    return cells;
}

static void
cells_free(gpointer cells)
{
    g_strfreev(cells);
}

static char *
join_cells(char **cells, const guint *widths)
{
    GString *line = g_string_new(NULL);

    for (guint i = 0; i < N_CELLS; i++) {
        if (widths[i] == 0)
            continue;
        if (line->len > 0)
            g_string_append(line, "  ");
        sinter_text_append_padded(line, cells[i], widths[i], cell_aligns[i]);
    }
    g_strchomp(line->str);
    return g_string_free(line, FALSE);
}

static void
add_layers(SinterTree *node, const SinterProperties *disk)
{
    GVariant *chain = sinter_properties_get(disk, "Chain");
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(cells_free);
    guint widths[N_CELLS] = { 0 };

    if (!chain || !g_variant_is_of_type(chain, G_VARIANT_TYPE("aa{sv}")))
        return;
    for (gsize i = 0; i < g_variant_n_children(chain); i++) {
        g_autoptr(GVariant) layer = g_variant_get_child_value(chain, i);
        char **cells = layer_cells(layer, disk, i == 0);

        for (guint j = 0; j < N_CELLS; j++)
            widths[j] = MAX(widths[j], sinter_text_width(cells[j]));
        g_ptr_array_add(rows, cells);
    }
    for (guint i = 0; i < rows->len; i++) {
        g_autofree char *line = join_cells(g_ptr_array_index(rows, i), widths);

        sinter_tree_add(node, line);
    }
}

/* --- disks ------------------------------------------------------------------------------------ */

static void
note_kind(GString *notes, const SinterProperties *disk)
{
    const char *device = sinter_properties_get_string(disk, "Device");
    const char *job = sinter_properties_get_string(disk, "BlockJob");

    if (strcmp(device, "disk") != 0 && *device != '\0')
        add_note(notes, "%s", device);
    if (sinter_properties_get_boolean(disk, "ReadOnly"))
        add_note(notes, "read-only");
    if (sinter_properties_get_boolean(disk, "Shareable"))
        add_note(notes, "shareable");
    if (*job != '\0' && strcmp(job, "none") != 0)
        add_note(notes, "block job: %s", job);
}

static char *
disk_title(const SinterProperties *disk)
{
    guint64 depth = sinter_properties_get_number(disk, "Depth");
    guint64 reclaimable = sinter_properties_get_number(disk, "ReclaimableBytes");
    g_autofree char *size =
        sinter_units_format_bytes(sinter_properties_get_number(disk, "VirtualSizeBytes"));
    g_autofree char *taken =
        sinter_units_format_bytes(sinter_properties_get_number(disk, "AllocatedBytes"));
    g_autofree char *freed = sinter_units_format_bytes(reclaimable);
    g_autofree char *printable = NULL;
    g_autoptr(GString) text = g_string_new(sinter_properties_get_string(disk, "Target"));
    g_autoptr(GString) notes = g_string_new(NULL);

    if (depth == 0)
        g_string_append(text, ": empty");
    else
        g_string_append_printf(text, ": %s, %" G_GUINT64_FORMAT " layer%s %s", size, depth,
                               depth == 1 ? " that takes" : "s that take", taken);
    if (reclaimable > 0)
        g_string_append_printf(text, ", up to %s reclaimable", freed);
    note_kind(notes, disk);
    if (notes->len > 0)
        g_string_append_printf(text, " (%s)", notes->str);
    return sinter_text_printable(text->str);
}

/* --- measured values -------------------------------------------------------------------------- */

/* (transfer floating): @layer with the values of @usage */
static GVariant *
merge_layer(GVariant *layer, GVariant *usage)
{
    GVariantDict dict;
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_dict_init(&dict, layer);
    g_variant_iter_init(&iter, usage);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value))
        g_variant_dict_insert_value(&dict, key, value);
    return g_variant_dict_end(&dict);
}

void
sinter_chain_text_add_usage(SinterProperties *disk, GVariant *layers)
{
    GVariant *chain = sinter_properties_get(disk, "Chain");
    g_autoptr(GVariant) update = NULL;
    GVariantBuilder merged;
    GVariantDict dict;

    if (!chain || !g_variant_is_of_type(chain, G_VARIANT_TYPE("aa{sv}")) ||
        g_variant_n_children(chain) != g_variant_n_children(layers))
        return;
    g_variant_builder_init(&merged, G_VARIANT_TYPE("aa{sv}"));
    for (gsize i = 0; i < g_variant_n_children(chain); i++) {
        g_autoptr(GVariant) layer = g_variant_get_child_value(chain, i);
        g_autoptr(GVariant) usage = g_variant_get_child_value(layers, i);

        g_variant_builder_add_value(&merged, merge_layer(layer, usage));
    }
    g_variant_dict_init(&dict, NULL);
    g_variant_dict_insert_value(&dict, "Chain", g_variant_builder_end(&merged));
    update = g_variant_ref_sink(g_variant_dict_end(&dict));
    sinter_properties_update(disk, update);
}

/* (transfer full): a line below the name of the domain; empty if it responds */
static char *
format_silence(const SinterProperties *domain)
{
    guint64 since_usec = sinter_properties_get_number(domain, "UnresponsiveSince");
    g_autofree char *since = NULL;
    g_autofree char *line = NULL;

    if (since_usec == 0 || since_usec > G_MAXINT64)
        return g_strdup("");
    since = sinter_time_text_since((gint64)since_usec);
    line = g_strdup_printf("not responding since %s: %s", since,
                           sinter_properties_get_string(domain, "UnresponsiveReason"));
    return sinter_text_printable(line);
}

SinterTree *
sinter_chain_text_tree(const SinterProperties *domain, GPtrArray *disks)
{
    const char *problem = sinter_properties_get_string(domain, "Problem");
    g_autofree char *title =
        g_strdup_printf("%s (%s)", sinter_properties_get_string(domain, "Name"),
                        sinter_properties_get_string(domain, "State"));
    g_autofree char *printable = sinter_text_printable(title);
    g_autofree char *printable_problem = sinter_text_printable(problem);
    g_autofree char *silence = format_silence(domain);
    g_autofree char *text =
        g_strconcat(printable, *silence != '\0' ? "\n" : "", silence,
                    *problem != '\0' ? "\nPROBLEM: " : NULL, printable_problem, NULL);
    SinterTree *tree = sinter_tree_new(text);

    for (guint i = 0; i < disks->len; i++) {
        const SinterObject *disk = g_ptr_array_index(disks, i);
        g_autofree char *line = disk_title(disk->properties);

        add_layers(sinter_tree_add(tree, line), disk->properties);
    }
    return tree;
}
