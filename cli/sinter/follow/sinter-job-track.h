/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-object.h"

G_BEGIN_DECLS

/* The former and the current state of a disk. */
typedef struct {
    SinterObject *now;
    guint64 depth_before;
    guint64 bytes_before;
} SinterDiskTrack;

/* @disk: (transfer full) */
SinterDiskTrack *sinter_disk_track_new(SinterObject *disk);
void sinter_disk_track_free(SinterDiskTrack *track);
gboolean sinter_disk_track_has_changed(const SinterDiskTrack *track);

/* A followed job: a plain value. */
typedef struct {
    guint number; /* number of the job in this command, from 0 */
    char *path;
    SinterProperties *properties; /* %NULL until they are read */
    char *id;                     /* likewise */
    char *label;                  /* "vm1 vda"; likewise */
    char *last_phase;             /* that was printed */
    SinterDiskTrack *disk;        /* (transfer none) (nullable) */
    gboolean fresh;               /* the properties are from the current daemon */
    gboolean closed;              /* its end was printed; no further events are expected */
} SinterJobTrack;

SinterJobTrack *sinter_job_track_new(guint number, const char *path);
void sinter_job_track_free(SinterJobTrack *track);

/* Replaces the properties by those read from the daemon. */
void sinter_job_track_take(SinterJobTrack *track, GVariant *dictionary);

gboolean sinter_job_track_has_ended(const SinterJobTrack *track);

G_END_DECLS
