/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/check.h>
#include <sinter/image.h>

G_BEGIN_DECLS

/* The level of detail of `dump`. */
typedef enum {
    SINTER_IMG_DUMP_VERDICT,
    SINTER_IMG_DUMP_ERRORS,
    SINTER_IMG_DUMP_ALL,
} SinterImgDumpDepth;

/* Which tables are printed one by one; zero is all. */
typedef struct {
    guint kinds;          /* a bit for each SinterDumpTableKind; 0: all */
    gboolean active;      /* of the active state only */
    const char *snapshot; /* (nullable): of the snapshot with this id or name only */
} SinterImgDumpScope;

/* The data that is known before the tables are printed one by one. */
typedef struct {
    const char *name; /* as given on the command line */
    const SinterImageInfo *info;
    const SinterCheckResult *result;
    SinterImgDumpScope scope;
} SinterImgDump;

/* "clean", "leaks", "corrupt", "not-completed" */
const char *sinter_img_dump_verdict(const SinterCheckResult *result);

/* Prints the verdict and, depending on @depth, the reasons for it, for people. */
void sinter_img_dump_print(const SinterImgDump *self, SinterImgDumpDepth depth);

/* (transfer full): the same for programs */
JsonNode *sinter_img_dump_to_json(const SinterImgDump *self);

/*
 * Prints all metadata; with @json as further members of an object that is already open. Returns
 * FALSE with a message on failure.
 */
gboolean sinter_img_dump_print_all(const SinterImgDump *self, SinterIo *io, gboolean json);

G_END_DECLS
