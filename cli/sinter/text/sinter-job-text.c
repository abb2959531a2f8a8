/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs as text: rows, details, bars, results. Pure functions. */

#include "sinter-job-text.h"

#include <math.h>
#include <pwd.h>
#include <string.h>

#include "bus/sinter-client.h"
#include "sinter-check-text.h"
#include "text/sinter-detail-text.h"
#include "sinter-command.h"
#include "sinter-error.h"
#include "sinter-json.h"
#include "sinter-units.h"

static const char *const final_phases[] = { "done", "failed", "cancelled", "quarantined", NULL };

gboolean
sinter_job_text_is_final(const SinterProperties *job)
{
    return g_strv_contains(final_phases, sinter_properties_get_string(job, "Phase"));
}

char *
sinter_job_text_label(const SinterProperties *job)
{
    const char *domain = sinter_properties_get_string(job, "DomainName");

    /* the check of a file has no domain */
    return g_strconcat(domain, *domain != '\0' ? " " : "",
                       sinter_properties_get_string(job, "Disk"), NULL);
}

/* "45%", or NULL if it is not known */
static char *
format_progress(const SinterProperties *job)
{
    double progress = CLAMP(sinter_properties_get_double(job, "Progress"), 0.0, 1.0);

    if (!sinter_properties_get_boolean(job, "ProgressValid"))
        return NULL;
    return g_strdup_printf("%u%%", (guint)floor(progress * 100));
}

char *
sinter_job_text_state(const SinterProperties *job)
{
    const char *phase = sinter_properties_get_string(job, "Phase");
    g_autofree char *progress = format_progress(job);

    if (!progress || sinter_job_text_is_final(job))
        return g_strdup(phase);
    return g_strconcat(phase, " ", progress, NULL);
}

/* Time until the expected end; negative: unknown. */
static gint64
remaining_usec(const SinterProperties *job, gint64 now_usec)
{
    guint64 end = sinter_properties_get_number(job, "ExpectedEndTime");

    if (end == 0 || end > G_MAXINT64 || sinter_job_text_is_final(job))
        return -1;
    return MAX((gint64)end - now_usec, 0);
}

/* --- table ------------------------------------------------------------------------------------ */

static const SinterTableColumn columns[] = {
    { "Id", SINTER_ALIGN_RIGHT },         { "Domain", SINTER_ALIGN_LEFT },
    { "Disk", SINTER_ALIGN_LEFT },        { "Operation", SINTER_ALIGN_LEFT },
    { "Phase", SINTER_ALIGN_LEFT },       { "Progress", SINTER_ALIGN_RIGHT },
    { "Rate", SINTER_ALIGN_RIGHT },       { "Time left", SINTER_ALIGN_RIGHT },
    { "Waiting for", SINTER_ALIGN_LEFT },
};

SinterTable *
sinter_job_text_table_new(void)
{
    return sinter_table_new(columns, G_N_ELEMENTS(columns));
}

void
sinter_job_text_add_row(SinterTable *table, const SinterProperties *job, gint64 now_usec)
{
    guint64 bytes_per_sec = sinter_properties_get_number(job, "Rate");
    gint64 left_usec = remaining_usec(job, now_usec);
    g_autofree char *progress = format_progress(job);
    g_autofree char *rate = NULL;
    g_autofree char *left = NULL;

    if (bytes_per_sec > 0 && !sinter_job_text_is_final(job))
        rate = sinter_units_format_rate(bytes_per_sec);
    if (left_usec >= 0)
        left = sinter_units_format_duration((guint64)left_usec);
    sinter_table_add_row(
        table, (const char *[]){ sinter_properties_get_string(job, "Id"),
                                 sinter_properties_get_string(job, "DomainName"),
                                 sinter_properties_get_string(job, "Disk"),
                                 sinter_properties_get_string(job, "Operation"),
                                 sinter_properties_get_string(job, "Phase"), progress, rate, left,
                                 sinter_properties_get_string(job, "WaitingFor") });
}

/* --- details ---------------------------------------------------------------------------------- */

