// SPDX-License-Identifier: Apache-2.0
#include "send_program.hpp"

#include "cli/json_writer.hpp"
#include "hp/base/utf8.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

bool is_plain_text(std::string_view text) {
    return is_utf8(text) && std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
           });
}

std::string replaced(std::string text, std::string_view what, const std::string& with) {
    for (std::size_t at = text.find(what); at != std::string::npos;
         at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
    return text;
}

std::string shell_word(std::string_view text) {
    return "'" + replaced(std::string(text), "'", "'\\''") + "'";
}

std::string shell_program(const Args& args, const Bytes& payload) {
    const ConnectionArgs& connection = args.connection;
    const std::string text = hp::to_text(payload);
    const bool plain = is_plain_text(text);
    std::string out = "#!/bin/sh\nexec hpcli send";
    for (const std::string& url : connection.servers) {
        out += " -s " + shell_word(url);
    }
    if (!connection.key.empty()) {
        out += " -k " + shell_word(connection.key);
    }
    if (connection.encoding == proto::Encoding::json) {
        out += " --protocol json";
    }
    if (connection.contract_id) {
        out += " --contract-id " + shell_word(*connection.contract_id);
    }
    return out +
           (plain ? " --text -- " + shell_word(text) : " --format hex -- " + to_hex(payload)) +
           "\n";
}

constexpr std::string_view js_program = R"js(// npm install hotpocket-js-client
const HotPocket = require('hotpocket-js-client');

async function main() {
    // A user of one run; for one that stays: generateKeys(PRIVATE_KEY_HEX).
    const keys = await HotPocket.generateKeys();
    const client = await HotPocket.createClient(@SERVERS@, keys, {
        protocol: HotPocket.protocols.@PROTOCOL@,@CONTRACT@
    });
    HotPocket.setLogLevel(1);
    if (!(await client.connect())) {
        throw new Error('no connection');
    }
    const answered = new Promise((resolve) => {
        client.on(HotPocket.events.contractOutput, (message) => {
            for (const output of message.outputs) {
                process.stdout.write(@PRINT@ + '\n');
            }
            resolve();
        });
    });
    const input = await client.submitContractInput(@PAYLOAD@);
    const status = await input.submissionStatus;
    if (status.status !== 'accepted') {
        throw new Error(status.reason);
    }
    // A contract may also give no output; this program does not wait for ever.
    await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 15000).unref())]);
    await client.close();
}

main().then(
    () => process.exit(0),
    (error) => {
        console.error(String(error));
        process.exit(1);
    },
);
)js";

std::string javascript_program(const Args& args, const Bytes& payload) {
    const ConnectionArgs& connection = args.connection;
    JsonArray servers;
    for (const std::string& url : connection.servers) {
        servers.add(url);
    }
    const std::string text = hp::to_text(payload);
    const bool bson = connection.encoding == proto::Encoding::bson;
    std::string out(js_program);
    out = replaced(out, "@SERVERS@", servers.text());
    out = replaced(out, "@PROTOCOL@", bson ? "bson" : "json");
    out = replaced(out, "@CONTRACT@",
                   connection.contract_id
                       ? "\n        contractId: " + json_string(*connection.contract_id) + ","
                       : "");
    out = replaced(out, "@PRINT@",
                   bson ? "Buffer.from(output).toString()"
                        : "(typeof output === 'string' ? output : "
                          "JSON.stringify(output))");
    return replaced(out, "@PAYLOAD@",
                    is_plain_text(text) ? json_string(text)
                                        : "Buffer.from('" + to_hex(payload) + "', 'hex')");
}

constexpr std::string_view cpp_program =
    R"cpp(// find_package(HotPocket REQUIRED COMPONENTS Client), hp::client; docs/client-library.md
#include <hp/client/client.hpp>
#include <hp/client/receipt.hpp>

#include <cstdio>
#include <optional>

using namespace hp;

int main() {
    crypto::init();
    net::Reactor reactor;
    client::Options options;
    options.url = @SERVER@;
    options.encoding = proto::Encoding::@PROTOCOL@;
    options.signer = crypto::make_key_pair(); // a user of one run; others: client::KeyStore
@CONTRACT@    std::optional<client::Receipt> receipt;
    int status = 1;
    const auto settle = [&] {
        if (!receipt || !receipt->is_final()) {
            return;
        }
        using State = client::Receipt::State;
        if (receipt->state() == State::outputs && receipt->output().proof.ok()) {
            for (const Bytes& output : receipt->output().message.outputs) {
                std::printf("%s\n", to_text(output).c_str());
            }
            status = 0;
        } else if (receipt->state() == State::no_outputs) {
            status = 0;
        }
        reactor.stop();
    };
    client::Events events;
    events.on_output = [&](const client::Output& output) {
        if (receipt) {
            receipt->on_output(output);
            settle();
        }
    };
    events.on_ledger = [&](const proto::LedgerHeader& ledger) {
        if (receipt) {
            receipt->on_ledger(ledger);
            settle();
        }
    };
    events.on_closed = [&](const net::CloseInfo&) { reactor.stop(); };
    client::Client session(reactor, options, events, Log());
    const auto send = [&](const client::ServerInfo&) {
        session.subscribe(proto::Channel::ledger_event, true);
        client::Submission submission;
        submission.input = @PAYLOAD@;
        session.submit(
            std::move(submission),
            [&](const Result<client::SentInput>& sent) {
                sent ? (void)receipt.emplace(sent->max_ledger_seq) : reactor.stop();
            },
            [&](const Result<client::InputOutcome>& outcome) {
                if (outcome && receipt) {
                    receipt->on_outcome(*outcome);
                    settle();
                }
            });
    };
    session.connect(send, [&](const client::ConnectError& error) {
        std::fprintf(stderr, "%s\n", error.message.c_str());
        reactor.stop();
    });
    reactor.run();
    return status;
}
)cpp";

// Octal escapes end after three digits, so what follows cannot become part of them.
std::string cpp_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (byte >= 0x20 && byte < 0x7f && c != '?') { // no trigraphs
            out += c;
        } else {
            out += '\\';
            for (const unsigned shift : {6U, 3U, 0U}) {
                out += static_cast<char>('0' + ((byte >> shift) & 7U));
            }
        }
    }
    return out + "\"";
}

std::string cpp_client_program(const Args& args, const Bytes& payload) {
    const ConnectionArgs& connection = args.connection;
    std::string out(cpp_program);
    out = replaced(out, "@SERVER@", cpp_string(connection.servers.front()));
    out =
        replaced(out, "@PROTOCOL@", connection.encoding == proto::Encoding::bson ? "bson" : "json");
    out = replaced(out, "@CONTRACT@",
                   connection.contract_id
                       ? "    options.contract_id = " + cpp_string(*connection.contract_id) + ";\n"
                       : "");
    return replaced(out, "@PAYLOAD@",
                    "to_bytes(std::string_view(" + cpp_string(as_text(payload)) + ", " +
                        std::to_string(payload.size()) + "))");
}

} // namespace

std::string send_program(const Args& args, ProgramLanguage language, const Bytes& payload) {
    switch (language) {
    case ProgramLanguage::sh:
        return shell_program(args, payload);
    case ProgramLanguage::js:
        return javascript_program(args, payload);
    case ProgramLanguage::cpp:
        break;
    }
    return cpp_client_program(args, payload);
}

} // namespace hp::cli
