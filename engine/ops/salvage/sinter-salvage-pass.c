/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the disk in passes, the easy parts first, so that failing storage has given what it can
 * before it is strained: forwards with growing distance to bad areas; backwards likewise; what was
 * skipped; then the edges of bad areas, sector by sector up to the first one that fails; the rest
 * of them; and the bad sectors again. The phases are those of GNU ddrescue (its manual, chapter
 * "Algorithm"). Invariant: a block is marked as read only after its bytes were written to the
 * output.
 */

#include "sinter-salvage-pass.h"
#include "sinter-error.h"
#include "sinter-progress.h"

#include <string.h>

#define SECTOR_BYTES 512
#define CHUNK_BYTES (64 * 1024)
/* What is skipped after a failure: doubled with each further one, up to a part of the disk. */
#define SKIP_MIN_BYTES (64 * 1024)
#define SKIP_MAX_PART 100
#define SKIP_MAX_BYTES (G_GUINT64_CONSTANT(1) << 30)
#define SKIP_MAX_LEAST_BYTES (1024 * 1024)
#define SAVE_INTERVAL_USEC (30 * G_USEC_PER_SEC)
#define TELL_INTERVAL_USEC (G_USEC_PER_SEC / 10)

/* What an attempt came to. */
typedef struct {
    guint64 length;    /* of the range that it covers */
    gboolean failed;   /* it could not be read */
    gboolean strained; /* the storage reported a failure: keep away for now */
} Attempt;

gboolean
sinter_salvage_pass_save(SinterSalvageRun *self, GError **error)
{
    g_autofree char *text = NULL;

    self->saved_usec = g_get_monotonic_time();
    if (!self->options->save)
        return TRUE;
    text = sinter_salvage_map_print(self->map, self->phase, self->position);
    return sinter_handle_flush(self->target.handle, error) &&
           self->options->save(text, self->options->save_data, error);
}

static void
pass_tell(SinterSalvageRun *self)
{
    guint64 done = sinter_salvage_map_count(self->map, SINTER_SALVAGE_READ) +
                   sinter_salvage_map_count(self->map, SINTER_SALVAGE_BAD);

    if (done > self->told_bytes)
        sinter_progress_advance(self->options->progress, done - self->told_bytes);
    self->told_bytes = MAX(done, self->told_bytes);
}

/* To be called before each step. */
static gboolean
pass_go_on(SinterSalvageRun *self, guint64 position, GError **error)
{
    gint64 now_usec = g_get_monotonic_time();

    self->position = position;
    if (now_usec - self->told_usec >= TELL_INTERVAL_USEC) {
        self->told_usec = now_usec;
        pass_tell(self);
    }
    if (g_cancellable_is_cancelled(self->options->cancellable)) {
        /* what was read so far need not be read again */
        return sinter_salvage_pass_save(self, error) &&
               sinter_error_refuse(error, SINTER_ERROR_CANCELLED, "stopped on request");
    }
    return now_usec - self->saved_usec < SAVE_INTERVAL_USEC ||
           sinter_salvage_pass_save(self, error);
}

static SinterSalvageCause
cause_of(const SinterFormatSalvage *found)
{
    return (SinterSalvageCause){ found->loss, found->errnum, found->extent.layer, found->place };
}

static void
pass_mark(SinterSalvageRun *self, const SinterExtent *extent, SinterSalvageStatus status,
          const SinterSalvageCause *cause)
{
    sinter_salvage_map_set(self->map, extent->offset, extent->length, status, cause);
}

/* Reads data and writes it to the output. @cause: of a doubt about it, or of a failure. */
static gboolean
attempt_data(SinterSalvageRun *self, const SinterExtent *extent, SinterSalvageStatus on_failure,
             SinterSalvageCause *cause, Attempt *ret, GError **error)
{
    int errnum = 0;
    SinterLoss loss = sinter_salvage_source_read(&self->source, extent, self->buffer, &errnum);

    ret->failed = loss != SINTER_LOSS_NONE;
    ret->strained = sinter_loss_is_transient(loss);
    if (!ret->failed) {
        if (!sinter_salvage_target_put(&self->target, extent->offset, self->buffer,
                                       (gsize)extent->length, error))
            return FALSE;
        pass_mark(self, extent, SINTER_SALVAGE_READ, cause);
        return TRUE;
    }
    *cause = (SinterSalvageCause){ loss, errnum, extent->layer,
                                   extent->flags & SINTER_EXTENT_HAS_HOST ? extent->host_offset
                                                                          : cause->place };
    /* a compressed cluster has no parts that can be read alone */
    pass_mark(self, extent,
              extent->kind == SINTER_EXTENT_COMPRESSED ? SINTER_SALVAGE_BAD : on_failure, cause);
    return TRUE;
}

/*
 * Tries the start of a range: as much as the map has of one kind, and of data that must be read at
 * most @data_bytes. Data that cannot be read gets the status @on_failure. FALSE: the output cannot
 * be written.
 */
