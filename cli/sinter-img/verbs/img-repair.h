/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "text/img-progress.h"
#include "words/img-open.h"

#include <sinter/repair.h>

G_BEGIN_DECLS

/* The repair of an image by `check -r`. */

/* The options, as given on the command line. */
typedef struct {
    gboolean is_wanted;
    gboolean dry_run;
    SinterRepairLevel level;
    SinterRepairChoice choices;
    const char *from_snapshot; /* NULL: none */
    const char *undo_file;     /* NULL: the default */
    gboolean yes;
} SinterImgRepair;

/* Parses the value of -r. Prints a message on failure. */
gboolean sinter_img_repair_take(SinterImgRepair *self, const char *value);

/* Parses a value of --also. Prints a message on failure. */
gboolean sinter_img_repair_take_choice(SinterImgRepair *self, const char *value);

typedef struct {
    const SinterImgRepair *repair;
    const SinterImgSource *source;
    const char *given;
    gboolean quiet;
    gboolean json;
    gboolean exit_kind;
    SinterCheckOptions how;
    SinterImgProgress *progress;
} SinterImgRepairCall;

/*
 * Repairs the image and prints the result. Returns: the exit status of `check`, or with @exit_kind
 * that of the kind of damage that is left
 */
int sinter_img_repair_run(const SinterImgRepairCall *self);

G_END_DECLS
