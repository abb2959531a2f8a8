/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-properties.h"

G_BEGIN_DECLS

/* The details of an object as lines "Name:   value". Pure. */

/* Appends a line; nothing if @value is %NULL or empty. Control characters are masked. */
void sinter_detail_text_add(GString *text, const char *name, const char *value);

/* The same for a string property. */
void sinter_detail_text_add_property(GString *text, const char *name,
                                     const SinterProperties *object, const char *property);

/* The same for a property with microseconds since the epoch, 0 for none: in local time. */
void sinter_detail_text_add_time(GString *text, const char *name, const SinterProperties *object,
                                 const char *property);

/* (transfer full) (nullable): "2026-01-31 17:05:00 CET"; %NULL for 0 */
char *sinter_detail_text_format_time(guint64 usec);

G_END_DECLS
