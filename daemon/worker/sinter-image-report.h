/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * The result of the check of one image, or of its comparison with another: a plain value that the
 * worker sends, that job records keep, and that the bus shows. Findings are capped, their counts
 * are not.
 */

/* The most findings that one report holds. */
#define SINTER_IMAGE_REPORT_MAX_FINDINGS 256

/* The offset of a finding that has none. */
#define SINTER_IMAGE_REPORT_NO_OFFSET G_MAXUINT64

typedef enum {
    SINTER_IMAGE_CHECKED, /* the check ran to its end */
    SINTER_IMAGE_SKIPPED, /* on purpose; text has the reason */
    SINTER_IMAGE_FAILED,  /* the check could not run, or the image is in use; text has the reason */
} SinterImageState;

/* (transfer none): "checked", "skipped", "failed" */
const char *sinter_image_state_name(SinterImageState state);

typedef struct {
    char *code;  /* a name of the engine's table, such as "l2-entry-beyond-file" */
    char *klass; /* "corruption", "leak", "error", "note" */
    char *text;  /* one line */
    guint64 guest_offset;
    guint64 host_offset;
    guint64 length; /* of the range on the guest disk; 0: not a range */
    guint64 times;  /* how often the finding counts; never 0 */
} SinterImageFinding;

/**
 * SinterImageReport:
 * @path: (nullable): the image; %NULL in a message, where its place in the request identifies it
 * @text: (nullable): why it was skipped or failed, or what makes the image unusable
 * @complete: everything could be checked
 * @leaks_are_safe: leaked clusters are certainly unused
 * @repaired: findings that a repair has repaired; the rest of the report is about the image after
 *   the repair
 * @left: findings that it could not repair, or was not to
 * @corruptions, @leaks, @errors, @notes: all findings, also those that are not kept
 * @findings: (element-type SinterImageFinding): those kept
 */
typedef struct {
    char *path;
    char *text;
    SinterImageState state;
    gboolean complete;
    gboolean leaks_are_safe;
    guint64 corruptions;
    guint64 leaks;
    guint64 errors;
    guint64 notes;
    guint64 repaired;
    guint64 left;
    GPtrArray *findings;
} SinterImageReport;

/* @text: (nullable) */
SinterImageReport *sinter_image_report_new(SinterImageState state, const char *text);
SinterImageReport *sinter_image_report_copy(const SinterImageReport *report);
void sinter_image_report_free(SinterImageReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterImageReport, sinter_image_report_free)

/* (transfer full) (element-type SinterImageReport): an empty list */
GPtrArray *sinter_image_reports_new(void);

/* (transfer none): the new finding, to be filled; NULL if the report is full */
SinterImageFinding *sinter_image_report_add(SinterImageReport *report);

/* Adds @report as a JSON object to @builder. */
void sinter_image_report_to_json(const SinterImageReport *report, JsonBuilder *builder);

/* (transfer full) (nullable): NULL if @node (nullable) is not a valid report */
SinterImageReport *sinter_image_report_from_json(JsonNode *node);

G_END_DECLS
