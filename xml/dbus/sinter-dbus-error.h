/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-error.h"

G_BEGIN_DECLS

/**
 * sinter_dbus_error_register:
 *
 * Registers every code of SINTER_ERROR with its D-Bus name, org.sinter.Sinter1.Error.NAME, in both
 * directions: an error returned by a method is sent under this name, and a proxy call that fails
 * with it returns the code (after g_dbus_error_strip_remote_error()). Call it once, early, in the
 * daemon and in each client.
 */
void sinter_dbus_error_register(void);

/**
 * sinter_dbus_text:
 * @text: (nullable): text that may come from an image, a file name or another program
 *
 * Returns: (transfer full): @text as D-Bus accepts it: invalid UTF-8 is replaced, %NULL becomes an
 * empty string. Every text that is not a constant and was not read from XML or D-Bus must be passed
 * through this function.
 */
char *sinter_dbus_text(const char *text);

/**
 * sinter_dbus_return_error:
 * @invocation: (transfer full): the call to answer
 * @error: (transfer full): the reason of the failure
 *
 * Answers with @error. An error of another domain is sent as Failed (or Cancelled), never under a
 * name that is not part of the interface.
 */
void sinter_dbus_return_error(GDBusMethodInvocation *invocation, GError *error);

G_END_DECLS
