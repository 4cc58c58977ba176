// SPDX-License-Identifier: Apache-2.0
// The key commands. None of them ever shows a private key.
#include "commands.hpp"

#include "keys.hpp"
#include "render.hpp"

namespace hp::cli {
namespace {

void describe_key(const client::StoredKey& key, JsonObject& out) {
    out.add("name", key.name).add("public_key", key.keys.public_key.hex());
    out.add("created", key.created).add("path", key.path.string());
}

Outcome key_answer(const Args& args, const client::StoredKey& key) {
    if (!args.json) {
        return Answer{key.keys.public_key.hex() + "\n"};
    }
    JsonObject out = document(args.schema);
    describe_key(key, out);
    return Answer{out.text() + "\n"};
}

std::string list_text(const std::vector<client::KeyListing>& keys) {
    std::string out;
    for (const client::KeyListing& item : keys) {
        out += text_row(item.name, item.key ? item.key->keys.public_key.hex()
                                            : "unusable: " + item.key.err().context);
    }
    return out;
}

std::string list_json(const Args& args, const std::vector<client::KeyListing>& keys) {
    JsonArray list;
    for (const client::KeyListing& item : keys) {
        JsonObject entry;
        if (item.key) {
            describe_key(*item.key, entry);
        } else {
            entry.add("name", item.name).add("path", item.path.string());
            entry.add("problem", item.key.err().context);
        }
        list.add_raw(entry.text());
    }
    return document(args.schema).add("keys", list).text() + "\n";
}

} // namespace

Outcome run_key_new(const Args& args) {
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    const auto key = store->make(args.key_name);
    return key ? key_answer(args, *key) : tl::unexpected(key_failure(key.err()));
}

Outcome run_key_show(const Args& args) {
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    const auto key = store->load(args.key_name);
    return key ? key_answer(args, *key) : tl::unexpected(key_failure(key.err()));
}

Outcome run_key_list(const Args& args) {
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    const auto keys = store->list();
    if (!keys) {
        return tl::unexpected(key_failure(keys.err()));
    }
    return Answer{args.json ? list_json(args, *keys) : list_text(*keys)};
}

} // namespace hp::cli
