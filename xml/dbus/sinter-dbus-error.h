/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-error.h"

G_BEGIN_DECLS

/**
 * sinter_dbus_error_register:
 *
 * Ties every code of SINTER_ERROR to its D-Bus name, org.sinter.Sinter1.Error.NAME, in both
 * directions: an error that is returned from a method goes out under it, and a proxy's call that
 * fails with it comes back as the code (after g_dbus_error_strip_remote_error()). Call once,
 * early, in the daemon and in each client.
 */
void sinter_dbus_error_register(void);

/**
 * sinter_dbus_text:
 * @text: (nullable): words that may come from an image, a file name or another program
 *
 * Returns: (transfer full): @text as D-Bus takes it: what is no UTF-8 is replaced, %NULL is empty.
 * Whatever is no constant and was not read from XML or D-Bus goes through this.
 */
char *sinter_dbus_text(const char *text);

/**
 * sinter_dbus_return_error:
 * @invocation: (transfer full): the call to answer
 * @error: (transfer full): why it failed
 *
 * Answers with @error. What is no SINTER_ERROR goes out as Failed (or Cancelled), never under a
 * name that the contract does not have.
 */
void sinter_dbus_return_error(GDBusMethodInvocation *invocation, GError *error);

G_END_DECLS
