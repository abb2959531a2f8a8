/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The search for images that no domain names. Invariant: each file is examined once, whatever names
 * it has; a file that belongs to a domain is never opened here.
 *
 * Only images with the header of a format that has backing files are read: qcow, qcow2 and QED.
 * (The parent of a VMDK image is a VMDK image, which no job changes.)
 */

#include "sinter-stray-search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sinter-file.h"
#include "sinter-identity.h"
#include "sinter-merged-mark.h"
#include "sinter-volume-place.h"

#define MAX_ENTRIES 65536u /* of one folder */
#define MIN_BYTES 512      /* the smallest image with a backing file */

/* The feature bits in the header of a QED image, and the bit of a backing file. Source: QEMU,
 * docs/interop/qed_spec.rst. */
#define QED_FEATURES_AT 16
#define QED_HAS_BACKING_FILE 1u
#define HEADER_BYTES 24

struct _SinterStraySearch {
    GHashTable *known;   /* set of SinterIdentity: files of domains, and files already seen */
    GHashTable *folders; /* set of char* */
    GHashTable *paths;   /* set of char*: the names of images of domains */
};

/* An entry of a folder. */
typedef struct {
    char *path;
    struct stat st;
    SinterIdentity identity;
    guint8 header[HEADER_BYTES];
    gboolean unreadable;
    gboolean has_header; /* the file may be an image with a header */
} Candidate;

static guint
identity_hash(gconstpointer key)
{
    const SinterIdentity *identity = key;
    guint64 mix = identity->device * 31 + identity->inode;

    return g_int64_hash(&mix);
}

static gboolean
identity_equal(gconstpointer a, gconstpointer b)
{
    return sinter_file_id_equal(*(const SinterIdentity *)a, *(const SinterIdentity *)b);
}

SinterStraySearch *
sinter_stray_search_new(void)
{
    SinterStraySearch *search = g_new0(SinterStraySearch, 1);

    search->known = g_hash_table_new_full(identity_hash, identity_equal, g_free, NULL);
    search->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    search->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return search;
}

void
sinter_stray_search_free(SinterStraySearch *search)
{
    if (!search)
        return;
    g_hash_table_unref(search->known);
    g_hash_table_unref(search->folders);
    g_hash_table_unref(search->paths);
    g_free(search);
}

/* --- what belongs to domains -------------------------------------------------------------------
 */

/* Returns FALSE if it was known. */
static gboolean
note_identity(SinterStraySearch *search, guint64 device, guint64 inode)
{
    SinterIdentity identity = { device, inode };

    return sinter_file_id_is_known(identity) &&
           g_hash_table_add(search->known, g_memdup2(&identity, sizeof identity));
}

static void
note_layers(SinterStraySearch *search, const GPtrArray *layers)
{
    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        note_identity(search, layer->device, layer->inode);
        note_identity(search, layer->data_device, layer->data_inode);
        if (layer->path)
            g_hash_table_add(search->paths, g_strdup(layer->path));
    }
}

static void
note_folders(SinterStraySearch *search, const GPtrArray *layers)
{
    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        if (layer->path)
            g_hash_table_add(search->folders, g_path_get_dirname(layer->path));
    }
}

static void
note_snapshot(SinterStraySearch *search, const SinterSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);

        /* the overlay is known only if a chain contains it: a domain that was moved to another
         * image leaves it behind, with the data since the snapshot */
        if (disk->overlay_path)
            g_hash_table_add(search->folders, g_path_get_dirname(disk->overlay_path));
        note_identity(search, disk->frozen_device, disk->frozen_inode);
        note_layers(search, disk->frozen_layers);
    }
}

void
sinter_stray_search_note(SinterStraySearch *search, const SinterDomain *domain)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        note_layers(search, disk->layers);
        note_layers(search, disk->inactive_layers);
        note_layers(search, disk->mirror_layers);
        note_folders(search, disk->layers);
        note_folders(search, disk->inactive_layers);
    }
    for (guint i = 0; i < domain->snapshots->len; i++)
        note_snapshot(search, g_ptr_array_index(domain->snapshots, i));
    for (guint i = 0; i < domain->side_images->len; i++)
        note_layers(search,
                    ((const SinterSideImage *)g_ptr_array_index(domain->side_images, i))->layers);
}

