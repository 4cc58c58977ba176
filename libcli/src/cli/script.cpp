// SPDX-License-Identifier: Apache-2.0
#include "cli/script.hpp"

#include "cli/json_match.hpp"
#include "hp/proto/user_message.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

using Words = std::vector<std::string>;

// What is wrong with a line; empty when nothing is.
using Problem = std::string;

std::string joined(const Words& words, std::size_t from) {
    std::string out;
    for (std::size_t i = from; i < words.size(); ++i) {
        out += (i == from ? "" : " ") + words[i];
    }
    return out;
}

Problem parse_condition(const Words& words, std::size_t at, ScriptStep& step) {
    Condition out;
    if (words.size() < at + 3) {
        return "after -> stands PATH == VALUE, PATH != VALUE or PATH contains TEXT";
    }
    const auto path = parse_json_path(words[at]);
    const std::string& relation = words[at + 1];
    if (!path || (relation != "==" && relation != "!=" && relation != "contains")) {
        return "not a condition: " + joined(words, at);
    }
    out.path = *path;
    out.kind = relation == "=="   ? Condition::Kind::equal
               : relation == "!=" ? Condition::Kind::unequal
                                  : Condition::Kind::contains;
    out.value = joined(words, at + 2);
    out.column = step.text.find("->");
    step.condition = std::move(out);
    return {};
}

// send and read, from words[at] on.
Problem parse_exchange(const Words& words, std::size_t at, ScriptStep& step) {
    step.verb = words[at] == "send" ? ScriptStep::Verb::send : ScriptStep::Verb::read;
    for (std::size_t i = at + 1; i < words.size(); ++i) {
        if (words[i] == "->") {
            return parse_condition(words, i + 1, step);
        }
        if (words[i] == "--expires" && i + 1 < words.size()) {
            const auto expiry = parse_expiry(words[++i]);
            if (!expiry) {
                return "--expires takes +N or @SEQ";
            }
            step.expires = *expiry;
            continue;
        }
        step.items.push_back(words[i]);
    }
    return step.items.empty() ? "nothing to " + words[at] : Problem();
}

Problem parse_expect(const Words& words, ScriptStep& step) {
    const auto colon = std::ranges::find(words, ":");
    const auto at = static_cast<std::size_t>(colon - words.begin());
    if (colon == words.end() || at + 1 >= words.size() || words[at + 1] != "send") {
        return "expect WHAT : send ...";
    }
    if (at == 3 && words[1] == "reject") {
        if (!proto::parse_reject_reason(words[2])) {
            return "not a reason of rejection: " + words[2];
        }
        step.reject = words[2];
    } else if (at == 3 && words[1] == "no" && words[2] == "output") {
        step.no_output = true;
    } else {
        return "expect what? \"reject REASON\" or \"no output\"";
    }
    return parse_exchange(words, at + 1, step);
}

Problem parse_step(const Words& words, ScriptStep& step) {
    const std::string& verb = words.front();
    if (verb == "send" || verb == "read") {
        return parse_exchange(words, 0, step);
    }
    if (verb == "expect") {
        return parse_expect(words, step);
    }
    if (verb == "print") {
        step.word = joined(words, 1);
        return {};
    }
    if (verb == "as" && words.size() == 2) {
        step.verb = ScriptStep::Verb::as_user;
        step.word = words[1];
        return {};
    }
    if (verb == "timeout" && words.size() == 2) {
        const auto duration = parse_duration_ms(words[1]);
        step.verb = ScriptStep::Verb::timeout;
        step.number = static_cast<std::uint64_t>(duration.value_or(0));
        return duration ? Problem() : "not a duration: " + words[1];
    }
    if (verb == "at" && words.size() == 3 && words[1] == "ledger") {
        step.verb = ScriptStep::Verb::at_ledger;
        step.relative = words[2].starts_with('+');
        const auto number = parse_number(words[2].substr(step.relative ? 1 : 0));
        step.number = number.value_or(0);
        return number ? Problem() : "not a ledger number: " + words[2];
    }
    return "not understood: " + verb;
}

} // namespace

std::optional<Words> split_words(std::string_view line) {
    Words out;
    std::string word;
    bool in_word = false;
    char quote = '\0';
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != '\0') {
            if (c == quote) {
                quote = '\0';
            } else if (c == '\\' && quote == '"' && i + 1 < line.size()) {
                word += line[++i];
            } else {
                word += c;
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
            in_word = true;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            if (in_word) {
                out.push_back(std::exchange(word, {}));
            }
            in_word = false;
        } else {
            word += c;
            in_word = true;
        }
    }
    if (in_word) {
        out.push_back(word);
    }
    return quote == '\0' ? std::optional(out) : std::nullopt;
}

tl::expected<std::vector<ScriptStep>, Failure> parse_script(std::string_view text) {
    std::vector<ScriptStep> out;
    Failure problems{ErrorId::bad_file, "the script has mistakes"};
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto words = split_words(line);
        if (words && (words->empty() || words->front().starts_with('#'))) {
            continue;
        }
        ScriptStep step;
        step.line = number;
        step.text = line;
        const Problem problem = words ? parse_step(*words, step) : "a quote does not end";
        if (!problem.empty()) {
            problems.detail.emplace_back("line " + std::to_string(number), problem);
        }
        out.push_back(std::move(step));
    }
    if (!problems.detail.empty()) {
        return tl::unexpected(std::move(problems));
    }
    return out;
}

std::string Condition::check(const std::vector<std::vector<std::uint8_t>>& contents) const {
    std::string found;
    for (const auto& content : contents) {
        const auto value_here = value_at(content, path);
        const bool equal = Match{path, value}.fits(content);
        const bool good = kind == Kind::equal ? equal
                          : kind == Kind::unequal
                              ? value_here && !equal
                              : value_here && value_here->find(value) != std::string::npos;
        if (good) {
            return {};
        }
        found += (found.empty() ? "" : ", ") + value_here.value_or("nothing");
    }
    return found.empty() ? "no output" : found;
}

} // namespace hp::cli
