// SPDX-License-Identifier: Apache-2.0
//
// Feeds damaged documents and configurations to the readers of the C contract library, in one
// process and under sanitizers: every truncation, and a fixed number of random damages, the same in
// every run. A configuration that is still read must survive being written and read again.
//
// Threads: one.
#include "damage.h"
#include "hotpocket_contract.h"

enum { damages_count = 60000 };

static const char document[] =
    "{\"hp_version\":\"0.6.4\",\"contract_id\":\"71216897-7ae3-4c4d-8c62-7b38d7f7db60\","
    "\"public_key\":\"ed0000000000000000000000000000000000000000000000000000000000000000\","
    "\"timestamp\":1795212533671,\"readonly\":false,\"lcl_seq_no\":13,\"npl_fd\":20,"
    "\"control_fd\":18,\"user_in_fd\":17,\"new\":[null,-1.5e3,{\"a\":\"\\ud83d\\ude00\\n\"}],"
    "\"users\":{\"ed0000000000000000000000000000000000000000000000000000000000000001\":"
    "[16,[4096,5],[8192,3]],"
    "\"ed0000000000000000000000000000000000000000000000000000000000000002\":[15]},"
    "\"unl\":{\"ed0000000000000000000000000000000000000000000000000000000000000003\":"
    "{\"active_on\":1795212534477}}}";

/// An exact allocation, so that reading one byte too far is seen.
static char* exact_copy(const char* bytes, size_t size) {
    char* const copy = malloc(size == 0 ? 1 : size);
    memcpy(copy, bytes, size);
    return copy;
}

static bool read_document(const char* bytes, size_t size) {
    char* const text = exact_copy(bytes, size);
    struct hp_contract_context* const context = calloc(1, sizeof *context);
    struct hp_priv_json json;
    int control_fd = -1;
    hp_priv_json_init(&json, text, size);
    const bool read = hp_priv_read_document(&json, context, &control_fd);
    if (read == (json.error != NULL))
        abort();
    free(json.string.data);
    hp_priv_free_context(context);
    free(text);
    return read;
}

static bool parse_patch(const char* bytes, size_t size, struct hp_priv_patch* out) {
    char* const text = exact_copy(bytes, size);
    struct hp_priv_json json;
    memset(out, 0, sizeof *out);
    out->config = calloc(1, sizeof *out->config);
    out->config->environment = calloc(1, sizeof(struct map));
    hp_priv_json_init(&json, text, size);
    const bool read = hp_priv_read_patch(&json, out);
    free(json.string.data);
    free(text);
    return read;
}

static void free_patch(struct hp_priv_patch* patch_read) {
    hp_free_config(patch_read->config);
    hp_priv_free_extras(patch_read);
}

static bool write_patch(const struct hp_priv_patch* patch_read, struct hp_priv_text* out) {
    struct hp_priv_plan plan;
    const bool valid = hp_priv_make_plan(&plan, patch_read->config, patch_read->config) == NULL;
    hp_priv_text_init(out);
    if (valid)
        hp_priv_put_plan(out, &plan, patch_read);
    free(plan.unl.list);
    free(plan.environment.entries);
    return valid;
}

/// Whether it could be read; what could be written as well comes back as the same bytes.
static bool read_patch(const char* bytes, size_t size) {
    struct hp_priv_patch first;
    struct hp_priv_patch second;
    struct hp_priv_text once;
    struct hp_priv_text twice;
    const bool read = parse_patch(bytes, size, &first);
    if (read && write_patch(&first, &once)) {
        if (!parse_patch(once.data, once.size, &second) || !write_patch(&second, &twice))
            abort();
        if (once.size != twice.size || memcmp(once.data, twice.data, once.size) != 0)
            abort();
        free_patch(&second);
        free(twice.data);
    }
    if (read)
        free(once.data);
    free_patch(&first);
    return read;
}

static int check(const char* name, const char* whole, bool (*read)(const char*, size_t)) {
    const size_t size = strlen(whole);
    size_t still_read = 0;
    if (!read(whole, size))
        return 1;
    for (size_t length = 0; length < size; ++length)
        if (read(whole, length))
            return 2;
    for (int i = 0; i < damages_count; ++i) {
        struct damaged text;
        damage_text(&text, whole);
        still_read += read(text.bytes, text.size);
    }
    printf("%s: %zu truncations refused, %zu of %d damaged texts still read\n", name, size,
           still_read, (int)damages_count);
    // Most damage inside a string leaves a document; most other damage does not.
    return still_read > 0 && still_read < damages_count ? 0 : 3;
}

int main(void) {
    const int document_result = check("document", document, read_document);
    const int patch_result = check("patch.cfg", damage_patch, read_patch);
    return document_result != 0 ? document_result : patch_result;
}
