// SPDX-License-Identifier: Apache-2.0
// send: where the inputs come from and which key signs them; send_task.hpp does the rest.
#include "commands.hpp"

#include "cli/agent_keys.hpp"
#include "cli/keys.hpp"
#include "cli/line_reader.hpp"
#include "cli/payload.hpp"
#include "cli/render.hpp"
#include "cli/send_task.hpp"
#include "hp/proto/user_codec.hpp"
#include "send_program.hpp"

#include <unistd.h>

namespace hp::cli {
namespace {

// Nonces of a stored key go on increasing over processes and clock steps.
SendTask::Nonces stored_nonces(const client::Signer& signer) {
    return [key = signer.public_key()]() -> tl::expected<std::uint64_t, Failure> {
        const auto store = open_key_store();
        if (!store) {
            return tl::unexpected(store.error());
        }
        const auto nonce = store->next_nonce(key, SystemClock().now().wall_ms);
        return nonce ? tl::expected<std::uint64_t, Failure>(*nonce)
                     : tl::unexpected(key_failure(nonce.err()));
    };
}

SendTask::Nonces counted_nonces() {
    return [last = std::uint64_t{0}]() mutable -> tl::expected<std::uint64_t, Failure> {
        const TimeMs now = std::max<TimeMs>(SystemClock().now().wall_ms, 1);
        last = std::max(static_cast<std::uint64_t>(now), last + 1);
        return last;
    };
}

// One payload, then the end.
SendTask::Source single(Bytes payload) {
    return [payload = std::optional(std::move(payload))](const auto& on_payload) mutable {
        auto next = std::exchange(payload, std::nullopt);
        on_payload(next ? SendTask::Payload(std::move(*next)) : std::nullopt);
    };
}

Outcome send_stream(const Args& args, const SendOptions& options, const client::Signer& signer,
                    SendTask::Nonces nonces) {
    SendTask task(args, options, signer, std::move(nonces));
    LineReader reader(task.session().reactor(), STDIN_FILENO, options.separator);
    return task.run([&reader, &options](std::function<void(SendTask::Payload)> on_payload) {
        reader.next([&options, on_payload = std::move(on_payload)](std::optional<Bytes> record) {
            on_payload(record
                           ? SendTask::Payload(convert_payload(std::move(*record), options.format))
                           : std::nullopt);
        });
    });
}

Outcome send_offline(const Args& args, const SendOptions& options, const client::Signer& signer,
                     const SendTask::Nonces& nonces, Bytes payload) {
    auto nonce = options.nonce ? tl::expected<std::uint64_t, Failure>(*options.nonce) : nonces();
    if (!nonce) {
        return tl::unexpected(std::move(nonce.error()));
    }
    const proto::Encoding encoding = args.connection.encoding;
    const auto input =
        client::sign_input(signer, encoding, std::move(payload), *nonce, options.expires.value);
    if (!input) {
        return failure(ErrorId::agent, input.err().context, std::string(agent_hint));
    }
    const Bytes frame = proto::encode_request(encoding, input->request);
    const bool as_text = encoding == proto::Encoding::json;
    if (!args.json) {
        return Answer{(as_text ? hp::to_text(frame) : to_hex(frame)) + "\n"};
    }
    JsonObject info;
    info.add("hash", input->info.hash.hex()).add("nonce", input->info.nonce);
    info.add("max_ledger", input->info.max_ledger_seq);
    JsonObject out = document(args.schema);
    out.add("input", info).add("status", "signed").add("user", signer.public_key().hex());
    out.add("protocol", as_text ? "json" : "bson").add("frame_hex", to_hex(frame));
    return Answer{out.text() + "\n"};
}

Outcome run_send(const Args& args) {
    const auto options = check_send(args);
    if (!options) {
        return tl::unexpected(options.error());
    }
    tl::expected<Bytes, Failure> payload;
    if (!options->stream) {
        payload = make_payload(args.arguments, options->text, options->format);
        if (!payload) {
            return tl::unexpected(std::move(payload.error()));
        }
    }
    if (options->as_program) {
        return Answer{send_program(args, *options->as_program, *payload)};
    }
    const auto signer =
        options->offline ? key_signer(args, default_key) : session_signer(args, default_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    SendTask::Nonces nonces =
        args.connection.key == ephemeral_key ? counted_nonces() : stored_nonces(*signer);
    if (options->offline) {
        return send_offline(args, *options, *signer, nonces, std::move(*payload));
    }
    if (options->stream) {
        return send_stream(args, *options, *signer, std::move(nonces));
    }
    return SendTask(args, *options, *signer, std::move(nonces)).run(single(std::move(*payload)));
}

} // namespace

Commands send_commands() {
    static const std::array table = {
        CommandInfo{"send", "TEXT | @FILE | - | ITEM...", 0, any_number, Scope::on_demand,
                    "Submit an input and print what the contract answers in the agreed ledger",
                    "hpcli send -s wss://127.0.0.1:8080 'hello'",
                    "hpcli send op=add n:=5 photo@cat.png --json | jq .outputs", send_option_table,
                    "ok:bool number?:int input:input status:signed|sent|accepted ledger?:ledger "
                    "outputs?:[output] validated?:validated elapsed_ms?:int user?:key "
                    "protocol?:json|bson frame_hex?:text",
                    run_send},
    };
    return table;
}

} // namespace hp::cli
