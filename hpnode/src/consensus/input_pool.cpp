// SPDX-License-Identifier: Apache-2.0
#include "consensus/input_pool.hpp"

#include <algorithm>

#include "hp/base/limits.hpp"

namespace hp::consensus {

using proto::RejectReason;

struct InputPool::Budget {
    std::size_t inputs = limits::ledger_inputs_max;
    std::size_t bytes = limits::ledger_input_bytes_max;

    bool take(const proto::SignedInput& input) {
        if (inputs == 0 || bytes < input.container.size()) {
            return false;
        }
        --inputs;
        bytes -= input.container.size();
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
    if (hashes_.count(input->hash) != 0) {
        return {}; // the first copy will be answered; a second status would contradict it
    }
    if (count_ >= limits::candidate_inputs_max ||
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
    ++count_;
    hashes_.insert(input->hash);
    user.candidates.push_back({std::move(input), Verdict::awaited});
    return {true, std::nullopt};
}

void InputPool::verified(const proto::SignedInput& input, bool signature_ok) {
    const auto user = users_.find(input.user);
    if (user == users_.end()) {
        return; // expired meanwhile
    }
    for (Candidate& candidate : user->second.candidates) {
        if (candidate.input->hash == input.hash && candidate.verdict == Verdict::awaited) {
            candidate.verdict = signature_ok ? Verdict::good : Verdict::bad;
            ++ready_;
            return;
        }
    }
}

InputPool::Selection InputPool::select(const Params& params, const NonceRecords& nonces,
                                       LedgerSeq lcl) {
    Selection out;
    Budget budget;
    for (auto& [key, user] : users_) {
        select_user(user, params, nonces, lcl, budget, out);
    }
    std::erase_if(users_, [](const auto& entry) { return entry.second.candidates.empty(); });
    return out;
}

// One user's inputs in nonce order; the first of equal nonces wins. An input whose signature is
// still being checked holds back those with higher nonces, or it would come too late itself.
void InputPool::select_user(User& user, const Params& params, const NonceRecords& nonces,
                            LedgerSeq lcl, Budget& budget, Selection& out) {
    std::vector<const Candidate*> by_nonce;
    for (const Candidate& candidate : user.candidates) {
        by_nonce.push_back(&candidate);
    }
    std::stable_sort(by_nonce.begin(), by_nonce.end(), [](const auto* a, const auto* b) {
        return a->input->nonce < b->input->nonce;
    });
    std::set<const Candidate*> leaving;
    const auto reject = [&](const Candidate* candidate, RejectReason reason) {
        out.rejected.push_back({candidate->input, reason});
        leaving.insert(candidate);
    };
    std::uint64_t bytes = 0;
    std::uint64_t last_nonce = 0;
    for (const Candidate* candidate : by_nonce) {
        const proto::SignedInput& input = *candidate->input;
        if (candidate->verdict == Verdict::awaited) {
            break;
        }
        if (candidate->verdict == Verdict::bad) {
            reject(candidate, RejectReason::bad_sig);
        } else if (const auto reason = nonces.check(input, lcl)) {
            reject(candidate, *reason);
        } else if (input.nonce == last_nonce) {
            reject(candidate, RejectReason::nonce_expired);
        } else if (params.user_input_bytes > 0 &&
                   bytes + input.payload->size() > params.user_input_bytes) {
            reject(candidate, RejectReason::round_inputs_overflow);
        } else if (!budget.take(input)) {
            break; // waits for the next ledger
        } else {
            bytes += input.payload->size();
            last_nonce = input.nonce;
            out.inputs.push_back(candidate->input);
        }
    }
    erase_from(user, [&](const Candidate& candidate) { return leaving.count(&candidate) != 0; });
}

void InputPool::remove(const std::vector<proto::SharedInput>& inputs) {
    std::set<Hash32> hashes;
    std::set<PublicKey> touched;
    for (const proto::SharedInput& input : inputs) {
        hashes.insert(input->hash);
        touched.insert(input->user);
    }
    for (const PublicKey& key : touched) {
        const auto user = users_.find(key);
        if (user == users_.end()) {
            continue;
        }
        erase_from(user->second, [&](const Candidate& candidate) {
            return hashes.count(candidate.input->hash) != 0;
        });
        if (user->second.candidates.empty()) {
            users_.erase(user);
        }
    }
}

std::vector<proto::SharedInput> InputPool::take_expired(LedgerSeq lcl) {
    std::vector<proto::SharedInput> expired;
    for (auto& [key, user] : users_) {
        erase_from(user, [&](const Candidate& candidate) {
            if (candidate.input->max_ledger_seq > lcl) {
                return false;
            }
            expired.push_back(candidate.input);
            return true;
        });
    }
    std::erase_if(users_, [](const auto& entry) { return entry.second.candidates.empty(); });
    return expired;
}

template <class Predicate>
void InputPool::erase_from(User& user, Predicate leaves) {
    // Decide first: the predicate may look at addresses, which erasing changes.
    std::vector<bool> gone;
    for (const Candidate& candidate : user.candidates) {
        gone.push_back(leaves(candidate));
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < gone.size(); ++i) {
        if (gone[i]) {
            forget(user.candidates[i], user);
        } else {
            if (kept != i) {
                user.candidates[kept] = std::move(user.candidates[i]);
            }
            ++kept;
        }
    }
    user.candidates.resize(kept);
}

void InputPool::forget(const Candidate& candidate, User& user) {
    hashes_.erase(candidate.input->hash);
    user.payload_bytes -= candidate.input->payload->size();
    container_bytes_ -= candidate.input->container.size();
    ready_ -= candidate.verdict == Verdict::awaited ? 0 : 1;
    --count_;
}

} // namespace hp::consensus
