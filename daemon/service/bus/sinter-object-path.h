/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SINTER_OBJECT_ROOT "/org/sinter/Sinter1"

/* (transfer full): the object paths. Bytes that a path must not contain are written as _XX, in
 * hexadecimal, so that different names never map to the same path. */
char *sinter_object_path_domain(const char *uuid);
char *sinter_object_path_disk(const char *uuid, const char *target);
char *sinter_object_path_plan(const char *id);
char *sinter_object_path_job(const char *id);
char *sinter_object_path_incident(const char *id);

G_END_DECLS
