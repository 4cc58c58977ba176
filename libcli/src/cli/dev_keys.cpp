// SPDX-License-Identifier: Apache-2.0
#include "cli/dev_keys.hpp"

#include "cli/server_address.hpp"
#include "hp/base/bytes.hpp"
#include "hp/crypto/blake3.hpp"

#include <algorithm>

namespace hp::cli {

std::optional<crypto::KeyPair> dev_key(std::string_view name) {
    if (name.starts_with(dev_key_prefix)) {
        name.remove_prefix(dev_key_prefix.size());
    }
    if (std::ranges::find(dev_key_names, name) == dev_key_names.end()) {
        return std::nullopt;
    }
    // Changing this text changes everybody's keys: recordings and tests would no longer fit.
    const std::string seed = "HotPocket development key 1: " + std::string(name);
    return crypto::key_pair_from_seed(crypto::b3(as_bytes(seed)).data);
}

std::optional<std::string> dev_key_label(const PublicKey& key) {
    for (const std::string_view name : dev_key_names) {
        if (dev_key(name)->public_key == key) {
            return std::string(dev_key_prefix) + std::string(name);
        }
    }
    return std::nullopt;
}

tl::expected<void, Failure> refuse_dev_key(const PublicKey& key,
                                           const std::vector<std::string>& servers) {
    const auto label = dev_key_label(key);
    const auto remote = std::ranges::find_if_not(servers, is_loopback);
    if (!label || remote == servers.end()) {
        return {};
    }
    return failure(ErrorId::dev_key_refused,
                   *label + " is a development key that everybody has; " + *remote +
                       " is not on this machine",
                   "make a key of your own: hpcli key new NAME");
}

} // namespace hp::cli
