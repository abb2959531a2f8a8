/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads L1 and L2 tables in pages, and caches pages.
 *
 * Threads: between lock and unlock the caller has exclusive access to the pages. The return value
 * of sinter_qcow1_tables_page() is valid until the next call or the unlock.
 */

#include <sinter/io.h>

G_BEGIN_DECLS

/* The size of a page; also the size of the smallest L2 table times eight. */
#define SINTER_QCOW1_PAGE_BYTES 4096

typedef struct _SinterQcow1Tables SinterQcow1Tables;

/*
 * @file_bytes: tables beyond this offset are refused. @budget_bytes: maximum memory for pages; a
 * few pages are always kept. Returns NULL if memory cannot be allocated.
 */
SinterQcow1Tables *sinter_qcow1_tables_new(SinterIo *io, guint64 file_bytes, gsize budget_bytes,
                                           GError **error);
/* Accepts NULL. */
void sinter_qcow1_tables_free(SinterQcow1Tables *tables);

void sinter_qcow1_tables_lock(SinterQcow1Tables *tables);
void sinter_qcow1_tables_unlock(SinterQcow1Tables *tables);

/*
 * Returns the @len bytes at @offset, at most SINTER_QCOW1_PAGE_BYTES. CORRUPT if they are not
 * inside the file.
 */
const guint8 *sinter_qcow1_tables_page(SinterQcow1Tables *tables, guint64 offset, gsize len,
                                       GError **error);

G_END_DECLS
