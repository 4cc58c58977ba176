// SPDX-License-Identifier: Apache-2.0
// When to believe that the set of validators has changed. A server's announcement of the UNL is
// not signed, so one server is not enough: a new set is accepted once a quorum of the OLD set has
// announced it, each in a session in which it proved its key. Pure; one owner.
#pragma once

#include "hp/base/ids.hpp"
#include "hp/client/verify.hpp"

#include <map>
#include <set>
#include <vector>

namespace hp::client {

class UnlTrust {
public:
    UnlTrust(std::vector<PublicKey> trusted, double quorum);

    // A server with a proven key announces a set. Servers outside the trusted set do not count.
    void on_announced(const PublicKey& server, std::vector<PublicKey> unl);

    const std::vector<PublicKey>& trusted() const { return trusted_; }
    // The set that a quorum has announced, the trusted one included; empty when there is none.
    std::vector<PublicKey> agreed() const;
    std::size_t announcers() const { return announced_.size(); } // trusted ones that were heard

private:
    std::vector<PublicKey> trusted_; // ascending, distinct
    double quorum_;
    std::map<PublicKey, std::vector<PublicKey>> announced_; // the last word of each
};

} // namespace hp::client
