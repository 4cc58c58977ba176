// SPDX-License-Identifier: Apache-2.0
// Scenario files: one statement a line, words separated by blanks, # begins a comment.
#include <algorithm>
#include <charconv>
#include <sstream>

#include "hp/proto/user_message.hpp"
#include "message_kind.hpp"
#include "scenario.hpp"

namespace hp::sim {
namespace {

constexpr std::size_t file_bytes_max = 1024UL * 1024;
constexpr std::size_t actions_max = 100'000;
constexpr std::int64_t time_ms_max = 24LL * 3600 * 1000;
constexpr std::int64_t number_limit = 1'000'000'000;

// Parameters: N from, T to, G groups, W twin, M messages, R record, O moment, D result mode,
// S status, # number, ~ number_max.
struct Grammar {
    Verb verb;
    std::string_view name;
    std::string_view parameters;
};
constexpr std::array<Grammar, static_cast<std::size_t>(Verb::last) + 1> grammar{{
    {Verb::split, "split", "G"},
    {Verb::cut, "cut", "NT"},
    {Verb::heal, "heal", ""},
    {Verb::delay, "delay", "NT#"},
    {Verb::hold, "hold", "NTM#"},
    {Verb::lose, "lose", "NTM#"},
    {Verb::hear, "hear", "WT"},
    {Verb::crash, "crash", "N"},
    {Verb::start, "start", "N"},
    {Verb::crash_writing, "crash_writing", "NRO#"},
    {Verb::crash_sending, "crash_sending", "NM~#"},
    {Verb::clock, "clock", "N#"},
    {Verb::drift, "drift", "N#"},
    {Verb::disk_slow, "disk_slow", "N#"},
    {Verb::disk_full, "disk_full", "N"},
    {Verb::disk_ok, "disk_ok", "N"},
    {Verb::spoil_log, "spoil_log", "N"},
    {Verb::backup, "backup", "N"},
    {Verb::restore, "restore", "N"},
    {Verb::differ, "differ", "N#"},
    {Verb::unl_add, "unl_add", "N"},
    {Verb::unl_remove, "unl_remove", "N"},
    {Verb::threshold, "threshold", "#"},
    {Verb::roundtime, "roundtime", "#"},
    {Verb::inputs, "inputs", "#"},
    {Verb::note, "note", ""},
    {Verb::expect_ledgers, "expect_ledgers", "N#~"},
    {Verb::expect_attempts, "expect_attempts", "#"},
    {Verb::expect_latency, "expect_latency", "#"},
    {Verb::expect_accepted, "expect_accepted", "#"},
    {Verb::expect_results, "expect_results", "D#~"},
    {Verb::expect_status, "expect_status", "NS"},
    {Verb::expect_accused, "expect_accused", "N"},
}};
const Grammar& grammar_of(Verb verb) {
    return grammar[static_cast<std::size_t>(verb)];
}

constexpr std::array<std::string_view, 6> record_words{"any",     "prepared",    "committed",
                                                       "skipped", "certificate", "ledger"};
constexpr std::array<std::string_view, 3> moment_words{"before", "during", "after"};
constexpr std::array<std::string_view, 3> mode_words{"certified", "plurality", "void"};

std::vector<std::string_view> pieces(std::string_view text, char separator) {
    std::vector<std::string_view> out;
    for (std::size_t at = 0;;) {
        const std::size_t end = text.find(separator, at);
        out.push_back(text.substr(at, end - at));
        if (end == std::string_view::npos) {
            return out;
        }
        at = end + 1;
    }
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> out = pieces(line.substr(0, line.find('#')), ' ');
    std::erase_if(out, [](std::string_view word) { return word.empty(); });
    return out;
}

Error unexpected(std::string_view what, std::string_view word) {
    return {Errc::invalid, std::string(what) + " expected, found \"" + std::string(word) + "\""};
}

Result<std::int64_t> parse_number(std::string_view word, std::int64_t min, std::int64_t max) {
    std::int64_t value = 0;
    const char* end = word.data() + word.size();
    const auto [stop, failed] = std::from_chars(word.data(), end, value);
    if (failed != std::errc() || stop != end || value < min || value > max) {
        return fail(unexpected(
            "a number from " + std::to_string(min) + " to " + std::to_string(max), word));
    }
    return value;
}

template <class Words>
Result<std::string> parse_word(std::string_view word, const Words& known) {
    if (std::find(known.begin(), known.end(), word) == known.end()) {
        std::string all;
        for (const std::string_view one : known) {
            all += (all.empty() ? "" : ", ") + std::string(one);
        }
        return fail(unexpected("one of " + all, word));
    }
    return std::string(word);
}

Result<std::string> parse_messages(std::string_view list) {
    if (!MessageKinds::parse(list)) {
        return fail(unexpected("kinds of messages", list));
    }
    return std::string(list);
}

// --- reading -------------------------------------------------------------------------------------

class Parser {
public:
    Result<Scenario> parse(std::string_view text) {
        if (text.size() > file_bytes_max) {
            return fail(Errc::too_large, "a scenario file of more than a MiB");
        }
        int number = 0;
        for (const std::string_view line : pieces(text, '\n')) {
            ++number;
            if (Status status = parse_line(line); !status) {
                return fail(std::move(status.error()).in("line " + std::to_string(number)));
            }
        }
        std::stable_sort(out_.actions.begin(), out_.actions.end(),
                         [](const Action& a, const Action& b) { return a.at_ms < b.at_ms; });
        return std::move(out_);
    }

private:
    Status parse_line(std::string_view line) {
        if (line.starts_with("#") && !begun_) {
            out_.story.emplace_back(line.substr(std::min<std::size_t>(line.size(), 2)));
            return {};
        }
        words_ = words_of(line);
        next_ = 0;
        if (words_.empty()) {
            return {};
        }
        begun_ = true;
        if (words_[0] == "at" || words_[0] == "every") {
            HP_TRY_STATUS(parse_timed());
        } else {
            HP_TRY_STATUS(parse_setting());
        }
        return next_ == words_.size() ? Status()
                                      : Status(fail(unexpected("no more", words_[next_])));
    }

