// SPDX-License-Identifier: Apache-2.0
#include "scenario/scenario.hpp"

#include "cli/script.hpp"
#include "cli/values.hpp"
#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"
#include "project/toml_reader.hpp"

#include <algorithm>
#include <array>

namespace hp::dev {
namespace {

constexpr std::size_t scenario_bytes_max = limits::mib;
constexpr std::int64_t nodes_max = 64;
constexpr std::int64_t rate_max = 10'000;
constexpr const char* want_time = "ledger 5, +5 ledgers, 2s or +2s";
constexpr const char* want_within = "10 ledgers or 5s";
constexpr const char* want_action =
    "a fault (hpdev chaos), heal, clear, start, stop or restart NODES, or run SCRIPT";
constexpr const char* want_expect =
    "[nodes SET] all nodes synced; state hashes equal; ledgers close [on SET]; no ledger closes "
    "[on SET]; as predicted; script PATH passes; every input had one fate; node N running|stopped|"
    "failed|paused";

using Words = std::vector<std::string>;

std::optional<ScenarioTime> read_time(const Words& words) {
    ScenarioTime out;
    const auto take = [&out](const std::string& text) {
        const auto number = cli::parse_number(text);
        out.ledgers = true;
        out.value = static_cast<std::int64_t>(number.value_or(0));
        return number && *number <= 1'000'000;
    };
    if (words.size() == 2 && words[0] == "ledger") {
        out.relative = false;
        return take(words[1]) ? std::optional(out) : std::nullopt;
    }
    if (words.empty()) {
        return std::nullopt;
    }
    out.relative = words[0].starts_with('+');
    const std::string text = words[0].substr(out.relative ? 1 : 0);
    if (words.size() == 2 && (words[1] == "ledgers" || words[1] == "ledger") && out.relative) {
        return take(text) ? std::optional(out) : std::nullopt;
    }
    const auto ms = cli::parse_duration_ms(text);
    out.value = ms.value_or(0);
    return words.size() == 1 && ms ? std::optional(out) : std::nullopt;
}

// "10 ledgers" or "5s"
std::optional<ScenarioTime> read_within(Words words) {
    if (!words.empty()) {
        words[0].insert(0, "+");
    }
    return words.empty() || words[0].starts_with("++") ? std::nullopt : read_time(words);
}

bool is(const Words& words, std::initializer_list<const char*> wanted) {
    return std::equal(words.begin(), words.end(), wanted.begin(), wanted.end(),
                      [](const std::string& word, const char* want) {
                          return std::string_view(want) == "*" || word == want;
                      });
}

std::optional<ScenarioExpect> read_expect(const Words& words) {
    using Kind = ScenarioExpect::Kind;
    ScenarioExpect out;
    const auto make = [&out](Kind kind) {
        out.kind = kind;
        return out;
    };
    if (is(words, {"all", "nodes", "synced"})) {
        return make(Kind::synced);
    }
    if (is(words, {"nodes", "*", "synced"})) {
        out.nodes = words[1];
        return make(Kind::synced);
    }
    if (is(words, {"state", "hashes", "equal"})) {
        return make(Kind::equal_states);
    }
    if (is(words, {"ledgers", "close"}) || is(words, {"ledgers", "close", "on", "*"})) {
        out.nodes = words.back() == "close" ? "all" : words.back();
        return make(Kind::closes);
    }
    if (is(words, {"no", "ledger", "closes"}) || is(words, {"no", "ledger", "closes", "on", "*"})) {
        out.nodes = words.back() == "closes" ? "all" : words.back();
        return make(Kind::quiet);
    }
    if (is(words, {"as", "predicted"})) {
        return make(Kind::predicted);
    }
    if (is(words, {"script", "*", "passes"})) {
        out.word = words[1];
        return make(Kind::script);
    }
    if (is(words, {"every", "input", "had", "one", "fate"})) {
        return make(Kind::one_fate);
    }
    constexpr std::array states = {"running", "stopped", "failed", "paused"};
    if (is(words, {"node", "*", "*"}) && std::ranges::find(states, words[2]) != states.end()) {
        out.nodes = words[1];
        out.word = words[2];
        return make(Kind::node_state);
    }
    return std::nullopt;
}

class ScenarioFile {
public:
    ScenarioFile(TomlProblems& problems, const fs::path& root) : problems_(problems), root_(root) {}

    Scenario read(const toml::table& table) {
        TomlReader reader(table, "the scenario", problems_);
        reader.require("name");
        reader.text("name", out_.name);
        if (auto cluster = reader.table("cluster")) {
            read_cluster(*cluster);
        }
        if (auto load = reader.table("load")) {
            read_load(*load);
        }
        for (TomlReader& step : reader.tables("step")) {
            read_step(step);
        }
        for (TomlReader& expect : reader.tables("expect")) {
            read_end(expect);
        }
        reader.finish();
        return std::move(out_);
    }

private:
    void read_cluster(TomlReader& reader) {
        reader.number("nodes", 1, nodes_max, out_.nodes);
        reader.number("observers", 0, nodes_max, out_.observers);
        reader.duration_ms("roundtime", out_.roundtime_ms);
        reader.number("threshold", 1, 100, out_.threshold);
        reader.text("contract", out_.contract);
        reader.finish();
    }

    void read_load(TomlReader& reader) {
        if (reader.text("script", out_.load.script)) {
            need_file(*reader.any("script"), out_.load.script);
        }
        reader.text("input", out_.load.input);
        reader.number("rate", 1, rate_max, out_.load.rate);
        reader.number("users", 1, 1000, out_.load.users);
        if (out_.load.script.empty() == out_.load.input.empty()) {
            reader.problem("[load] needs either \"script\" or \"input\"");
        }
        reader.finish();
    }

