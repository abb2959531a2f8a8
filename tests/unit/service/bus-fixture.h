/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* A private bus with two connections: the daemon's side and a caller's, in one main loop. */
typedef struct {
    GTestDBus *bus;
    GDBusConnection *server;
    GDBusConnection *client;
} BusFixture;

void bus_fixture_set_up(BusFixture *f);
void bus_fixture_tear_down(BusFixture *f);

/* For asynchronous calls: puts the result (full) where @user_data (GAsyncResult **) points. */
void bus_fixture_keep_result(GObject *source, GAsyncResult *result, gpointer user_data);
