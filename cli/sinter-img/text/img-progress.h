/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-progress.h"

G_BEGIN_DECLS

/*
 * The progress of a long operation on the terminal: with -p qemu-img's percentages on standard
 * output, otherwise a bar on standard error if that is a terminal. An interruption (SIGINT,
 * SIGTERM, SIGHUP) cancels the operation, so that it can clean up; a second one ends the program
 * immediately. SIGUSR1 prints the percentage on standard error.
 */
typedef struct _SinterImgProgress SinterImgProgress;

typedef enum {
    SINTER_IMG_PROGRESS_BAR,
    SINTER_IMG_PROGRESS_PERCENT, /* -p */
    SINTER_IMG_PROGRESS_QUIET,   /* -q, or the output itself goes to the terminal */
} SinterImgProgressMode;

/* Returns the mode for -q and -p. */
SinterImgProgressMode sinter_img_progress_mode(gboolean quiet, gboolean percent);

/*
 * @label: the object of the operation; @step_percent: a percentage is printed when it has increased
 * by more than this. Call it from the main thread before other threads are started.
 */
SinterImgProgress *sinter_img_progress_begin(SinterImgProgressMode mode, const char *label,
                                             double step_percent);

/* (transfer none): for the operation */
SinterProgress *sinter_img_progress_get(SinterImgProgress *self);
GCancellable *sinter_img_progress_get_cancellable(SinterImgProgress *self);

/* Reports 0 percent; call it when the operation begins. */
void sinter_img_progress_start(SinterImgProgress *self);

/* Reports 100 percent; call it before the result is printed. */
void sinter_img_progress_complete(SinterImgProgress *self);

/*
 * Clears the bar, or ends the line of percentages, and restores the signal mask. If a signal has
 * interrupted the operation, it ends the program here. Accepts NULL.
 */
void sinter_img_progress_end(SinterImgProgress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterImgProgress, sinter_img_progress_end)

G_END_DECLS
