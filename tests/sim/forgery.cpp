// SPDX-License-Identifier: Apache-2.0
#include "forgery.hpp"

#include <algorithm>

namespace hp::sim {

using consensus::Block;
using consensus::ResultClaim;
using consensus::ResultMode;
using consensus::SignedResult;
using proto::SharedInput;

namespace {

constexpr std::size_t outsider_keys = 200; // of nodes that are nobody's

class Forger {
public:
    Forger(const Block& honest, const ForgeryContext& context)
        : context_(context), out_(honest), seq_(honest.header.seq) {}

    consensus::SharedBlock forge(Lie lie) {
        if (!(is_about_inputs(lie)    ? forge_inputs(lie)
              : is_about_results(lie) ? forge_results(lie)
                                      : forge_rest(lie))) {
            return nullptr;
        }
        out_.header.user_hash = proto::user_list_hash(out_.users);
        out_.header.hash = proto::ledger_hash(out_.header, out_.nonce, out_.recent_hash);
        out_.rest_digest = block_rest_digest(out_);
        out_.digest = consensus::block_digest(out_.header.hash, out_.rest_digest);
        return std::make_shared<const Block>(std::move(out_));
    }

private:
    static bool is_about_inputs(Lie lie) {
        return lie >= Lie::block_omits && lie <= Lie::block_oversize;
    }
    static bool is_about_results(Lie lie) { return lie >= Lie::block_void; }

    // Everything that follows from OPENs and inputs, after one of them has changed.
    bool derive() {
        const auto derived = context_.oracle->derive(out_, context_.prev);
        std::vector<SharedInput> inputs;
        for (const Hash32& hash : out_.inputs) {
            inputs.push_back(context_.oracle->inputs().at(hash));
        }
        if (!derived || context_.oracle->height() + 1 != seq_) {
            return false;
        }
        out_.users = derived->users;
        out_.header.timestamp_ms = derived->time_ms;
        out_.nonce = derived->nonce;
        out_.header.input_hash = proto::input_list_hash(inputs);
        out_.recent_hash = context_.oracle->nonces().digest_after(seq_, inputs);
        return true;
    }

    // --- inputs ---

    const SharedInput& body(const Hash32& hash) const { return context_.oracle->inputs().at(hash); }

    bool forge_inputs(Lie lie) {
        if (lie == Lie::block_omits) {
            if (out_.inputs.empty()) {
                return false;
            }
            out_.inputs.erase(out_.inputs.begin() +
                              static_cast<std::ptrdiff_t>(context_.chance % out_.inputs.size()));
            return derive();
        }
        if (lie == Lie::block_order) {
            if (out_.inputs.size() < 2) {
                return false;
            }
            std::swap(out_.inputs.front(), out_.inputs.back());
            return derive();
        }
        std::vector<SharedInput> possible;
        for (const auto& [hash, input] : context_.oracle->inputs()) {
            if (fits(lie, *input)) {
                possible.push_back(input);
            }
        }
        if (possible.empty()) {
            return false;
        }
        insert(possible[context_.chance % possible.size()]);
        return derive();
    }

    bool fits(Lie lie, const proto::SignedInput& input) const {
        const BlockOracle& oracle = *context_.oracle;
        const LedgerSeq offset = context_.params->max_input_ledger_offset;
        const bool expired = input.max_ledger_seq < seq_;
        const bool early = offset != 0 && input.max_ledger_seq >= seq_ + offset;
        const bool spent = oracle.nonces().check(input, seq_ - 1).has_value();
        const bool clashes =
            std::any_of(out_.inputs.begin(), out_.inputs.end(), [&](const Hash32& hash) {
                return body(hash)->user == input.user && body(hash)->nonce == input.nonce;
            });
        const bool good = context_.keyring->is_signed(input);
        if (clashes) {
            return false;
        }
        switch (lie) {
        case Lie::block_replays:
            return good && oracle.is_decided(input.hash) && spent && !expired && !early;
        case Lie::block_expired:
            return good && !oracle.is_decided(input.hash) && !spent && expired;
        case Lie::block_early:
            return good && !spent && early;
        case Lie::block_unsigned:
            return !good && !spent && !expired && !early;
        default:
            return good && context_.params->user_input_bytes != 0 && !spent && !expired && !early;
        }
    }

