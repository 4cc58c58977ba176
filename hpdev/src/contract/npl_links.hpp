// SPDX-License-Identifier: Apache-2.0
// NPL between runs of the same ledger that go on at the same time: each hears what the others say,
// also what was said before it began. Thread safe.
#pragma once

#include "contract/npl_inlet.hpp"

#include <mutex>

namespace hp::dev {

class NplLinks {
public:
    // Before any run. A node that hears late gets what others say from release() on.
    void add(const PublicKey& node, bool late) { nodes_.push_back({node, late, nullptr, {}}); }
    void release();

    // The run of `node` begins and ends. Messages go to its inlet in between.
    void enter(const PublicKey& node, const LedgerId& run, contract::NplInlet& inlet);
    void leave(const PublicKey& node);
    void say(const PublicKey& from, const LedgerId& run, const Bytes& message);

private:
    struct Node {
        PublicKey key;
        bool late = false;
        contract::NplInlet* inlet = nullptr; // while it runs
        LedgerId run;
    };
    void tell_all(const Node& node);

    std::mutex mutex_;
    std::vector<Node> nodes_;
    std::vector<contract::NplMessage> said_;
};

} // namespace hp::dev