static gboolean
attempt(SinterSalvageRun *self, const SinterSalvageBlock *range, guint64 data_bytes,
        SinterSalvageStatus on_failure, Attempt *ret, GError **error)
{
    SinterFormatSalvage found;
    SinterExtent *extent = &found.extent;
    SinterSalvageCause cause;

    *ret = (Attempt){ 0 };
    sinter_salvage_source_map(&self->source, range->offset, range->length, &found);
    if (extent->kind == SINTER_EXTENT_DATA)
        extent->length = MIN(extent->length, data_bytes);
    ret->length = extent->length;
    cause = cause_of(&found);
    if (found.loss != SINTER_LOSS_NONE && !found.doubtful) {
        ret->failed = TRUE;
        ret->strained = sinter_loss_is_transient(found.loss);
        pass_mark(self, extent, SINTER_SALVAGE_BAD, &cause);
        return TRUE;
    }
    if (extent->kind == SINTER_EXTENT_DATA || extent->kind == SINTER_EXTENT_COMPRESSED)
        return attempt_data(self, extent, on_failure, &cause, ret, error);
    if (!sinter_salvage_target_put_zeros(&self->target, extent->offset, extent->length, error))
        return FALSE;
    pass_mark(self, extent, SINTER_SALVAGE_READ, &cause);
    return TRUE;
}

/* --- copying ---------------------------------------------------------------------------------- */

static guint64
next_skip(const SinterSalvageRun *self, guint64 skip)
{
    guint64 max = CLAMP(sinter_salvage_source_get_size(&self->source) / SKIP_MAX_PART,
                        SKIP_MAX_LEAST_BYTES, SKIP_MAX_BYTES);

    return skip == 0 ? SKIP_MIN_BYTES : MIN(skip * 2, max);
}

static gboolean
copy_forwards(SinterSalvageRun *self, gboolean skips, GError **error)
{
    SinterSalvageBlock block;
    guint64 skip = 0;
    guint64 at = 0;

    while (sinter_salvage_map_next(self->map, SINTER_SALVAGE_NOT_TRIED, at, &block)) {
        Attempt tried;

        if (!pass_go_on(self, block.offset, error) ||
            !attempt(self, &block, CHUNK_BYTES, SINTER_SALVAGE_NOT_TRIMMED, &tried, error))
            return FALSE;
        at = block.offset + tried.length;
        skip = tried.strained ? next_skip(self, skip) : 0;
        if (skips && tried.strained)
            at += skip;
    }
    return TRUE;
}

/* Copies a short range forwards, up to a failure of the storage. */
static gboolean
copy_chunk(SinterSalvageRun *self, SinterSalvageBlock range, gboolean *ret_strained, GError **error)
{
    guint64 end = range.offset + range.length;

    for (*ret_strained = FALSE; range.offset < end && !*ret_strained;) {
        Attempt tried;

        range.length = end - range.offset;
        if (!attempt(self, &range, CHUNK_BYTES, SINTER_SALVAGE_NOT_TRIMMED, &tried, error))
            return FALSE;
        range.offset += tried.length;
        *ret_strained = tried.strained;
    }
    return TRUE;
}

static gboolean
copy_backwards(SinterSalvageRun *self, GError **error)
{
    guint64 to = sinter_salvage_source_get_size(&self->source);
    SinterSalvageBlock block;
    guint64 skip = 0;

    while (sinter_salvage_map_last(self->map, SINTER_SALVAGE_NOT_TRIED, to, &block)) {
        gboolean strained = FALSE;

        if (block.length > CHUNK_BYTES) {
            block.offset += block.length - CHUNK_BYTES;
            block.length = CHUNK_BYTES;
        }
        if (!pass_go_on(self, block.offset + block.length, error) ||
            !copy_chunk(self, block, &strained, error))
            return FALSE;
        skip = strained ? next_skip(self, skip) : 0;
        to = block.offset - MIN(skip, block.offset);
    }
    return TRUE;
}

static gboolean
pass_copy(SinterSalvageRun *self, GError **error)
{
    self->phase = SINTER_SALVAGE_NOT_TRIED;
    return copy_forwards(self, TRUE, error) && copy_backwards(self, error) &&
           copy_forwards(self, FALSE, error);
}

/* --- bad areas -------------------------------------------------------------------------------- */

/* Reads sectors forwards, up to one that fails. @ret_end: where that ends. */
static gboolean
trim_start(SinterSalvageRun *self, SinterSalvageBlock block, guint64 *ret_end, GError **error)
{
    guint64 end = block.offset + block.length;
    Attempt tried = { 0 };

    while (block.offset < end && !tried.failed) {
        block.length = end - block.offset;
        if (!pass_go_on(self, block.offset, error) ||
            !attempt(self, &block, SECTOR_BYTES - block.offset % SECTOR_BYTES, SINTER_SALVAGE_BAD,
                     &tried, error))
            return FALSE;
        block.offset += tried.length;
    }
    *ret_end = block.offset;
    return TRUE;
}

