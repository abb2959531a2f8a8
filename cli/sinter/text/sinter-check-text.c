/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The result of a check: a summary, tables of images and findings, an exit status. */

#include "sinter-check-text.h"

#include <string.h>

#include "sinter-command.h"
#include "sinter-table.h"

gboolean
sinter_check_text_is_check(const SinterProperties *job)
{
    const char *operation = sinter_properties_get_string(job, "Operation");

    return strcmp(operation, "check") == 0 || strcmp(operation, "repair") == 0;
}

/* --- the images ------------------------------------------------------------------------------- */

/* (transfer full) (nullable): an aa{sv}; %NULL without a result */
static GVariant *
get_list(const SinterProperties *job, const char *name)
{
    GVariant *list = sinter_properties_get(job, name);

    return list && g_variant_is_of_type(list, G_VARIANT_TYPE("aa{sv}")) ? g_variant_ref(list)
                                                                        : NULL;
}

static guint64
get_number(GVariant *dictionary, const char *key)
{
    guint64 number = 0;

    g_variant_lookup(dictionary, key, "t", &number);
    return number;
}

/* (transfer none) */
static const char *
get_text(GVariant *dictionary, const char *key)
{
    const char *text = "";

    g_variant_lookup(dictionary, key, "&s", &text);
    return text;
}

static gboolean
is_state(GVariant *image, const char *state)
{
    return strcmp(get_text(image, "state"), state) == 0;
}

typedef struct {
    guint n_checked;
    guint n_not_checked; /* skipped or failed */
    gboolean unread;     /* an image that failed, or a part that could not be checked */
    guint64 corruptions;
    guint64 leaks;
    guint64 repaired;
} Sum;

static void
add_up(Sum *sum, GVariant *image)
{
    gboolean complete = FALSE;

    if (!is_state(image, "checked")) {
        sum->n_not_checked++;
        sum->unread |= is_state(image, "failed");
        return;
    }
    g_variant_lookup(image, "complete", "b", &complete);
    sum->n_checked++;
    sum->unread |= !complete || get_number(image, "errors") > 0;
    sum->corruptions += get_number(image, "corruptions");
    sum->leaks += get_number(image, "leaks");
    sum->repaired += get_number(image, "repaired");
}

static Sum
sum_images(const SinterProperties *job)
{
    g_autoptr(GVariant) images = get_list(job, "Images");
    Sum sum = { 0 };

    for (gsize i = 0; images && i < g_variant_n_children(images); i++) {
        g_autoptr(GVariant) image = g_variant_get_child_value(images, i);

        add_up(&sum, image);
    }
    return sum;
}

int
sinter_check_text_exit_status(const SinterProperties *job)
{
    Sum sum = sum_images(job);

    if (sum.corruptions > 0)
        return SINTER_EXIT_CORRUPT;
    if (sum.unread)
        return SINTER_EXIT_UNCHECKED;
    return sum.leaks > 0 ? SINTER_EXIT_LEAKS : SINTER_EXIT_DONE;
}

static const char *
plural(guint64 n)
{
    return n == 1 ? "" : "s";
}

char *
sinter_check_text_summary(const SinterProperties *job)
{
    Sum sum = sum_images(job);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%u image%s checked", sum.n_checked, plural(sum.n_checked));
    if (sum.n_not_checked > 0)
        g_string_append_printf(text, ", %u not checked", sum.n_not_checked);
    if (sum.repaired > 0)
        g_string_append_printf(text, ", %" G_GUINT64_FORMAT " finding%s repaired", sum.repaired,
                               plural(sum.repaired));
    if (sum.corruptions > 0)
        g_string_append_printf(text, ": %" G_GUINT64_FORMAT " corruption%s", sum.corruptions,
                               plural(sum.corruptions));
    if (sum.leaks > 0)
        g_string_append_printf(text, "%s %" G_GUINT64_FORMAT " leaked cluster%s",
                               sum.corruptions > 0 ? "," : ":", sum.leaks, plural(sum.leaks));
    if (sum.corruptions == 0 && sum.leaks == 0)
        g_string_append(text, sum.repaired > 0 ? ": no damage left" : ": no damage found");
    if (sum.unread)
        g_string_append(text, "; not everything could be read");
    return g_string_free(text, FALSE);
}

/* --- tables ----------------------------------------------------------------------------------- */

