/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-progress.h"

G_BEGIN_DECLS

/*
 * A long piece of work as a user sees it: with -p qemu-img's percentages on standard output, else
 * a bar on standard error where that is a terminal. Interrupting (SIGINT, SIGTERM, SIGHUP)
 * cancels it, so that it can clean up; a second time ends the program at once. SIGUSR1 prints the
 * percentage on standard error.
 */
typedef struct _SinterImgProgress SinterImgProgress;

typedef enum {
    SINTER_IMG_PROGRESS_BAR,
    SINTER_IMG_PROGRESS_PERCENT, /* -p */
    SINTER_IMG_PROGRESS_QUIET,   /* -q, or the output itself goes to the terminal */
} SinterImgProgressMode;

/* What -q and -p ask for. */
SinterImgProgressMode sinter_img_progress_mode(gboolean quiet, gboolean percent);

/*
 * @label: what is worked on; @step_percent: percentages are printed when they have moved on by
 * more. Call from the main thread, before there are others.
 */
SinterImgProgress *sinter_img_progress_begin(SinterImgProgressMode mode, const char *label,
                                             double step_percent);

/* (transfer none): for the work */
SinterProgress *sinter_img_progress_get(SinterImgProgress *self);
GCancellable *sinter_img_progress_get_cancellable(SinterImgProgress *self);

/* The percentage is 0: to be said when the work begins. */
void sinter_img_progress_start(SinterImgProgress *self);

/* The percentage is 100: to be said before the outcome is. */
void sinter_img_progress_complete(SinterImgProgress *self);

/*
 * Wipes the bar, or ends the line of percentages, and lets signals be what they were. Where one
 * had interrupted the work, the program ends by it here. Accepts NULL.
 */
void sinter_img_progress_end(SinterImgProgress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterImgProgress, sinter_img_progress_end)

G_END_DECLS
