/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Merges a range of images in a chain, in three phases, and removes the files that are left over:
 *
 *   journal | content into the result, durable | names, durable | journal | files | no journal
 *
 * Invariant: until the names change, the chain reads as before, whatever else was written; after
 * that, the result holds everything. No file is removed before the journal records that only the
 * removal is left. An interrupted merge therefore either starts again or continues with the
 * removal; the state of the chain determines which.
 */

#include "sinter/merge.h"
#include "sinter-error.h"
#include "sinter-journal.h"
#include "sinter-leftover.h"
#include "sinter-member.h"
#include "sinter-merge-bitmaps.h"
#include "sinter-merge-parts.h"
#include "sinter-progress.h"

#include <string.h>

typedef struct {
    const char *path;
    SinterMergeOptions options; /* with the direction of the journal, if there is one */
    SinterFs *fs;
    char *journal_path;     /* NULL: no journal is kept */
    SinterJournal *journal; /* NULL: nothing to continue, or not started yet */
    gboolean is_recorded;   /* the journal is in its file */
    SinterChain *chain;
    SinterMergeStretch stretch;
    SinterMergePlan *plan;
    gboolean is_linked; /* the chain has the result */
} Merge;

static void
merge_clear(Merge *self)
{
    sinter_merge_plan_free(self->plan);
    sinter_chain_free(self->chain);
    sinter_journal_free(self->journal);
    g_free(self->journal_path);
    sinter_fs_unref(self->fs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Merge, merge_clear)

static gboolean
merge_open_chain(Merge *self, GError **error)
{
    SinterChainOptions options = { .fs = self->fs, .format = self->options.format };

    if (self->options.flags & SINTER_MERGE_PROBE)
        options.flags |= SINTER_CHAIN_PROBE;
    self->chain = sinter_chain_open(self->path, &options, error);
    return self->chain != NULL;
}

static gboolean
merge_load_journal(Merge *self, GError **error)
{
    g_autofree char *what = NULL;

    if (!self->journal_path)
        return TRUE;
    if (!sinter_journal_load(self->fs, self->journal_path, &self->journal, error))
        return FALSE;
    if (!self->journal)
        return TRUE;
    self->is_recorded = TRUE;
    if (sinter_journal_matches(self->journal, &self->options)) {
        self->options.direction = self->journal->direction;
        return TRUE;
    }
    what = sinter_journal_describe(self->journal);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                "a %s was interrupted in this chain: run it again to finish it, or remove '%s' to "
                "abandon it",
                what, self->journal_path);
    return FALSE;
}

/* A journal is not kept for a device: its folder is not persistent. */
static gboolean
is_device(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL);
    SinterIoStat st;

    return io && sinter_io_stat(io, &st, NULL) && st.is_block_device;
}

static gboolean
merge_begin(Merge *self, const char *path, const SinterMergeOptions *options, GError **error)
{
    self->path = path;
    self->options = options ? *options : (SinterMergeOptions){ 0 };
    self->fs = self->options.fs ? sinter_fs_ref(self->options.fs) : sinter_fs_new_host(NULL, error);
    if (!self->fs)
        return FALSE;
    if (!(self->options.flags & SINTER_MERGE_NO_JOURNAL) && !is_device(self->fs, path)) {
        self->journal_path = sinter_journal_path(path);
    } else if (self->options.flags & SINTER_MERGE_DELETE) {
        g_set_error(
            error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
            "files cannot be removed without a journal, and no journal is possible beside '%s'",
            path);
        return FALSE;
    }
    return merge_load_journal(self, error);
}

/* Makes the plan from the journal if the chain no longer exists. */
static SinterMergePlan *
plan_from_journal(const SinterJournal *journal)
{
    SinterMergePlan *plan = g_new0(SinterMergePlan, 1);
    guint n = g_strv_length(journal->members);
    GPtrArray *leftover = g_ptr_array_new();

    plan->direction = journal->direction;
    plan->members = g_strdupv(journal->members);
    plan->result = g_strdup(journal->members[journal->direction == SINTER_MERGE_DOWN ? n - 1 : 0]);
    plan->child = g_strdup(journal->child);
    plan->backing = g_strdup(journal->backing);
    for (guint i = 0; i < journal->leftover->len; i++)
        g_ptr_array_add(leftover, g_strdup(((SinterLeftover *)journal->leftover->pdata[i])->path));
    g_ptr_array_add(leftover, NULL);
    plan->leftover = (char **)g_ptr_array_free(leftover, FALSE);
    plan->deletes = journal->deletes;
    plan->lost_bitmaps = g_strdupv(journal->lost_bitmaps);
    plan->lost_bitmap_files = g_strdupv(journal->lost_bitmap_files);
    plan->resumes = TRUE;
    return plan;
}

