// SPDX-License-Identifier: Apache-2.0
// read: asks the contract on one node. Silence is the protocol's only error report, so the node's
// status is asked for beside it: a node that runs no reads is found out at once.
#include "commands.hpp"

#include "keys.hpp"
#include "payload.hpp"
#include "render.hpp"
#include "session.hpp"

namespace hp::cli {
namespace {

Outcome read_answer(const Args& args, Session& session, const Bytes& content) {
    if (!args.json) {
        return Answer{hp::to_text(content) + "\n"};
    }
    JsonObject out = document(args.schema);
    out.add("server", server_json(session));
    out.add_content("data", content);
    out.add("elapsed_ms", static_cast<std::uint64_t>(session.elapsed_ms()));
    return Answer{out.text() + "\n"};
}

Failure read_failure(const Error& error) {
    Failure out = call_failure(error);
    if (out.id == ErrorId::timed_out) {
        out.hint = "a contract that writes nothing to a read request looks the same";
    }
    return out;
}

void check_reads_enabled(Session& session) {
    session.client().stat([&session](const Result<proto::StatResponse>& stat) {
        if (stat && !(stat->read_requests_enabled && stat->contract_execution_enabled)) {
            session.finish(failure(ErrorId::reads_off, "the node does not run read requests"));
        }
    });
}

} // namespace

Outcome run_read(const Args& args) {
    auto payload = make_payload(args.payload, args.payload_is_text);
    if (!payload) {
        return tl::unexpected(std::move(payload.error()));
    }
    const auto keys = session_key(args, ephemeral_key);
    if (!keys) {
        return tl::unexpected(keys.error());
    }
    Session session(args, *keys, args.connection.timeout_ms.value_or(default_timeout_ms));
    return session.run([&args, &session, &payload] {
        session.client().read(std::move(*payload), [&args, &session](const Result<Bytes>& reply) {
            if (reply) {
                session.finish(read_answer(args, session, *reply));
            } else {
                session.finish(tl::unexpected(read_failure(reply.err())));
            }
        });
        check_reads_enabled(session);
    });
}

} // namespace hp::cli
