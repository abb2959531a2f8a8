/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libvirt's events as text. The numbers are those of libvirt's public enumerations
 * (virDomainEventType, virConnectDomainEventBlockJobStatus, virDomainBlockJobType,
 * virDomainEventIOErrorAction), which never change their meaning.
 */

#include "sinter-event-text.h"

#include <string.h>

#include "sinter-block-job-name.h"
#include "sinter-text.h"
#include "sinter-units.h"

static const char *const lifecycle_words[] = {
    "defined",   "undefined",           "started", "suspended", "resumed", "stopped",
    "shut down", "suspended to memory", "crashed",
};
static const char *const block_job_words[] = { "completed", "failed", "cancelled", "ready" };
static const char *const io_action_words[] = { "nothing done", "domain paused",
                                               "reported to the guest" };

#define WORD(words, number) word_for(words, G_N_ELEMENTS(words), number)

/* (transfer full) */
static char *
word_for(const char *const *words, gsize n_words, gint32 number)
{
    if (number >= 0 && (gsize)number < n_words)
        return g_strdup(words[number]);
    return g_strdup_printf("number %d", number);
}

static gint32
lookup_number(GVariant *details, const char *key)
{
    gint32 number = -1;

    g_variant_lookup(details, key, "i", &number);
    return number;
}

static const char *
lookup_string(GVariant *details, const char *key)
{
    const char *text = "";

    g_variant_lookup(details, key, "&s", &text);
    return text;
}

static char *
say_lifecycle(GVariant *details)
{
    return WORD(lifecycle_words, lookup_number(details, "status"));
}

/* (transfer full): 0 is a job type that libvirt itself does not know */
static char *
say_job_type(gint32 type)
{
    const char *name = sinter_block_job_name(type);

    if (type == 0)
        return g_strdup("unknown type");
    return name ? g_strdup(name) : g_strdup_printf("number %d", type);
}

static char *
say_block_job(GVariant *details)
{
    g_autofree char *status = WORD(block_job_words, lookup_number(details, "status"));
    g_autofree char *type = say_job_type(lookup_number(details, "job-type"));

    return g_strdup_printf("block job %s (%s)", status, type);
}

static char *
say_io_error(GVariant *details)
{
    g_autofree char *action = WORD(io_action_words, lookup_number(details, "detail"));
    const char *reason = lookup_string(details, "text");
    const char *path = lookup_string(details, "path");

    return g_strdup_printf("I/O error%s%s%s%s: %s", *path != '\0' ? " on " : "", path,
                           *reason != '\0' ? ", " : "", reason, action);
}

static char *
say_threshold(GVariant *details)
{
    guint64 threshold = 0, excess = 0;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    g_variant_lookup(details, "threshold-bytes", "t", &threshold);
    g_variant_lookup(details, "excess-bytes", "t", &excess);
    first = sinter_units_format_bytes(threshold);
    second = sinter_units_format_bytes(excess);
    return g_strdup_printf("was written beyond the threshold of %s, by %s", first, second);
}

static char *
say_metadata(GVariant *details)
{
    const char *uri = lookup_string(details, "text");

    return g_strdup_printf("metadata changed%s%s", *uri != '\0' ? ": " : "", uri);
}

/* For kinds whose text is sufficient. */
static char *
say_text(const char *words, GVariant *details)
{
    const char *text = lookup_string(details, "text");

    return g_strconcat(words, *text != '\0' ? ": " : NULL, text, NULL);
}

static const struct {
    const char *kind;
    const char *words;               /* followed by the text, or … */
    char *(*say)(GVariant *details); /* … a function that formats the event */
} kinds[] = {
    { "lifecycle", NULL, say_lifecycle },
    { "block-job", NULL, say_block_job },
    { "io-error", NULL, say_io_error },
    { "job-completed", "domain job completed", NULL },
    { "device-added", "device added", NULL },
    { "device-removed", "device removed", NULL },
    { "block-threshold", NULL, say_threshold },
    { "metadata-change", NULL, say_metadata },
    { "qmp-job-error", "QEMU's block job failed", NULL },
    { "qmp-corrupted", "QEMU detected corruption of the image", NULL },
    { "connected", "connected to libvirt", NULL },
    { "disconnected", "the connection to libvirt was lost", NULL },
};

static char *
say(const char *kind, GVariant *details)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].say ? kinds[i].say(details) : say_text(kinds[i].words, details);
    }
    return say_text(kind, details);
}

/* For an event that stands for several ones. */
static char *
say_times(GVariant *details)
{
    guint64 times = 0;

    g_variant_lookup(details, "times", "t", &times);
    return times > 1 ? g_strdup_printf(" (%" G_GUINT64_FORMAT " times)", times) : NULL;
}

char *
sinter_event_text_format(const char *kind, const char *domain, const char *disk, GVariant *details)
{
    g_autofree char *words = say(kind, details);
    g_autofree char *times = say_times(details);
    const char *device = *disk != '\0' ? disk : lookup_string(details, "device");
    g_autofree char *text = g_strconcat(domain, *device != '\0' ? " " : "", device,
                                        *domain != '\0' ? ": " : "", words, times, NULL);

    return sinter_text_printable(text);
}

char *
sinter_event_text_time(gint64 time_usec)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(time_usec / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = utc ? g_date_time_to_local(utc) : NULL;
    g_autofree char *seconds = local ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : NULL;

    return g_strdup_printf("%s.%03d", seconds ? seconds : "?",
                           (int)(ABS(time_usec % G_USEC_PER_SEC) / 1000));
}
