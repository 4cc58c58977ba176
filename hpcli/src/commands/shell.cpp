// SPDX-License-Identifier: Apache-2.0
// shell: a conversation typed line by line. session: one that is recorded, and repeated.
#include "commands.hpp"

#include "cli/exchange.hpp"
#include "cli/json_match.hpp"
#include "cli/keys.hpp"
#include "cli/line_editor.hpp"
#include "cli/line_reader.hpp"
#include "cli/min_connections.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/payload.hpp"
#include "cli/render.hpp"
#include "cli/user_files.hpp"
#include "hp/client/key_store.hpp"
#include "hp/os/files.hpp"

#include <csignal>
#include <unistd.h>

namespace hp::cli {
namespace {

// A conversation that something else drives: the terminal, a pipe or a recording.
class Talk {
public:
    explicit Talk(const Args& args) : args_(args), talk_(args, reactor_), lines_(talk_) {}

    Outcome run(const std::function<void()>& begin) {
        if (auto enough = require_connections(args_); !enough) {
            return tl::unexpected(std::move(enough.error()));
        }
        reactor_.on_signals({SIGINT, SIGTERM}, [this](int signal) {
            finish(tl::unexpected(silent(signal == SIGINT ? exit_interrupted : exit_terminated)));
        });
        const std::string key =
            args_.connection.key.empty() ? std::string(ephemeral_key) : args_.connection.key;
        talk_.use(key, [this, begin](const tl::expected<void, Failure>& done) {
            done ? begin() : finish(tl::unexpected(done.error()));
        });
        reactor_.run();
        return std::move(*outcome_);
    }

    void finish(Outcome outcome) {
        if (!outcome_) {
            outcome_ = std::move(outcome);
            reactor_.stop();
        }
    }

    const Args& args_;
    net::Reactor reactor_;
    Conversation talk_;
    LineTalk lines_;
    std::optional<Outcome> outcome_;
};

// --- shell ---------------------------------------------------------------------------------------

class Shell : Talk {
public:
    using Talk::Talk;

    Outcome run() {
        talk_.on_ledger = [this](const proto::LedgerHeader& ledger) {
            if (lines_.watches()) {
                show("ledger " + std::to_string(ledger.seq) + "\n");
            }
        };
        talk_.on_output = [this](const std::string& user, const client::Output& output) {
            show("output for " + user + ": " + outputs_text(output.message));
        };
        talk_.on_lost = [this](const std::string& user, const std::string& why) {
            show(user + ": " + why + "; .as " + user + " connects again\n");
        };
        return Talk::run([this] { begin(); });
    }

private:
    void begin() {
        const auto data = client::user_data_dir();
        if (::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && data) {
            (void)os::make_directories(*data);
            editor_.emplace(reactor_, *data / "shell_history",
                            [this](const std::optional<std::string>& line) { on_line(line); });
            for (const char* word : {".as", ".status", ".ledger", ".watch", ".help", ".quit"}) {
                editor_->learn(word);
            }
        } else {
            reader_.emplace(reactor_, STDIN_FILENO, '\n');
        }
        next();
    }

    void next() {
        if (editor_) {
            editor_->prompt(talk_.user() + " #" + std::to_string(talk_.lcl()) + "> ");
            return;
        }
        reader_->next([this](std::optional<Bytes> record) {
            on_line(record ? std::optional(hp::to_text(*record)) : std::nullopt);
        });
    }

    void on_line(const std::optional<std::string>& line) {
        if (!line) {
            finish(Answer{});
        } else if (line->empty()) {
            next();
        } else {
            learn(*line);
            lines_.say(*line, [this](const Exchange& what) { on_said(what); });
        }
    }

    // Names of items, for completion.
    void learn(const std::string& line) {
        for (const std::string& word : split_list(line)) {
            if (const auto item = editor_ ? parse_item(word) : std::nullopt) {
                editor_->learn(word.substr(0, word.find_first_of("=@") + 1));
            }
        }
    }

    void on_said(const Exchange& what) {
        show(what.text);
        if (what.problem) {
            worst_exit_ = what.problem->exit_code();
            write_note(describe(args_.program->name, *what.problem, args_.color));
        }
        if (what.quit) {
            finish(Answer{});
        } else if (worst_exit_ != 0 && !editor_) { // a pipe ends at the first error
            finish(tl::unexpected(silent(worst_exit_)));
        } else {
            next();
        }
    }

    void show(const std::string& text) {
        if (editor_) {
            editor_->print_above(text);
        } else if (auto written = write_answer(text); !written) {
            finish(tl::unexpected(std::move(written.error())));
        }
    }

