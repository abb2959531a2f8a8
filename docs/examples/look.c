/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * look IMAGE [FORMAT]: prints the backing chain of a disk image, how much of the disk each layer
 * holds, the checksum of the content, and what is wrong with the image. Exit status: 0 no problem
 * was found, 1 the image could not be read, 2 the image is damaged.
 *
 *     cc look.c $(pkg-config --cflags --libs sinter) -o look
 */

#include <sinter/chain.h>
#include <sinter/check.h>
#include <sinter/sinter-error.h>

#include <stdio.h>
#include <stdlib.h>

#define PIECE_BYTES (1024 * 1024)

static void
print_layers(SinterChain *chain)
{
    for (guint i = 0; i < sinter_chain_get_n_layers(chain); i++) {
        const SinterImageInfo *info = sinter_chain_get_info(chain, i);

        printf("layer %u: %s, %" G_GUINT64_FORMAT " bytes in a %s file of %" G_GUINT64_FORMAT "\n",
               i, info->path, info->virtual_size, info->format, info->file_size);
    }
}

/* Called for each extent of the disk. Returns TRUE to continue. */
static gboolean
add_extent(const SinterExtent *extent, gpointer user_data)
{
    guint64 *bytes_of_layer = user_data;

    if (extent->kind == SINTER_EXTENT_DATA || extent->kind == SINTER_EXTENT_COMPRESSED)
        bytes_of_layer[extent->layer] += extent->length;
    return TRUE;
}

static gboolean
print_map(SinterChain *chain, GError **error)
{
    guint64 bytes_of_layer[SINTER_CHAIN_MAX_LAYERS] = { 0 };

    if (!sinter_chain_map(chain, 0, sinter_chain_get_virtual_size(chain), SINTER_MAP_DEFAULT,
                          add_extent, bytes_of_layer, error))
        return FALSE;
    for (guint i = 0; i < sinter_chain_get_n_layers(chain); i++)
        printf("layer %u holds %" G_GUINT64_FORMAT " bytes of the disk\n", i, bytes_of_layer[i]);
    return TRUE;
}

static gboolean
print_sum(SinterChain *chain, GError **error)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree guint8 *piece = g_malloc(PIECE_BYTES);
    guint64 size = sinter_chain_get_virtual_size(chain);

    for (guint64 offset = 0; offset < size; offset += PIECE_BYTES) {
        gsize n = (gsize)MIN(size - offset, PIECE_BYTES);

        if (!sinter_chain_read(chain, offset, piece, n, error))
            return FALSE;
        g_checksum_update(sum, piece, (gssize)n);
    }
    printf("sha256 %s\n", g_checksum_get_string(sum));
    return TRUE;
}

/* Damage is a result, not an error: the call succeeds and returns findings. */
static gboolean
print_findings(const char *path, const char *format, guint64 *ret_damaged, GError **error)
{
    g_autoptr(GPtrArray) results = sinter_chain_check(NULL, path, format, FALSE, NULL, error);

    if (!results)
        return FALSE;
    for (guint i = 0; i < results->len; i++) {
        const SinterCheckResult *result = g_ptr_array_index(results, i);

        *ret_damaged += result->counts.corruptions + result->counts.errors;
        for (guint j = 0; j < result->findings->len; j++) {
            const SinterFinding *found = &g_array_index(result->findings, SinterFinding, j);
            g_autofree char *text = sinter_finding_get_text(found);

            printf("%s: %s: %s\n", result->path, sinter_finding_code_name(found->code), text);
        }
    }
    return TRUE;
}

int
main(int argc, char **argv)
{
    const char *format = argc > 2 ? argv[2] : "qcow2";
    SinterChainOptions options = { .format = format };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = NULL;
    guint64 damaged = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: look IMAGE [FORMAT]\n");
        return 1;
    }
    if (!print_findings(argv[1], format, &damaged, &error) &&
        !g_error_matches(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED)) {
        fprintf(stderr, "look: %s\n", error->message);
        return 1;
    }
    g_clear_error(&error);
    chain = sinter_chain_open(argv[1], &options, &error);
    if (chain)
        print_layers(chain);
    if (!chain || !print_map(chain, &error) || !print_sum(chain, &error)) {
        fprintf(stderr, "look: %s\n", error->message);
        return damaged ? 2 : 1;
    }
    return damaged ? 2 : 0;
}