/* --- candidates ------------------------------------------------------------------------------- */

/* Below /dev only the folder of a volume group is looked into: other devices may be slow to open,
 * or have no medium. */
static gboolean
is_device_folder(const char *folder)
{
    static const char *const others[] = { "/dev/mapper", "/dev/disk", "/dev/block", "/dev/shm",
                                          NULL };

    return g_str_has_prefix(folder, "/dev/") && !strchr(folder + strlen("/dev/"), '/') &&
           !g_strv_contains(others, folder);
}

static gboolean
is_readable_folder(const char *folder)
{
    return g_path_is_absolute(folder) && strcmp(folder, "/dev") != 0 &&
           (!g_str_has_prefix(folder, "/dev/") || is_device_folder(folder));
}

/* The device of the "dev:" kind only in a folder of devices. */
static gboolean
is_candidate(const struct stat *st, gboolean devices)
{
    return (S_ISREG(st->st_mode) && st->st_size >= MIN_BYTES) || (devices && S_ISBLK(st->st_mode));
}

static GPtrArray *
new_chain(const Candidate *candidate, const char *problem)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    SinterLayer *layer = sinter_layer_new();
    SinterIdentity identity;

    sinter_identity_from_stat(&candidate->st, &identity);
    layer->type = S_ISBLK(candidate->st.st_mode) ? SINTER_SOURCE_BLOCK : SINTER_SOURCE_FILE;
    layer->path = g_strdup(candidate->path);
    layer->description = g_strdup(candidate->path);
    layer->device = identity.device;
    layer->inode = identity.inode;
    layer->fs_device = candidate->st.st_dev;
    layer->problem = g_strdup(problem);
    layer->backing_unknown = TRUE;
    g_ptr_array_add(layers, layer);
    return layers;
}

/* (nullable): QED images are not read by the engine: whether there is a backing file, but not
 * which. */
static GPtrArray *
read_qed(const Candidate *candidate)
{
    guint64 features;

    memcpy(&features, candidate->header + QED_FEATURES_AT, sizeof features);
    if (!(GUINT64_FROM_LE(features) & QED_HAS_BACKING_FILE))
        return NULL;
    return new_chain(candidate, "format 'qed' is not supported");
}

static GPtrArray *
read_qcow(const Candidate *candidate, SinterLayerReader *reader)
{
    const SinterXmlSource source = { .type = SINTER_XML_SOURCE_FILE,
                                     .path = candidate->path,
                                     .description = candidate->path };

    return sinter_layer_reader_read_image(reader, &source);
}

/* Returns whether another image may be below the first one, or beside it. */
static gboolean
is_reader(const GPtrArray *layers)
{
    const SinterLayer *last = g_ptr_array_index(layers, layers->len - 1);

    return layers->len > 1 || last->backing_unknown || last->data_path;
}

static void
examine(const Candidate *candidate, SinterLayerReader *reader, GPtrArray *strays)
{
    GPtrArray *layers = NULL;

    if (candidate->unreadable)
        layers = new_chain(candidate, "it could not be opened");
    else if (!candidate->has_header)
        return;
    else if (memcmp(candidate->header, "QED\0", 4) == 0)
        layers = read_qed(candidate);
    else if (memcmp(candidate->header, "QFI\xfb", 4) == 0)
        layers = read_qcow(candidate, reader);
    if (layers && is_reader(layers))
        g_ptr_array_add(strays, layers);
    else if (layers)
        g_ptr_array_unref(layers);
}

/* --- questions to the file system of a folder --------------------------------------------------
 */

/* First the candidates of a folder are listed, then the headers of some are read. */
typedef struct {
    char *folder;            /* or a symbolic link, which is a folder of its own */
    SinterIdentity identity; /* of the folder, 0/0 if it cannot be read */
    GPtrArray *candidates;   /* of Candidate */
    GPtrArray *links;        /* of char*: paths of symbolic links, whose targets may be elsewhere */
    gint progress;
} Survey;

