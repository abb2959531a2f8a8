/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-object.h"

G_BEGIN_DECLS

/* How a disk was before, and is now. */
typedef struct {
    SinterObject *now;
    guint64 depth_before;
    guint64 bytes_before;
} SinterDiskTrack;

/* @disk: (transfer full) */
SinterDiskTrack *sinter_disk_track_new(SinterObject *disk);
void sinter_disk_track_free(SinterDiskTrack *track);
gboolean sinter_disk_track_has_changed(const SinterDiskTrack *track);

/* A job that is followed: a plain value. */
typedef struct {
    guint number; /* the how-manyth of this command, from 0 */
    char *path;
    SinterProperties *properties; /* %NULL until they were read */
    char *id;                     /* likewise */
    char *label;                  /* "vm1 vda"; likewise */
    char *last_phase;             /* that was told */
    SinterDiskTrack *disk;        /* (transfer none) (nullable) */
    gboolean fresh;               /* the properties are of the daemon that is there now */
    gboolean closed;              /* nothing more is to come: its end was told */
} SinterJobTrack;

SinterJobTrack *sinter_job_track_new(guint number, const char *path);
void sinter_job_track_free(SinterJobTrack *track);

/* Takes over what was read of the job. */
void sinter_job_track_take(SinterJobTrack *track, GVariant *dictionary);

gboolean sinter_job_track_has_ended(const SinterJobTrack *track);

G_END_DECLS
