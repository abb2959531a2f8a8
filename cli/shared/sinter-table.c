/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Tables in the style of virsh. Invariant: a row has as many cells as the table has columns, every
 * cell is printable, and no line ends in spaces.
 */

#include "sinter-table.h"

#define GAP "   " /* between two columns */

struct _SinterTable {
    const SinterTableColumn *columns;
    guint n_columns;
    GPtrArray *rows; /* of char** */
};

static void
row_free(gpointer row)
{
    g_strfreev(row);
}

SinterTable *
sinter_table_new(const SinterTableColumn *columns, guint n_columns)
{
    SinterTable *table = g_new0(SinterTable, 1);

    table->columns = columns;
    table->n_columns = n_columns;
    table->rows = g_ptr_array_new_with_free_func(row_free);
    return table;
}

void
sinter_table_free(SinterTable *table)
{
    if (!table)
        return;
    g_ptr_array_unref(table->rows);
    g_free(table);
}

void
sinter_table_add_row(SinterTable *table, const char *const *cells)
{
    char **row = g_new0(char *, table->n_columns + 1);

    for (guint i = 0; i < table->n_columns; i++)
        row[i] = sinter_text_printable(cells[i] ? cells[i] : "-");
    g_ptr_array_add(table->rows, row);
}

guint
sinter_table_get_n_rows(const SinterTable *table)
{
    return table->rows->len;
}

static guint
column_width(const SinterTable *table, guint column, gboolean legend)
{
    guint width = legend ? sinter_text_width(table->columns[column].title) : 0;

    for (guint i = 0; i < table->rows->len; i++) {
        char **row = g_ptr_array_index(table->rows, i);

        width = MAX(width, sinter_text_width(row[column]));
    }
    return width;
}

static void
append_line(GString *text, const SinterTable *table, const char *const *cells, const guint *widths)
{
    g_string_append_c(text, ' ');
    for (guint i = 0; i < table->n_columns; i++) {
        sinter_text_append_padded(text, cells[i], widths[i], table->columns[i].align);
        if (i + 1 < table->n_columns)
            g_string_append(text, GAP);
    }
    while (text->len > 0 && text->str[text->len - 1] == ' ')
        g_string_truncate(text, text->len - 1);
    g_string_append_c(text, '\n');
}

static void
append_legend(GString *text, const SinterTable *table, const guint *widths)
{
    g_autofree const char **titles = g_new0(const char *, table->n_columns);
    guint total = 2 + (table->n_columns - 1) * (sizeof GAP - 1);

    for (guint i = 0; i < table->n_columns; i++) {
        titles[i] = table->columns[i].title;
        total += widths[i];
    }
    append_line(text, table, titles, widths);
    for (guint i = 0; i < total; i++)
        g_string_append_c(text, '-');
    g_string_append_c(text, '\n');
}

char *
sinter_table_format(const SinterTable *table, gboolean legend)
{
    GString *text = g_string_new(NULL);
    g_autofree guint *widths = g_new0(guint, table->n_columns);

    for (guint i = 0; i < table->n_columns; i++)
        widths[i] = column_width(table, i, legend);
    if (legend)
        append_legend(text, table, widths);
    for (guint i = 0; i < table->rows->len; i++)
        append_line(text, table, g_ptr_array_index(table->rows, i), widths);
    return g_string_free(text, FALSE);
}