static void
add_progress(GString *text, const SinterProperties *job)
{
    g_autofree char *progress = format_progress(job);
    g_autofree char *done =
        sinter_units_format_bytes(sinter_properties_get_number(job, "ProcessedBytes"));
    g_autofree char *total = sinter_units_format_bytes(sinter_properties_get_number(job, "Bytes"));
    g_autofree char *value = NULL;

    if (!progress)
        return;
    value = g_strdup_printf("%s (%s of %s)", progress, done, total);
    sinter_detail_text_add(text, "Progress", value);
}

static void
add_rates(GString *text, const SinterProperties *job, gint64 now_usec)
{
    guint64 bytes_per_sec = sinter_properties_get_number(job, "Rate");
    guint64 limit = sinter_properties_get_number(job, "BandwidthLimit");
    gint64 left_usec = remaining_usec(job, now_usec);
    g_autofree char *rate = sinter_units_format_rate(bytes_per_sec);
    g_autofree char *limit_text = limit > 0 ? sinter_units_format_rate(limit) : g_strdup("none");
    g_autofree char *left = NULL;

    if (!sinter_job_text_is_final(job))
        sinter_detail_text_add(text, "Rate", bytes_per_sec > 0 ? rate : NULL);
    sinter_detail_text_add(text, "Bandwidth limit", limit_text);
    if (left_usec < 0)
        return;
    left = sinter_units_format_duration((guint64)left_usec);
    sinter_detail_text_add(text, "Time left", left);
}

/* @usec: in milliseconds, because a hold of a whole second is a long one */
static char *
format_msec(guint64 usec)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT " ms", (usec + 999) / 1000);
}

static void
add_holds(GString *text, const SinterProperties *job)
{
    guint64 n_holds = sinter_properties_get_number(job, "Holds");
    g_autofree char *longest = format_msec(sinter_properties_get_number(job, "LongestHold"));
    g_autofree char *total = format_msec(sinter_properties_get_number(job, "HeldTime"));
    g_autofree char *value = NULL;

    if (n_holds == 0)
        return;
    value = g_strdup_printf("%" G_GUINT64_FORMAT " time%s, for at most %s, %s in all", n_holds,
                            n_holds == 1 ? "" : "s", longest, total);
    sinter_detail_text_add(text, "Guest suspended", value);
}

static void
add_starter(GString *text, const SinterProperties *job)
{
    guint64 uid = sinter_properties_get_number(job, "StartedByUID");
    const struct passwd *user = getpwuid((uid_t)uid);
    g_autofree char *number = g_strdup_printf("user %" G_GUINT64_FORMAT, uid);

    if (*sinter_properties_get_string(job, "Policy") != '\0') {
        sinter_detail_text_add_property(text, "Started by", job, "Policy");
        sinter_detail_text_add_property(text, "Reason", job, "Reason");
        return;
    }
    sinter_detail_text_add(text, "Started by", user ? user->pw_name : number);
}

static void
add_warnings(GString *text, const SinterProperties *job)
{
    g_autofree const char **warnings = sinter_properties_get_strings(job, "Warnings");

    for (guint i = 0; warnings[i]; i++)
        sinter_detail_text_add(text, "Warning", warnings[i]);
}

char *
sinter_job_text_details(const SinterProperties *job, gint64 now_usec)
{
    GString *text = g_string_new(NULL);
    gboolean cancelable = sinter_properties_get_boolean(job, "Cancelable");

    sinter_detail_text_add_property(text, "Id", job, "Id");
    sinter_detail_text_add_property(text, "Domain", job, "DomainName");
    sinter_detail_text_add_property(text, "UUID", job, "DomainUuid");
    sinter_detail_text_add_property(text, "Disk", job, "Disk");
    sinter_detail_text_add_property(text, "Operation", job, "Operation");
    sinter_detail_text_add_property(text, "Phase", job, "Phase");
    sinter_detail_text_add_property(text, "Waiting for", job, "WaitingFor");
    add_progress(text, job);
    add_rates(text, job, now_usec);
    add_holds(text, job);
    if (!sinter_job_text_is_final(job))
        sinter_detail_text_add(text, "Can be cancelled", cancelable ? "yes" : "no");
    add_starter(text, job);
    sinter_detail_text_add_time(text, "Started", job, "StartTime");
    sinter_detail_text_add_time(text, "Ended", job, "EndTime");
    sinter_detail_text_add_property(text, "Error", job, "ErrorMessage");
    sinter_detail_text_add_property(text, "Resolution", job, "Resolution");
    add_warnings(text, job);
    return g_string_free(text, FALSE);
}

