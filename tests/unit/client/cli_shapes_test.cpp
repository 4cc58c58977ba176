// SPDX-License-Identifier: Apache-2.0
// Answers in other shapes, settings from files and the environment, progress, protocol traces.
#include "cheat_lines.hpp"
#include "cli/args.hpp"
#include "cli/presenter.hpp"
#include "cli/progress.hpp"
#include "cli/protocol_trace.hpp"
#include "cli/script.hpp"
#include "cli/send_options.hpp"
#include "cli/settings.hpp"
#include "commands.hpp"
#include "temp_dir.hpp"

#include "hp/base/bytes.hpp"
#include "hp/proto/handshake.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace hp;
using namespace hp::cli;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view notation = "ok:bool total?:int server:{url:text} nodes?:[{url:text "
                                      "ledger:{seq:int} unl:[key]}] note:content";

constexpr const char* two_nodes =
    R"({"schema":"s/1","ok":true,"server":{"url":"a"},"nodes":[{"url":"x","ledger":{"seq":1},)"
    R"("unl":["k"]},{"url":"a\tb\\\n","ledger":{"seq":2},"unl":[]}]})";

std::string show(OutputFormat format, std::vector<std::string> fields, const char* document) {
    const auto presenter = Presenter::make(format, std::move(fields), notation);
    return presenter ? (*presenter)->show(document) : "error: " + presenter.error().message;
}

// A folder to work in, with its own home and none of the variables that tests set.
struct Place {
    test::TempDir dir;
    fs::path before = fs::current_path();
    std::vector<std::string> variables;

    Place() {
        fs::create_directories(dir.path() / "home/hotpocket");
        fs::create_directories(dir.path() / "project/.git");
        fs::create_directories(dir.path() / "project/src");
        fs::current_path(dir.path() / "project/src");
        set("XDG_CONFIG_HOME", (dir.path() / "home").string());
        ::unsetenv("HP_SERVERS");
        ::unsetenv("HP_CONTEXT");
    }
    ~Place() {
        fs::current_path(before);
        for (const std::string& name : variables) {
            ::unsetenv(name.c_str());
        }
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    void set(const std::string& name, const std::string& value) {
        ::setenv(name.c_str(), value.c_str(), 1);
        variables.push_back(name);
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(dir.path() / name) << text;
    }
    void user(const std::string& text) const { write("home/hotpocket/config.toml", text); }
    void project(const std::string& text) const { write("project/hpdev.toml", text); }

    static tl::expected<Args, Failure> parse(std::vector<const char*> words) {
        words.insert(words.begin(), "hpcli");
        return parse_args(hpcli_program(), static_cast<int>(words.size()), words.data());
    }
    static std::int64_t timeout(std::vector<const char*> words) {
        const auto args = parse(std::move(words));
        return args ? args->connection.timeout_ms.value_or(-1) : -2;
    }
};

} // namespace

TEST_CASE("rows of a list, or the document as one row", "[cli]") {
    CHECK(show(OutputFormat::tsv, {}, two_nodes) ==
          "url\tledger.seq\tunl\nx\t1\t[\"k\"]\na\\tb\\\\\\n\t2\t[]\n");
    CHECK(show(OutputFormat::raw, {"ledger.seq"}, two_nodes) == "1\n2\n");
    CHECK(show(OutputFormat::raw, {"nodes.url", "server.url"}, two_nodes) == "x\ta\na\tb\\\n\ta\n");
    CHECK(show(OutputFormat::table, {"ledger.seq", "url"}, two_nodes) ==
          "ledger.seq  url\n1           x\n2           a?b\\?\n");
    // All of the fields are of the document.
    CHECK(show(OutputFormat::raw, {"server.url"}, two_nodes) == "a\n");
    const char* alone = R"({"schema":"s/1","ok":true,"server":{"url":"a"},"note":"n"})";
    CHECK(show(OutputFormat::tsv, {}, alone) == "server.url\tnote\na\tn\n");
    CHECK(show(OutputFormat::tsv, {"total", "note"}, alone) == "total\tnote\n\tn\n");
    CHECK(show(OutputFormat::table, {"total"}, alone) == "total\n-\n");
    CHECK(show(OutputFormat::raw, {"note.inner.x"}, alone) == "\n"); // a contract may say anything
    CHECK(show(OutputFormat::tsv, {}, R"({"schema":"s","ok":true,"nodes":[]})").empty());
}