    std::optional<LineEditor> editor_;
    std::optional<LineReader> reader_;
    int worst_exit_ = 0;
};

// --- recordings ----------------------------------------------------------------------------------

std::string encode_record(const Exchange& what, std::int64_t t_ms) {
    JsonObject out;
    out.add("t_ms", static_cast<std::uint64_t>(t_ms)).add("op", to_word(what.op));
    if (what.op == Exchange::Op::as_user) {
        out.add("user", what.word);
    } else {
        out.add("payload_hex", to_hex(what.payload));
    }
    JsonArray outputs;
    for (const Bytes& content : what.outputs) {
        outputs.add(to_hex(content));
    }
    out.add("outputs_hex", outputs);
    if (what.problem) {
        const bool rejected = !what.problem->reason.empty();
        out.add("problem", rejected ? what.problem->reason : info(what.problem->id).code);
    }
    return out.text() + "\n";
}

class Recorder : Talk {
public:
    using Talk::Talk;

    Outcome run() {
        return Talk::run([this] {
            reader_.emplace(reactor_, STDIN_FILENO, '\n');
            started_ms_ = SystemClock().now().mono_ms();
            next();
        });
    }

private:
    void next() {
        reader_->next([this](std::optional<Bytes> record) {
            const std::string line = record ? hp::to_text(*record) : "";
            if (!record) {
                end();
            } else if (line.empty()) {
                next();
            } else {
                const std::int64_t t_ms = SystemClock().now().mono_ms() - started_ms_;
                lines_.say(line, [this, t_ms](const Exchange& what) { on_said(what, t_ms); });
            }
        });
    }

    void on_said(const Exchange& what, std::int64_t t_ms) {
        if (what.op != Exchange::Op::other) {
            file_ += encode_record(what, t_ms);
            ++records_;
        }
        if (!args_.json) {
            (void)write_answer(what.text);
        }
        if (what.problem && !args_.quiet) {
            write_note(describe(args_.program->name, *what.problem, args_.color));
        }
        what.quit ? end() : next();
    }

    void end() {
        const std::string& path = args_.arguments.front();
        if (const auto stored = os::replace_file(path, as_bytes(file_), 0644); !stored) {
            finish(failure(ErrorId::cannot_write, stored.err().context));
            return;
        }
        JsonObject out = document(args_.schema);
        out.add("path", path).add("records", records_);
        finish(Answer{args_.json ? out.text() + "\n"
                                 : std::to_string(records_) + " records in " + path + "\n"});
    }

