// SPDX-License-Identifier: Apache-2.0
#include "contract/test_case.hpp"

#include "cli/payload.hpp"
#include "cli/values.hpp"
#include "hp/base/limits.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <toml++/toml.h>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t problems_max = 20; // shown of one file

std::size_t line_of(const toml::node& node) {
    return node.source().begin.line;
}

Json to_json(const toml::node& node) {
    if (const auto* table = node.as_table()) {
        Json out = Json::object();
        for (const auto& [key, value] : *table) {
            out[std::string(key.str())] = to_json(value);
        }
        return out;
    }
    if (const auto* array = node.as_array()) {
        Json out = Json::array();
        for (const toml::node& item : *array) {
            out.push_back(to_json(item));
        }
        return out;
    }
    if (const auto text = node.value_exact<std::string>()) {
        return *text;
    }
    if (const auto number = node.value_exact<std::int64_t>()) {
        return *number;
    }
    if (const auto number = node.value_exact<double>()) {
        return *number;
    }
    if (const auto flag = node.value_exact<bool>()) {
        return *flag;
    }
    return nullptr;
}

class Reader {
public:
    explicit Reader(fs::path file) : file_(std::move(file)) {}

    std::vector<TestCase> read(const toml::table& root);
    std::vector<std::string> problems;

private:
    using Keys = std::span<const std::string_view>;

    void problem(const toml::node& at, const std::string& what) {
        if (problems.size() < problems_max) {
            problems.push_back(file_.string() + ":" + std::to_string(line_of(at)) + ": " + what);
        }
    }
    void check_keys(const toml::table& table, Keys known, const std::string& where);
    const toml::table* table_in(const toml::node& node, const std::string& what);
    void each(const toml::table& table, std::string_view key,
              const std::function<void(const toml::table&)>& call);

    TestCase read_case(const toml::table& table);
    TestRound read_round(const toml::table& table);
    void read_inputs(const toml::table& table, TestRound& round);
    void read_expectations(const toml::table& table, TestRound& round);
    void read_state(const toml::table& table, TestRound& round);
    void read_end(const toml::table& table, TestRound& round);
    // A file that is wanted may still have to be written; one that is sent must be there.
    enum class Use { sent, wanted };
    std::optional<Wanted> content(const toml::table& table, const std::string& what,
                                  Use use = Use::wanted);
    std::string user(const toml::table& table);
    template <class T>
    T number(const toml::table& table, std::string_view key, T fallback);

    fs::path file_;
    RunOrder next_; // what a round inherits: ledger, time, UNL
};

void Reader::check_keys(const toml::table& table, Keys known, const std::string& where) {
    for (const auto& [key, value] : table) {
        const std::string_view name = key.str();
        if (std::ranges::find(known, name) != known.end()) {
            continue;
        }
        const auto nearest = std::ranges::min_element(
            known, {}, [&](std::string_view one) { return cli::edit_distance(one, name); });
        const bool near = cli::edit_distance(*nearest, name) <= 2;
        problem(value, "unknown key \"" + std::string(name) + "\" in " + where +
                           (near ? "; did you mean \"" + std::string(*nearest) + "\"?" : ""));
    }
}

const toml::table* Reader::table_in(const toml::node& node, const std::string& what) {
    if (node.as_table() == nullptr) {
        problem(node, what + " must be a table");
    }
    return node.as_table();
}

void Reader::each(const toml::table& table, std::string_view key,
                  const std::function<void(const toml::table&)>& call) {
    const toml::node* list = table.get(key);
    if (list == nullptr) {
        return;
    }
    if (list->as_array() == nullptr) {
        problem(*list, std::string(key) + " must be a list");
        return;
    }
    for (const toml::node& item : *list->as_array()) {
        if (const toml::table* one = table_in(item, "each of " + std::string(key))) {
            call(*one);
        }
    }
}

template <class T>
T Reader::number(const toml::table& table, std::string_view key, T fallback) {
    const toml::node* node = table.get(key);
    if (node == nullptr) {
        return fallback;
    }
    const auto value = node->value_exact<std::int64_t>();
    if (!value || *value < 0) {
        problem(*node, std::string(key) + " must be a number that is not negative");
        return fallback;
    }
    return static_cast<T>(*value);
}

std::string Reader::user(const toml::table& table) {
    const auto name = table["user"].value_exact<std::string>();
    if (!name || name->empty()) {
        problem(table, "there must be a user = \"NAME\"");
    }
    return name.value_or("");
}