/* Returns whether a merged member is still part of the chain. */
static gboolean
chain_has_leftover(const Merge *self)
{
    for (guint i = 0; i < self->chain->layers->len; i++) {
        for (guint k = 0; k < self->journal->leftover->len; k++) {
            const SinterLeftover *leftover = g_ptr_array_index(self->journal->leftover, k);

            if (sinter_member_is_file(self->chain, i, leftover->path))
                return TRUE;
        }
    }
    return FALSE;
}

/* Returns whether the image at @path (NULL for none) is directly below the layer named @above. */
static gboolean
chain_links(SinterChain *chain, const char *above, const char *path)
{
    guint layer;

    for (layer = 0; layer < chain->layers->len; layer++) {
        if (sinter_member_is_file(chain, layer, above))
            break;
    }
    if (layer == chain->layers->len)
        return FALSE;
    if (layer + 1 == chain->layers->len)
        return path == NULL;
    return path && sinter_member_is_file(chain, layer + 1, path);
}

/* Returns whether the merge in the journal has already changed the names. */
static gboolean
merge_is_linked(const Merge *self)
{
    const SinterJournal *journal = self->journal;
    guint n = g_strv_length(journal->members);

    if (chain_has_leftover(self))
        return FALSE;
    if (journal->direction == SINTER_MERGE_UP)
        return chain_links(self->chain, journal->members[0], journal->backing);
    return journal->child && chain_links(self->chain, journal->child, journal->members[n - 1]);
}

/* The state of the chain matches no step of the merge in the journal. */
static void
set_changed_error(const Merge *self, const GError *cause, GError **error)
{
    g_autofree char *what = sinter_journal_describe(self->journal);

    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "a %s was interrupted, and the chain has neither its old nor its new state%s%s%s: "
                "nothing was changed; remove '%s' to start again",
                what, cause ? " (" : "", cause ? cause->message : "", cause ? ")" : "",
                self->journal_path);
}

static gboolean
merge_make_plan(Merge *self, GError **error)
{
    gboolean resumes = self->journal != NULL;
    g_autoptr(GError) local = NULL;

    self->plan = sinter_merge_plan_make(self->chain, &self->options, &self->stretch, &local);
    if (self->plan && resumes &&
        g_strv_length(self->plan->members) != g_strv_length(self->journal->members)) {
        set_changed_error(self, NULL, error);
        return FALSE;
    }
    if (self->plan) {
        self->plan->resumes = resumes;
        return TRUE;
    }
    if (resumes && (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND) ||
                    g_error_matches(local, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT)))
        set_changed_error(self, local, error);
    else
        g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
merge_store_journal(Merge *self, SinterJournalPhase phase, GError **error)
{
    if (!self->journal_path)
        return TRUE;
    self->journal->phase = phase;
    return sinter_journal_store(self->journal, self->fs, self->journal_path, error);
}

static gboolean
merge_drop_journal(Merge *self, GError **error)
{
    return !self->journal_path || sinter_journal_remove(self->fs, self->journal_path, error);
}

/* A stored journal that names the files as they were before parts of them were freed must not stay:
 * it would not find them. */
static gboolean
merge_replace_journal(Merge *self, SinterJournal *journal, GError **error)
{
    g_autoptr(SinterJournal) old = self->journal;

    self->journal = journal;
    if (!self->is_recorded || sinter_journal_has_same_files(old, journal))
        return TRUE;
    self->is_recorded = FALSE;
    return merge_drop_journal(self, error);
}