    std::string_view word() { return next_ < words_.size() ? words_[next_++] : ""; }

    Status parse_timed() {
        const bool repeated = word() == "every";
        HP_TRY(const std::int64_t first, parse_number(word(), repeated ? 1 : 0, time_ms_max));
        std::int64_t from = first;
        std::int64_t to = first;
        if (repeated) {
            HP_TRY_STATUS(parse_keyword("from"));
            HP_TRY(from, parse_number(word(), 0, time_ms_max));
            HP_TRY_STATUS(parse_keyword("to"));
            HP_TRY(to, parse_number(word(), from, time_ms_max));
        }
        HP_TRY(Action action, parse_action());
        for (action.at_ms = from; action.at_ms <= to;
             action.at_ms += std::max<std::int64_t>(first, 1)) {
            if (out_.actions.size() >= actions_max) {
                return fail(Errc::too_large, "too many actions");
            }
            out_.actions.push_back(action);
        }
        return {};
    }

    Status parse_keyword(std::string_view expected) {
        const std::string_view found = word();
        return found == expected ? Status() : Status(fail(unexpected(expected, found)));
    }

    Status parse_setting() {
        if (!out_.actions.empty()) {
            return fail(Errc::invalid, "settings come before what happens");
        }
        const std::string_view name = word();
        if (name == "lie") {
            HP_TRY(const std::string lie, parse_word(word(), lie_names));
            const auto found = std::find(lie_names.begin(), lie_names.end(), lie);
            out_.options.lies.add(static_cast<Lie>(found - lie_names.begin()));
            return {};
        }
        if (name == "seeds") {
            HP_TRY(out_.seeds, parse_number(word(), 1, number_limit));
            return {};
        }
        if (name == "expect_violation") {
            out_.violation = word();
            return out_.violation.empty() ? Status(fail(unexpected("an invariant", ""))) : Status();
        }
        for (const OptionName& option : option_names()) {
            if (option.name == name) {
                return parse_option(option);
            }
        }
        return fail(unexpected("a setting, \"at\" or \"every\"", name));
    }

    Status parse_option(const OptionName& option) {
        if (const auto* flag = std::get_if<bool Options::*>(&option.member)) {
            out_.options.*(*flag) = true;
            return {};
        }
        HP_TRY(out_.options.*std::get<0>(option.member), parse_number(word(), 0, option.max));
        return {};
    }

    Result<Action> parse_action() {
        const std::string_view name = word();
        const auto found = std::find_if(grammar.begin(), grammar.end(),
                                        [name](const Grammar& g) { return g.name == name; });
        if (found == grammar.end()) {
            return fail(unexpected("an action", name));
        }
        Action action;
        action.verb = found->verb;
        for (const char parameter : found->parameters) {
            if (Status status = parse_parameter(parameter, action); !status) {
                return fail(std::move(status.error()).in(name));
            }
        }
        return action;
    }

