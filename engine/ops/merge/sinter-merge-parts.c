/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A merge in parts, on a full file system. Invariant: a part is freed only after it is durable in
 * the result, from the lowest member to the highest, each durably before the next: a member that is
 * freed is either shadowed there by one above it, or the images below it read the same.
 *
 * The maps that the chain has in memory no longer match a part that was freed, so no part is read
 * again.
 */

#include "sinter-merge-parts.h"
#include "sinter-error.h"
#include "sinter-member.h"

/* The disk is cut into this many parts at first; one that does not fit is cut in two. */
#define FIRST_PARTS 64
/* Parts are not cut smaller, so that clusters are whole in any member. */
#define PART_MIN_BYTES (64 * 1024)

typedef struct {
    guint64 from;
    guint64 to;
} Part;

typedef struct {
    const SinterMergeMove *move;
    SinterHandle *target;   /* NULL: closed after a failure */
    SinterHandle **sources; /* for each layer of the stretch; NULL: not opened yet */
    guint n_sources;
    guint64 unit; /* bytes: a multiple of the clusters of all members */
    GArray *todo; /* of Part */
    GError *full; /* (nullable): why the last part did not fit */
} Parts;

static void
parts_init(Parts *self, const SinterMergeMove *move)
{
    *self = (Parts){ .move = move, .unit = PART_MIN_BYTES };
    self->n_sources = move->stretch.base - move->stretch.top + 1;
    self->sources = g_new0(SinterHandle *, self->n_sources);
    self->todo = g_array_new(FALSE, FALSE, sizeof(Part));
    for (guint i = 0; i < self->n_sources; i++) {
        const SinterImage *image = sinter_chain_layer(move->chain, move->stretch.top + i);

        self->unit = MAX(self->unit, image->info->cluster_size);
    }
}

/* After a failure the members stay in the chain: what was freed is counted as free. */
static void
parts_clear(Parts *self)
{
    for (guint i = 0; i < self->n_sources; i++) {
        if (self->sources[i])
            sinter_handle_close(self->sources[i], NULL);
    }
    g_free(self->sources);
    g_array_unref(self->todo);
    g_clear_error(&self->full);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parts, parts_clear)

static void
parts_cut(Parts *self)
{
    guint64 end = sinter_merge_move_end(self->move);
    guint64 step = (end / FIRST_PARTS + self->unit) / self->unit * self->unit;

    for (guint64 at = 0; at < end; at += step) {
        const Part part = { at, MIN(at + step, end) };

        g_array_append_val(self->todo, part);
    }
}

/* Returns the layers to free: all of the stretch without the result. */
static void
layers_to_free(const SinterMergeMove *move, guint *ret_first, guint *ret_last)
{
    gboolean down = move->plan->direction == SINTER_MERGE_DOWN;

    *ret_first = move->stretch.top + (down ? 0 : 1);
    *ret_last = move->stretch.base - (down ? 1 : 0);
}

/* Frees [@from, *@to) of @layer; @to becomes the end of what layers above it may free. */
static gboolean
free_in_layer(Parts *self, guint layer, guint64 from, guint64 *to, GError **error)
{
    const SinterImage *image = sinter_chain_layer(self->move->chain, layer);
    SinterHandle **handle = &self->sources[layer - self->move->stretch.top];
    guint64 end = MIN(*to, image->virtual_size);

    if (from >= end) {
        *to = MIN(*to, from);
        return TRUE;
    }
    if (!*handle)
        *handle = sinter_member_open(self->move->chain, layer, 0, error);
    if (!*handle)
        return FALSE;
    /* a flat base has no mapping: its data is behind what was moved */
    *to = end;
    if (image->format->is_flat)
        return sinter_handle_discard_at(*handle, from, end - from, error) &&
               sinter_handle_flush(*handle, error);
    return sinter_handle_uncover_at(*handle, from, end - from, to, error) &&
           sinter_handle_flush(*handle, error);
}

