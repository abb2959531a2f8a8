/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A single block job: from a domain and a disk to its end. */

#include "sinter-block-job.h"

static SinterObject *
find_disk(SinterClient *client, const SinterCommandCall *call, char **ret_what, GError **error)
{
    g_autoptr(SinterObject) domain = sinter_object_find_domain(client, call->operands[0], error);
    SinterObject *disk;

    disk = domain ? sinter_object_find_disk(client, domain, call->operands[1], error) : NULL;
    if (disk)
        *ret_what =
            g_strdup_printf("%s %s", sinter_properties_get_string(domain->properties, "Name"),
                            sinter_properties_get_string(disk->properties, "Target"));
    return disk;
}

/* Prints a single job as an object, not as a list. */
static void
print_json(const SinterClient *client, SinterFollow *follow)
{
    g_autoptr(JsonNode) list = sinter_follow_to_json(follow);
    JsonArray *array = json_node_get_array(list);

    if (json_array_get_length(array) > 0)
        sinter_client_print_json(client, json_array_dup_element(array, 0));
}

int
sinter_block_job_run(const SinterCommandCall *call, const SinterBlockJob *job, GError **error)
{
    g_autoptr(GVariant) arguments = job->arguments ? g_variant_ref_sink(job->arguments) : NULL;
    g_autoptr(GVariantDict) options = job->options;
    g_autoptr(SinterClient) client = NULL;
    g_autoptr(SinterFollow) follow = NULL;
    g_autoptr(SinterObject) disk = NULL;
    g_autofree char *what = NULL;
    int status;

    if (!sinter_bandwidth_options_add(job->bandwidth, options, error))
        return SINTER_EXIT_FAILED;
    client = sinter_client_open(call->globals, error);
    follow = client ? sinter_follow_new(client, job->wait, error) : NULL;
    disk = follow ? find_disk(client, call, &what, error) : NULL;
    if (!disk)
        return SINTER_EXIT_FAILED;
    sinter_follow_add(follow, what,
                      &(SinterMethod){
                          .path = disk->path,
                          .interface = SINTER_IFACE("Disk"),
                          .method = job->method,
                          .reply_type = "(o)",
                          .arguments = arguments,
                          .options = g_variant_dict_end(options),
                      });
    status = sinter_follow_run(follow);
    if (client->json != SINTER_JSON_OFF)
        print_json(client, follow);
    return status;
}