    std::optional<LineReader> reader_;
    std::int64_t started_ms_ = 0;
    std::string file_;
    std::uint64_t records_ = 0;
};

struct Record {
    std::int64_t t_ms = 0;
    Exchange what;       // to be said
    std::string problem; // that came of it
};

std::optional<Record> decode_record(const Json& json) {
    if (!json.is_object() || !json.contains("t_ms") || !json["t_ms"].is_number_unsigned()) {
        return std::nullopt;
    }
    Record out;
    out.t_ms = json["t_ms"].get<std::int64_t>();
    out.problem = text_member(json, "problem").value_or("");
    const std::string op = text_member(json, "op").value_or("");
    out.what.op = op == "send"   ? Exchange::Op::send
                  : op == "read" ? Exchange::Op::read
                  : op == "as"   ? Exchange::Op::as_user
                                 : Exchange::Op::other;
    out.what.word = text_member(json, "user").value_or("");
    const auto payload = from_hex(text_member(json, "payload_hex").value_or(""));
    if (out.what.op == Exchange::Op::other || !payload) {
        return std::nullopt;
    }
    out.what.payload = *payload;
    for (const std::string& hex : list_member(json, "outputs_hex")) {
        const auto content = from_hex(hex);
        if (!content) {
            return std::nullopt;
        }
        out.what.outputs.push_back(*content);
    }
    return out;
}

tl::expected<std::vector<Record>, Failure> read_recording(const std::string& path) {
    const auto text = read_input_file(path);
    if (!text) {
        return tl::unexpected(text.error());
    }
    std::vector<Record> out;
    std::string_view rest = as_text(*text);
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        auto record = decode_record(Json::parse(rest.substr(0, end), nullptr, false));
        if (!record) {
            return failure(ErrorId::bad_file, path + ": record " + std::to_string(out.size() + 1) +
                                                  " is not understood");
        }
        out.push_back(std::move(*record));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
}

// Content with what may differ taken out: "name" or "a.b" of objects.
std::string masked(const Bytes& content, const std::vector<std::string>& masks) {
    if (nests_too_deeply(as_text(content))) {
        return hp::to_text(content);
    }
    Json json = Json::parse(content.begin(), content.end(), nullptr, false);
    if (json.is_discarded()) {
        return hp::to_text(content);
    }
    for (const std::string& mask : masks) {
        const auto path = parse_json_path(mask);
        Json* place = &json;
        for (std::size_t i = 0; path && place != nullptr && i + 1 < path->size(); ++i) {
            place =
                place->is_object() && place->contains((*path)[i]) ? &(*place)[(*path)[i]] : nullptr;
        }
        if (path && !path->empty() && place != nullptr && place->is_object()) {
            place->erase(path->back());
        }
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Replay : Talk {
public:
    Replay(const Args& args, std::vector<Record> records, double speed)
        : Talk(args), records_(std::move(records)), speed_(speed), timer_(reactor_),
          masks_(args.options.all("mask")) {}

    Outcome run() {
        return Talk::run([this] {
            started_us_ = SystemClock().now().mono_us;
            next();
        });
    }

private:
    void next() {
        if (at_ == records_.size()) {
            end();
            return;
        }
        const Record& record = records_[at_];
        const auto wait_us =
            static_cast<std::int64_t>(static_cast<double>(record.t_ms) * 1000 / speed_);
        timer_.arm_at(started_us_ + wait_us, [this, &record] {
            Exchange again = record.what;
            again.outputs.clear();
            lines_.repeat(std::move(again),
                          [this, &record](const Exchange& what) { on_said(record, what); });
        });
    }

    void on_said(const Record& record, const Exchange& what) {
        ++at_;
        const std::string problem = !what.problem ? ""
                                    : what.problem->reason.empty()
                                        ? std::string(info(what.problem->id).code)
                                        : what.problem->reason;
        bool same = problem == record.problem && what.outputs.size() == record.what.outputs.size();
        for (std::size_t i = 0; same && i < what.outputs.size(); ++i) {
            same = masked(what.outputs[i], masks_) == masked(record.what.outputs[i], masks_);
        }
        if (!same) {
            differences_.emplace_back("record " + std::to_string(at_),
                                      problem.empty() ? what.text : problem);
        }
        next();
    }

    void end() {
        if (args_.options.has("expect") && !differences_.empty()) {
            Failure out{ErrorId::expectation,
                        std::to_string(differences_.size()) + " records were answered differently"};
            out.detail = differences_;
            finish(tl::unexpected(std::move(out)));
            return;
        }
        JsonObject out = document(args_.schema);
        out.add("records", std::uint64_t{records_.size()});
        out.add("different", std::uint64_t{differences_.size()});
        finish(Answer{args_.json
                          ? out.text() + "\n"
                          : std::to_string(records_.size()) + " records, " +
                                std::to_string(differences_.size()) + " answered differently\n"});
    }

    const std::vector<Record> records_;
    const double speed_;
    net::Timer timer_;
    const std::vector<std::string> masks_;
    std::int64_t started_us_ = 0;
    std::size_t at_ = 0;
    std::vector<std::pair<std::string, std::string>> differences_;
};

Outcome run_shell(const Args& args) {
    if (args.json) {
        return failure(ErrorId::usage, "the shell is for people and has no JSON",
                       "hpcli run takes scripts, hpcli session record takes lines");
    }
    return Shell(args).run();
}

Outcome run_record(const Args& args) {
    return Recorder(args).run();
}

// 2x, 0.5x
std::optional<double> parse_speed(std::string_view text) {
    if (!text.ends_with('x')) {
        return std::nullopt;
    }
    char* end = nullptr;
    const std::string number(text.substr(0, text.size() - 1));
    const double value = std::strtod(number.c_str(), &end);
    return !number.empty() && *end == '\0' && value > 0 && value < 1e6 ? std::optional(value)
                                                                       : std::nullopt;
}

Outcome run_replay(const Args& args) {
    double speed = 1;
    OptionReader reader(args);
    reader.take("speed", "a factor such as 2x", parse_speed, speed);
    if (auto checked = reader.done(true); !checked) {
        return tl::unexpected(std::move(checked.error()));
    }
    auto records = read_recording(args.arguments.front());
    if (!records) {
        return tl::unexpected(std::move(records.error()));
    }
    return Replay(args, std::move(*records), speed).run();
}

constexpr std::array replay_options = {
    OptionInfo{"--expect", "", "another answer than recorded is an error (exit 12)"},
    OptionInfo{"--mask", "PATH...", "a member of JSON answers that may differ (repeat)"},
    OptionInfo{"--speed", "Nx", "so many times as fast (default 1x)"},
};

constexpr std::array shell_table = {
    CommandInfo{"session record",
                "FILE",
                1,
                1,
                Scope::online,
                "Send lines of standard input (?LINE reads) and record both sides",
                "printf 'add 5\\n?get\\n' | hpcli session record demo.session",
                "hpcli session record demo.session -k alice < lines.txt",
                {},
                "ok:bool path:text records:int",
                run_record},
    CommandInfo{"session replay", "FILE", 1, 1, Scope::online,
                "Send a recording again and compare the answers",
                "hpcli session replay demo.session --expect",
                "hpcli session replay demo.session --speed 10x --expect --mask '$.timestamp'",
                replay_options, "ok:bool records:int different:int", run_replay},
    CommandInfo{"shell",
                "",
                0,
                0,
                Scope::online,
                "Talk to a contract line by line; .help inside",
                "hpcli shell -k alice",
                "echo '?get' | hpcli shell -s wss://127.0.0.1:8080",
                {},
                "",
                run_shell},
};

} // namespace

Commands shell_commands() {
    return shell_table;
}

} // namespace hp::cli
