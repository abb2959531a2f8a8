/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads L1 and L2 tables in pages, and keeps some of them.
 *
 * Threads: between lock and unlock the pages are the caller's. What sinter_qcow1_tables_page()
 * returned is valid until the next call or the unlock.
 */

#include <sinter/io.h>

G_BEGIN_DECLS

/* The size of a page; also the size of the smallest L2 table times eight. */
#define SINTER_QCOW1_PAGE_BYTES 4096

typedef struct _SinterQcow1Tables SinterQcow1Tables;

/*
 * @file_bytes: tables that lie beyond are refused. @budget_bytes: how much memory pages may take; a
 * few are always kept. NULL where memory cannot be had.
 */
SinterQcow1Tables *sinter_qcow1_tables_new(SinterIo *io, guint64 file_bytes, gsize budget_bytes,
                                           GError **error);
/* Accepts NULL. */
void sinter_qcow1_tables_free(SinterQcow1Tables *tables);

void sinter_qcow1_tables_lock(SinterQcow1Tables *tables);
void sinter_qcow1_tables_unlock(SinterQcow1Tables *tables);

/*
 * The @len bytes at @offset, at most SINTER_QCOW1_PAGE_BYTES. CORRUPT where they do not lie inside
 * the file.
 */
const guint8 *sinter_qcow1_tables_page(SinterQcow1Tables *tables, guint64 offset, gsize len,
                                       GError **error);

G_END_DECLS
