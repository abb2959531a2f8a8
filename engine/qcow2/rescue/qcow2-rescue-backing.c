/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compares orphaned clusters with the backing file. Of each cluster, its first and its last sector
 * with varied content are remembered as hashes; the backing file is read once and looked up sector
 * by sector. Invariant: a cluster gets a clue only if the backing file has its content at one place
 * alone, at the same offset in the cluster, and if the whole clusters are not equal: those are
 * copies that the guest made of its own data.
 *
 * Memory: 32 bytes for each sector that is remembered, at most 32 MiB.
 */

#include "qcow2-rescue-backing.h"

#include <string.h>

#define SECTOR_BYTES 512
#define READ_BYTES (1024 * 1024)
#define SAMPLES_MAX (1024 * 1024)
/* Different byte values that make a sector's content varied. */
#define VALUES_MIN 32

/* A remembered sector, and where the backing file has it. */
struct _SinterQcow2Sample {
    guint64 hash;
    guint64 cluster;  /* of the file */
    guint64 guest;    /* cluster of the disk; NO_CLUSTER: not found */
    guint32 at;       /* sector in the cluster */
    gboolean is_many; /* found at several places */
};

GArray *
sinter_qcow2_rescue_samples_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(SinterQcow2Sample));
}

static gboolean
is_varied(const guint8 *sector)
{
    guint8 seen[256] = { 0 };
    guint n = 0;

    for (guint i = 0; i < SECTOR_BYTES && n < VALUES_MIN; i++) {
        n += !seen[sector[i]];
        seen[sector[i]] = 1;
    }
    return n >= VALUES_MIN;
}