static const SinterTableColumn image_columns[] = {
    { "Image", SINTER_ALIGN_LEFT },        { "State", SINTER_ALIGN_LEFT },
    { "Corruptions", SINTER_ALIGN_RIGHT }, { "Leaks", SINTER_ALIGN_RIGHT },
    { "Errors", SINTER_ALIGN_RIGHT },      { "Notes", SINTER_ALIGN_LEFT },
};

static const SinterTableColumn finding_columns[] = {
    { "Class", SINTER_ALIGN_LEFT },        { "Guest offset", SINTER_ALIGN_RIGHT },
    { "Host offset", SINTER_ALIGN_RIGHT }, { "Code", SINTER_ALIGN_LEFT },
    { "Finding", SINTER_ALIGN_LEFT },
};

static char *
format_count(GVariant *image, const char *key)
{
    return is_state(image, "checked")
               ? g_strdup_printf("%" G_GUINT64_FORMAT, get_number(image, key))
               : NULL;
}

/* A cell without text is shown as "-". */
static const char *
text_or_null(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static void
add_image_row(SinterTable *table, GVariant *image)
{
    g_autofree char *corruptions = format_count(image, "corruptions");
    g_autofree char *leaks = format_count(image, "leaks");
    g_autofree char *errors = format_count(image, "errors");

    sinter_table_add_row(table, (const char *[]){ get_text(image, "path"), get_text(image, "state"),
                                                  corruptions, leaks, errors,
                                                  text_or_null(get_text(image, "text")) });
}

/* (transfer full) (nullable) */
static char *
format_offset(GVariant *finding, const char *key)
{
    guint64 offset;

    if (!g_variant_lookup(finding, key, "t", &offset))
        return NULL;
    return g_strdup_printf("0x%" G_GINT64_MODIFIER "x", offset);
}

static void
add_finding_row(SinterTable *table, GVariant *finding)
{
    g_autofree char *guest = format_offset(finding, "guest-offset");
    g_autofree char *host = format_offset(finding, "host-offset");

    sinter_table_add_row(table,
                         (const char *[]){ get_text(finding, "class"), guest, host,
                                           get_text(finding, "code"), get_text(finding, "text") });
}

static void
append_findings(GString *text, const SinterProperties *job, const char *path, gboolean legend)
{
    g_autoptr(GVariant) findings = get_list(job, "Findings");
    g_autoptr(SinterTable) table = sinter_table_new(finding_columns, G_N_ELEMENTS(finding_columns));
    g_autofree char *name = sinter_text_printable(path);
    g_autofree char *lines = NULL;

    for (gsize i = 0; findings && i < g_variant_n_children(findings); i++) {
        g_autoptr(GVariant) finding = g_variant_get_child_value(findings, i);

        if (strcmp(get_text(finding, "image"), path) == 0)
            add_finding_row(table, finding);
    }
    if (sinter_table_get_n_rows(table) == 0)
        return;
    lines = sinter_table_format(table, legend);
    g_string_append_printf(text, "\n%s:\n%s", name, lines);
}

/* The command that takes the repair back, the last change first. */
static void
append_undo_files(GString *text, const SinterProperties *job)
{
    g_autofree const char **paths = sinter_properties_get_strings(job, "UndoFiles");
    guint n = g_strv_length((char **)paths);

    if (n > 0)
        g_string_append(text, "\nTo restore the images as they were, run:\n");
    while (n-- > 0) {
        g_autofree char *path = sinter_text_printable(paths[n]);

        g_string_append_printf(text, "  sinter-img undo %s\n", path);
    }
}

char *
sinter_check_text_report(const SinterProperties *job, gboolean legend)
{
    g_autoptr(GVariant) images = get_list(job, "Images");
    g_autoptr(SinterTable) table = sinter_table_new(image_columns, G_N_ELEMENTS(image_columns));
    GString *text = g_string_new(NULL);
    gsize n = images ? g_variant_n_children(images) : 0;
    g_autofree char *lines = NULL;

    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) image = g_variant_get_child_value(images, i);

        add_image_row(table, image);
    }
    if (n > 0)
        lines = sinter_table_format(table, legend);
    g_string_append(text, lines ? lines : "");
    append_undo_files(text, job);
    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) image = g_variant_get_child_value(images, i);

        append_findings(text, job, get_text(image, "path"), legend);
    }
    return g_string_free(text, FALSE);
}