/* The same backwards, down to @start. @ret_start: where the sector that fails begins. */
static gboolean
trim_end(SinterSalvageRun *self, guint64 start, guint64 end, guint64 *ret_start, GError **error)
{
    Attempt tried = { 0 };

    while (end > start && !tried.failed) {
        guint64 sector = (end - 1) / SECTOR_BYTES * SECTOR_BYTES;
        SinterSalvageBlock block = { .offset = MAX(sector, start) };

        block.length = end - block.offset;
        if (!pass_go_on(self, end, error) ||
            !attempt(self, &block, SECTOR_BYTES, SINTER_SALVAGE_BAD, &tried, error))
            return FALSE;
        /* a sector that consists of several parts is left to the scraping */
        if (tried.length < block.length)
            break;
        end = block.offset;
    }
    *ret_start = MAX(end, start);
    return TRUE;
}

static gboolean
pass_trim(SinterSalvageRun *self, GError **error)
{
    SinterSalvageBlock block;

    self->phase = SINTER_SALVAGE_NOT_TRIMMED;
    while (sinter_salvage_map_next(self->map, SINTER_SALVAGE_NOT_TRIMMED, 0, &block)) {
        guint64 start = 0;
        guint64 end = 0;

        if (!trim_start(self, block, &start, error) ||
            !trim_end(self, start, block.offset + block.length, &end, error))
            return FALSE;
        if (end > start)
            sinter_salvage_map_set(self->map, start, end - start, SINTER_SALVAGE_NOT_SCRAPED,
                                   &block.cause);
    }
    return TRUE;
}

static gboolean
pass_scrape(SinterSalvageRun *self, GError **error)
{
    SinterSalvageBlock block;

    self->phase = SINTER_SALVAGE_NOT_SCRAPED;
    while (sinter_salvage_map_next(self->map, SINTER_SALVAGE_NOT_SCRAPED, 0, &block)) {
        Attempt tried;

        if (!pass_go_on(self, block.offset, error) ||
            !attempt(self, &block, SECTOR_BYTES - block.offset % SECTOR_BYTES, SINTER_SALVAGE_BAD,
                     &tried, error))
            return FALSE;
    }
    return TRUE;
}

/* Damage of the content stays what it is; a cause that an earlier run found is not known. */
static gboolean
may_be_read_now(const SinterSalvageBlock *block)
{
    return block->cause.loss == SINTER_LOSS_NONE || sinter_loss_is_transient(block->cause.loss);
}

static gboolean
pass_retry(SinterSalvageRun *self, GError **error)
{
    SinterSalvageBlock block;
    guint64 at = 0;

    self->phase = SINTER_SALVAGE_BAD;
    sinter_salvage_source_forget(&self->source);
    while (sinter_salvage_map_next(self->map, SINTER_SALVAGE_BAD, at, &block)) {
        Attempt tried = { .length = block.length };

        if (!pass_go_on(self, block.offset, error) ||
            (may_be_read_now(&block) &&
             !attempt(self, &block, SECTOR_BYTES - block.offset % SECTOR_BYTES, SINTER_SALVAGE_BAD,
                      &tried, error)))
            return FALSE;
        at = block.offset + tried.length;
    }
    return TRUE;
}

gboolean
sinter_salvage_pass_all(SinterSalvageRun *self, guint tries_bad, GError **error)
{
    if (!pass_copy(self, error) || !pass_trim(self, error) || !pass_scrape(self, error))
        return FALSE;
    for (guint i = 0; i < tries_bad; i++) {
        if (!pass_retry(self, error))
            return FALSE;
    }
    pass_tell(self);
    self->phase = SINTER_SALVAGE_READ;
    return TRUE;
}

void
sinter_salvage_pass_restore(SinterSalvageRun *self)
{
    SinterSalvageBlock block;
    guint64 at = 0;

    while (sinter_salvage_map_next(self->map, SINTER_SALVAGE_READ, at, &block)) {
        SinterFormatSalvage found;
        SinterSalvageCause cause;

        sinter_salvage_source_map(&self->source, block.offset, block.length, &found);
        cause = cause_of(&found);
        if (found.loss != SINTER_LOSS_NONE && found.doubtful)
            pass_mark(self, &found.extent, SINTER_SALVAGE_READ, &cause);
        at = block.offset + found.extent.length;
    }
}

gboolean
sinter_salvage_pass_fill(SinterSalvageRun *self, GError **error)
{
    const SinterSalvageOptions *options = self->options;
    SinterSalvageBlock block;
    guint64 at = 0;

    if (!options->fill)
        return TRUE;
    for (gsize i = 0; i < CHUNK_BYTES; i++)
        self->buffer[i] = options->fill[i % SECTOR_BYTES % options->fill_bytes];
    while (sinter_salvage_map_next(self->map, SINTER_SALVAGE_BAD, at, &block)) {
        guint64 within = block.offset % SECTOR_BYTES;
        gsize n = (gsize)MIN(block.length, CHUNK_BYTES - within);

        if (!pass_go_on(self, block.offset, error) ||
            !sinter_handle_write_at(self->target.handle, block.offset, self->buffer + within, n,
                                    error))
            return FALSE;
        at = block.offset + n;
    }
    return TRUE;
}