static void
candidate_free(gpointer data)
{
    Candidate *candidate = data;

    g_free(candidate->path);
    g_free(candidate);
}

static void
survey_free(gpointer data)
{
    Survey *survey = data;

    g_free(survey->folder);
    g_ptr_array_unref(survey->candidates);
    g_ptr_array_unref(survey->links);
    g_free(survey);
}

/* @path: (transfer full) */
static void
add_candidate(Survey *survey, char *path, const struct stat *st)
{
    Candidate *candidate = g_new0(Candidate, 1);

    candidate->path = path;
    candidate->st = *st;
    sinter_identity_from_stat(st, &candidate->identity);
    g_ptr_array_add(survey->candidates, candidate);
}

static void
list_entry(Survey *survey, int fd, const char *name)
{
    g_autofree char *path = g_build_filename(survey->folder, name, NULL);
    struct stat st;

    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (S_ISLNK(st.st_mode))
        g_ptr_array_add(survey->links, g_steal_pointer(&path));
    else if (is_candidate(&st, is_device_folder(survey->folder)))
        add_candidate(survey, g_steal_pointer(&path), &st);
}

static void
follow_link(gpointer data)
{
    Survey *survey = data;
    g_autofree char *folder = g_path_get_dirname(survey->folder);
    struct stat st;

    if (stat(survey->folder, &st) == 0 && is_candidate(&st, is_device_folder(folder)))
        add_candidate(survey, g_strdup(survey->folder), &st);
}

static void
list_candidates(gpointer data)
{
    Survey *survey = data;
    DIR *dir = opendir(survey->folder);
    struct dirent *entry;
    struct stat st;

    if (!dir)
        return;
    if (fstat(dirfd(dir), &st) == 0) {
        survey->identity = sinter_file_id_of(&st);
        for (guint n = 0; n < MAX_ENTRIES && (entry = readdir(dir)); n++) {
            g_atomic_int_inc(&survey->progress);
            if (entry->d_type != DT_DIR)
                list_entry(survey, dirfd(dir), entry->d_name);
        }
    }
    closedir(dir);
}

static void
read_header(Candidate *candidate)
{
    g_auto(SinterFd) fd = open(candidate->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        candidate->unreadable = errno != ENOENT && geteuid() == 0;
    else
        candidate->has_header = pread(fd, candidate->header, HEADER_BYTES, 0) == HEADER_BYTES &&
                                !sinter_merged_mark_is_set(fd);
}

static void
read_headers(gpointer data)
{
    Survey *survey = data;

    for (guint i = 0; i < survey->candidates->len; i++) {
        g_atomic_int_inc(&survey->progress);
        read_header(g_ptr_array_index(survey->candidates, i));
    }
}

/* --- folders ---------------------------------------------------------------------------------- */

/* Where the strays of a pass go. */
typedef struct {
    SinterStraySearch *search;
    SinterLayerReader *reader;
    GPtrArray *strays;
} Pass;

/* What is in a folder that does not respond is unknown: it stands for an image that may use every
 * other one in the folder. @path: of a link, or "*" in the folder */
static void
add_silent(const Pass *pass, const char *path, const SinterStorageSilence *silence)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    SinterLayer *layer = sinter_layer_new();

    layer->type = SINTER_SOURCE_FILE;
    layer->path = g_strdup(path);
    layer->description = g_strdup(layer->path);
    layer->problem = sinter_storage_silence_describe(silence);
    layer->unresponsive_since_usec = silence->since_usec;
    layer->backing_unknown = TRUE;
    g_ptr_array_add(layers, layer);
    g_ptr_array_add(pass->strays, layers);
}

/* Asks; returns whether there was an answer. Otherwise @survey was freed. @name: what is unknown
 * then; the link of a domain is not, because it is known what the domain uses */
