// SPDX-License-Identifier: Apache-2.0
// The templates that are compiled in: every one makes a whole project in every language it has.
#include <catch2/catch.hpp>

#include "project/bundle.hpp"
#include "project/create.hpp"

#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace hp;
using namespace hp::dev;
namespace fs = std::filesystem;

namespace {

class Scratch {
public:
    Scratch() {
        std::string name = (fs::temp_directory_path() / "hp-project.XXXXXX").string();
        path = ::mkdtemp(name.data());
        ::setenv("XDG_DATA_HOME", (path / "data").c_str(), 1); // no templates of the user's own
    }
    ~Scratch() { fs::remove_all(path); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    void write(const fs::path& name, std::string_view text) const {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name) << text;
    }

    fs::path path;
};

NewProject order(const Scratch& scratch, const std::string& name) {
    NewProject out;
    out.name = name;
    out.folder = scratch.path / name;
    out.git = false;
    return out;
}

} // namespace

TEST_CASE("every template makes a project in every language", "[template]") {
    const Scratch scratch;
    const auto all = load_templates();
    REQUIRE(all);
    CHECK(all->size() == 8);
    for (const Template& one : *all) {
        CHECK(one.has(Language::cpp));
        for (const Language language : one.languages) {
            INFO(one.name << " " << to_string(language));
            const FileTree files = instantiate(one, language, "my-app");
            const auto text = files.find("hpdev.toml");
            REQUIRE(text != files.end());
            const auto project = parse_project(as_text(text->second.content), "/p");
            REQUIRE(project);
            CHECK(project->name == "my-app");
            CHECK(project->language == language);
            CHECK(files.contains("README.md"));
            CHECK(files.contains(".gitignore"));
            CHECK(files.contains("scripts/demo.hps"));
            for (const auto& [name, file] : files) {
                INFO(name);
                CHECK(as_text(file.content).find("{{name}}") == std::string_view::npos);
                CHECK(as_text(file.content).find("{{ident}}") == std::string_view::npos);
                CHECK(file.executable == as_text(file.content).starts_with("#!"));
            }
        }
    }
}

TEST_CASE("templates are found by the names others gave them", "[template]") {
    const Scratch scratch;
    CHECK(find_template("starter-contract")->chosen.name == "starter");
    CHECK(find_template("file-js")->language == Language::js);
    CHECK(find_template("kv-sqlite-cpp")->chosen.name == "kv-sqlite");
    CHECK_FALSE(find_template("upgrader")->language);
    const auto missing = find_template("startr");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message.find("did you mean \"starter\"?") != std::string::npos);
    CHECK_FALSE(find_template("kv-sqlite-js"));
}

TEST_CASE("a user's own template comes before ours", "[template]") {
    const Scratch scratch;
    const fs::path own = "data/hotpocket/templates/blank";
    scratch.write(own / "template.toml", "summary = \"mine\"\n");
    scratch.write(own / "js/src/main.js", "// {{name}}\n");
    auto wanted = order(scratch, "x");
    wanted.template_name = "blank";
    const auto made = create_project(wanted);
    REQUIRE(made);
    CHECK(made->language == Language::js);
    CHECK(fs::exists(scratch.path / "x/lib/hotpocket-contract.js"));
    CHECK_FALSE(fs::exists(scratch.path / "x/README.md"));
    scratch.write(own / "template.toml", "sumary = \"mine\"\n");
    CHECK(create_project(wanted).error().id == cli::ErrorId::bad_file);
}

TEST_CASE("nothing that is there is lost without --force", "[template]") {
    const Scratch scratch;
    auto wanted = order(scratch, "x");
    wanted.dry_run = true;
    CHECK(create_project(wanted)->files.size() > 10);
    CHECK_FALSE(fs::exists(wanted.folder));
    wanted.dry_run = false;
    scratch.write("x/README.md", "mine");
    CHECK(create_project(wanted).error().id == cli::ErrorId::name_taken);
    wanted.keep_own = true;
    CHECK(create_project(wanted)->kept == std::vector<std::string>{"README.md"});
    CHECK(fs::file_size(scratch.path / "x/README.md") == 4);
    CHECK(create_project(wanted).error().id == cli::ErrorId::name_taken); // a project now
    wanted.keep_own = false;
    wanted.force = true;
    CHECK(create_project(wanted)->kept.empty());
    CHECK(fs::file_size(scratch.path / "x/README.md") > 4);
    wanted.settings = {"cluster.nodes=0"};
    CHECK(create_project(wanted).error().id == cli::ErrorId::usage);
}

TEST_CASE("a bundle has the same bytes whatever the umask and the order of files", "[bundle]") {
    const Scratch scratch;
    std::string first;
    for (const mode_t mask : {077U, 002U}) {
        const mode_t before = ::umask(mask);
        const std::string root = "p" + std::to_string(mask) + "/";
        scratch.write(root + (mask == 2 ? "data/b" : "data/a"), mask == 2 ? "2" : "1");
        scratch.write(root + (mask == 2 ? "data/a" : "data/b"), mask == 2 ? "1" : "2");
        scratch.write(root + "run.sh", "#!/bin/sh\n");
        scratch.write(root + "disparate/1/seed", "s");
        scratch.write(root + "hp.cfg.override", R"({"contract":{"consensus":{"roundtime":700}}})");
        fs::permissions(scratch.path / root / "run.sh", fs::perms::owner_all);
        const auto project = parse_project(
            "name = \"x\"\n[bundle]\nfiles = [\"run.sh\", \"data\"]\nbin_path = \"run.sh\"\n",
            scratch.path / root);
        const auto bundle = make_bundle(*project);
        ::umask(before);
        REQUIRE(bundle);
        CHECK(bundle->files.size() == 5);
        CHECK(as_text(bundle->files.at("hp.cfg.override").content).find("700") !=
              std::string_view::npos);
        struct stat info {};
        REQUIRE(::stat((bundle->folder / "data/a").c_str(), &info) == 0);
        CHECK((info.st_mode & 0777U) == 0644U);
        CHECK((first.empty() || first == bundle->hash.hex()));
        first = bundle->hash.hex();
        CHECK(make_bundle(*project)->hash == bundle->hash);
    }
}

TEST_CASE("what cannot be in a state cannot be in a bundle", "[bundle]") {
    const Scratch scratch;
    scratch.write("p/a", "1");
    const auto bundle = [&scratch](const std::string& files) {
        return make_bundle(
            *parse_project("name = \"x\"\n[bundle]\nbin_path = \"/bin/sh\"\nfiles = " + files,
                           scratch.path / "p"));
    };
    CHECK(bundle("[\"a\"]"));
    CHECK(bundle("[\"b\"]").error().id == cli::ErrorId::file_not_found);
    CHECK(bundle("[\"a\", { from = \"a\" }]").error().id == cli::ErrorId::bad_file);
    CHECK(bundle("[{ from = \"a\", to = \"disparate/1/a\" }]").error().id ==
          cli::ErrorId::bad_file);
    fs::create_symlink("a", scratch.path / "p/link");
    CHECK(bundle("[\"link\"]").error().id == cli::ErrorId::bad_file);
}