TEST_CASE("JSON with some of its fields stays JSON of that form", "[cli]") {
    CHECK(show(OutputFormat::json, {"ledger.seq", "server.url"}, two_nodes) ==
          R"({"schema":"s/1","ok":true,"server":{"url":"a"},"nodes":[{"ledger":{"seq":1}},)"
          R"({"ledger":{"seq":2}}]})"
          "\n");
    CHECK(show(OutputFormat::json, {"server.url"}, two_nodes) ==
          R"({"schema":"s/1","ok":true,"server":{"url":"a"}})"
          "\n");
}

TEST_CASE("a stream has one heading, and another when its fields change", "[cli]") {
    const auto presenter = *Presenter::make(OutputFormat::tsv, {}, notation);
    CHECK(presenter->show(R"({"total":1})"
                          "\n"
                          R"({"total":2})"
                          "\n") == "total\n1\n2\n");
    CHECK(presenter->show(R"({"total":3})") == "3\n");
    CHECK(presenter->show(R"({"note":"x"})") == "note\nx\n");
}

TEST_CASE("fields that no answer has are refused", "[cli]") {
    for (const char* bad : {"nope", "server.nope", "nodes.nope", "ledger", "total.x", "", "."}) {
        INFO(bad);
        const auto made = Presenter::make(OutputFormat::raw, {bad}, notation);
        CHECK((std::string_view(bad) == "ledger") == made.has_value());
    }
    const auto args = Place::parse({"key", "list", "-o", "tsv", "--fields", "nmae"});
    REQUIRE_FALSE(args);
    CHECK(args.error().id == ErrorId::usage);
    CHECK(args.error().hint.find("keys.name") != std::string::npos);
}

TEST_CASE("the shape of the answer", "[cli]") {
    CHECK(Place::parse({"version", "--json"})->output == OutputFormat::json);
    CHECK(Place::parse({"version", "-o", "json"})->json);
    CHECK_FALSE(Place::parse({"version", "-o", "table"})->json);
    CHECK(Place::parse({"version", "-o", "tsv"})->presenter);
    CHECK_FALSE(Place::parse({"version", "--json"})->presenter);
    const auto raw = Place::parse({"read", "x", "-s", "ws://h:1", "-o", "raw"});
    CHECK(raw->options.has("raw"));
    CHECK_FALSE(raw->json);
    for (std::vector<const char*> bad : {std::vector<const char*>{"version", "-o", "yaml"},
                                         {"version", "--json", "-o", "tsv"},
                                         {"version", "--fields", ""},
                                         {"man", "-o", "tsv"},
                                         {"completion", "bash", "--fields", "a"},
                                         {"version", "-C", "/nonexistent"}}) {
        CHECK_FALSE(Place::parse(bad));
    }
    const char* words[] = {"hpcli", "lcl", "-o", "json", "--nope"};
    CHECK(guess_error_style(hpcli_program(), 5, words).json);
    const char* short_words[] = {"hpcli", "lcl", "-ojson"};
    CHECK(guess_error_style(hpcli_program(), 3, short_words).json);
}

