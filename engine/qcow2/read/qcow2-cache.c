/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The cache of table pages: set-associative, four ways, least recently used page evicted. Its
 * memory is mapped once, and only touched pages use memory. Pages in holes of the file are not
 * read, so a sparse file of many TiB costs nothing. Invariant: one read is at most 1 MiB, and no
 * page is cached twice.
 */

#include "qcow2-cache.h"
#include "sinter-error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_MAX_BYTES (64 * 1024)
#define READ_MAX_BYTES (1024 * 1024)
#define WAYS 4
#define NO_PAGE G_MAXUINT64

typedef struct {
    guint64 offset; /* NO_PAGE: free */
    guint64 used;   /* the clock's value at the last access */
    gboolean is_zero;
} Slot;

struct _SinterQcow2Cache {
    GMutex lock; /* guards all below */
    SinterIo *io;
    guint64 file_bytes;
    guint32 page_bytes;
    guint page_bits;
    guint n_sets; /* a power of two */
    Slot *slots;
    guint8 *pages;
    guint8 *run; /* READ_MAX_BYTES: buffer for long reads */
    guint8 *zero_page;
    guint64 clock;
    guint64 extent_start; /* the last extent queried: */
    guint64 extent_end;
    gboolean extent_is_hole;
    guint64 next_offset; /* end of the last read: one that starts here is sequential */
    gsize window_bytes;  /* length of the next sequential read */
};

static guint
bits_of(guint32 power_of_two)
{
    return (guint)__builtin_ctz(power_of_two);
}

static gsize
cache_map_bytes(const SinterQcow2Cache *self)
{
    return (gsize)self->n_sets * WAYS * self->page_bytes + READ_MAX_BYTES + self->page_bytes;
}

SinterQcow2Cache *
sinter_qcow2_cache_new(SinterIo *io, guint32 cluster_size, guint64 file_bytes, gsize budget_bytes,
                       GError **error)
{
    SinterQcow2Cache *self = g_new0(SinterQcow2Cache, 1);
    void *memory;

    g_mutex_init(&self->lock);
    self->io = sinter_io_ref(io);
    self->file_bytes = file_bytes;
    self->page_bytes = MIN(cluster_size, PAGE_MAX_BYTES);
    self->page_bits = bits_of(self->page_bytes);
    self->n_sets = 1;
    while ((gsize)self->n_sets * 2 * WAYS * self->page_bytes <= budget_bytes)
        self->n_sets *= 2;
    memory = mmap(NULL, cache_map_bytes(self), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        sinter_error_set_errno(error, errno, "allocating the mapping tables of '%s'",
                               sinter_io_get_path(io));
        sinter_qcow2_cache_free(self);
        return NULL;
    }
    self->run = memory;
    self->zero_page = self->run + READ_MAX_BYTES;
    self->pages = self->zero_page + self->page_bytes;
    self->slots = g_new0(Slot, (gsize)self->n_sets * WAYS);
    for (gsize i = 0; i < (gsize)self->n_sets * WAYS; i++)
        self->slots[i].offset = NO_PAGE;
    self->next_offset = NO_PAGE;
    return self;
}

void
sinter_qcow2_cache_free(SinterQcow2Cache *cache)
{
    if (!cache)
        return;
    if (cache->run)
        munmap(cache->run, cache_map_bytes(cache));
    sinter_io_unref(cache->io);
    g_mutex_clear(&cache->lock);
    g_free(cache->slots);
    g_free(cache);
}

void
sinter_qcow2_cache_lock(SinterQcow2Cache *cache)
{
    g_mutex_lock(&cache->lock);
}

void
sinter_qcow2_cache_unlock(SinterQcow2Cache *cache)
{
    g_mutex_unlock(&cache->lock);
}

guint32
sinter_qcow2_cache_page_bytes(SinterQcow2Cache *cache)
{
    return cache->page_bytes;
}

/* The first slot of the set for @offset. */
static gsize
cache_set_of(const SinterQcow2Cache *self, guint64 offset)
{
    guint64 hash = (offset >> self->page_bits) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

    return (gsize)((hash >> 32) & (self->n_sets - 1)) * WAYS;
}

static guint8 *
cache_page_at(const SinterQcow2Cache *self, gsize slot)
{
    return self->pages + slot * self->page_bytes;
}

