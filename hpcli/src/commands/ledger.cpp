// SPDX-License-Identifier: Apache-2.0
// Single ledgers: the last one, one by number, its inputs or outputs.
#include "commands.hpp"

#include "cli/keys.hpp"
#include "cli/options.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

struct LedgerOptions {
    std::optional<LedgerSeq> seq; // absent: the last one
    bool inputs = false;
    bool outputs = false;
    std::optional<PublicKey> user;
};

Parsed<LedgerOptions> check_ledger(const Args& args) {
    LedgerOptions out;
    OptionReader reader(args);
    const auto user = [](std::string_view text) { return parse_public_key_hex(text); };
    reader.take("user", "a public key", user, out.user);
    out.inputs = reader.flag("inputs");
    out.outputs = reader.flag("outputs");
    const std::string& which = args.arguments.front();
    if (which != "lcl") {
        out.seq = parse_number(which);
        if (!out.seq) {
            return bad_value(args.command->words, which, "a ledger number or lcl");
        }
    }
    return reader.done(out);
}

// Leaves what concerns the wanted user.
void select_user(proto::QueriedLedger& ledger, const LedgerOptions& options) {
    if (!options.user) {
        return;
    }
    const auto is_other = [&options](const auto& item) { return item.key != *options.user; };
    if (ledger.inputs) {
        std::erase_if(*ledger.inputs, is_other);
    }
    if (ledger.outputs) {
        std::erase_if(*ledger.outputs, is_other);
    }
}

Outcome ledger_answer(const Args& args, const LedgerOptions& options, LedgerSeq seq,
                      std::optional<proto::QueriedLedger> ledger) {
    if (!ledger) {
        return failure(ErrorId::ledger_not_found, "the node has no ledger " + std::to_string(seq),
                       "it may lie in the future, or be older than the node keeps");
    }
    select_user(*ledger, options);
    return Answer{args.json ? document(args.schema).add("ledger", to_json(*ledger)).text() + "\n"
                            : to_text(*ledger)};
}

void get_ledger(const Args& args, const LedgerOptions& options, Session& session, LedgerSeq seq) {
    session.client().query(seq, options.inputs, options.outputs,
                           [&args, &options, &session,
                            seq](const Result<std::optional<proto::QueriedLedger>>& ledger) {
                               if (ledger) {
                                   session.finish(ledger_answer(args, options, seq, *ledger));
                               } else {
                                   session.finish(ledger.err());
                               }
                           });
}

Outcome show_ledger(const Args& args, const LedgerOptions& options) {
    const auto signer = session_signer(args, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    Session session(args, *signer, args.connection.timeout_ms.value_or(default_timeout_ms));
    return session.run([&args, &options, &session] {
        if (options.seq) {
            get_ledger(args, options, session, *options.seq);
            return;
        }
        session.client().lcl([&args, &options, &session](const Result<LedgerId>& lcl) {
            if (lcl) {
                get_ledger(args, options, session, lcl->seq);
            } else {
                session.finish(lcl.err());
            }
        });
    });
}

Outcome run_get(const Args& args) {
    const auto options = check_ledger(args);
    return options ? show_ledger(args, *options) : tl::unexpected(options.error());
}

Outcome run_inputs(const Args& args) {
    auto options = check_ledger(args);
    if (!options) {
        return tl::unexpected(std::move(options.error()));
    }
    options->inputs = true;
    return show_ledger(args, *options);
}

Outcome run_outputs(const Args& args) {
    auto options = check_ledger(args);
    if (!options) {
        return tl::unexpected(std::move(options.error()));
    }
    options->outputs = true;
    return show_ledger(args, *options);
}

Outcome run_lcl(const Args& args) {
    const auto signer = session_signer(args, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    Session session(args, *signer, args.connection.timeout_ms.value_or(default_timeout_ms));
    return session.run([&args, &session] {
        session.client().lcl([&args, &session](const Result<LedgerId>& lcl) {
            if (!lcl) {
                session.finish(lcl.err());
                return;
            }
            session.finish(
                Answer{(args.json ? document(args.schema).add("ledger", to_json(*lcl)).text()
                                  : to_text(*lcl)) +
                       "\n"});
        });
    });
}

constexpr std::array get_options = {
    OptionInfo{"--inputs", "", "with its inputs"},
    OptionInfo{"--outputs", "", "with the outputs it confirms"},
    OptionInfo{"--user", "KEY", "of this user only"},
};
constexpr std::array user_options = {OptionInfo{"--user", "KEY", "of this user only"}};

constexpr std::string_view lcl_summary = "Print number and hash of the last closed ledger";
constexpr std::string_view ledger_fields = "ok:bool ledger:header";

constexpr std::array ledger_table = {
    CommandInfo{"lcl",
                "",
                0,
                0,
                Scope::online,
                lcl_summary,
                "hpcli lcl -s wss://127.0.0.1:8080",
                "hpcli lcl --json | jq .ledger.seq",
                {},
                "ok:bool ledger:ledger",
                run_lcl},
    CommandInfo{"ledger lcl",
                "",
                0,
                0,
                Scope::online,
                lcl_summary,
                "hpcli ledger lcl",
                "hpcli ledger lcl --json | jq -r .ledger.hash",
                {},
                "ok:bool ledger:ledger",
                run_lcl},
    CommandInfo{"ledger get", "SEQ | lcl", 1, 1, Scope::online, "Show one ledger",
                "hpcli ledger get 120 --inputs --outputs",
                "hpcli ledger get lcl --json | jq -r .ledger.state_hash", get_options,
                ledger_fields, run_get},
    CommandInfo{"ledger inputs", "SEQ | lcl", 1, 1, Scope::online, "Show a ledger and its inputs",
                "hpcli ledger inputs 120",
                "hpcli ledger inputs lcl --json | jq '.ledger.inputs | length'", user_options,
                ledger_fields, run_inputs},
    CommandInfo{"ledger outputs", "SEQ | lcl", 1, 1, Scope::online,
                "Show a ledger and the outputs it confirms", "hpcli ledger outputs 121",
                "hpcli ledger outputs 121 --json --user \"$(hpcli key show alice)\"", user_options,
                ledger_fields, run_outputs},
};

} // namespace

Commands ledger_commands() {
    return ledger_table;
}

} // namespace hp::cli
