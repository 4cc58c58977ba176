// SPDX-License-Identifier: Apache-2.0
// hpdev.toml: what is read, and that every mistake is told.
#include <catch2/catch.hpp>

#include "project/project.hpp"
#include "project/settings.hpp"

#include <algorithm>

using namespace hp::dev;

namespace {

constexpr std::string_view good = R"(
name = "tally"
lang = "cpp"
[build]
commands = ["make", "make check"]
output = "build"
[bundle]
files = ["build/tally", "data/", { from = "a/b.txt", to = "c/d.txt" }]
bin_path = "tally"
bin_args = "one two"
[cluster]
nodes = 5
roundtime = "2s"
threshold = 67
[test]
cases = "checks"
commands = "ctest"
)";

std::vector<std::string> mistakes_of(std::string_view text) {
    const auto project = parse_project(text, "/p");
    std::vector<std::string> out;
    if (!project) {
        for (const auto& [where, what] : project.error().detail) {
            out.push_back(where + ": " + what);
        }
    }
    return out;
}

bool tells(std::string_view text, std::string_view what) {
    return std::ranges::any_of(mistakes_of(text), [what](const std::string& one) {
        return one.find(what) != std::string::npos;
    });
}

} // namespace

TEST_CASE("a project has what its file says", "[project]") {
    const auto project = parse_project(good, "/p");
    REQUIRE(project);
    CHECK(project->name == "tally");
    CHECK(project->language == Language::cpp);
    CHECK(project->build.commands == std::vector<std::string>{"make", "make check"});
    CHECK(project->build.output == "build");
    REQUIRE(project->bundle.files.size() == 3);
    CHECK(project->bundle.files[0].to == "tally");
    CHECK(project->bundle.files[1].to == "data");
    CHECK(project->bundle.files[2].from == "a/b.txt");
    CHECK(project->bundle.files[2].to == "c/d.txt");
    CHECK(project->bundle.bin_args == "one two");
    CHECK(project->cluster.nodes == 5);
    CHECK(project->cluster.roundtime_ms == 2000);
    CHECK(project->cluster.threshold_percent == 67);
    CHECK(project->test.cases == "checks");
    CHECK(project->test.commands == std::vector<std::string>{"ctest"});
    CHECK(project->bundle_directory() == "/p/.hp/bundle");
}

TEST_CASE("what a project's file leaves out has a default", "[project]") {
    const auto project = parse_project("name = \"x\"\n[bundle]\nbin_path = \"x\"\n", "/p");
    REQUIRE(project);
    CHECK(project->language == Language::other);
    CHECK(project->cluster.nodes == 3);
    CHECK(project->test.cases == "tests");
    CHECK(project->build.commands.empty());
}

TEST_CASE("all mistakes of a project's file at once, each with its place", "[project]") {
    const auto found = mistakes_of(R"(nmae = "x"
lang = "cxx"
[bundle]
files = ["../a/..", 7, { form = "x" }]
[cluster]
nodes = 0
roundtime = 500
)");
    CHECK(tells("nmae = \"x\"", "unknown key \"nmae\" in the file; did you mean \"name\"?"));
    CHECK(found.size() == 10);
    CHECK(std::ranges::count_if(
              found, [](const std::string& one) { return one.find("line 2") == 0; }) == 1);
}

TEST_CASE("values that would do harm are refused", "[project]") {
    const std::string bundle = "[bundle]\nbin_path = \"x\"\n";
    CHECK(tells("name = \"X\"\n" + bundle, "lowercase"));
    CHECK(tells("name = \"x\"\n[build]\noutput = \".\"\n" + bundle, "inside the project"));
    CHECK(tells("name = \"x\"\n[build]\noutput = \"../x\"\n" + bundle, "inside the project"));
    CHECK(tells("name = \"x\"\n[build]\noutput = \"/\"\n" + bundle, "inside the project"));
    CHECK(tells("name = \"x\"\n[bundle]\nbin_path = \"\"\n", "must name"));
    CHECK(tells("name = \"x\"\n" + bundle + "files = [{ from = \"a\", to = \"../b\" }]\n",
                "no name in the state"));
    CHECK(tells("name = \"x\"\n", "needs \"bundle\""));
    CHECK(tells("name = ", "line 1"));
}

TEST_CASE("names of projects", "[project]") {
    CHECK(is_project_name("a"));
    CHECK(is_project_name("my-app_2"));
    CHECK_FALSE(is_project_name(""));
    CHECK_FALSE(is_project_name("2x"));
    CHECK_FALSE(is_project_name("-x"));
    CHECK_FALSE(is_project_name("my.app"));
    CHECK_FALSE(is_project_name(std::string(65, 'a')));
    CHECK(identifier_of("my-app") == "my_app");
}

TEST_CASE("one setting changes one line", "[project]") {
    const std::string text(good);
    const auto changed = change_setting(text, "cluster.nodes=7");
    REQUIRE(changed);
    CHECK(parse_project(*changed, "/p")->cluster.nodes == 7);
    CHECK(changed->size() == text.size());

    // A value that is no TOML is a text; a list over several lines goes as a whole.
    CHECK(parse_project(*change_setting(text, "cluster.roundtime=300ms"), "/p")
              ->cluster.roundtime_ms == 300);
    const std::string list = "name = \"x\"\n[bundle]\nbin_path = \"x\"\n[build]\ncommands = [\n"
                             "    \"a\",\n    \"b\",\n]\noutput = \"o\"\n";
    const auto one = change_setting(list, "build.commands=make");
    REQUIRE(one);
    CHECK(parse_project(*one, "/p")->build.commands == std::vector<std::string>{"make"});
    CHECK(parse_project(*one, "/p")->build.output == "o");

    // New keys, in tables that are there and in ones that are not.
    CHECK(parse_project(*change_setting(list, "build.output=p"), "/p")->build.output == "p");
    CHECK(parse_project(*change_setting(list, "cluster.nodes=4"), "/p")->cluster.nodes == 4);
    CHECK(parse_project(*change_setting(list, "lang=js"), "/p")->language == Language::js);
    CHECK_FALSE(change_setting(text, "nodes"));
    CHECK_FALSE(change_setting(text, "=5"));
    CHECK_FALSE(parse_project(*change_setting(text, "cluster.nods=5"), "/p"));
}