/* Frees a part in all members, as far as each of them lets those above it. */
static gboolean
parts_free(Parts *self, const Part *part, GError **error)
{
    guint64 to = part->to;
    guint first;
    guint last;

    layers_to_free(self->move, &first, &last);
    for (guint layer = last + 1; layer-- > first;) {
        if (!free_in_layer(self, layer, part->from, &to, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
parts_move(Parts *self, const Part *part, GError **error)
{
    if (!self->target)
        self->target = sinter_merge_move_open(self->move, error);
    return self->target &&
           sinter_merge_move_range(self->move, self->target, part->from, part->to - part->from,
                                   NULL, error) &&
           sinter_handle_flush(self->target, error);
}

/* What was written of a part that did not fit is kept as far as possible: it is shadowed. */
static gboolean
parts_give_up(Parts *self, GError *why, GError **error)
{
    /* the commit of what was written may lack room as well, but its flushes count: a page that the
     * kernel lost is reported once, and only to this descriptor */
    if (self->target)
        sinter_handle_flush(self->target, NULL);
    if (self->target && !sinter_handle_check_flushes(self->target, error)) {
        g_error_free(why);
        return FALSE;
    }
    if (self->target)
        sinter_handle_close(g_steal_pointer(&self->target), NULL);
    g_clear_error(&self->full);
    self->full = why;
    return TRUE;
}

/* Handles one part. @ret_left: what is left of it, of Part. */
static gboolean
parts_try(Parts *self, const Part *part, GArray *left, gboolean *ret_progress, GError **error)
{
    guint64 middle = (part->from + (part->to - part->from) / 2) / self->unit * self->unit;
    const Part halves[] = { { part->from, middle }, { middle, part->to } };
    GError *failure = NULL;

    if (parts_move(self, part, &failure)) {
        *ret_progress = TRUE;
        return parts_free(self, part, error);
    }
    if (!g_error_matches(failure, SINTER_ERROR, SINTER_ERROR_NO_SPACE)) {
        g_propagate_error(error, failure);
        return FALSE;
    }
    if (!parts_give_up(self, failure, error))
        return FALSE;
    if (middle <= part->from) {
        g_array_append_vals(left, part, 1);
        return TRUE;
    }
    *ret_progress = TRUE;
    g_array_append_vals(left, halves, G_N_ELEMENTS(halves));
    return TRUE;
}

/* Tries all parts once. Fails if none fits, nor can be cut. */
static gboolean
parts_pass(Parts *self, GError **error)
{
    g_autoptr(GArray) left = g_array_new(FALSE, FALSE, sizeof(Part));
    gboolean progress = FALSE;

    for (guint i = 0; i < self->todo->len; i++) {
        if (!parts_try(self, &g_array_index(self->todo, Part, i), left, &progress, error))
            return FALSE;
    }
    g_array_unref(self->todo);
    self->todo = g_steal_pointer(&left);
    if (progress || self->todo->len == 0)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&self->full));
    return FALSE;
}

/* Closes the members that were freed, so that their space is counted as free. */
static gboolean
parts_close_sources(Parts *self, GError **error)
{
    for (guint i = 0; i < self->n_sources; i++) {
        if (self->sources[i] && !sinter_handle_close(g_steal_pointer(&self->sources[i]), error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
parts_run(Parts *self, GError **error)
{
    parts_cut(self);
    while (self->todo->len > 0) {
        if (!parts_pass(self, error))
            return FALSE;
    }
    if (!self->target)
        self->target = sinter_merge_move_open(self->move, error);
    return self->target && sinter_merge_move_tail(self->move, self->target, error);
}

gboolean
sinter_merge_move_in_parts(const SinterMergeMove *move, GError **error)
{
    g_auto(Parts) self = { 0 };
    GError *failure = NULL;
    gboolean ok;

    parts_init(&self, move);
    ok = parts_run(&self, &failure);
    if (!self.target) {
        g_propagate_error(error, failure);
        return FALSE;
    }
    return sinter_member_finish(self.target, failure, error) && ok &&
           parts_close_sources(&self, error);
}
