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
    if (candidates_.count(input->hash) != 0) {
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
    Candidate& candidate = candidates_[input->hash];
    candidate.input = std::move(input);
    user.candidates.push_back(&candidate);
    return {true, std::nullopt};
}

void InputPool::verified(const proto::SignedInput& input, bool signature_ok) {
    const auto found = candidates_.find(input.hash);
    if (found != candidates_.end() && found->second.verdict == Verdict::awaited) {
        found->second.verdict = signature_ok ? Verdict::good : Verdict::bad;
        ++ready_;
    } // else it has expired meanwhile
}

InputPool::Selection InputPool::select(const Params& params, const NonceRecords& nonces,
                                       LedgerSeq lcl) {
    Selection out;
    Budget budget;
    for (auto user = users_.begin(); user != users_.end();) {
        select_user(user->second, params, nonces, lcl, budget, out);
        user = sweep(user);
    }
    return out;
}

// One user's inputs in nonce order; the first of equal nonces wins. An input whose signature is
// still being checked holds back those with higher nonces, or it would come too late itself.
void InputPool::select_user(const User& user, const Params& params, const NonceRecords& nonces,
                            LedgerSeq lcl, Budget& budget, Selection& out) {
    std::vector<Candidate*> by_nonce = user.candidates;
    std::stable_sort(by_nonce.begin(), by_nonce.end(), [](const auto* a, const auto* b) {
        return a->input->nonce < b->input->nonce;
    });
    const auto reject = [&](Candidate* candidate, RejectReason reason) {
        out.rejected.push_back({candidate->input, reason});
        candidate->leaving = true;
    };
    std::uint64_t bytes = 0;
    std::uint64_t last_nonce = 0;
    for (Candidate* candidate : by_nonce) {
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
}

void InputPool::remove(const std::vector<proto::SharedInput>& inputs) {
    std::set<PublicKey> touched;
    for (const proto::SharedInput& input : inputs) {
        if (const auto found = candidates_.find(input->hash); found != candidates_.end()) {
            found->second.leaving = true;
            touched.insert(input->user);
        }
    }
    for (const PublicKey& key : touched) {
        sweep(users_.find(key));
    }
}

std::vector<proto::SharedInput> InputPool::take_expired(LedgerSeq lcl) {
    std::vector<proto::SharedInput> expired;
    for (auto user = users_.begin(); user != users_.end();) {
        for (Candidate* candidate : user->second.candidates) {
            if (candidate->input->max_ledger_seq <= lcl) {
                candidate->leaving = true;
                expired.push_back(candidate->input);
            }
        }
        user = sweep(user);
    }
    return expired;
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
        candidates_.erase(input->hash);
        return true;
    });
    return user->second.candidates.empty() ? users_.erase(user) : std::next(user);
}

} // namespace hp::consensus
