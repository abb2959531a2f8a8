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
    const char *connect; /* libvirt's URI that the daemon must work on, or %NULL */
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
 * The connection to a daemon that is there, and how the user wants to be talked to. All errors are
 * SINTER_ERRORs, in sentences for the user.
 */
typedef struct {
    GDBusConnection *bus;
    SinterDBusManager *manager;
    const SinterGlobals *globals;
    SinterJsonMode json;
    gboolean on_system_bus;
    SinterAgent *agent; /* (nullable): started when the first password is asked for */
} SinterClient;

/* @globals must live as long as the client. */
SinterClient *sinter_client_open(const SinterGlobals *globals, GError **error);
void sinter_client_free(SinterClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterClient, sinter_client_free)

/* The exit status for @error: a refusal by a safety rule has its own. */
int sinter_client_exit_status(const GError *error);

/* Prints @node (transfer full) as the user wants it. */
void sinter_client_print_json(const SinterClient *client, JsonNode *node);

/**
 * sinter_client_call:
 *
 * Calls one of the daemon's methods, whose last argument is a dictionary of options. The user is
 * asked for a password only when polkit wants one and the user allows to be asked; so it may take
 * minutes.
 *
 * Returns: (transfer full): the reply, of the type that @method says
 */
GVariant *sinter_client_call(SinterClient *client, const SinterMethod *method, GError **error);
void sinter_client_call_async(SinterClient *client, const SinterMethod *method,
                              GAsyncReadyCallback callback, gpointer user_data);
GVariant *sinter_client_call_finish(GAsyncResult *result, GError **error);

/* Lets the daemon look at every domain anew: libvirt does not tell when a snapshot is made. What
 * keeps it from that is said on standard error, and what it knew before is shown. */
void sinter_client_rescan(SinterClient *client);

/* A call without options, which the bus allows or not and polkit is not asked for. */
GVariant *sinter_client_call_plain(SinterClient *client, const SinterMethod *method,
                                   GError **error);

/* All properties of an object's interface. (transfer full): an a{sv} */
GVariant *sinter_client_get_all(SinterClient *client, const char *path, const char *interface,
                                GError **error);
void sinter_client_get_all_async(SinterClient *client, const char *path, const char *interface,
                                 GAsyncReadyCallback callback, gpointer user_data);
GVariant *sinter_client_get_all_finish(GAsyncResult *result, GError **error);

/**
 * sinter_client_subscribe:
 * @folder: an object path: signals of objects at and below it are told
 *
 * One rule on the bus for however many objects: the bus allows a connection some hundred rules
 * only. In force for every call that is made later, and as long as the client.
 *
 * Sent by whoever it may be: @func compares the sender with the daemon.
 */
void sinter_client_subscribe(SinterClient *client, const char *folder, GDBusSignalCallback func,
                             gpointer user_data);

G_END_DECLS
