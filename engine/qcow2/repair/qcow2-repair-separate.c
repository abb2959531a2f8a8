/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass over clusters with several users. All users but one get a copy of the cluster: what the
 * guest reads stays the same, and a write of one user no longer changes what another one reads.
 * Invariant: a structure that no entry can move keeps the cluster; the copies and their refcounts
 * are durable before an entry refers to them. A compressed cluster is decoded for its copy.
 */

#include "qcow2-repair-edit.h"
#include "qcow2-repair-keep.h"
#include "qcow2-repair-taken.h"
#include "qcow2-separate-users.h"
#include "qcow2/read/qcow2-decompress.h"
#include "sinter-error.h"

/* Copies of one round, at most; more are made in the next one. */
#define MAX_COPIES 65536

/* --- the plan --- */

/* Returns the index of the first user that gets a copy. Users of one guest offset share. */
static guint
first_mover(const SinterQcow2SharedCluster *self)
{
    guint i = 0;

    if (self->n_fixed > 0 || self->users->len == 0)
        return 0;
    for (i = 1; i < self->users->len; i++) {
        const SinterQcow2User *keeper = &g_array_index(self->users, SinterQcow2User, 0);
        const SinterQcow2User *user = &g_array_index(self->users, SinterQcow2User, i);
        gboolean together =
            user->kind == keeper->kind &&
            (user->kind == SINTER_QCOW2_USER_COMPRESSED || user->guest == keeper->guest);

        if (!together)
            break;
    }
    return i;
}

/* The users, as the finding of the check names them. */
static char *
name_users(const SinterQcow2Round *round, const SinterQcow2SharedCluster *shared)
{
    for (guint i = 0; i < round->checked->findings->len; i++) {
        const SinterFinding *finding = &g_array_index(round->checked->findings, SinterFinding, i);
        g_autofree char *text = NULL;

        if (finding->code != shared->code ||
            finding->host_offset >> round->check->geo.cluster_bits != shared->cluster)
            continue;
        text = sinter_finding_get_text(finding);
        return g_strconcat(text, "; each gets a copy", NULL);
    }
    return g_strdup("each user gets a copy");
}

gboolean
sinter_qcow2_separate_plan(SinterQcow2Round *self, GError **error)
{
    const char *reason = sinter_qcow2_round_reason_to_keep(self);

    self->shared = sinter_qcow2_shared_find(self, error);
    for (guint i = 0; self->shared && i < self->shared->len; i++) {
        const SinterQcow2SharedCluster *shared = g_ptr_array_index(self->shared, i);
        gboolean moves = first_mover(shared) < shared->users->len;
        SinterRepairStep step = {
            .code = shared->code,
            .guest_offset =
                moves ? g_array_index(shared->users, SinterQcow2User, 0).guest : SINTER_OFFSET_NONE,
            .host_offset = shared->cluster << self->check->geo.cluster_bits,
            .evidence = name_users(self, shared),
            .reason = g_strdup(reason),
        };

        if (!moves && !reason)
            step.reason = g_strdup("structures that cannot be moved overlap");
        sinter_repair_plan_add(&self->plan, &step);
    }
    return self->shared != NULL;
}

/* --- the work --- */

typedef struct {
    SinterQcow2Round *round;
    GArray *edits; /* of SinterQcow2EntryEdit */
    guint n_copies;
    guint8 *cluster; /* the content of a cluster */
} Work;

static gboolean
load_compressed(Work *self, const SinterQcow2User *user, GError **error)
{
    SinterQcow2Check *check = self->round->check;
    SinterQcow2CompressedRef ref =
        sinter_qcow2_l2_compressed(&check->geo, user->l2.entry & ~SINTER_QCOW2_COPIED);
    g_autofree guint8 *stream = g_malloc((gsize)ref.host_bytes);

    return sinter_qcow2_check_read(check, ref.host_offset, stream, (gsize)ref.host_bytes, error) &&
           sinter_qcow2_decompress(check->header->compression_type, stream, (gsize)ref.host_bytes,
                                   self->cluster, check->geo.cluster_size, error);
}

/* Fills the buffer with what @user reads. */
static gboolean
load_content(Work *self, const SinterQcow2SharedCluster *shared, const SinterQcow2User *user,
             GError **error)
{
    SinterQcow2Check *check = self->round->check;

    return user->kind == SINTER_QCOW2_USER_COMPRESSED
               ? load_compressed(self, user, error)
               : sinter_qcow2_check_read(check, shared->cluster << check->geo.cluster_bits,
                                         self->cluster, check->geo.cluster_size, error);
}

