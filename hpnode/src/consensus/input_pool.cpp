// SPDX-License-Identifier: Apache-2.0
#include "consensus/input_pool.hpp"

#include <algorithm>

#include "hp/base/limits.hpp"

namespace hp::consensus {

using proto::RejectReason;

// What the ledger may still take, and what it takes.
struct InputPool::Selection {
    const Params& params;
    const NonceRecords& nonces;
    LedgerSeq lcl;
    std::span<const Hash32> required;
    std::size_t inputs_left = limits::ledger_inputs_max;
    std::size_t bytes_left = limits::ledger_input_bytes_max;
    std::vector<proto::SharedInput> taken{};

    bool take(const proto::SharedInput& input) {
        if (inputs_left == 0 || bytes_left < input->container.size()) {
            return false;
        }
        --inputs_left;
        bytes_left -= input->container.size();
        taken.push_back(input);
        return true;
    }
};

// The order of the checks is the order of user-protocol.md 8.4.
InputPool::Arrival InputPool::arrive(proto::SharedInput input, const Params& params,
                                     const NonceRecords& nonces, LedgerSeq lcl) {
    if (params.max_input_ledger_offset > 0 &&
        input->max_ledger_seq > lcl + params.max_input_ledger_offset) {
        return {false, RejectReason::max_ledger_offset_exceeded};
    }
    if (input->max_ledger_seq <= lcl) {
        return {false, RejectReason::max_ledger_expired};
    }
    if (candidates_.count(input) != 0) {
        return {}; // the first copy will be answered; a second status would contradict it
    }
    if (candidates_.size() >= limits::candidate_inputs_max ||
        container_bytes_ + input->container.size() > limits::candidate_bytes_max) {
        return {false, RejectReason::round_inputs_overflow};
    }
    const auto known = users_.find(input->user);
    const std::uint64_t waiting = known == users_.end() ? 0 : known->second.payload_bytes;
    if (params.user_input_bytes > 0 && waiting + input->payload->size() > params.user_input_bytes) {
        return {false, RejectReason::round_inputs_overflow};
    }
    if (const auto reason = nonces.check(*input, lcl)) {
        return {false, reason};
    }
    User& user = users_[input->user];
    user.payload_bytes += input->payload->size();
    container_bytes_ += input->container.size();
    Candidate& candidate = candidates_[input];
    candidate.input = std::move(input);
    user.candidates.push_back(&candidate);
    return {true, std::nullopt};
}

void InputPool::verified(const proto::SharedInput& input, bool signature_ok) {
    const auto found = candidates_.find(input);
    if (found != candidates_.end() && found->second.verdict == Verdict::awaited) {
        found->second.verdict = signature_ok ? Verdict::good : Verdict::bad;
        ++ready_;
    } // else it has expired meanwhile
}

std::vector<proto::SharedInput> InputPool::select(const Params& params, const NonceRecords& nonces,
                                                  LedgerSeq lcl,
                                                  std::span<const Hash32> required) const {
    Selection selection{params, nonces, lcl, required};
    for (const auto& [key, user] : users_) {
        select_user(user, selection);
    }
    return std::move(selection.taken);
}

// One user's inputs in nonce order; the first of equal nonces wins. An input whose signature is
// still being checked holds back those with higher nonces, or it would come too late itself.
void InputPool::select_user(const User& user, Selection& out) {
    std::vector<const Candidate*> by_nonce(user.candidates.begin(), user.candidates.end());
    std::stable_sort(by_nonce.begin(), by_nonce.end(), [](const auto* a, const auto* b) {
        return a->input->nonce < b->input->nonce;
    });
    bool hold_back = false;
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> last_nonce;
    for (const Candidate* candidate : by_nonce) {
        const proto::SignedInput& input = *candidate->input;
        hold_back = hold_back || candidate->verdict == Verdict::awaited;
        if (candidate->verdict != Verdict::good ||
            (hold_back &&
             !std::binary_search(out.required.begin(), out.required.end(), input.hash)) ||
            input.nonce == last_nonce || out.nonces.check(input, out.lcl)) {
            continue;
        }
        const std::uint64_t size = input.payload->size();
        if (out.params.user_input_bytes > 0 && bytes + size > out.params.user_input_bytes) {
            continue; // arrived at different nodes; waits for the next ledger
        }
        if (!out.take(candidate->input)) {
            return;
        }
        bytes += size;
        last_nonce = input.nonce;
    }
}

std::vector<Rejection> InputPool::settle(const std::vector<proto::SharedInput>& decided,
                                         const NonceRecords& nonces, LedgerSeq lcl) {
    for (const proto::SharedInput& input : decided) {
        if (const auto found = candidates_.find(input); found != candidates_.end()) {
            found->second.leaving = true;
        }
    }
    std::vector<Rejection> refused;
    std::vector<Rejection> expired;
    for (auto user = users_.begin(); user != users_.end();) {
        for (Candidate* candidate : user->second.candidates) {
            const proto::SignedInput& input = *candidate->input;
            if (candidate->leaving) {
                continue;
            }
            const auto clash = nonces.check(input, lcl);
            candidate->leaving = true;
            if (candidate->verdict == Verdict::bad) {
                refused.push_back({candidate->input, RejectReason::bad_sig});
            } else if (input.max_ledger_seq <= lcl) {
                expired.push_back({candidate->input, RejectReason::max_ledger_expired});
            } else if (clash && candidate->verdict == Verdict::good) {
                refused.push_back({candidate->input, *clash});
            } else {
                candidate->leaving = false;
            }
        }
        user = sweep(user);
    }
    refused.insert(refused.end(), expired.begin(), expired.end());
    return refused;
}

proto::SharedInput InputPool::find(const Hash32& hash) const {
    const auto [begin, end] = candidates_.equal_range(hash);
    const auto found = std::find_if(
        begin, end, [](const auto& entry) { return entry.second.verdict == Verdict::good; });
    return found == end ? nullptr : found->first;
}

bool InputPool::is_awaited(const Hash32& hash) const {
    const auto [begin, end] = candidates_.equal_range(hash);
    return std::any_of(begin, end,
                       [](const auto& entry) { return entry.second.verdict == Verdict::awaited; });
}

InputPool::Users::iterator InputPool::sweep(Users::iterator user) {
    std::erase_if(user->second.candidates, [&](const Candidate* candidate) {
        if (!candidate->leaving) {
            return false;
        }
        const proto::SharedInput input = candidate->input; // outlives the candidate
        user->second.payload_bytes -= input->payload->size();
        container_bytes_ -= input->container.size();
        ready_ -= candidate->verdict == Verdict::awaited ? 0 : 1;
        candidates_.erase(input);
        return true;
    });
    return user->second.candidates.empty() ? users_.erase(user) : std::next(user);
}

} // namespace hp::consensus