/* --- bar and result --------------------------------------------------------------------------- */

void
sinter_job_text_bar(const SinterProperties *job, const char *label, gint64 now_usec,
                    SinterBar *ret_bar)
{
    *ret_bar = (SinterBar){
        .label = label,
        .phase = sinter_properties_get_string(job, "Phase"),
        .known = sinter_properties_get_boolean(job, "ProgressValid"),
        .fraction = sinter_properties_get_double(job, "Progress"),
        .done_bytes = sinter_properties_get_number(job, "ProcessedBytes"),
        .total_bytes = sinter_properties_get_number(job, "Bytes"),
        .rate_bytes_per_sec = sinter_properties_get_number(job, "Rate"),
        .remaining_usec = remaining_usec(job, now_usec),
    };
}

/* Time from start to end, with tenths of seconds for short times; NULL: unknown */
static char *
format_span(const SinterProperties *job)
{
    guint64 start = sinter_properties_get_number(job, "StartTime");
    guint64 end = sinter_properties_get_number(job, "EndTime");
    char digits[G_ASCII_DTOSTR_BUF_SIZE];

    if (start == 0 || end < start)
        return NULL;
    if (end - start >= 10 * G_USEC_PER_SEC)
        return sinter_units_format_duration(end - start);
    g_ascii_formatd(digits, sizeof digits, "%.1f", (double)(end - start) / G_USEC_PER_SEC);
    return g_strconcat(digits, " s", NULL);
}

static char *
format_done(const SinterProperties *job)
{
    static const struct {
        const char *operation;
        const char *word;
    } words[] = {
        { "active-commit", "committed" },
        { "commit", "committed" },
        { "pull", "pulled" },
        { "copy", "copied" },
    };
    guint64 bytes = sinter_properties_get_number(job, "ProcessedBytes");
    g_autofree char *copied = sinter_units_format_bytes(bytes);
    g_autofree char *span = format_span(job);
    const char *word = "done";

    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(sinter_properties_get_string(job, "Operation"), words[i].operation) == 0)
            word = words[i].word;
    }
    /* a job that ended almost immediately has no progress data */
    return g_strconcat(word, bytes > 0 ? " " : "", bytes > 0 ? copied : "", span ? " in " : NULL,
                       span, NULL);
}

char *
sinter_job_text_outcome(const SinterProperties *job)
{
    const char *id = sinter_properties_get_string(job, "Id");
    const char *phase = sinter_properties_get_string(job, "Phase");
    const char *message = sinter_properties_get_string(job, "ErrorMessage");
    gboolean quarantined = strcmp(phase, "quarantined") == 0;

    if (strcmp(phase, "done") == 0)
        return sinter_check_text_is_check(job) ? sinter_check_text_summary(job) : format_done(job);
    if (strcmp(phase, "cancelled") == 0)
        return g_strdup_printf("job %s was cancelled", id);
    return g_strdup_printf("job %s %s: %s", id, quarantined ? "was quarantined" : "failed",
                           *message != '\0' ? message : "sinterd gave no reason");
}

int
sinter_job_text_exit_status(const SinterProperties *job)
{
    const char *phase = sinter_properties_get_string(job, "Phase");
    SinterError code = sinter_error_from_name(sinter_properties_get_string(job, "ErrorName"));
    GError error = { SINTER_ERROR, (int)code, NULL };

    if (strcmp(phase, "done") == 0)
        return sinter_check_text_exit_status(job);
    if (strcmp(phase, "cancelled") == 0)
        return SINTER_EXIT_CANCELLED;
    /* a job that never started was refused; one that started and stopped has failed */
    if (strcmp(phase, "failed") == 0 &&
        (sinter_properties_get_number(job, "StartTime") == 0 || code == SINTER_ERROR_DENIED))
        return sinter_client_exit_status(&error);
    return SINTER_EXIT_FAILED;
}
