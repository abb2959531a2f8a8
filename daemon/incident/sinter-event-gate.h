/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-event.h"

G_BEGIN_DECLS

/**
 * SinterEventGate:
 *
 * Bounds what libvirt tells without end: a guest that runs on over a broken disk makes thousands
 * of the same I/O error a second. The first of its sort (kind, domain, disk) passes at once; those
 * that come within the interval after it are counted, and the last of them passes at its end, with
 * how many it stands for. Other kinds of events pass as they come. Main context.
 */
typedef struct _SinterEventGate SinterEventGate;

/* @n_events: how many events @event stands for, itself included */
typedef void (*SinterEventGateFunc)(const SinterEvent *event, guint64 n_events, gpointer user_data);

SinterEventGate *sinter_event_gate_new(guint interval_msec, SinterEventGateFunc func,
                                       gpointer user_data);

/* What is still held back is forgotten. */
void sinter_event_gate_free(SinterEventGate *gate);

void sinter_event_gate_take(SinterEventGate *gate, const SinterEvent *event);

G_END_DECLS