gboolean
sinter_qcow2_cache_peek(SinterQcow2Cache *cache, guint64 offset, SinterQcow2Page *ret)
{
    gsize first = cache_set_of(cache, offset);

    for (gsize i = first; i < first + WAYS; i++) {
        if (cache->slots[i].offset != offset)
            continue;
        cache->slots[i].used = ++cache->clock;
        *ret = (SinterQcow2Page){ cache_page_at(cache, i), cache->slots[i].is_zero };
        return TRUE;
    }
    return FALSE;
}

static gboolean
is_all_zero(const guint8 *data, gsize len)
{
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static void
cache_put(SinterQcow2Cache *self, guint64 offset, const guint8 *data)
{
    gsize first = cache_set_of(self, offset);
    gsize victim = first;

    for (gsize i = first; i < first + WAYS; i++) {
        if (self->slots[i].offset == offset)
            return;
        if (self->slots[i].used < self->slots[victim].used)
            victim = i;
    }
    self->slots[victim].offset = offset;
    self->slots[victim].used = ++self->clock;
    self->slots[victim].is_zero = is_all_zero(data, self->page_bytes);
    memcpy(cache_page_at(self, victim), data, self->page_bytes);
}

/* Returns whether the page at @offset is in a hole of the file. */
static gboolean
cache_in_hole(SinterQcow2Cache *self, guint64 offset, gboolean *ret_in_hole, GError **error)
{
    guint64 end = MIN(offset + self->page_bytes, self->file_bytes);
    SinterIoExtent extent;

    if (offset < self->extent_start || offset >= self->extent_end) {
        if (!sinter_io_extent(self->io, offset, self->file_bytes - offset, &extent, error))
            return FALSE;
        self->extent_start = offset;
        self->extent_end = offset + extent.length_bytes;
        self->extent_is_hole = extent.is_hole;
    }
    *ret_in_hole = self->extent_is_hole && end <= self->extent_end;
    return TRUE;
}

/* The file may have grown since it was opened: without locks other processes may write to it. */
static gboolean
cache_check_end(SinterQcow2Cache *self, guint64 offset, GError **error)
{
    SinterIoStat st;

    if (offset < self->file_bytes)
        return TRUE;
    if (!sinter_io_stat(self->io, &st, error))
        return FALSE;
    self->file_bytes = st.size_bytes;
    if (offset < self->file_bytes)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s': the table offset %" G_GUINT64_FORMAT
                " is beyond the end of the file at %" G_GUINT64_FORMAT
                "; repair the image with 'sinter-img check -r all'",
                sinter_io_get_path(self->io), offset, self->file_bytes);
    return FALSE;
}

/* The length of the read at @offset: one page at first, doubled with each sequential read. */
static gsize
cache_next_window(SinterQcow2Cache *self, guint64 offset, guint64 ahead_bytes)
{
    if (offset == self->next_offset)
        self->window_bytes = MIN(self->window_bytes * 2, READ_MAX_BYTES);
    else
        self->window_bytes = self->page_bytes;
    ahead_bytes = MIN(ahead_bytes, self->window_bytes) / self->page_bytes * self->page_bytes;
    return (gsize)MAX(ahead_bytes, self->page_bytes);
}

gboolean
sinter_qcow2_cache_get(SinterQcow2Cache *cache, guint64 offset, guint64 ahead_bytes,
                       SinterQcow2Page *ret, GError **error)
{
    gboolean in_hole = FALSE;
    gsize window;

    if (sinter_qcow2_cache_peek(cache, offset, ret))
        return TRUE;
    if (!cache_check_end(cache, offset, error))
        return FALSE;
    if (!cache_in_hole(cache, offset, &in_hole, error))
        return FALSE;
    if (in_hole) {
        *ret = (SinterQcow2Page){ cache->zero_page, TRUE };
        return TRUE;
    }
    window = cache_next_window(cache, offset, ahead_bytes);
    if (!sinter_io_read_padded(cache->io, offset, cache->run, window, error))
        return FALSE;
    cache->next_offset = offset + window;
    /* the requested page is inserted last, so that no other page evicts it */
    for (gsize at = window; at > 0; at -= cache->page_bytes)
        cache_put(cache, offset + at - cache->page_bytes, cache->run + at - cache->page_bytes);
    return sinter_qcow2_cache_peek(cache, offset, ret);
}