    void insert(const SharedInput& input) {
        const auto place =
            std::find_if(out_.inputs.begin(), out_.inputs.end(), [&](const Hash32& hash) {
                return std::tie(input->user, input->nonce) <
                       std::tie(body(hash)->user, body(hash)->nonce);
            });
        out_.inputs.insert(place, input->hash);
    }

    // --- results ---

    ResultClaim claim() const {
        const proto::LedgerHeader& header = out_.header;
        return {{seq_ - 1, header.prev_hash},
                header.state_hash,
                header.config_hash,
                header.output_hash};
    }
    void invent() {
        out_.header.state_hash = crypto_hash();
        out_.header.output_hash = Hash32{};
    }
    Hash32 crypto_hash() const { return proto::user_list_hash({out_.evidence[0].by.member}); }

    bool forge_results(Lie lie) {
        switch (lie) {
        case Lie::block_void:
            return forge_mode(ResultMode::void_run);
        case Lie::block_plurality:
            return forge_mode(ResultMode::plurality);
        case Lie::block_certified:
            out_.mode = ResultMode::certified;
            invent();
            return true;
        case Lie::block_no_evidence:
            out_.evidence.resize(context_.quorum - 1);
            return out_.mode == ResultMode::certified && !out_.evidence.empty();
        case Lie::block_outputs:
            out_.header.output_hash = out_.evidence[0].claim.output_root;
            return out_.mode != ResultMode::certified && !out_.header.output_hash.is_zero();
        case Lie::block_evidence_double:
            out_.evidence.resize(context_.quorum - 1);
            while (!out_.evidence.empty() && out_.evidence.size() < context_.quorum) {
                out_.evidence.push_back(out_.evidence.back());
            }
            return out_.mode == ResultMode::certified && !out_.evidence.empty();
        default:
            return forge_evidence();
        }
    }

    // Another mode than the evidence says. Where there is a certificate, what a leader without it
    // would propose.
    bool forge_mode(ResultMode mode) {
        if (out_.mode == mode || seq_ < 2) {
            return false;
        }
        out_.mode = mode;
        out_.header.output_hash = Hash32{};
        if (mode == ResultMode::void_run) {
            out_.header.state_hash = context_.prev.state_hash;
            out_.header.config_hash = context_.prev.config_hash;
        }
        return true;
    }

    // A quorum of nobodies says so.
    bool forge_evidence() {
        out_.mode = ResultMode::certified;
        invent();
        const ResultClaim claimed = claim();
        out_.evidence.clear();
        for (std::size_t i = 0; i < context_.quorum; ++i) {
            out_.evidence.push_back(context_.claim(outsider_keys + i, claimed));
        }
        return true;
    }

    // --- the rest ---

    bool forge_rest(Lie lie) {
        switch (lie) {
        case Lie::block_users:
            out_.users.push_back(context_.claim(outsider_keys + 1, claim()).by.member);
            std::sort(out_.users.begin(), out_.users.end());
            return true;
        case Lie::block_time:
            out_.header.timestamp_ms += 3'600'000;
            return true;
        case Lie::block_parent:
            out_.header.prev_hash.data[0] ^= 1;
            return true;
        case Lie::block_nonce:
            out_.nonce.data[0] ^= 1;
            return true;
        case Lie::block_recent:
            out_.recent_hash.data[0] ^= 1;
            return true;
        case Lie::block_few_opens:
            out_.opens.resize(context_.quorum - 1);
            return !out_.opens.empty() && derive();
        default: // block_double_open
            out_.opens.resize(context_.quorum - 1);
            while (!out_.opens.empty() && out_.opens.size() < context_.quorum) {
                out_.opens.push_back(out_.opens.back());
            }
            return !out_.opens.empty() && derive();
        }
    }

    const ForgeryContext& context_;
    Block out_;
    LedgerSeq seq_;
};

} // namespace

consensus::SharedBlock forge(Lie lie, const Block& honest, const ForgeryContext& context) {
    return Forger(honest, context).forge(lie);
}

} // namespace hp::sim
