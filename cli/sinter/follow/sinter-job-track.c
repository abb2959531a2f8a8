/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state of a followed job and of its disk. Values only. */

#include "sinter-job-track.h"

#include "text/sinter-job-text.h"

SinterDiskTrack *
sinter_disk_track_new(SinterObject *disk)
{
    SinterDiskTrack *track = g_new0(SinterDiskTrack, 1);

    track->now = disk;
    track->depth_before = sinter_properties_get_number(disk->properties, "Depth");
    track->bytes_before = sinter_properties_get_number(disk->properties, "AllocatedBytes");
    return track;
}

void
sinter_disk_track_free(SinterDiskTrack *track)
{
    if (!track)
        return;
    sinter_object_free(track->now);
    g_free(track);
}

gboolean
sinter_disk_track_has_changed(const SinterDiskTrack *track)
{
    return sinter_properties_get_number(track->now->properties, "Depth") != track->depth_before;
}

SinterJobTrack *
sinter_job_track_new(guint number, const char *path)
{
    SinterJobTrack *track = g_new0(SinterJobTrack, 1);

    track->number = number;
    track->path = g_strdup(path);
    return track;
}

void
sinter_job_track_free(SinterJobTrack *track)
{
    if (!track)
        return;
    sinter_properties_free(track->properties);
    g_free(track->path);
    g_free(track->id);
    g_free(track->label);
    g_free(track->last_phase);
    g_free(track);
}

void
sinter_job_track_take(SinterJobTrack *track, GVariant *dictionary)
{
    sinter_properties_free(track->properties);
    track->properties = sinter_properties_new(dictionary);
    g_free(track->id);
    g_free(track->label);
    track->id = g_strdup(sinter_properties_get_string(track->properties, "Id"));
    track->label = sinter_job_text_label(track->properties);
    track->fresh = TRUE;
}

gboolean
sinter_job_track_has_ended(const SinterJobTrack *track)
{
    return track->properties && sinter_job_text_is_final(track->properties);
}