static gboolean
ask(const Pass *pass, void (*func)(gpointer data), Survey *survey, const char *name)
{
    g_auto(SinterStorageSilence) silence = { 0 };
    g_autofree char *folder = g_strdup(survey->folder);
    const SinterQuestion question = { func, survey, survey_free, &survey->progress };

    if (sinter_storage_probe_ask(sinter_layer_reader_get_probe(pass->reader), folder, &question,
                                 &silence))
        return TRUE;
    if (!g_hash_table_contains(pass->search->paths, name))
        add_silent(pass, name, &silence);
    return FALSE;
}

/* Leaves the files that nobody has looked at yet. */
static void
drop_known(SinterStraySearch *search, Survey *survey)
{
    for (guint i = survey->candidates->len; i > 0; i--) {
        const Candidate *candidate = g_ptr_array_index(survey->candidates, i - 1);

        if (!note_identity(search, candidate->identity.device, candidate->identity.inode))
            g_ptr_array_remove_index_fast(survey->candidates, i - 1);
    }
}

static Survey *
survey_new(const char *folder)
{
    Survey *survey = g_new0(Survey, 1);

    survey->folder = g_strdup(folder);
    survey->candidates = g_ptr_array_new_with_free_func(candidate_free);
    survey->links = g_ptr_array_new_with_free_func(g_free);
    return survey;
}

/* @survey: (transfer full) */
static void
look_at_candidates(const Pass *pass, Survey *survey, const char *name)
{
    drop_known(pass->search, survey);
    if (survey->candidates->len > 0 && !ask(pass, read_headers, survey, name))
        return;
    for (guint i = 0; i < survey->candidates->len; i++)
        examine(g_ptr_array_index(survey->candidates, i), pass->reader, pass->strays);
    survey_free(survey);
}

static void
look_behind_link(const Pass *pass, const char *link)
{
    Survey *survey = survey_new(link);

    if (ask(pass, follow_link, survey, link))
        look_at_candidates(pass, survey, link);
}

static void
look_into(const Pass *pass, const char *folder)
{
    g_autofree char *everything = g_build_filename(folder, "*", NULL);
    g_autoptr(GPtrArray) links = NULL;
    Survey *survey;

    if (!is_readable_folder(folder))
        return;
    survey = survey_new(folder);
    if (!ask(pass, list_candidates, survey, everything))
        return;
    /* two names of one folder are one folder */
    if (!note_identity(pass->search, survey->identity.device, survey->identity.inode)) {
        survey_free(survey);
        return;
    }
    links = g_ptr_array_ref(survey->links);
    look_at_candidates(pass, survey, everything);
    for (guint i = 0; i < links->len; i++)
        look_behind_link(pass, g_ptr_array_index(links, i));
}

static int
compare_paths(gconstpointer pa, gconstpointer pb)
{
    const GPtrArray *a = *(const GPtrArray *const *)pa;
    const GPtrArray *b = *(const GPtrArray *const *)pb;

    return strcmp(((const SinterLayer *)a->pdata[0])->path,
                  ((const SinterLayer *)b->pdata[0])->path);
}

GPtrArray *
sinter_stray_search_run(SinterStraySearch *search, virConnectPtr connection,
                        SinterLayerReader *reader, const SinterScanSettings *settings)
{
    GPtrArray *strays = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    const Pass pass = { search, reader, strays };
    g_autoptr(GPtrArray) pools =
        sinter_volume_place_list_folders(settings->memory->libvirt, connection);
    g_autoptr(GList) folders = NULL;

    for (guint i = 0; i < pools->len; i++)
        g_hash_table_add(search->folders, g_strdup(g_ptr_array_index(pools, i)));
    for (char **folder = settings->image_folders; *folder; folder++)
        g_hash_table_add(search->folders, g_strdup(*folder));
    folders = g_list_sort(g_hash_table_get_keys(search->folders), (GCompareFunc)strcmp);
    for (GList *link = folders; link; link = link->next)
        look_into(&pass, link->data);
    g_ptr_array_sort(strays, compare_paths);
    return strays;
}
