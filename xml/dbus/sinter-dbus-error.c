/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Maps the error domain to D-Bus errors and back. The names are those of sinter_error_name(), so
 * that there is only one table. Invariant: every code has a D-Bus name, and the daemon never sends
 * any other name.
 */

#include "sinter-dbus-error.h"

#define ERROR_PREFIX "org.sinter.Sinter1.Error."

void
sinter_dbus_error_register(void)
{
    static gsize registered;

    if (!g_once_init_enter(&registered))
        return;
    for (int code = 0; code < SINTER_N_ERRORS; code++) {
        g_autofree char *name = g_strconcat(ERROR_PREFIX, sinter_error_name(code), NULL);

        g_dbus_error_register_error(SINTER_ERROR, code, name);
    }
    g_once_init_leave(&registered, 1);
}

char *
sinter_dbus_text(const char *text)
{
    return g_utf8_make_valid(text ? text : "", -1);
}

static int
code_of(const GError *error)
{
    if (error->domain == SINTER_ERROR)
        return error->code;
    return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? SINTER_ERROR_CANCELLED
                                                                    : SINTER_ERROR_FAILED;
}

void
sinter_dbus_return_error(GDBusMethodInvocation *invocation, GError *error)
{
    g_autoptr(GError) cause = error;
    g_autofree char *text = sinter_dbus_text(cause->message);

    g_dbus_method_invocation_return_error_literal(invocation, SINTER_ERROR, code_of(cause), text);
}