static guint64
hash_sector(const guint8 *sector)
{
    guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);

    for (guint i = 0; i < SECTOR_BYTES; i += 8) {
        guint64 word;

        memcpy(&word, sector + i, sizeof word);
        hash = (hash ^ word) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

static void
remember_sector(SinterQcow2Rescue *self, guint64 cluster, guint32 at, const guint8 *data)
{
    SinterQcow2Sample sample = { .hash = hash_sector(data + (gsize)at * SECTOR_BYTES),
                                 .cluster = cluster,
                                 .guest = SINTER_QCOW2_NO_CLUSTER,
                                 .at = at };

    if (self->samples->len < SAMPLES_MAX)
        g_array_append_val(self->samples, sample);
}

void
sinter_qcow2_rescue_remember(SinterQcow2Rescue *self, guint64 cluster, const guint8 *data)
{
    guint32 n = self->geo.cluster_size / SECTOR_BYTES;
    guint32 first = 0;
    guint32 last = n;

    if (!self->read_backing)
        return;
    while (first < n && !is_varied(data + (gsize)first * SECTOR_BYTES))
        first++;
    if (first == n)
        return;
    remember_sector(self, cluster, first, data);
    while (!is_varied(data + (gsize)(last - 1) * SECTOR_BYTES))
        last--;
    if (last - 1 > first)
        remember_sector(self, cluster, last - 1, data);
}

static int
compare_hashes(gconstpointer a, gconstpointer b)
{
    guint64 one = ((const SinterQcow2Sample *)a)->hash;
    guint64 two = ((const SinterQcow2Sample *)b)->hash;

    return one < two ? -1 : one > two;
}

/* Returns the first sample of the sorted list with that hash, or the list's length. */
static guint
find_hash(const GArray *samples, guint64 hash)
{
    guint low = 0;
    guint high = samples->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (g_array_index(samples, SinterQcow2Sample, middle).hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
note_sector(SinterQcow2Rescue *self, guint64 offset, const guint8 *sector)
{
    guint64 hash = hash_sector(sector);
    guint32 at = (guint32)((offset & (self->geo.cluster_size - 1)) / SECTOR_BYTES);

    for (guint i = find_hash(self->samples, hash); i < self->samples->len; i++) {
        SinterQcow2Sample *sample = &g_array_index(self->samples, SinterQcow2Sample, i);

        if (sample->hash != hash)
            return;
        sample->is_many |= sample->guest != SINTER_QCOW2_NO_CLUSTER || sample->at != at;
        sample->guest = offset >> self->geo.cluster_bits;
    }
}

static gboolean
read_backing_file(SinterQcow2Rescue *self, GError **error)
{
    g_autofree guint8 *buf = g_malloc(READ_BYTES);
    const SinterQcow2Reader reader = { .io = self->io, .cancellable = self->cancellable };
    guint64 end = MIN(self->backing_bytes, self->disk_bytes) & ~(guint64)(SECTOR_BYTES - 1);

    for (guint64 offset = 0; offset < end; offset += READ_BYTES) {
        gsize len = (gsize)MIN(end - offset, READ_BYTES);

        if (!sinter_qcow2_reader_go_on(&reader, error))
            return FALSE;
        /* a part that cannot be read is no evidence */
        if (!self->read_backing(offset, buf, len, self->backing_data, NULL))
            continue;
        for (gsize at = 0; at < len; at += SECTOR_BYTES) {
            if (buf[at] != 0 || memcmp(buf + at, buf + at + 1, SECTOR_BYTES - 1) != 0)
                note_sector(self, offset + at, buf + at);
        }
    }
    return TRUE;
}

/* Returns whether the clusters agree in a varied sector, and differ in another one. */
static gboolean
agrees_in_part(SinterQcow2Rescue *self, const SinterQcow2Sample *sample, guint8 *buf)
{
    guint32 size = self->geo.cluster_size;
    guint64 guest = sample->guest << self->geo.cluster_bits;
    guint8 *other = buf + size;

    if (guest > self->backing_bytes || size > self->backing_bytes - guest ||
        !sinter_io_read_padded(self->io, sample->cluster << self->geo.cluster_bits, buf, size,
                               NULL) ||
        !self->read_backing(guest, other, size, self->backing_data, NULL))
        return FALSE;
    return memcmp(buf, other, size) != 0 &&
           memcmp(buf + (gsize)sample->at * SECTOR_BYTES, other + (gsize)sample->at * SECTOR_BYTES,
                  SECTOR_BYTES) == 0;
}

static int
compare_clues(gconstpointer a, gconstpointer b)
{
    guint64 one = ((const SinterQcow2Clue *)a)->host_cluster;
    guint64 two = ((const SinterQcow2Clue *)b)->host_cluster;

    return one < two ? -1 : one > two;
}

static void
add_clues(SinterQcow2Rescue *self)
{
    g_autofree guint8 *buf = g_malloc((gsize)self->geo.cluster_size * 2);
    const SinterQcow2ClueInput whole = { .at = 0 };
    guint64 before = SINTER_QCOW2_NO_CLUSTER;

    for (guint i = 0; i < self->samples->len; i++) {
        const SinterQcow2Sample *sample = &g_array_index(self->samples, SinterQcow2Sample, i);

        if (sample->guest == SINTER_QCOW2_NO_CLUSTER || sample->is_many ||
            sample->cluster == before || !agrees_in_part(self, sample, buf))
            continue;
        before = sample->cluster;
        self->clues.host_cluster = sample->cluster;
        sinter_qcow2_clues_add(&self->clues, &whole, SINTER_QCOW2_CLUE_BACKING,
                               SINTER_QCOW2_VOLUME_DISK, sample->guest << self->geo.cluster_bits);
    }
    g_array_sort(self->clues.clues, compare_clues);
}

static int
compare_places(gconstpointer a, gconstpointer b)
{
    guint64 one = ((const SinterQcow2Sample *)a)->cluster;
    guint64 two = ((const SinterQcow2Sample *)b)->cluster;

    return one < two ? -1 : one > two;
}

gboolean
sinter_qcow2_rescue_compare_backing(SinterQcow2Rescue *self, GError **error)
{
    if (!self->read_backing || self->samples->len == 0)
        return TRUE;
    g_array_sort(self->samples, compare_hashes);
    if (!read_backing_file(self, error))
        return FALSE;
    g_array_sort(self->samples, compare_places);
    add_clues(self);
    return TRUE;
}
