/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One thing that happened, as a plain value. Numbers named after libvirt are libvirt's own. */
typedef enum {
    SINTER_EVENT_LIFECYCLE,       /* status = virDomainEventType, detail = its detail */
    SINTER_EVENT_BLOCK_JOB,       /* disk, job_type, status = virConnectDomainEventBlockJobStatus */
    SINTER_EVENT_IO_ERROR,        /* disk, path, text = reason ("enospc" or ""), detail =
                                   * virDomainEventIOErrorAction */
    SINTER_EVENT_JOB_COMPLETED,   /* a domain job (migration, save …) ended */
    SINTER_EVENT_DEVICE_ADDED,    /* device; disk, if it is one */
    SINTER_EVENT_DEVICE_REMOVED,  /* device; disk, if it was one */
    SINTER_EVENT_BLOCK_THRESHOLD, /* disk, path, threshold_bytes, excess_bytes */
    SINTER_EVENT_METADATA_CHANGE, /* detail = type, text = namespace URI or "" */
    SINTER_EVENT_QMP_JOB_ERROR,   /* disk, text = QEMU's reason; from QMP, optional */
    SINTER_EVENT_QMP_CORRUPTED,   /* disk, node, text = QEMU's message */
    SINTER_EVENT_CONNECTED,    /* the connection stands, the inventory is about to be rescanned */
    SINTER_EVENT_DISCONNECTED, /* text = why */
} SinterEventKind;

typedef struct {
    SinterEventKind kind;
    gint64 time_usec; /* g_get_real_time() when it arrived */
    char *uuid;       /* the domain's; %NULL for CONNECTED and DISCONNECTED */
    char *name;
    char *disk;        /* the disk's target name ("vda"); %NULL for an event of no disk, and where
                        * @device is none that is known of the domain */
    guint layer_index; /* the layer of @disk that it is about: SinterLayer's index, the 3 of
                        * "vda[3]"; 0 where that is not said */
    char *device; /* what libvirt or QEMU call the device: target, alias or block job, or %NULL. To
                   * be shown; what has to be decided is decided by @disk */
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
