/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_units_format_bytes:
 *
 * Returns: (transfer full): @bytes for people, in binary units with at most three digits before and
 * one after the point ("0 B", "512 B", "1.5 GiB", "64 MiB").
 */
char *sinter_units_format_bytes(guint64 bytes);

/* Like sinter_units_format_bytes(), with "/s" appended. */
char *sinter_units_format_rate(guint64 bytes_per_sec);

/**
 * sinter_units_format_duration:
 *
 * Returns: (transfer full): a time span for people: "0 s", "42 s", "3 min 20 s", "2 h 05 min"
 */
char *sinter_units_format_duration(guint64 usec);

/**
 * sinter_units_parse_bytes:
 * @text: a number, optionally with a fraction, and an optional unit: b, k, K, M, G, T, P, E, each
 *   also as "KiB" (1024) or "KB" (1000 for KB, MB, GB …)
 * @ret_bytes: (out): the size in bytes; unchanged on failure
 *
 * Returns: %TRUE, or %FALSE with an INVALID_ARGUMENT error that quotes @text. Negative numbers and
 * values that do not fit in 63 bits are errors.
 */
gboolean sinter_units_parse_bytes(const char *text, guint64 *ret_bytes, GError **error);

G_END_DECLS