    Status parse_parameter(char parameter, Action& out) {
        const std::string_view given = word();
        const auto set = [](auto& to, auto parsed) -> Status {
            if (!parsed) {
                return fail(std::move(parsed.error()));
            }
            to = *std::move(parsed);
            return {};
        };
        switch (parameter) {
        case 'N':
            return set(out.from, parse_nodes(given));
        case 'T':
            return set(out.to, parse_nodes(given));
        case 'G':
            return set(out.groups, parse_groups(given));
        case 'W':
            return set(out.twin, parse_twin(given));
        case 'M':
            return set(out.word, parse_messages(given));
        case 'R':
            return set(out.word, parse_word(given, record_words));
        case 'O':
            return set(out.moment, parse_word(given, moment_words));
        case 'D':
            return set(out.word, parse_word(given, mode_words));
        case 'S':
            return set(out.word,
                       parse_word(given, std::array<std::string_view, 4>{"unknown", "unreliable",
                                                                         "desync", "synced"}));
        case '#':
            return set(out.number, parse_number(given, -number_limit, number_limit));
        default:
            return set(out.number_max, parse_number(given, 0, number_limit));
        }
    }

    std::int64_t node_count() const { return out_.options.nodes + out_.options.observers; }

    Result<Nodes> parse_nodes(std::string_view list) const {
        Nodes out;
        if (list == "all") {
            for (std::int64_t i = 0; i < node_count(); ++i) {
                out.push_back(static_cast<std::size_t>(i));
            }
            return out;
        }
        for (const std::string_view piece : pieces(list, ',')) {
            HP_TRY(const std::int64_t node, parse_number(piece, 0, node_count() - 1));
            out.push_back(static_cast<std::size_t>(node));
        }
        return out;
    }

    Result<Groups> parse_groups(std::string_view list) const {
        Groups out;
        if (list == "random") {
            return out;
        }
        for (const std::string_view piece : pieces(list, '|')) {
            HP_TRY(Nodes group, parse_nodes(piece));
            out.push_back(std::move(group));
        }
        return out;
    }

    Result<Twin> parse_twin(std::string_view name) const {
        if (name.empty() || (name.back() != 'a' && name.back() != 'b')) {
            return fail(unexpected("a twin such as 0a", name));
        }
        HP_TRY(const std::int64_t member,
               parse_number(name.substr(0, name.size() - 1), 0, out_.options.byzantine - 1));
        return Twin{static_cast<std::size_t>(member), name.back() == 'a' ? 0UL : 1UL};
    }

    Scenario out_;
    bool begun_ = false;
    std::vector<std::string_view> words_;
    std::size_t next_ = 0;
};

// --- writing -------------------------------------------------------------------------------------

std::string text_of(const Nodes& nodes) {
    std::string out;
    for (const std::size_t node : nodes) {
        out += (out.empty() ? "" : ",") + std::to_string(node);
    }
    return out;
}

std::string text_of(const Groups& groups) {
    std::string out;
    for (const Nodes& group : groups) {
        out += (out.empty() ? "" : "|") + text_of(group);
    }
    return groups.empty() ? "random" : out;
}

std::string text_of(const Action& action, char parameter) {
    switch (parameter) {
    case 'N':
        return text_of(action.from);
    case 'T':
        return text_of(action.to);
    case 'G':
        return text_of(action.groups);
    case 'W':
        return std::to_string(action.twin.member) + (action.twin.half == 0 ? 'a' : 'b');
    case 'O':
        return action.moment;
    case '#':
        return std::to_string(action.number);
    case '~':
        return std::to_string(action.number_max);
    default:
        return action.word;
    }
}

} // namespace

Result<Scenario> parse_scenario(std::string_view text) {
    return Parser().parse(text);
}

std::string to_text(const Action& action) {
    const Grammar& known = grammar_of(action.verb);
    std::string out = "at " + std::to_string(action.at_ms) + " " + std::string(known.name);
    for (const char parameter : known.parameters) {
        out += " " + text_of(action, parameter);
    }
    return out;
}

std::string to_text(const Scenario& scenario) {
    std::ostringstream out;
    for (const std::string& line : scenario.story) {
        out << "# " << line << "\n";
    }
    out << to_text(scenario.options);
    if (scenario.seeds != 1) {
        out << "seeds " << scenario.seeds << "\n";
    }
    if (!scenario.violation.empty()) {
        out << "expect_violation " << scenario.violation << "\n";
    }
    for (const Action& action : scenario.actions) {
        out << to_text(action) << "\n";
    }
    return out.str();
}

} // namespace hp::sim
