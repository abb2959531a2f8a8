/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The error domain's way onto the bus and back. The names are those of sinter_error_name(), so
 * they stand in one table only; what holds is that every code has a D-Bus name and no other name
 * ever leaves the daemon.
 */

#include "sinter-dbus-error.h"

#define ERROR_PREFIX "org.sinter.Sinter1.Error."

void
sinter_dbus_error_register(void)
{
    static gsize registered;

    if (!g_once_init_enter(&registered))
        return;
    for (int code = 0; code <= SINTER_ERROR_TIMED_OUT; code++) {
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

void
sinter_dbus_return_error(GDBusMethodInvocation *invocation, GError *error)
{
    gboolean cancelled = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    char *text = sinter_dbus_text(error->message);

    g_free(error->message);
    error->message = text;

    if (error->domain != SINTER_ERROR) {
        error->domain = SINTER_ERROR;
        error->code = cancelled ? SINTER_ERROR_CANCELLED : SINTER_ERROR_FAILED;
    }
    g_dbus_method_invocation_take_error(invocation, error);
}
