/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/check.h>
#include <sinter/image.h>

G_BEGIN_DECLS

/* What `dump` shows. */
typedef enum {
    SINTER_IMG_DUMP_VERDICT,
    SINTER_IMG_DUMP_ERRORS,
    SINTER_IMG_DUMP_ALL,
} SinterImgDumpDepth;

/* What is known before the tables are told one by one. */
typedef struct {
    const char *name; /* as the command line has it */
    const SinterImageInfo *info;
    const SinterCheckResult *result;
} SinterImgDump;

/* "clean", "leaks", "corrupt", "not-completed" */
const char *sinter_img_dump_verdict(const SinterCheckResult *result);

/* Verdict and, with @depth, what leads to it, for people. */
void sinter_img_dump_print(const SinterImgDump *self, SinterImgDumpDepth depth);

/* (transfer full): the same for programs */
JsonNode *sinter_img_dump_to_json(const SinterImgDump *self);

/*
 * Prints all metadata; with @json, as the further members of an object that has begun. FALSE with
 * a message where that fails.
 */
gboolean sinter_img_dump_print_all(const SinterImgDump *self, SinterIo *io, gboolean json);

G_END_DECLS
