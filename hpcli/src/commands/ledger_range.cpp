// SPDX-License-Identifier: Apache-2.0
// Many ledgers: list, follow, find, verify, export.
#include "commands.hpp"

#include "cli/keys.hpp"
#include "cli/ledger_walk.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/render.hpp"
#include "cli/user_files.hpp"
#include "hp/client/ledger_check.hpp"
#include "hp/client/rfc3339.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <zstd.h>

namespace hp::cli {
namespace {

constexpr std::string_view range_help = "N, A..B, A.., -N.. or lcl";

Parsed<LedgerRange> check_range(const Args& args, const char* fallback) {
    const std::string text = args.arguments.empty() ? fallback : args.arguments.front();
    const auto range = parse_ledger_range(text);
    return range ? Parsed<LedgerRange>(*range) : bad_value(args.command->words, text, range_help);
}

Failure missing(LedgerSeq seq) {
    return {ErrorId::ledger_not_found, "the node has no ledger " + std::to_string(seq),
            "it may be older than the node keeps"};
}

std::string header_line(const proto::LedgerHeader& header) {
    return std::to_string(header.seq) + " " + client::rfc3339(header.timestamp_ms) + " " +
           header.hash.short_hex() + " state " + header.state_hash.short_hex() +
           (header.input_hash.is_zero() ? "" : " inputs") +
           (header.output_hash.is_zero() ? "" : " outputs") + "\n";
}

std::string line_of(const Args& args, const proto::QueriedLedger& ledger) {
    if (!args.json) {
        return header_line(ledger.header);
    }
    JsonObject out;
    out.add("schema", args.schema).add("ledger", to_json(ledger));
    return out.text() + "\n";
}

// Runs a walk with the key of the command.
Outcome walk(const Args& args, const LedgerWalk& wanted, LedgerWalker::OnLedger on_ledger,
             std::function<Outcome()> on_end) {
    const auto signer = session_signer(args, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    LedgerWalker walker(args, wanted, *signer);
    return walker.run(std::move(on_ledger), std::move(on_end));
}

// The same for work that prints nothing before its end.
Outcome walk_quietly(const Args& args, const LedgerWalk& wanted, const std::string& what,
                     const LedgerWalker::OnLedger& on_ledger, std::function<Outcome()> on_end) {
    const auto signer = session_signer(args, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    Progress progress(args, what, "ledgers");
    std::uint64_t done = 0;
    LedgerWalker walker(args, wanted, *signer);
    return walker.run(
        [&](LedgerSeq seq, const LedgerWalker::Ledger& ledger) {
            ++done;
            progress.step(done, done + walker.left());
            return on_ledger(seq, ledger);
        },
        std::move(on_end));
}

// NDJSON on its way to a file that appears when it is whole; compressed when its name ends in .zst.
class ExportFile {
public:
    explicit ExportFile(std::string path)
        : path_(std::move(path)),
          context_(path_.ends_with(".zst") ? ::ZSTD_createCCtx() : nullptr, ::ZSTD_freeCCtx) {}

    tl::expected<void, Failure> add(std::string_view text) { return take(text, ZSTD_e_continue); }

    tl::expected<void, Failure> store() {
        if (auto ended = take("", ZSTD_e_end); !ended) {
            return ended;
        }
        if (const auto stored = os::replace_file(path_, as_bytes(content_), 0644); !stored) {
            return failure(ErrorId::cannot_write, stored.err().context);
        }
        return {};
    }

private:
    tl::expected<void, Failure> take(std::string_view text, ZSTD_EndDirective directive) {
        if (!path_.ends_with(".zst")) {
            content_ += text;
            return {};
        }
        ZSTD_inBuffer in{text.data(), text.size(), 0};
        while (true) {
            std::array<char, 64 * 1024> room{};
            ZSTD_outBuffer out{room.data(), room.size(), 0};
            const std::size_t left = ::ZSTD_compressStream2(context_.get(), &out, &in, directive);
            if (::ZSTD_isError(left) != 0) {
                return failure(ErrorId::failed,
                               std::string("cannot compress: ") + ::ZSTD_getErrorName(left));
            }
            content_.append(room.data(), out.pos);
            const bool done = directive == ZSTD_e_end ? left == 0 : in.pos == in.size;
            if (done) {
                return {};
            }
        }
    }

    const std::string path_;
    std::unique_ptr<ZSTD_CCtx, decltype(&::ZSTD_freeCCtx)> context_;
    std::string content_; // of the file
};

Outcome run_ledger_list(const Args& args) {
    const auto range = check_range(args, "-10..");
    if (!range) {
        return tl::unexpected(range.error());
    }
    return walk(
        args, {*range},
        [&args](LedgerSeq seq, const LedgerWalker::Ledger& ledger) -> tl::expected<void, Failure> {
            return ledger ? write_answer(args, line_of(args, *ledger))
                          : tl::unexpected(missing(seq));
        },
        [] { return Answer{}; });
}

Outcome run_follow(const Args& args) {
    std::optional<std::uint64_t> count;
    OptionReader reader(args);
    reader.count("count", count);
    const auto checked = reader.done(true);
    const auto range = check_range(args, "lcl");
    if (!checked || !range) {
        return tl::unexpected(checked ? range.error() : checked.error());
    }
    std::uint64_t printed = 0;
    return walk(
        args, {*range, false, false, true},
        [&](LedgerSeq seq, const LedgerWalker::Ledger& ledger) -> tl::expected<void, Failure> {
            if (!ledger) {
                return tl::unexpected(missing(seq));
            }
            auto written = write_answer(args, line_of(args, *ledger));
            const bool is_last = ++printed == count;
            return written && is_last ? tl::unexpected(silent(0)) : written;
        },
        [] { return Answer{}; });
}

// --- verify --------------------------------------------------------------------------------------

struct Verification {
    std::optional<proto::LedgerHeader> previous;
    std::uint64_t ledgers = 0;
    std::uint64_t input_lists = 0; // that were there and right
    std::uint64_t output_lists = 0;
    LedgerSeq first = 0;
};

tl::expected<void, Failure> verify_one(Verification& so_far, LedgerSeq seq,
                                       const LedgerWalker::Ledger& ledger) {
    if (!ledger) {
        return tl::unexpected(missing(seq));
    }
    const auto broken = [](std::string what) {
        return tl::unexpected(Failure{ErrorId::broken_chain, std::move(what)});
    };
    if (so_far.previous) {
        if (std::string problem = client::check_link(*so_far.previous, ledger->header);
            !problem.empty()) {
            return broken(std::move(problem));
        }
    } else {
        so_far.first = seq;
    }
    const client::ListCheck inputs = client::check_inputs(*ledger);
    const client::ListCheck outputs = client::check_outputs(*ledger);
    if (inputs == client::ListCheck::wrong || outputs == client::ListCheck::wrong) {
        return broken("the " +
                      std::string(inputs == client::ListCheck::wrong ? "inputs" : "outputs") +
                      " of ledger " + std::to_string(seq) + " are not those of its header");
    }
    so_far.input_lists += inputs == client::ListCheck::whole ? 1U : 0U;
    so_far.output_lists += outputs == client::ListCheck::whole ? 1U : 0U;
    ++so_far.ledgers;
    so_far.previous = ledger->header;
    return {};
}

// The last ledger of an earlier verification: {"seq":..,"hash":..}.
tl::expected<std::optional<LedgerId>, Failure> read_checkpoint(const std::string& path) {
    const auto text = os::read_file(path, 4096);
    if (!text) {
        return text.err().code == Errc::not_found
                   ? tl::expected<std::optional<LedgerId>, Failure>(std::nullopt)
                   : failure(ErrorId::bad_file, text.err().context);
    }
    const Json json = Json::parse(text->begin(), text->end(), nullptr, false);
    const auto hash =
        json.is_object() ? Hash32::from_hex(text_member(json, "hash").value_or("")) : std::nullopt;
    if (!hash || !json.contains("seq") || !json["seq"].is_number_unsigned()) {
        return failure(ErrorId::bad_file, path + " is not a checkpoint");
    }
    return std::optional(LedgerId{json["seq"].get<std::uint64_t>(), *hash});
}

Outcome verified(const Args& args, const Verification& result, const std::string& checkpoint) {
    if (!checkpoint.empty() && result.previous) {
        const std::string text =
            to_json(LedgerId{result.previous->seq, result.previous->hash}).text() + "\n";
        if (const auto stored = os::replace_file(checkpoint, as_bytes(text), 0644); !stored) {
            return failure(ErrorId::cannot_write, stored.err().context);
        }
    }
    const LedgerSeq last = result.previous ? result.previous->seq : result.first;
    if (!args.json) {
        return Answer{"verified " + std::to_string(result.first) + ".." + std::to_string(last) +
                      ": " + std::to_string(result.ledgers) + " ledgers linked, inputs of " +
                      std::to_string(result.input_lists) + " and outputs of " +
                      std::to_string(result.output_lists) + " complete\n"};
    }
    JsonObject out = document(args.schema);
    out.add("first", result.first).add("last", last).add("ledgers", result.ledgers);
    out.add("inputs_complete", result.input_lists).add("outputs_complete", result.output_lists);
    return Answer{out.text() + "\n"};
}

Outcome run_ledger_verify(const Args& args) {
    std::string checkpoint;
    OptionReader reader(args);
    reader.text("checkpoint", checkpoint);
    const auto checked = reader.done(true);
    auto range = check_range(args, "1..");
    if (!checked || !range) {
        return tl::unexpected(checked ? range.error() : checked.error());
    }
    Verification result;
    if (!checkpoint.empty()) {
        const auto earlier = read_checkpoint(checkpoint);
        if (!earlier) {
            return tl::unexpected(earlier.error());
        }
        if (*earlier) { // it is looked at again: the node must still have the same one
            range->first = (*earlier)->seq;
        }
        const auto expected = *earlier;
        return walk_quietly(
            args, {*range, true, true}, "verifying",
            [&result, expected](LedgerSeq seq,
                                const LedgerWalker::Ledger& ledger) -> tl::expected<void, Failure> {
                if (ledger && expected && seq == expected->seq &&
                    ledger->header.hash != expected->hash) {
                    return tl::unexpected(
                        Failure{ErrorId::broken_chain, "ledger " + std::to_string(seq) +
                                                           " is not that of the checkpoint"});
                }
                return verify_one(result, seq, ledger);
            },
            [&] { return verified(args, result, checkpoint); });
    }
    return walk_quietly(
        args, {*range, true, true}, "verifying",
        [&result](LedgerSeq seq, const LedgerWalker::Ledger& ledger) {
            return verify_one(result, seq, ledger);
        },
        [&] { return verified(args, result, checkpoint); });
}

// --- export --------------------------------------------------------------------------------------

Outcome run_ledger_export(const Args& args) {
    std::string path;
    OptionReader reader(args);
    reader.text("output-file", path);
    const auto checked = reader.done(true);
    const auto range = check_range(args, "1..");
    if (!checked || !range) {
        return tl::unexpected(checked ? range.error() : checked.error());
    }
    std::uint64_t exported = 0;
    const auto line_at =
        [&](LedgerSeq seq,
            const LedgerWalker::Ledger& ledger) -> tl::expected<std::string, Failure> {
        if (!ledger) {
            return tl::unexpected(missing(seq));
        }
        JsonObject out;
        out.add("schema", args.schema).add("ledger", to_json(*ledger));
        ++exported;
        return out.text() + "\n";
    };
    if (path.empty()) {
        return walk(
            args, {*range, true, true},
            [&](LedgerSeq seq, const LedgerWalker::Ledger& ledger) -> tl::expected<void, Failure> {
                const auto line = line_at(seq, ledger);
                return line ? write_answer(args, *line) : tl::unexpected(line.error());
            },
            [] { return Answer{}; });
    }
    ExportFile file(path);
    return walk_quietly(
        args, {*range, true, true}, "exporting",
        [&](LedgerSeq seq, const LedgerWalker::Ledger& ledger) -> tl::expected<void, Failure> {
            const auto line = line_at(seq, ledger);
            return line ? file.add(*line) : tl::unexpected(line.error());
        },
        [&]() -> Outcome {
            if (auto stored = file.store(); !stored) {
                return tl::unexpected(std::move(stored.error()));
            }
            JsonObject out;
            out.add("schema", args.schema).add("ok", true).add("path", path);
            out.add("ledgers", exported);
            return Answer{args.json ? out.text() + "\n"
                                    : std::to_string(exported) + " ledgers in " + path + "\n"};
        });
}

// --- find ----------------------------------------------------------------------------------------

struct Wanted {
    std::optional<Hash32> hash; // of a ledger, an input or an output
    std::optional<PublicKey> user;
    std::optional<std::int64_t> time_ms;
};

// RFC 3339 in UTC (2026-02-03T04:05:06Z), or milliseconds since 1970.
std::optional<std::int64_t> parse_time(const std::string& text) {
    if (const auto number = parse_number(text)) {
        return static_cast<std::int64_t>(*number);
    }
    std::tm fields{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &fields);
    if (rest == nullptr || (*rest != 'Z' && *rest != '.')) {
        return std::nullopt;
    }
    return std::int64_t{::timegm(&fields)} * 1000;
}

bool holds(const proto::QueriedLedger& ledger, const Wanted& wanted) {
    const auto fits = [&wanted](const auto& item) {
        return (wanted.hash && item.hash == *wanted.hash) ||
               (wanted.user && item.key == *wanted.user);
    };
    return (wanted.hash && ledger.header.hash == *wanted.hash) ||
           (wanted.hash && client::find_input(ledger, *wanted.hash) == client::Presence::present) ||
           std::ranges::any_of(*ledger.inputs, fits) || std::ranges::any_of(*ledger.outputs, fits);
}

Parsed<Wanted> check_find(const Args& args) {
    Wanted out;
    OptionReader reader(args);
    const auto hash = [](std::string_view text) { return Hash32::from_hex(text); };
    const auto user = [](std::string_view text) { return parse_public_key_hex(text); };
    const auto time = [](std::string_view text) { return parse_time(std::string(text)); };
    reader.take("hash", "64 hex characters", hash, out.hash)
        .take("user", "a public key", user, out.user)
        .take("time", "a time such as 2026-02-03T04:05:06Z, or milliseconds", time, out.time_ms);
    const int given = (out.hash ? 1 : 0) + (out.user ? 1 : 0) + (out.time_ms ? 1 : 0);
    auto checked = reader.done(out);
    return checked && given != 1 ? failure(ErrorId::usage, "give one of --hash, --user and --time")
                                 : checked;
}

// The first ledger at or after a time, by halving.
class TimeSearch {
public:
    TimeSearch(const Args& args, std::int64_t time_ms, const client::Signer& signer)
        : args_(args), time_ms_(time_ms),
          session_(args, signer, args.connection.timeout_ms.value_or(default_timeout_ms)) {}

    Outcome run() {
        return session_.run([this] {
            session_.client().lcl([this](const Result<LedgerId>& lcl) {
                if (!lcl) {
                    session_.finish(lcl.err());
                    return;
                }
                low_ = 1;
                high_ = lcl->seq + 1;
                ask();
            });
        });
    }

private:
    // Everything below low_ is older, everything from high_ on is not.
    void ask() {
        if (low_ >= high_) {
            session_.finish(answer());
            return;
        }
        const LedgerSeq middle = low_ + (high_ - low_) / 2;
        session_.client().query(middle, false, false, [this, middle](const auto& ledger) {
            if (!ledger) {
                session_.finish(ledger.err());
                return;
            }
            // Ledgers that the node does not keep any more are old ones.
            if (!*ledger || (*ledger)->header.timestamp_ms < time_ms_) {
                low_ = middle + 1;
            } else {
                high_ = middle;
                found_ = **ledger;
            }
            ask();
        });
    }

    Outcome answer() const {
        if (!found_) {
            return failure(ErrorId::input_not_found, "no ledger is as late as that");
        }
        return Answer{line_of(args_, *found_)};
    }

    const Args& args_;
    const std::int64_t time_ms_;
    Session session_;
    LedgerSeq low_ = 1;
    LedgerSeq high_ = 1;
    LedgerWalker::Ledger found_;
};

Outcome run_find(const Args& args) {
    const auto wanted = check_find(args);
    const auto range = check_range(args, "-1000..");
    if (!wanted || !range) {
        return tl::unexpected(wanted ? range.error() : wanted.error());
    }
    if (wanted->time_ms) {
        const auto signer = session_signer(args, ephemeral_key);
        return signer ? TimeSearch(args, *wanted->time_ms, *signer).run()
                      : tl::unexpected(signer.error());
    }
    std::uint64_t found = 0;
    std::uint64_t unreadable = 0;
    return walk(
        args, {*range, true, true},
        [&](LedgerSeq /*seq*/, const LedgerWalker::Ledger& ledger) -> tl::expected<void, Failure> {
            if (!ledger || client::check_inputs(*ledger) == client::ListCheck::not_kept) {
                ++unreadable;
            }
            if (!ledger || !holds(*ledger, *wanted)) {
                return {};
            }
            ++found;
            return write_answer(args, line_of(args, *ledger));
        },
        [&]() -> Outcome {
            if (found > 0) {
                return Answer{};
            }
            return failure(ErrorId::input_not_found, "none of the ledgers searched holds that",
                           unreadable > 0
                               ? std::to_string(unreadable) + " of them are not kept by this node"
                               : "search more with a range such as 1..");
        });
}

constexpr std::array follow_options = {OptionInfo{"--count", "N", "end after N ledgers"}};
constexpr std::array ledger_verify_options = {
    OptionInfo{"--checkpoint", "FILE", "go on from there, and keep the last ledger there"}};
constexpr std::array ledger_export_options = {OptionInfo{
    "-O,--output-file", "FILE", "write there, whole or not at all; NAME.zst is compressed"}};
constexpr std::array find_options = {
    OptionInfo{"--hash", "HASH", "of a ledger, an input or a user's outputs"},
    OptionInfo{"--user", "KEY", "with inputs or outputs of this user"},
    OptionInfo{"--time", "TIME", "the first one at or after this time"},
};

constexpr std::array ledger_range_table = {
    CommandInfo{"ledger list",
                "[RANGE]",
                0,
                1,
                Scope::online,
                "List ledgers, one a line (default -10..)",
                "hpcli ledger list 120..140",
                "hpcli ledger list -100.. --json | jq -r .ledger.timestamp",
                {},
                "ledger:header",
                run_ledger_list},
    CommandInfo{"ledger follow", "[RANGE]", 0, 1, Scope::online,
                "List ledgers and go on with new ones; none is left out",
                "hpcli ledger follow --count 5", "hpcli ledger follow 120.. --json", follow_options,
                "ledger:header", run_follow},
    CommandInfo{"ledger find", "[RANGE]", 0, 1, Scope::online,
                "Find the ledgers that hold something (default -1000..)",
                "hpcli ledger find --hash \"$input_hash\"",
                "hpcli ledger find --time 2026-02-03T04:05:06Z --json", find_options,
                "ledger:header", run_find},
    CommandInfo{"ledger verify", "[RANGE]", 0, 1, Scope::online,
                "Check links, inputs and outputs of ledgers (default 1..; exit 8)",
                "hpcli ledger verify", "hpcli ledger verify --checkpoint state.json --json",
                ledger_verify_options,
                "ok:bool first:int last:int ledgers:int inputs_complete:int outputs_complete:int",
                run_ledger_verify},
    CommandInfo{"ledger export", "[RANGE]", 0, 1, Scope::online,
                "Write ledgers with inputs and outputs as NDJSON (default 1..)",
                "hpcli ledger export -O ledgers.ndjson", "hpcli ledger export 1.. -O l.ndjson.zst",
                ledger_export_options, "ok?:bool ledger?:header path?:text ledgers?:int",
                run_ledger_export},
};

} // namespace

Commands ledger_range_commands() {
    return ledger_range_table;
}

} // namespace hp::cli