// What one of json, text, hex, b64 and file says.
std::optional<Wanted> Reader::content(const toml::table& table, const std::string& what, Use use) {
    Wanted out;
    out.line = line_of(table);
    std::size_t found = 0;
    if (const toml::node* json = table.get("json")) {
        ++found;
        out.is_json = true;
        out.content = to_bytes(to_json(*json).dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    for (const std::string_view kind : {"text", "hex", "b64", "file"}) {
        const toml::node* node = table.get(kind);
        if (node == nullptr) {
            continue;
        }
        ++found;
        const auto text = node->value_exact<std::string>();
        std::optional<Bytes> bytes;
        if (text && kind == "file") {
            out.golden = file_.parent_path() / *text;
            auto read = cli::read_input_file(out.golden.string());
            bytes = read                 ? std::optional(std::move(*read))
                    : use == Use::wanted ? std::optional(Bytes())
                                         : std::nullopt;
        } else if (text) {
            bytes = kind == "text"  ? std::optional(to_bytes(*text))
                    : kind == "hex" ? from_hex(*text)
                                    : cli::parse_base64(*text);
        }
        if (!bytes) {
            problem(*node, std::string(kind) + " is not what it should be, or cannot be read");
        }
        out.content = bytes.value_or(Bytes());
    }
    if (found != 1) {
        problem(table, what + " needs one of json, text, hex, b64, file");
        return std::nullopt;
    }
    return out;
}

void Reader::read_inputs(const toml::table& table, TestRound& round) {
    constexpr std::array<std::string_view, 6> keys = {"user", "json", "text", "hex", "b64", "file"};
    const bool reads = table.contains("read");
    if (reads && table.contains("inputs")) {
        problem(table, "inputs and read requests belong into rounds of their own");
    }
    RunOrder order = next_;
    const auto user_in = [](RunOrder& to, const std::string& name) -> OrderUser& {
        const auto found = std::ranges::find(to.users, name, &OrderUser::name);
        return found != to.users.end() ? *found : to.users.emplace_back(OrderUser{name, {}});
    };
    if (const auto* users = table["users"].as_array()) {
        for (const toml::node& name : *users) {
            user_in(order, name.value_exact<std::string>().value_or(""));
        }
    }
    each(table, reads ? "read" : "inputs", [&](const toml::table& one) {
        check_keys(one, keys, reads ? "a read request" : "an input");
        const std::string name = user(one);
        auto what = content(one, reads ? "a read request" : "an input", Use::sent);
        if (!what) {
            return;
        }
        if (!reads) {
            user_in(order, name).inputs.push_back(std::move(what->content));
            return;
        }
        RunOrder request = next_;
        request.readonly = true;
        request.users = {OrderUser{name, {std::move(what->content)}}};
        round.runs.push_back(std::move(request));
    });
    each(table, "npl", [&](const toml::table& one) {
        const auto from = number<std::size_t>(one, "from", 0);
        auto what = content(one, "an NPL message", Use::sent);
        if (from == 0 || !what || what->content.empty() ||
            what->content.size() > limits::npl_message_bytes_max) {
            problem(one, "an NPL message is from = NODE and 1 to 131072 bytes");
        } else {
            order.npl.push_back({from, std::move(what->content)});
        }
    });
    if (!reads) {
        round.runs.push_back(std::move(order));
    }
}

void Reader::read_state(const toml::table& table, TestRound& round) {
    constexpr std::array<std::string_view, 6> keys = {"json", "text", "hex",
                                                      "b64",  "file", "absent"};
    const toml::node* node = table.get("state");
    const toml::table* files = node == nullptr ? nullptr : table_in(*node, "state");
    if (files == nullptr) {
        return;
    }
    for (const auto& [key, value] : *files) {
        WantedFile file{std::string(key.str()), std::nullopt, line_of(value)};
        if (const auto text = value.value_exact<std::string>()) {
            file.what = Wanted{false, to_bytes(*text), {}, line_of(value)};
        } else if (const toml::table* one = table_in(value, "a file of the state")) {
            check_keys(*one, keys, "a file of the state");
            if (!one->contains("absent")) {
                file.what = content(*one, "a file of the state");
            }
        }
        round.state.push_back(std::move(file));
    }
}

void Reader::read_end(const toml::table& table, TestRound& round) {
    round.exit = number(table, "exit", 0);
    round.timeout = table["timeout"].value_exact<bool>().value_or(false);
    const auto name = table["signal"].value_exact<std::string>();
    if (!table.contains("signal")) {
        return;
    }
    for (int number = 1; name && number < NSIG; ++number) {
        const char* abbreviation = ::sigabbrev_np(number);
        if (abbreviation != nullptr && "SIG" + std::string(abbreviation) == *name) {
            round.signal = number;
        }
    }
    if (round.signal == 0) {
        problem(*table.get("signal"), "signal must be a name such as \"SIGSEGV\"");
    }
}

void Reader::read_expectations(const toml::table& table, TestRound& round) {
    constexpr std::array<std::string_view, 6> keys = {"user", "json", "text", "hex", "b64", "file"};
    if (table.contains("outputs")) {
        round.outputs.emplace();
        each(table, "outputs", [&](const toml::table& one) {
            check_keys(one, keys, "an output");
            const std::string name = user(one);
            if (auto what = content(one, "an output")) {
                round.outputs->push_back({name, std::move(*what)});
            }
        });
    }
    if (table.contains("npl_sent")) {
        round.npl.emplace();
        each(table, "npl_sent", [&](const toml::table& one) {
            check_keys(one, std::span(keys).subspan(1), "an NPL message");
            if (auto what = content(one, "an NPL message")) {
                round.npl->push_back(std::move(*what));
            }
        });
    }
    if (const toml::node* patch = table.get("patch"); patch && table_in(*patch, "patch")) {
        round.patch = Wanted{true, to_bytes(to_json(*patch).dump()), {}, line_of(*patch)};
    }
    round.unordered = table["unordered"].value_exact<bool>().value_or(false);
    read_state(table, round);
    read_end(table, round);
}

TestRound Reader::read_round(const toml::table& table) {
    constexpr std::array<std::string_view, 15> keys = {
        "inputs", "users", "read",   "npl",     "outputs", "unordered", "state", "npl_sent",
        "patch",  "exit",  "signal", "timeout", "seq",     "time",      "unl"};
    check_keys(table, keys, "a round");
    TestRound round;
    round.line = line_of(table);
    next_.seq = number(table, "seq", next_.seq);
    next_.unl = number(table, "unl", next_.unl);
    next_.time_ms = number(table, "time", next_.time_ms);
    next_.active_on = next_.time_ms;
    read_inputs(table, round);
    read_expectations(table, round);
    if (!table.contains("read")) {
        ++next_.seq;
        next_.time_ms += ledger_interval_ms;
    }
    return round;
}

TestCase Reader::read_case(const toml::table& table) {
    constexpr std::array<std::string_view, 5> keys = {"name", "round", "unl", "seq", "time"};
    check_keys(table, keys, "a case");
    next_ = RunOrder();
    next_.seq = number(table, "seq", next_.seq);
    next_.unl = number(table, "unl", next_.unl);
    next_.time_ms = number(table, "time", next_.time_ms);
    TestCase out;
    out.file = file_;
    out.line = line_of(table);
    out.name = table["name"].value_exact<std::string>().value_or("");
    if (out.name.empty()) {
        problem(table, "a case needs a name");
    }
    each(table, "round",
         [&](const toml::table& round) { out.rounds.push_back(read_round(round)); });
    if (out.rounds.empty()) {
        problem(table, "a case needs a [[case.round]]");
    }
    return out;
}

std::vector<TestCase> Reader::read(const toml::table& root) {
    constexpr std::array<std::string_view, 1> keys = {"case"};
    check_keys(root, keys, "the file");
    std::vector<TestCase> out;
    each(root, "case", [&](const toml::table& table) { out.push_back(read_case(table)); });
    return out;
}

} // namespace

tl::expected<std::vector<TestCase>, cli::Failure> read_test_cases(const fs::path& file) {
    const auto text = cli::read_input_file(file.string());
    if (!text) {
        return tl::unexpected(text.error());
    }
    Reader reader(file);
    std::vector<TestCase> out;
    try {
        out = reader.read(toml::parse(as_text(*text), file.string()));
    } catch (const toml::parse_error& error) {
        return cli::failure(cli::ErrorId::bad_file, file.string() + ":" +
                                                        std::to_string(error.source().begin.line) +
                                                        ": " + std::string(error.description()));
    }
    if (reader.problems.empty()) {
        return out;
    }
    cli::Failure failure{cli::ErrorId::bad_file, reader.problems.front()};
    for (std::size_t i = 1; i < reader.problems.size(); ++i) {
        failure.detail.emplace_back("also", reader.problems[i]);
    }
    return tl::unexpected(std::move(failure));
}

std::vector<RunOrder> all_runs(const TestCase& test) {
    std::vector<RunOrder> out;
    for (const TestRound& round : test.rounds) {
        out.insert(out.end(), round.runs.begin(), round.runs.end());
    }
    return out;
}

} // namespace hp::dev
