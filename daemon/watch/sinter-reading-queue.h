/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-domain-reading.h"

G_BEGIN_DECLS

/**
 * SinterReadingQueue:
 *
 * Reads several domains beside each other, some steps ahead of the thread that uses the results, so
 * that domains that do not respond are waited for at the same time.
 */
typedef struct _SinterReadingQueue SinterReadingQueue;

/* @source, @uuids: (transfer none) (element-type utf8): must outlive the queue */
SinterReadingQueue *sinter_reading_queue_new(const SinterScanSource *source,
                                             const GPtrArray *uuids);

/* Waits for readings that were begun. */
void sinter_reading_queue_free(SinterReadingQueue *queue);

/* (transfer full) (nullable): the next reading, in any order; %NULL after the last. Blocking. */
SinterDomainReading *sinter_reading_queue_pop(SinterReadingQueue *queue);

G_END_DECLS
