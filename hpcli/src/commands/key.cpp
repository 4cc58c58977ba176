// SPDX-License-Identifier: Apache-2.0
// The key commands. Only "key export --show-secret" ever prints a private key.
#include "commands.hpp"

#include "cli/agent_keys.hpp"
#include "cli/confirm.hpp"
#include "cli/dev_keys.hpp"
#include "cli/keys.hpp"
#include "cli/local_cluster.hpp"
#include "cli/options.hpp"
#include "cli/passphrase.hpp"
#include "cli/payload.hpp"
#include "cli/render.hpp"
#include "cli/user_files.hpp"

#include <unistd.h>

namespace hp::cli {
namespace {

void describe_key(const client::StoredKey& key, JsonObject& out) {
    out.add("name", key.name).add("public_key", key.keys.public_key.hex());
    if (!key.path.empty()) { // a development key is in no file
        out.add("created", key.created).add("path", key.path.string());
    }
    out.add("encrypted", key.encrypted);
}

Outcome key_answer(const Args& args, const client::StoredKey& key) {
    if (!args.json) {
        return Answer{key.keys.public_key.hex() + "\n"};
    }
    JsonObject out = document(args.schema);
    describe_key(key, out);
    return Answer{out.text() + "\n"};
}

// A key of the agent as an item of the list, or as the whole answer.
void describe_key(const client::AgentKey& key, JsonObject& out) {
    out.add("name", agent_name_of(key)).add("public_key", key.key.hex());
    out.add("encrypted", false).add("comment", key.comment);
}

Outcome agent_answer(const Args& args, const std::string& name) {
    const auto key = find_agent_key(args, name);
    if (!key) {
        return tl::unexpected(key.error());
    }
    if (!args.json) {
        return Answer{key->key.hex() + "\n"};
    }
    JsonObject out = document(args.schema);
    describe_key(*key, out);
    return Answer{out.text() + "\n"};
}

// Whether a new key may have this name.
tl::expected<void, Failure> check_new_name(const std::string& name) {
    if (is_reserved_key_name(name)) {
        return failure(ErrorId::usage, "\"" + name + "\" means another kind of key");
    }
    return {};
}

std::string name_of(const Args& args) {
    return args.arguments.empty() ? std::string(default_key) : args.arguments.front();
}

// The new passphrase when --encrypt is given; typed ones twice.
tl::expected<client::Passphrase, Failure> new_passphrase(const Args& args) {
    if (!args.options.has("encrypt")) {
        return std::nullopt;
    }
    auto first = get_passphrase(args, "the new key");
    if (!first) {
        return tl::unexpected(std::move(first.error()));
    }
    if (args.connection.passphrase_file.empty()) {
        const auto again = ask_passphrase(args, "the new key again");
        if (!again || *again != *first) {
            return failure(ErrorId::passphrase, "the two passphrases differ");
        }
    }
    return std::optional(std::move(*first));
}

Outcome run_new(const Args& args) {
    if (auto good = check_new_name(args.arguments.front()); !good) {
        return tl::unexpected(std::move(good.error()));
    }
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    const auto passphrase = new_passphrase(args);
    if (!passphrase) {
        return tl::unexpected(passphrase.error());
    }
    const auto key = store->make(args.arguments.front(), *passphrase);
    return key ? key_answer(args, *key) : tl::unexpected(key_failure(key.err()));
}

client::StoredKey dev_entry(std::string_view name) {
    client::StoredKey out;
    out.name = std::string(dev_key_prefix) + std::string(name);
    out.keys = *dev_key(name);
    return out;
}

// Keys that need no passphrase for what is public about them.
tl::expected<client::StoredKey, Failure> load_key(const std::string& name) {
    if (is_agent_key(name)) {
        return stays_in_agent(name);
    }
    if (name.starts_with(dev_key_prefix) && dev_key(name)) {
        return dev_entry(std::string_view(name).substr(dev_key_prefix.size()));
    }
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    auto key = store->load(name);
    return key ? tl::expected<client::StoredKey, Failure>(std::move(*key))
               : tl::unexpected(key_failure(key.err()));
}

tl::expected<client::StoredKey, Failure> load_unlocked(const Args& args, const std::string& name) {
    auto key = load_key(name);
    return key ? unlock(args, std::move(*key)) : key;
}

tl::expected<void, Failure> make_current(const std::string& name) {
    return change_user_file(current_key_file, [&name](Json& file) -> tl::expected<void, Failure> {
        if (name.empty()) {
            file.erase("current");
        } else {
            file["current"] = name;
        }
        return {};
    });
}

Outcome run_use(const Args& args) {
    if (const std::string& name = args.arguments.front(); is_agent_key(name)) {
        Outcome answer = agent_answer(args, name);
        auto done = answer ? make_current(name) : tl::expected<void, Failure>();
        return done ? answer : tl::unexpected(std::move(done.error()));
    }
    const auto key = load_key(args.arguments.front());
    if (!key) {
        return tl::unexpected(key.error());
    }
    auto done = make_current(key->name == default_key ? "" : key->name);
    return done ? key_answer(args, *key) : tl::unexpected(std::move(done.error()));
}

Outcome run_show(const Args& args) {
    if (is_agent_key(name_of(args))) {
        return agent_answer(args, name_of(args));
    }
    const auto key = load_key(name_of(args));
    return key ? key_answer(args, *key) : tl::unexpected(key.error());
}

// What the agent adds to the list: its keys, or what is wrong with it; nothing without an agent.
void list_agent_keys(const Args& args, JsonArray& list, std::string& text) {
    if (!client::agent_socket()) {
        return;
    }
    const auto keys = list_agent(args);
    if (!keys) {
        JsonObject entry;
        entry.add("name", agent_key_name).add("problem", keys.error().message);
        list.add_raw(entry.text());
        text += text_row(std::string(agent_key_name), "unusable: " + keys.error().message);
        return;
    }
    for (const client::AgentKey& key : *keys) {
        JsonObject entry;
        describe_key(key, entry);
        list.add_raw(entry.text());
        text += text_row(agent_name_of(key), key.key.hex() + " " + key.comment);
    }
}

Outcome run_list(const Args& args) {
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    const auto keys = store->list();
    if (!keys) {
        return tl::unexpected(key_failure(keys.err()));
    }
    const auto current = current_key();
    if (!current) {
        return tl::unexpected(current.error());
    }
    const std::string used = current->empty() ? std::string(default_key) : *current;
    std::string text;
    JsonArray list;
    for (const client::KeyListing& item : *keys) {
        JsonObject entry;
        if (item.key) {
            describe_key(*item.key, entry);
            entry.add("used", item.name == used);
            text += text_row(item.name, item.key->keys.public_key.hex() +
                                            (item.key->encrypted ? " encrypted" : "") +
                                            (item.name == used ? " used" : ""));
        } else {
            entry.add("name", item.name).add("path", item.path.string());
            entry.add("problem", item.key.err().context);
            text += text_row(item.name, "unusable: " + item.key.err().context);
        }
        list.add_raw(entry.text());
    }
    list_agent_keys(args, list, text);
    const auto cluster = find_cluster(".", std::nullopt);
    for (const std::string_view name : dev_key_names) {
        if (!cluster || !*cluster) {
            break;
        }
        const client::StoredKey key = dev_entry(name);
        JsonObject entry;
        describe_key(key, entry);
        text += text_row(key.name, key.keys.public_key.hex() + " for local clusters only");
        list.add_raw(entry.text());
    }
    return Answer{args.json ? document(args.schema).add("keys", list).text() + "\n" : text};
}

// A secret that another program has made, from `source`.
Outcome store_foreign(const Args& args, ByteView content, const std::string& source) {
    if (auto good = check_new_name(args.arguments.front()); !good) {
        return tl::unexpected(std::move(good.error()));
    }
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    auto keys = client::decode_foreign_key(content, std::nullopt);
    if (!keys && keys.err().code == Errc::denied) {
        const auto passphrase = get_passphrase(args, source);
        if (!passphrase) {
            return tl::unexpected(passphrase.error());
        }
        keys = client::decode_foreign_key(content, *passphrase);
    }
    if (!keys) {
        return failure(ErrorId::bad_file, source + ": " + keys.err().context,
                       keys.err().code == Errc::unsupported
                           ? "leave it in the agent: ssh-add FILE, then --key agent; or take the "
                             "passphrase off a copy: ssh-keygen -p -f COPY"
                           : "a private key of 130 hex characters, a seed of 64, a JWK, an OpenSSH "
                             "Ed25519 key, or a key file");
    }
    const auto passphrase = new_passphrase(args);
    if (!passphrase) {
        return tl::unexpected(passphrase.error());
    }
    const auto key = store->make(args.arguments.front(), *passphrase, *keys);
    return key ? key_answer(args, *key) : tl::unexpected(key_failure(key.err()));
}

Outcome run_import(const Args& args) {
    const std::string& path = args.arguments[1];
    const auto content = read_input_file(path == "-" ? "/dev/stdin" : path);
    return content ? store_foreign(args, *content, path) : tl::unexpected(content.error());
}

// Typed without being shown, or from a pipe.
Outcome run_from_hex(const Args& args) {
    if (::isatty(STDIN_FILENO) == 1) {
        const auto typed = ask_secret(args, "private key or seed in hex");
        return typed ? store_foreign(args, as_bytes(*typed), "what was typed")
                     : tl::unexpected(typed.error());
    }
    const auto content = read_input_file("/dev/stdin");
    return content ? store_foreign(args, *content, "standard input")
                   : tl::unexpected(content.error());
}

Outcome run_export(const Args& args) {
    if (!args.options.has("show-secret")) {
        return failure(ErrorId::usage, "this prints the private key: say --show-secret",
                       "the public half is: hpcli key show");
    }
    const auto key = load_unlocked(args, name_of(args));
    if (!key) {
        return tl::unexpected(key.error());
    }
    const std::string secret = key->keys.private_key.hex();
    if (!args.json) {
        return Answer{secret + "\n"};
    }
    JsonObject out = document(args.schema);
    out.add("name", key->name).add("public_key", key->keys.public_key.hex());
    out.add("private_key", secret);
    return Answer{out.text() + "\n"};
}

Outcome run_rm(const Args& args) {
    if (is_agent_key(args.arguments.front())) {
        return stays_in_agent(args.arguments.front());
    }
    const auto key = load_key(args.arguments.front());
    if (!key && key.error().id == ErrorId::key_not_found) {
        return tl::unexpected(key.error());
    }
    if (auto agreed = confirm(args, "remove key \"" + args.arguments.front() + "\" for ever");
        !agreed) {
        return tl::unexpected(std::move(agreed.error()));
    }
    const auto store = open_key_store();
    const auto removed = store->remove(args.arguments.front());
    if (!removed) {
        return tl::unexpected(key_failure(removed.err()));
    }
    if (const auto current = current_key(); current && *current == args.arguments.front()) {
        if (auto done = make_current(""); !done) {
            return tl::unexpected(std::move(done.error()));
        }
    }
    JsonObject out = document(args.schema);
    out.add("name", args.arguments.front());
    return Answer{args.json ? out.text() + "\n" : ""};
}

Outcome run_passwd(const Args& args) {
    const auto key = load_unlocked(args, name_of(args));
    if (!key) {
        return tl::unexpected(key.error());
    }
    client::Passphrase passphrase;
    if (!args.options.has("remove")) {
        const auto file = args.options.text("new-passphrase-file");
        auto chosen =
            file ? read_passphrase_file(*file) : ask_passphrase(args, "the key from now on");
        if (!chosen) {
            return tl::unexpected(std::move(chosen.error()));
        }
        passphrase = std::move(*chosen);
    }
    const auto store = open_key_store();
    if (const auto done = store->rewrite(*key, passphrase); !done) {
        return tl::unexpected(key_failure(done.err()));
    }
    client::StoredKey changed = *key;
    changed.encrypted = passphrase.has_value();
    return key_answer(args, changed);
}

// --- signing anything but challenges -------------------------------------------------------------

// Under a tag of its own: never a valid input, challenge or ledger.
Bytes tagged(ByteView content) {
    constexpr std::string_view tag("hp.cli.signed-message\0", 22);
    Bytes out;
    out.reserve(tag.size() + content.size());
    append(out, as_bytes(tag));
    append(out, content);
    return out;
}

tl::expected<client::Signer, Failure> signer_named(const Args& args, const std::string& name) {
    if (is_agent_key(name)) {
        const auto key = find_agent_key(args, name);
        return key ? tl::expected<client::Signer, Failure>(signer_of(args, *key))
                   : tl::unexpected(key.error());
    }
    const auto key = load_unlocked(args, name);
    return key ? tl::expected<client::Signer, Failure>(key->keys) : tl::unexpected(key.error());
}

Outcome run_sign(const Args& args) {
    const auto content = make_payload({args.arguments.back()}, false);
    if (!content) {
        return tl::unexpected(content.error());
    }
    const auto signer = signer_named(args, args.arguments.size() > 1 ? args.arguments.front()
                                                                     : std::string(default_key));
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    const auto signature = signer->sign(tagged(*content));
    if (!signature) {
        return failure(ErrorId::agent, signature.err().context, std::string(agent_hint));
    }
    if (!args.json) {
        return Answer{signature->hex() + "\n"};
    }
    JsonObject out = document(args.schema);
    out.add("public_key", signer->public_key().hex()).add("signature", signature->hex());
    return Answer{out.text() + "\n"};
}

Outcome run_verify(const Args& args) {
    const auto key = parse_public_key_hex(args.arguments[0]);
    const auto signature = Signature::from_hex(args.arguments[1]);
    if (!key || !signature) {
        return failure(ErrorId::usage, "expected a public key and a signature in hex");
    }
    const auto content = make_payload({args.arguments[2]}, false);
    if (!content) {
        return tl::unexpected(content.error());
    }
    if (!crypto::verify(*key, tagged(*content), *signature)) {
        return failure(ErrorId::unproven_output, "the signature is not this key's for this text");
    }
    JsonObject out = document(args.schema);
    out.add("public_key", key->hex());
    return Answer{args.json ? out.text() + "\n" : "good\n"};
}

constexpr OptionInfo encrypt{"--encrypt", "", "under a passphrase, typed or from a file"};
constexpr std::array new_options = {encrypt};
constexpr std::array import_options = {encrypt};
constexpr std::array export_options = {
    OptionInfo{"--show-secret", "", "yes, print the private key"}};
constexpr std::array passwd_options = {
    OptionInfo{"--new-passphrase-file", "FILE", "the new one, instead of typing it"},
    OptionInfo{"--remove", "", "from now on without a passphrase"},
};

constexpr std::string_view key_fields =
    "ok:bool name:text public_key:key created?:text path?:text encrypted:bool "
    "comment?:text";

constexpr std::array key_table = {
    CommandInfo{"key new", "NAME", 1, 1, Scope::offline, "Make a key and store it",
                "hpcli key new alice", "hpcli key new ci --json | jq -r .public_key", new_options,
                key_fields, run_new},
    CommandInfo{"key show",
                "[NAME]",
                0,
                1,
                Scope::offline,
                "Print a key's public half",
                "hpcli key show",
                "hpcli key show alice --json",
                {},
                key_fields,
                run_show},
    CommandInfo{"key list",
                "",
                0,
                0,
                Scope::offline,
                "List the stored keys, and those of the agent",
                "hpcli key list",
                "hpcli key list --json | jq '.keys[].name'",
                {},
                "ok:bool keys:[{name:text public_key?:key created?:text path?:text "
                "encrypted?:bool used?:bool problem?:text comment?:text}]",
                run_list},
    CommandInfo{"key import", "NAME FILE", 2, 2, Scope::offline,
                "Store a key that another program has made",
                "hpcli key import alice user.key    # of the JavaScript tutorials",
                "hpcli key import alice ~/.ssh/id_ed25519 --encrypt", import_options, key_fields,
                run_import},
    CommandInfo{"key from-hex", "NAME", 1, 1, Scope::offline,
                "Store a private key or a seed that is typed or piped in as hex",
                "hpcli key from-hex alice", "pass show hotpocket/seed | hpcli key from-hex alice",
                import_options, key_fields, run_from_hex},
    CommandInfo{"key use",
                "NAME",
                1,
                1,
                Scope::offline,
                "Make a key the one that inputs are sent with by default",
                "hpcli key use alice",
                "hpcli key use default --json",
                {},
                key_fields,
                run_use},
    CommandInfo{"key export", "[NAME]", 0, 1, Scope::offline, "Print a private key",
                "umask 077; hpcli key export alice --show-secret > user.key",
                "hpcli key export --show-secret --json | jq -r .private_key", export_options,
                "ok:bool name:text public_key:key private_key:text", run_export},
    CommandInfo{"key rm",
                "NAME",
                1,
                1,
                Scope::offline,
                "Remove a key for ever",
                "hpcli key rm alice",
                "hpcli key rm ci --yes",
                {},
                "ok:bool name:text",
                run_rm},
    CommandInfo{"key passwd", "[NAME]", 0, 1, Scope::offline, "Change a key's passphrase",
                "hpcli key passwd alice", "hpcli key passwd alice --remove", passwd_options,
                key_fields, run_passwd},
    CommandInfo{"key sign",
                "[NAME] TEXT | @FILE | -",
                1,
                2,
                Scope::offline,
                "Sign a text, under a tag that no other signature has",
                "hpcli key sign alice 'I was here'",
                "hpcli key sign @letter.txt --json",
                {},
                "ok:bool public_key:key signature:text",
                run_sign},
    CommandInfo{"key verify",
                "KEY SIGNATURE TEXT | @FILE | -",
                3,
                3,
                Scope::offline,
                "Check what \"key sign\" has signed (exit 8)",
                "hpcli key verify \"$key\" \"$signature\" 'I was here'",
                "hpcli key verify \"$key\" \"$signature\" @letter.txt",
                {},
                "ok:bool public_key:key",
                run_verify},
};

} // namespace

Commands key_commands() {
    return key_table;
}

} // namespace hp::cli
