/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-agent.h"
#include "sinter-dbus.h"
#include "sinter-json.h"
#include "sinter-method.h"
#include "sinter-properties.h"

G_BEGIN_DECLS

#define SINTER_BUS_NAME "org.sinter.Sinter1"
#define SINTER_BUS_ROOT "/org/sinter/Sinter1"
#define SINTER_BUS_MANAGER SINTER_BUS_ROOT "/Manager"
#define SINTER_BUS_JOBS SINTER_BUS_ROOT "/jobs"
#define SINTER_BUS_DOMAINS SINTER_BUS_ROOT "/domains"
#define SINTER_IFACE(name) "org.sinter.Sinter1." name

/* The options of every command. */
typedef struct {
    const char *connect; /* the libvirt URI that the daemon must work on, or %NULL */
    const char *json;    /* "pretty", "short" or %NULL */
    gboolean user;
    gboolean system;
    gboolean quiet;
    gboolean no_legend;
    gboolean no_ask_password;
} SinterGlobals;

/**
 * SinterClient:
 *
 * The connection to a running daemon, and the user's output settings. All errors are SINTER_ERRORs,
 * with sentences for the user.
 */
typedef struct {
    GDBusConnection *bus;
    SinterDBusManager *manager;
    const SinterGlobals *globals;
    SinterJsonMode json;
    gboolean on_system_bus;
    SinterAgent *agent; /* (nullable): started when the first password is required */
} SinterClient;

/* @globals must outlive the client. */
SinterClient *sinter_client_open(const SinterGlobals *globals, GError **error);
void sinter_client_free(SinterClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterClient, sinter_client_free)

/* Returns the exit status for @error: a refusal by a safety rule has its own. */
int sinter_client_exit_status(const GError *error);

/* Prints @node (transfer full) in the mode that the user selected. */
void sinter_client_print_json(const SinterClient *client, JsonNode *node);

/**
 * sinter_client_call:
 *
 * Calls a method of the daemon whose last argument is a dictionary of options. The user is asked
 * for a password only if polkit requires one and the user allows interaction; the call may then
 * take minutes.
 *
 * Returns: (transfer full): the reply, of the type given by @method
 */
GVariant *sinter_client_call(SinterClient *client, const SinterMethod *method, GError **error);
void sinter_client_call_async(SinterClient *client, const SinterMethod *method,
                              GAsyncReadyCallback callback, gpointer user_data);
GVariant *sinter_client_call_finish(GAsyncResult *result, GError **error);

/* Makes the daemon rescan all domains, because libvirt sends no event when a snapshot is
 * created. If this fails, a message is printed on standard error, and the daemon's previous data
 * is shown. */
void sinter_client_rescan(SinterClient *client);

/* A call without options, which only the bus policy restricts; polkit is not involved. */
GVariant *sinter_client_call_plain(SinterClient *client, const SinterMethod *method,
                                   GError **error);

/* Reads all properties of an interface of an object. (transfer full): an a{sv} */
GVariant *sinter_client_get_all(SinterClient *client, const char *path, const char *interface,
                                GError **error);
void sinter_client_get_all_async(SinterClient *client, const char *path, const char *interface,
                                 GAsyncReadyCallback callback, gpointer user_data);
GVariant *sinter_client_get_all_finish(GAsyncResult *result, GError **error);

/**
 * sinter_client_subscribe:
 * @folder: an object path: subscribes to the signals of objects at and below it
 *
 * Uses one match rule for any number of objects, because the bus limits a connection to some
 * hundred rules. The rule is in effect for every later call, as long as the client exists.
 *
 * The rule does not restrict the sender: @func compares the sender with the daemon.
 */
void sinter_client_subscribe(SinterClient *client, const char *folder, GDBusSignalCallback func,
                             gpointer user_data);

G_END_DECLS
