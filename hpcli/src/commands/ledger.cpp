// SPDX-License-Identifier: Apache-2.0
// ledger get: one ledger by number, or the last one.
#include "commands.hpp"

#include "keys.hpp"
#include "render.hpp"
#include "session.hpp"

namespace hp::cli {
namespace {

Outcome ledger_answer(const Args& args, LedgerSeq seq,
                      const std::optional<proto::QueriedLedger>& ledger) {
    if (!ledger) {
        return failure(ErrorId::ledger_not_found, "the node has no ledger " + std::to_string(seq),
                       "it may lie in the future, or be older than the node keeps");
    }
    return Answer{args.json ? document(args.schema).add("ledger", to_json(*ledger)).text() + "\n"
                            : to_text(*ledger)};
}

void get_ledger(const Args& args, Session& session, LedgerSeq seq) {
    session.client().query(
        seq, args.ledger.inputs, args.ledger.outputs,
        [&args, &session, seq](const Result<std::optional<proto::QueriedLedger>>& ledger) {
            if (ledger) {
                session.finish(ledger_answer(args, seq, *ledger));
            } else {
                session.finish(ledger.err());
            }
        });
}

void get_last_ledger(const Args& args, Session& session) {
    session.client().lcl([&args, &session](const Result<LedgerId>& lcl) {
        if (lcl) {
            get_ledger(args, session, lcl->seq);
        } else {
            session.finish(lcl.err());
        }
    });
}

} // namespace

Outcome run_ledger_get(const Args& args) {
    const auto keys = session_key(args, ephemeral_key);
    if (!keys) {
        return tl::unexpected(keys.error());
    }
    Session session(args, *keys, args.connection.timeout_ms.value_or(default_timeout_ms));
    return session.run([&args, &session] {
        if (args.ledger.seq) {
            get_ledger(args, session, *args.ledger.seq);
        } else {
            get_last_ledger(args, session);
        }
    });
}

} // namespace hp::cli