/* Fills in the journal of a new merge. */
static gboolean
merge_fill_journal(Merge *self, GError **error)
{
    g_autoptr(SinterJournal) journal = sinter_journal_new();
    const SinterMergePlan *plan = self->plan;

    journal->top = g_strdup(self->options.top);
    journal->base = g_strdup(self->options.base);
    journal->remove = g_strdup(self->options.remove);
    journal->drops_shadowed = (self->options.flags & SINTER_MERGE_DROP_SHADOWED) != 0;
    journal->deletes = plan->deletes;
    journal->direction = plan->direction;
    journal->members = g_strdupv(plan->members);
    journal->child = g_strdup(plan->child);
    journal->backing = g_strdup(plan->backing);
    journal->lost_bitmaps = g_strdupv(plan->lost_bitmaps);
    journal->lost_bitmap_files = g_strdupv(plan->lost_bitmap_files);
    for (guint i = 0; plan->leftover[i]; i++) {
        g_autoptr(SinterIo) io =
            sinter_fs_open(self->fs, plan->leftover[i], SINTER_IO_READ | SINTER_IO_NO_LOCK, error);
        SinterLeftover *leftover = io ? sinter_leftover_new(io, plan->leftover[i], error) : NULL;

        if (!leftover)
            return FALSE;
        g_ptr_array_add(journal->leftover, leftover);
    }
    return merge_replace_journal(self, g_steal_pointer(&journal), error);
}

static gboolean
is_full(const GError *error)
{
    return g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE);
}

/*
 * Records the merge before it changes names. On a full file system it goes on without a journal:
 * the merge frees space, and after an interruption only files may be left that nothing uses.
 */
