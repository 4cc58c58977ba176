// SPDX-License-Identifier: Apache-2.0
#include "message_kind.hpp"

#include <algorithm>

namespace hp::sim {

using namespace consensus;

namespace {

std::string describe(const Vote& vote) {
    const std::string what = vote.kind == StatementKind::prepare  ? "PREPARE"
                             : vote.kind == StatementKind::commit ? "COMMIT"
                                                                  : "SKIP";
    return what + " " + std::to_string(vote.height) + "/" + std::to_string(vote.attempt) + " " +
           vote.digest.short_hex();
}

struct Describe {
    std::string operator()(const SharedOpen& m) const {
        return "OPEN " + std::to_string(m->height) + " inputs " + std::to_string(m->inputs.size());
    }
    std::string operator()(const SignedResult& m) const {
        return "RESULT " + std::to_string(m.claim.ledger.seq) + " of " +
               m.by.member.hex().substr(64) + " " + m.claim.state_hash.short_hex();
    }
    std::string operator()(const Propose& m) const {
        return "PROPOSE " + std::to_string(m.height) + "/" + std::to_string(m.attempt) + " " +
               m.block->digest.short_hex() + " inputs " + std::to_string(m.block->inputs.size());
    }
    std::string operator()(const Vote& m) const { return describe(m); }
    std::string operator()(const SharedCertificate& m) const {
        return "CERT of " +
               describe(Vote{m->kind, m->height, m->attempt, m->digest, m->votes.front()});
    }
    std::string operator()(const Inputs& m) const {
        return "INPUTS " + std::to_string(m.inputs.size());
    }
    std::string operator()(const SharedCertifiedLedger& m) const {
        return "LEDGER " + std::to_string(m->block->header.seq);
    }
    std::string operator()(const BlockBody& m) const {
        return "BLOCK " + m.block->digest.short_hex();
    }
    std::string operator()(const GetInputs& m) const {
        return "GET INPUTS " + std::to_string(m.hashes.size());
    }
    std::string operator()(const GetOpens& m) const {
        return "GET OPENS " + std::to_string(m.opens.size());
    }
    std::string operator()(const GetBlock& m) const { return "GET BLOCK " + m.digest.short_hex(); }
    std::string operator()(const GetLedgers& m) const {
        return "GET LEDGERS " + std::to_string(m.seq) + "+" + std::to_string(m.count);
    }
};

struct KindOf {
    MessageKind operator()(const SharedOpen&) const { return MessageKind::open; }
    MessageKind operator()(const SignedResult&) const { return MessageKind::result; }
    MessageKind operator()(const Propose&) const { return MessageKind::propose; }
    MessageKind operator()(const Vote& vote) const {
        return vote.kind == StatementKind::prepare  ? MessageKind::prepare
               : vote.kind == StatementKind::commit ? MessageKind::commit
                                                    : MessageKind::skip;
    }
    MessageKind operator()(const SharedCertificate&) const { return MessageKind::certificate; }
    MessageKind operator()(const Inputs&) const { return MessageKind::inputs; }
    MessageKind operator()(const SharedCertifiedLedger&) const { return MessageKind::ledger; }
    MessageKind operator()(const BlockBody&) const { return MessageKind::body; }
    template <class Request>
    MessageKind operator()(const Request&) const {
        return MessageKind::request;
    }
};

} // namespace

MessageKind kind_of(const Message& message) {
    return std::visit(KindOf(), message);
}

std::optional<MessageKinds> MessageKinds::parse(std::string_view list) {
    MessageKinds out;
    while (!list.empty()) {
        const std::string_view word = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), word.size() + 1));
        if (word == "any") {
            out.bits_ = ~0U;
            continue;
        }
        const auto found = std::find(message_kind_names.begin(), message_kind_names.end(), word);
        if (found == message_kind_names.end()) {
            return std::nullopt;
        }
        out.bits_ |= 1U << static_cast<unsigned>(found - message_kind_names.begin());
    }
    return out.bits_ == 0 ? std::nullopt : std::optional(out);
}

std::string describe(const Message& message) {
    return std::visit(Describe(), message);
}

} // namespace hp::sim
