// SPDX-License-Identifier: Apache-2.0
#include "cli/keys.hpp"

#include "cli/agent_keys.hpp"
#include "cli/dev_keys.hpp"
#include "cli/passphrase.hpp"
#include "cli/user_files.hpp"

namespace hp::cli {
namespace {

bool looks_like_path(std::string_view text) {
    return text.find('/') != std::string_view::npos || text.ends_with(".key");
}

tl::expected<ChosenKey, Failure> make_default_key(const client::KeyStore& store) {
    auto made = store.make(default_key);
    if (!made && made.err().code == Errc::exists) { // another process was faster
        made = store.load(default_key);
    }
    if (!made) {
        return tl::unexpected(key_failure(made.err()));
    }
    return ChosenKey{made->keys, false,
                     "made key \"default\" " + made->keys.public_key.hex() + " in " +
                         made->path.string()};
}

} // namespace

bool is_reserved_key_name(std::string_view name) {
    return name == ephemeral_key || name == agent_key_name;
}

Failure key_failure(const Error& error) {
    switch (error.code) {
    case Errc::not_found:
        return {ErrorId::key_not_found, error.context, "hpcli key list; hpcli key new NAME"};
    case Errc::exists:
        return {ErrorId::key_exists, error.context};
    case Errc::invalid:
        return {ErrorId::usage, error.context, "letters, digits, dot, dash and underscore"};
    case Errc::denied:
        return {ErrorId::key_file, error.context,
                "if nobody else has read it: chmod 600; otherwise make a new key"};
    default:
        return {ErrorId::key_file, error.context};
    }
}

tl::expected<client::KeyStore, Failure> open_key_store() {
    auto root = client::user_data_dir();
    if (!root) {
        return failure(ErrorId::key_file, root.err().context);
    }
    return client::KeyStore(std::move(*root));
}

tl::expected<std::string, Failure> get_passphrase(const Args& args, const std::string& what) {
    if (!args.connection.passphrase_file.empty()) {
        return read_passphrase_file(args.connection.passphrase_file);
    }
    return ask_passphrase(args, what);
}

tl::expected<std::string, Failure> ask_passphrase(const Args& args, const std::string& what) {
    if (args.no_input) {
        return failure(ErrorId::passphrase, what + " needs its passphrase",
                       "with --no-input, give it with --passphrase-file");
    }
    return type_passphrase(what);
}

tl::expected<std::string, Failure> ask_secret(const Args& args, const std::string& prompt) {
    if (args.no_input) {
        return failure(ErrorId::passphrase, "not asked with --no-input: " + prompt, "pipe it in");
    }
    return type_secret(prompt);
}

tl::expected<client::StoredKey, Failure> unlock(const Args& args, client::StoredKey key) {
    if (!key.locked) {
        return key;
    }
    const auto passphrase = get_passphrase(args, "key \"" + key.name + "\"");
    if (!passphrase) {
        return tl::unexpected(passphrase.error());
    }
    auto opened = client::load_key_file(key.path, *passphrase);
    if (!opened) {
        return failure(ErrorId::passphrase, opened.err().context);
    }
    return std::move(*opened);
}

tl::expected<std::string, Failure> current_key() {
    const auto file = load_user_file(current_key_file);
    return file ? tl::expected<std::string, Failure>(text_member(*file, "current").value_or(""))
                : tl::unexpected(file.error());
}

namespace {

tl::expected<ChosenKey, Failure> find_key(const Args& args, const std::string& wanted,
                                          std::string_view fallback) {
    const std::string name = wanted.empty() ? std::string(fallback) : wanted;
    if (name == ephemeral_key) {
        return ChosenKey{crypto::make_key_pair(), true, {}};
    }
    if (is_agent_key(name)) {
        const auto key = find_agent_key(args, name);
        return key ? tl::expected<ChosenKey, Failure>(ChosenKey{signer_of(args, *key), false, {}})
                   : tl::unexpected(key.error());
    }
    // In a local cluster these names mean the same users on every machine.
    if (name.starts_with(dev_key_prefix) || !args.connection.cluster.empty()) {
        if (const auto keys = dev_key(name)) {
            return ChosenKey{*keys, false, {}};
        }
    }
    const auto chosen = [&args](Result<client::StoredKey> key) {
        if (!key) {
            return tl::expected<ChosenKey, Failure>(tl::unexpected(key_failure(key.err())));
        }
        auto opened = unlock(args, std::move(*key));
        return opened ? tl::expected<ChosenKey, Failure>(ChosenKey{opened->keys, false, {}})
                      : tl::unexpected(std::move(opened.error()));
    };
    if (looks_like_path(name)) {
        return chosen(client::load_key_file(name));
    }
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    auto key = store->load(name);
    if (!key && wanted.empty() && key.err().code == Errc::not_found) {
        return make_default_key(*store);
    }
    return chosen(std::move(key));
}

} // namespace

tl::expected<ChosenKey, Failure> choose_key(const Args& args, const std::string& wanted,
                                            std::string_view fallback) {
    tl::expected<std::string, Failure> name = wanted;
    if (wanted.empty() && fallback == default_key) {
        name = current_key();
        if (!name) {
            return tl::unexpected(std::move(name.error()));
        }
    }
    auto chosen = find_key(args, *name, fallback);
    if (chosen) {
        // Behind a proxy, even 127.0.0.1 is another machine.
        const auto servers = args.connection.proxy.empty()
                                 ? args.connection.servers
                                 : std::vector<std::string>{"whatever is behind the proxy"};
        const auto fits = refuse_dev_key(chosen->signer.public_key(), servers);
        if (!fits) {
            return tl::unexpected(fits.error());
        }
    }
    return chosen;
}

} // namespace hp::cli
