/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-event.h"

G_BEGIN_DECLS

/**
 * SinterEventGate:
 *
 * Limits the rate of events that libvirt can send without end: a guest on a broken disk causes
 * thousands of equal I/O errors per second. The first event of a sort (kind, domain, disk) passes
 * at once. Those that follow within the interval are counted, and the last of them passes at the
 * end of the interval together with the count. Other kinds of events pass unchanged. Main context.
 */
typedef struct _SinterEventGate SinterEventGate;

/* @n_events: how many events @event represents, itself included */
typedef void (*SinterEventGateFunc)(const SinterEvent *event, guint64 n_events, gpointer user_data);

SinterEventGate *sinter_event_gate_new(guint interval_msec, SinterEventGateFunc func,
                                       gpointer user_data);

/* Discards the events that are held back. */
void sinter_event_gate_free(SinterEventGate *gate);

void sinter_event_gate_take(SinterEventGate *gate, const SinterEvent *event);

G_END_DECLS
