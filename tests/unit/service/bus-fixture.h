/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* Two connections to the program's own bus: the daemon's side and a caller's, in one main loop. */
typedef struct {
    GDBusConnection *server;
    GDBusConnection *client;
} BusFixture;

/**
 * bus_fixture_init:
 *
 * First thing in main(): runs the program again below a dbus-daemon of its own (dbus-run-session),
 * which is session and system bus for it. So the addresses are in the environment before there is
 * a thread, and the bus outlives the program: GDBus kills a process whose shared connection (the
 * one that polkit's library takes) is cut.
 */
void bus_fixture_init(int argc, char **argv);

void bus_fixture_set_up(BusFixture *f);
void bus_fixture_tear_down(BusFixture *f);

/* For asynchronous calls: puts the result (full) where @user_data (GAsyncResult **) points. */
void bus_fixture_keep_result(GObject *source, GAsyncResult *result, gpointer user_data);