/* The entry of @user for a copy at @offset with @n_refs references. */
static SinterQcow2L2Entry
entry_for_copy(const SinterQcow2User *user, guint64 offset, guint64 n_refs, gboolean extended)
{
    guint64 zero =
        user->kind == SINTER_QCOW2_USER_DATA && !extended ? user->l2.entry & SINTER_QCOW2_ZERO : 0;
    SinterQcow2L2Entry changed = { offset | zero, user->l2.bitmap };

    if (n_refs == 1)
        changed.entry |= SINTER_QCOW2_COPIED;
    /* all subclusters of a decoded cluster are allocated */
    if (user->kind == SINTER_QCOW2_USER_COMPRESSED && extended)
        changed.bitmap = G_MAXUINT32;
    return changed;
}

/* Copies the cluster for the @n users from @first on, which belong together. */
static gboolean
copy_for(Work *self, const SinterQcow2SharedCluster *shared, guint first, guint n, GError **error)
{
    SinterQcow2Round *round = self->round;
    const SinterQcow2Geometry *geo = &round->check->geo;
    const SinterQcow2User *users = &g_array_index(shared->users, SinterQcow2User, first);
    guint64 n_refs = 0;
    guint64 copy;
    g_autoptr(GError) damaged = NULL;

    for (guint i = 0; i < n; i++)
        n_refs += users[i].n_refs;
    if (!load_content(self, shared, users, &damaged)) {
        /* a stream that cannot be decoded stays where it is */
        if (users->kind == SINTER_QCOW2_USER_COMPRESSED &&
            g_error_matches(damaged, SINTER_ERROR, SINTER_ERROR_CORRUPT))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&damaged));
        return FALSE;
    }
    if (!sinter_qcow2_round_take(round, 1, n_refs, &copy, error) ||
        !sinter_io_write(round->io, copy, self->cluster, geo->cluster_size, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        SinterQcow2EntryEdit edit = {
            users[i].at, users[i].l2, entry_for_copy(&users[i], copy, n_refs, geo->extended_l2),
            (guint8)(users[i].kind == SINTER_QCOW2_USER_TABLE ? 8 : geo->l2_entry_bytes)
        };

        g_array_append_val(self->edits, edit);
    }
    self->n_copies++;
    return TRUE;
}

/* The number of users from @first on that share a copy. */
static guint
count_together(const SinterQcow2SharedCluster *shared, guint first)
{
    const SinterQcow2User *users = (const SinterQcow2User *)shared->users->data;
    guint n = 1;

    while (first + n < shared->users->len && users[first + n].kind == users[first].kind &&
           users[first + n].guest == users[first].guest &&
           (users[first].kind != SINTER_QCOW2_USER_COMPRESSED ||
            users[first + n].l2.entry == users[first].l2.entry))
        n++;
    return n;
}

static gboolean
work_finish(Work *self, GError **error)
{
    if (self->edits->len == 0)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "the data there that was compressed cannot be decoded");
    return sinter_qcow2_round_count_taken(self->round, error) &&
           sinter_qcow2_edits_apply(self->edits, self->round->io, error);
}

static gboolean
work_run(Work *self, GError **error)
{
    GPtrArray *list = self->round->shared;

    for (guint i = 0; i < list->len && self->n_copies < MAX_COPIES; i++) {
        const SinterQcow2SharedCluster *shared = g_ptr_array_index(list, i);

        for (guint k = first_mover(shared), n; k < shared->users->len; k += n) {
            g_autoptr(GError) failed = NULL;

            n = count_together(shared, k);
            if (copy_for(self, shared, k, n, &failed))
                continue;
            /* without more space, what is copied so far is used */
            if (self->n_copies > 0 &&
                g_error_matches(failed, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED))
                return work_finish(self, error);
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
    }
    return work_finish(self, error);
}

gboolean
sinter_qcow2_separate_run(SinterQcow2Round *self, GError **error)
{
    Work work = { .round = self };
    gboolean ok;

    work.edits = g_array_new(FALSE, FALSE, sizeof(SinterQcow2EntryEdit));
    work.cluster = g_malloc(self->check->geo.cluster_size);
    ok = work_run(&work, error);
    g_array_unref(work.edits);
    g_free(work.cluster);
    return ok;
}
