/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-text.h"

G_BEGIN_DECLS

/**
 * SinterTable:
 *
 * Rows and columns as virsh prints them: a header, a rule of dashes, one line per row, each column
 * as wide as its widest cell. Plain text, so that it can be piped; without a legend only the rows
 * are printed.
 */
typedef struct _SinterTable SinterTable;

typedef struct {
    const char *title;
    SinterAlign align;
} SinterTableColumn;

/* @columns must live as long as the table. */
SinterTable *sinter_table_new(const SinterTableColumn *columns, guint n_columns);
void sinter_table_free(SinterTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterTable, sinter_table_free)

/* @cells: one per column, copied; %NULL is shown as "-". */
void sinter_table_add_row(SinterTable *table, const char *const *cells);

guint sinter_table_get_n_rows(const SinterTable *table);

/* (transfer full): the text, each line with its line end */
char *sinter_table_format(const SinterTable *table, gboolean legend);

G_END_DECLS
