/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Nested, weighted progress. Each node holds the fraction of its work that is done. A change is
 * scaled by the weight and added to the parent, up to the root, which calls its callback.
 * Invariant: the fraction of a node never decreases and never exceeds 1.
 */

#include "sinter-progress.h"

struct _SinterProgress {
    SinterProgress *parent; /* NULL for the root */
    double weight;          /* part of the parent's work */
    double fraction;
    guint64 n_total;
    guint64 n_done;
    SinterProgressFunc func; /* root only */
    gpointer user_data;
    double told; /* the last fraction passed to the callback */
};

SinterProgress *
sinter_progress_new(SinterProgressFunc func, gpointer user_data)
{
    SinterProgress *self = g_new0(SinterProgress, 1);

    self->func = func;
    self->user_data = user_data;
    self->told = -1;
    return self;
}

SinterProgress *
sinter_progress_child(SinterProgress *parent, double weight)
{
    SinterProgress *self;

    if (!parent)
        return NULL;
    self = sinter_progress_new(NULL, NULL);
    self->parent = parent;
    self->weight = CLAMP(weight, 0.0, 1.0);
    return self;
}

void
sinter_progress_free(SinterProgress *progress)
{
    g_free(progress);
}

static void
progress_tell(SinterProgress *root)
{
    if (!root->func || root->told >= 1.0)
        return;
    if (root->fraction < 1.0 && root->fraction - root->told < 0.001)
        return;
    root->told = root->fraction;
    root->func(root->fraction, root->user_data);
}

static void
progress_raise(SinterProgress *self, double fraction)
{
    while (self) {
        double delta;

        /* sums of weights such as 0.1 + 0.7 + 0.2 end slightly below 1 */
        if (fraction > 1.0 - 1e-9)
            fraction = 1.0;
        delta = fraction - self->fraction;
        if (delta <= 0)
            return;
        self->fraction = fraction;
        if (!self->parent) {
            progress_tell(self);
            return;
        }
        fraction = self->parent->fraction + delta * self->weight;
        self = self->parent;
    }
}

void
sinter_progress_set_total(SinterProgress *progress, guint64 n_units)
{
    if (progress)
        progress->n_total = n_units;
}

void
sinter_progress_advance(SinterProgress *progress, guint64 n_units)
{
    if (!progress)
        return;
    progress->n_done += n_units;
    if (progress->n_total > 0)
        progress_raise(progress, (double)progress->n_done / (double)progress->n_total);
}

void
sinter_progress_finish(SinterProgress *progress)
{
    if (progress)
        progress_raise(progress, 1.0);
}