    void need_file(const toml::node& at, const std::string& name) {
        std::error_code ignored;
        if (!fs::is_regular_file(root_ / name, ignored)) {
            problems_.add(at.source(), "there is no file " + name);
        }
    }

    // Its words, with quotes as in a shell.
    Words words(TomlReader& reader, const char* key, std::string& text) {
        reader.text(key, text);
        const auto out = cli::split_words(text);
        return out.value_or(Words());
    }

    void wrong(TomlReader& reader, const char* key, const std::string& what) {
        const toml::node* at = reader.any(key);
        if (at != nullptr && at->is_string()) { // else it has been said
            reader.problem(*at, "\"" + std::string(key) + "\": " + what);
        }
    }

    ScenarioStep begin(TomlReader& reader, const char* key) {
        ScenarioStep out;
        if (const toml::node* at = reader.any(key)) {
            out.line = at->source().begin.line;
        }
        return out;
    }

    void take_within(TomlReader& reader, ScenarioExpect& expect) {
        if (reader.any("within") == nullptr) {
            return;
        }
        std::string text;
        const auto within = read_within(words(reader, "within", text));
        if (!within) {
            wrong(reader, "within", std::string("expected ") + want_within);
            return;
        }
        expect.within = *within;
        if (expect.kind == ScenarioExpect::Kind::quiet && within->ledgers) {
            wrong(reader, "within", "that no ledger closes is watched for a time, such as 2s");
        }
    }

    void take_expect(TomlReader& reader, const char* key, ScenarioStep& to) {
        const auto expect = read_expect(words(reader, key, to.text));
        if (!expect) {
            wrong(reader, key, std::string("expected ") + want_expect);
            return;
        }
        to.expect = *expect;
        if (expect->kind == ScenarioExpect::Kind::script) {
            need_file(*reader.any(key), expect->word);
        }
        if (expect->kind == ScenarioExpect::Kind::one_fate && out_.load.input.empty()) {
            wrong(reader, key, "is about the inputs of [load] input");
        }
        if (expect->kind == ScenarioExpect::Kind::quiet) {
            to.expect->within = {false, true, 0}; // as long as chaos watches
        }
        take_within(reader, *to.expect);
    }

    void take_action(TomlReader& reader, ScenarioStep& to) {
        to.words = words(reader, "do", to.text);
        const std::size_t size = to.words.size();
        if (size > 2 && to.words[size - 2] == "for") {
            to.for_ms = cli::parse_duration_ms(to.words.back()).value_or(0);
            if (to.for_ms == 0) {
                wrong(reader, "do", "for how long? such as 3s");
            }
            to.words.resize(size - 2);
        }
        const std::string verb = to.words.empty() ? "" : to.words.front();
        const bool plain = to.words.size() == 1 && (verb == "heal" || verb == "clear");
        const bool node =
            to.words.size() == 2 && (verb == "start" || verb == "stop" || verb == "restart");
        const bool script = to.words.size() == 2 && verb == "run";
        if (script) {
            need_file(*reader.any("do"), to.words[1]);
        }
        if (plain || node || script) {
            if (to.for_ms != 0) {
                wrong(reader, "do", "only faults can be for a time");
            }
            return;
        }
        if (const Done good = check_fault_words(to.words); !good) {
            wrong(reader, "do", good.error().message + "; expected " + want_action);
        }
    }

    void read_step(TomlReader& reader) {
        const bool does = reader.any("do") != nullptr;
        const bool expects = reader.any("expect") != nullptr;
        if (does == expects) {
            reader.problem("[[step]] needs either \"do\" or \"expect\"");
        }
        ScenarioStep step = begin(reader, does ? "do" : "expect");
        if (reader.any("at") != nullptr) {
            std::string text;
            const auto at = read_time(words(reader, "at", text));
            if (!at) {
                wrong(reader, "at", std::string("expected ") + want_time);
            }
            step.at = at.value_or(ScenarioTime());
        }
        if (does) {
            take_action(reader, step);
        } else if (expects) {
            take_expect(reader, "expect", step);
        }
        if (does && reader.any("within") != nullptr) {
            reader.problem(*reader.any("within"), "\"within\" belongs to \"expect\"");
        }
        reader.finish();
        out_.steps.push_back(std::move(step));
    }

    void read_end(TomlReader& reader) {
        reader.require("that");
        if (reader.any("that") != nullptr) {
            ScenarioStep step = begin(reader, "that");
            take_expect(reader, "that", step);
            out_.steps.push_back(std::move(step));
        }
        reader.finish();
    }

    TomlProblems& problems_;
    const fs::path& root_;
    Scenario out_;
};

} // namespace

Expected<Scenario> parse_scenario(std::string_view text, const std::string& file,
                                  const fs::path& root) {
    HP_DEV_TRY(const toml::table table, parse_toml(text, file));
    TomlProblems problems(file);
    Scenario out = ScenarioFile(problems, root).read(table);
    if (!problems.empty()) {
        return tl::unexpected(problems.failure());
    }
    return out;
}

Expected<Scenario> load_scenario(const fs::path& file, const fs::path& root) {
    HP_DEV_TRY(const Bytes text, os::read_file(file, scenario_bytes_max));
    return parse_scenario(as_text(text), file.string(), root);
}

std::vector<fs::path> find_scenarios(const fs::path& root) {
    std::vector<fs::path> out;
    std::error_code error;
    for (const auto& item : fs::directory_iterator(root / "scenarios", error)) {
        if (item.path().extension() == ".toml" && item.is_regular_file(error)) {
            out.push_back(item.path());
        }
    }
    std::ranges::sort(out);
    return out;
}

} // namespace hp::dev