TEST_CASE("flag over environment over project over user over default", "[cli]") {
    Place place;
    CHECK(Place::timeout({"lcl", "-s", "ws://h:1"}) == -1);
    place.user("[cli]\ntimeout = \"1s\"\n");
    CHECK(Place::timeout({"lcl", "-s", "ws://h:1"}) == 1000);
    place.project("[project]\nname = \"x\"\n[cli]\ntimeout = \"2s\"\n");
    CHECK(Place::timeout({"lcl", "-s", "ws://h:1"}) == 2000);
    place.set("HP_CLI_TIMEOUT", "3s");
    CHECK(Place::timeout({"lcl", "-s", "ws://h:1"}) == 3000);
    CHECK(Place::timeout({"lcl", "-s", "ws://h:1", "--timeout", "4s"}) == 4000);
    CHECK(Place::timeout({"lcl", "-s", "ws://h:1", "--timeout", "0"}) == 0);
    // Another file in the user's place.
    place.write("other.toml", "[cli]\nquiet = true\n[cli.send]\nwait = \"ledger\"\n");
    const std::string other = (place.dir.path() / "other.toml").string();
    const auto args = Place::parse({"send", "x", "--config", other.c_str()});
    REQUIRE(args);
    CHECK(args->quiet);
    CHECK(args->options.text("wait") == "ledger");
    CHECK_FALSE(Place::parse({"version", "--config", "missing.toml"}));
    // A flag can be off.
    place.set("HP_CLI_QUIET", "0");
    CHECK_FALSE(Place::parse({"send", "x", "--config", other.c_str()})->quiet);
    place.set("HP_CLI_QUIET", "1");
    CHECK(Place::parse({"version"})->quiet);
}

