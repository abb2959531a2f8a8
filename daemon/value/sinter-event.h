/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One event of a domain or of the connection, as a plain value. Numbers named after a libvirt type
 * have libvirt's values. */
typedef enum {
    SINTER_EVENT_LIFECYCLE,       /* status = virDomainEventType, detail = its detail */
    SINTER_EVENT_BLOCK_JOB,       /* disk, job_type, status = virConnectDomainEventBlockJobStatus */
    SINTER_EVENT_IO_ERROR,        /* disk, path, text = reason ("enospc" or ""), detail =
                                   * virDomainEventIOErrorAction */
    SINTER_EVENT_JOB_COMPLETED,   /* a domain job (migration, save …) ended */
    SINTER_EVENT_DEVICE_ADDED,    /* device; disk, if the device is one */
    SINTER_EVENT_DEVICE_REMOVED,  /* device; disk, if the device was one */
    SINTER_EVENT_BLOCK_THRESHOLD, /* disk, path, threshold_bytes, excess_bytes */
    SINTER_EVENT_METADATA_CHANGE, /* detail = type, text = namespace URI or "" */
    SINTER_EVENT_QMP_JOB_ERROR,   /* disk, text = QEMU's reason; from QMP, not always available */
    SINTER_EVENT_QMP_CORRUPTED,   /* disk, node, text = QEMU's message */
    SINTER_EVENT_CONNECTED,       /* the connection is open, a rescan of the inventory follows */
    SINTER_EVENT_DISCONNECTED,    /* text = the reason */
} SinterEventKind;

typedef struct {
    SinterEventKind kind;
    gint64 time_usec;    /* g_get_real_time() at arrival */
    gint64 arrived_usec; /* likewise, g_get_monotonic_time() */
    char *uuid;          /* UUID of the domain; %NULL for CONNECTED and DISCONNECTED */
    char *name;
    char *disk;        /* target name of the disk ("vda"); %NULL if the event has no disk or if
                        * @device is not a known disk of the domain */
    guint layer_index; /* the layer of @disk that the event is about: SinterLayer's index, the 3 of
                        * "vda[3]"; 0 if unknown */
    char *device; /* name of the device in libvirt or QEMU: target, alias or block job, or %NULL.
                   * For display only; code decides by @disk */
    char *node;   /* QEMU's name of the block node, or %NULL */
    char *path;
    char *text;
    int status;
    int detail;
    int job_type;
    guint64 threshold_bytes;
    guint64 excess_bytes;
} SinterEvent;

SinterEvent *sinter_event_new(SinterEventKind kind);
SinterEvent *sinter_event_copy(const SinterEvent *event);
void sinter_event_free(SinterEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterEvent, sinter_event_free)

/* (transfer none): "block-job", "lifecycle", … */
const char *sinter_event_kind_name(SinterEventKind kind);

G_END_DECLS
