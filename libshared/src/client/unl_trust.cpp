// SPDX-License-Identifier: Apache-2.0
#include "hp/client/unl_trust.hpp"

#include <algorithm>

namespace hp::client {
namespace {

std::vector<PublicKey> sorted(std::vector<PublicKey> keys) {
    std::ranges::sort(keys);
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
}

} // namespace

UnlTrust::UnlTrust(std::vector<PublicKey> trusted, double quorum)
    : trusted_(sorted(std::move(trusted))), quorum_(quorum) {}

void UnlTrust::on_announced(const PublicKey& server, std::vector<PublicKey> unl) {
    if (std::ranges::binary_search(trusted_, server)) {
        announced_[server] = sorted(std::move(unl));
    }
}

std::vector<PublicKey> UnlTrust::agreed() const {
    std::map<std::vector<PublicKey>, std::size_t> votes;
    for (const auto& [server, unl] : announced_) {
        const double share =
            static_cast<double>(++votes[unl]) / static_cast<double>(trusted_.size());
        if (share >= quorum_ && !unl.empty()) {
            return unl;
        }
    }
    return {};
}

} // namespace hp::client