TEST_CASE("contexts and HP_SERVERS stand between the environment and files", "[cli]") {
    Place place;
    const auto server = [] {
        const auto args = Place::parse({"lcl"});
        return args ? args->connection.servers.front() : args.error().message;
    };
    place.user("[cli]\nserver = [\"ws://user:1\", \"ws://user:2\"]\nkey = \"file\"\n");
    CHECK(server() == "ws://user:1");
    CHECK(Place::parse({"lcl"})->connection.servers.size() == 2);
    place.set("HP_SERVERS", "ws://listed:1");
    CHECK(server() == "ws://listed:1");
    place.write("home/hotpocket/contexts.json",
                R"({"current":"c","contexts":{"c":{"servers":["ws://context:1"],"key":"k"}}})");
    CHECK(server() == "ws://context:1");
    CHECK(Place::parse({"lcl"})->connection.key == "k");
    CHECK(Place::parse({"lcl", "-s", "ws://h:1"})->connection.key == "file"); // no context then
    place.set("HP_CLI_SERVER", "ws://variable:1,ws://variable:2");
    CHECK(server() == "ws://variable:1");
    // Contexts store what was said, and offline commands want nothing of it.
    CHECK(Place::parse({"context", "add", "x", "-s", "ws://h:1"})->settings.key == std::nullopt);
    CHECK(Place::parse({"key", "list"}));
}

TEST_CASE("mistakes in settings are all told, with their places", "[cli]") {
    Place place;
    place.user("[cli]\ntimeuot = \"1s\"\nquiet = \"yes\"\n[cli.send]\nnope = 1\n[cli.nope]\na = 1\n"
               "[other]\n");
    const auto args = Place::parse({"version"});
    REQUIRE_FALSE(args);
    CHECK(args.error().id == ErrorId::bad_file);
    std::string all = args.error().message;
    for (const auto& [name, value] : args.error().detail) {
        all += "\n" + value;
    }
    for (const char* part : {"did you mean \"timeout\"", "\"quiet\": expected true or false",
                             "\"nope\" is no option of \"send\"", "\"other\" is no table",
                             "config.toml:2:", "config.toml:3:", "config.toml:5:"}) {
        INFO(part << " in " << all);
        CHECK(all.find(part) != std::string::npos);
    }
    place.user("[cli\n");
    CHECK(Place::parse({"version"}).error().message.find("config.toml:1:") != std::string::npos);
    CHECK(Place::parse({"version", "--help"})); // which reads nothing
    place.user("[dev]\nwhatever = 1\n");        // hpdev's business
    CHECK(Place::parse({"version"}));
}

TEST_CASE("a project does not decide what is written, believed or asked", "[cli]") {
    Place place;
    for (const char* line :
         {"yes = true", "trace = \"/tmp/x\"", "log-file = \"x\"", "passphrase-file = \"x\"",
          "pin = \"off\"", "proxy = \"http://h:1\"", "trusted-key = \"x\"", "config = \"x\""}) {
        INFO(line);
        place.project(std::string("[cli]\n") + line + "\n");
        const auto args = Place::parse({"version"});
        REQUIRE_FALSE(args);
        CHECK(args.error().message.find("a project may not set") != std::string::npos);
        place.project("");
        place.user(std::string("[cli]\n") + line + "\n");
        CHECK(Place::parse({"version"}));
        place.user("");
    }
    place.project("[cli.send]\nproof = \"x\"\n");
    CHECK_FALSE(Place::parse({"version"}));
    place.project("[cli]\nkey = \"alice\"\n");
    CHECK(Place::parse({"lcl", "-s", "ws://h:1"})->connection.key == "alice");
    // Not beyond the repository.
    fs::create_directories(place.dir.path() / "project/src/.git");
    CHECK(Place::parse({"lcl", "-s", "ws://h:1"})->connection.key.empty());
}

TEST_CASE("how far work is, in words", "[cli]") {
    CHECK(progress_text({"waiting", "", 0, 0, 2500}) == "waiting, 2 s");
    CHECK(progress_text({"reading", "ledgers", 40, 0, 2000}) == "reading: 40 ledgers, 20/s, 2 s");
    CHECK(progress_text({"reading", "ledgers", 40, 200, 2000}) ==
          "reading: 40 of 200 ledgers (20 %), 20/s, 8 s left");
    CHECK(progress_text({"reading", "ledgers", 200, 200, 2000}) ==
          "reading: 200 of 200 ledgers (100 %), 100/s, 2 s");
    CHECK(progress_line({"reading", "", 5, 10, 1000}, 80).starts_with("[##########..........] "));
    CHECK(progress_line({"reading", "", 5, 10, 1000}, 10) == "[#########");
    CHECK(progress_line({"x", "", 0, 0, 0}, 80) != progress_line({"x", "", 0, 0, 100}, 80));
}

TEST_CASE("a trace has every message but no proof of who we are", "[cli]") {
    crypto::init();
    const auto keys = crypto::make_key_pair();
    const std::string challenge = "00112233445566778899aabbccddeeff";
    const proto::UserChallengeResponse answer{crypto::sign(keys, as_bytes(challenge)),
                                              keys.public_key, std::nullopt, proto::Encoding::bson};
    const Bytes bytes = proto::encode_challenge_response(answer);
    const std::string line = trace_line("ws://h:1", true, bytes);
    CHECK(line.find("user_challenge_response") != std::string::npos);
    CHECK(line.find(keys.public_key.hex()) != std::string::npos);
    CHECK(line.find(answer.signature.hex()) == std::string::npos);
    CHECK(line.find("(not recorded)") != std::string::npos);
    const std::string plain = trace_line("u", false, to_bytes(R"({"type":"stat"})"));
    CHECK(plain == R"({"url":"u","direction":"received","bytes":15,"encoding":"json",)"
                   R"("message":{"type":"stat"}})");
    CHECK(trace_line("u", false, to_bytes("\xff")).find(R"("raw_hex":"ff")") != std::string::npos);
}

TEST_CASE("every line of \"cheat\" is understood", "[cli]") {
    const Place place; // nothing configured
    for (const CheatLine& line : cheat_lines()) {
        INFO(line.command);
        auto words = split_words(line.command);
        REQUIRE(words);
        std::vector<const char*> arguments;
        for (std::size_t i = 1; i < words->size(); ++i) {
            arguments.push_back((*words)[i].c_str());
        }
        auto args = Place::parse(arguments);
        if (!args && args.error().id == ErrorId::no_server) { // that is the context's business
            arguments.insert(arguments.end(), {"-s", "ws://h:1"});
            args = Place::parse(arguments);
        }
        const bool needs_cluster = line.topic == "cluster";
        CHECK(args.has_value() != needs_cluster);
        if (needs_cluster) {
            CHECK(args.error().id == ErrorId::no_cluster);
        } else if (args->command->words == "send") {
            CHECK((check_send(*args) || check_send(*args).error().id == ErrorId::no_server));
        }
    }
}