static gboolean
merge_record(Merge *self, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (self->is_recorded)
        return TRUE;
    self->is_recorded = merge_store_journal(self, SINTER_JOURNAL_MOVING, &local);
    if (self->is_recorded || is_full(local))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/*
 * Records that only the removal is left. On a full file system the journal is changed in place; if
 * there is none, the first file is removed before, which makes room for it.
 */
static gboolean
merge_record_removal(Merge *self, GError **error)
{
    SinterLeftover *first = g_ptr_array_index(self->journal->leftover, 0);
    g_autoptr(GError) local = NULL;

    if (merge_store_journal(self, SINTER_JOURNAL_REMOVING, &local))
        return TRUE;
    if (!is_full(local)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (self->is_recorded)
        return sinter_journal_set_removing(self->fs, self->journal_path, error);
    if (!sinter_leftover_remove(first, self->fs, error))
        return FALSE;
    g_clear_error(&local);
    if (merge_store_journal(self, SINTER_JOURNAL_REMOVING, &local) || is_full(local))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
merge_remove_files(Merge *self, GError **error)
{
    /* our own locks would prevent the removal */
    g_clear_pointer(&self->chain, sinter_chain_free);
    if (self->journal->phase != SINTER_JOURNAL_REMOVING && !merge_record_removal(self, error))
        return FALSE;
    for (guint i = 0; i < self->journal->leftover->len; i++) {
        if (!sinter_leftover_remove(g_ptr_array_index(self->journal->leftover, i), self->fs, error))
            return FALSE;
    }
    return TRUE;
}

/* Everything is durable under the new names: removes the files and the journal. */
static gboolean
merge_finish(Merge *self, GError **error)
{
    self->is_linked = TRUE;
    if (self->plan->deletes && !merge_remove_files(self, error))
        return FALSE;
    if (!merge_drop_journal(self, error))
        return FALSE;
    sinter_progress_finish(self->options.progress);
    return TRUE;
}

/* Moves in parts, which changes the files to be removed: the journal must name them as they are
 * now. */
static gboolean
merge_move_in_parts(Merge *self, const SinterMergeMove *move, GError **error)
{
    return sinter_merge_move_in_parts(move, error) && merge_fill_journal(self, error);
}

/* A merge that fails before the names change leaves no journal. */
static gboolean
merge_move(Merge *self, GError **error)
{
    const SinterMergeMove move = { self->chain, self->plan, self->stretch, &self->options };
    g_autoptr(GError) local = NULL;
    gboolean ok = sinter_merge_move(&move, &local);

    if (!ok && is_full(local) && self->plan->deletes) {
        g_clear_error(&local);
        ok = merge_move_in_parts(self, &move, &local);
    }
    if (ok)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    merge_drop_journal(self, NULL);
    return FALSE;
}

static gboolean
merge_carry_bitmaps(Merge *self, GError **error)
{
    return !(self->options.flags & SINTER_MERGE_BITMAPS) ||
           sinter_merge_bitmaps(self->chain, self->plan, self->stretch, error);
}

static gboolean
merge_run(Merge *self, GError **error)
{
    return merge_make_plan(self, error) &&
           sinter_merge_lock(self->chain, self->plan, self->stretch, error) &&
           merge_fill_journal(self, error) && merge_record(self, error) &&
           merge_move(self, error) && merge_record(self, error) &&
           merge_carry_bitmaps(self, error) &&
           sinter_merge_link(self->chain, self->plan, self->stretch, error) &&
           merge_finish(self, error);
}

/* Before it removes files because of a journal, checks that they were not put back into the
 * chain. */
static gboolean
merge_check_removal(Merge *self, GError **error)
{
    SinterChainOptions options = { .fs = self->fs,
                                   .format = self->options.format,
                                   .flags = SINTER_CHAIN_NO_LOCK };
    gboolean ok;

    /* the whole chain down to the base: its top is one of the files to remove */
    if (!self->journal->child && self->journal->direction == SINTER_MERGE_DOWN)
        return TRUE;
    if (self->options.flags & SINTER_MERGE_PROBE)
        options.flags |= SINTER_CHAIN_PROBE;
    self->chain = sinter_chain_open(self->path, &options, error);
    if (!self->chain)
        return FALSE;
    ok = merge_is_linked(self);
    if (!ok)
        set_changed_error(self, NULL, error);
    g_clear_pointer(&self->chain, sinter_chain_free);
    return ok;
}

/* Continues an interrupted merge, if there is one; otherwise starts a new one. */
static gboolean
merge_go(Merge *self, GError **error)
{
    gboolean removing = self->journal && self->journal->phase == SINTER_JOURNAL_REMOVING;

    if (removing ? !merge_check_removal(self, error) : !merge_open_chain(self, error))
        return FALSE;
    if (!removing && !(self->journal && merge_is_linked(self)))
        return merge_run(self, error);
    self->plan = plan_from_journal(self->journal);
    return merge_finish(self, error);
}

/*
 * The cheaper direction may need space that there is not; the other one may only overwrite. Returns
 * FALSE without an error if that is not the case.
 */
static gboolean
merge_other_way(const Merge *failed, SinterMergePlan **ret_plan, GError **error)
{
    g_auto(Merge) self = { 0 };
    SinterMergeOptions options = failed->options;

    if (!failed->plan || options.direction != SINTER_MERGE_CHEAPER)
        return FALSE;
    options.direction =
        failed->plan->direction == SINTER_MERGE_DOWN ? SINTER_MERGE_UP : SINTER_MERGE_DOWN;
    if (!merge_begin(&self, failed->path, &options, error) || !merge_go(&self, error))
        return FALSE;
    *ret_plan = g_steal_pointer(&self.plan);
    return TRUE;
}

gboolean
sinter_merge(const char *path, const SinterMergeOptions *options, SinterMergePlan **ret_plan,
             GError **error)
{
    g_autoptr(SinterMergePlan) other = NULL;
    g_autoptr(GError) local = NULL;
    g_auto(Merge) self = { 0 };

    if (!merge_begin(&self, path, options, error))
        return FALSE;
    if (!merge_go(&self, &local)) {
        /* its locks would be in the way */
        g_clear_pointer(&self.chain, sinter_chain_free);
        if (!is_full(local) || !merge_other_way(&self, &other, NULL)) {
            g_propagate_error(error, g_steal_pointer(&local));
            if (ret_plan && self.is_linked)
                *ret_plan = g_steal_pointer(&self.plan);
            return FALSE;
        }
    }
    if (ret_plan)
        *ret_plan = other ? g_steal_pointer(&other) : g_steal_pointer(&self.plan);
    return TRUE;
}

SinterMergePlan *
sinter_merge_plan_new(const char *path, const SinterMergeOptions *options, GError **error)
{
    g_auto(Merge) self = { 0 };

    if (!merge_begin(&self, path, options, error))
        return NULL;
    if (self.journal && self.journal->phase == SINTER_JOURNAL_REMOVING)
        return plan_from_journal(self.journal);
    if (!merge_open_chain(&self, error))
        return NULL;
    if (self.journal && merge_is_linked(&self))
        return plan_from_journal(self.journal);
    return merge_make_plan(&self, error) ? g_steal_pointer(&self.plan) : NULL;
}
