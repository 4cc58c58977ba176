// SPDX-License-Identifier: Apache-2.0
// report: one file with what a bug report needs.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "clock.hpp"
#include "doctor/doctor.hpp"
#include "hp/os/files.hpp"
#include "report/report.hpp"

#include <array>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

constexpr std::uint64_t log_lines_max = 100'000;

bool is_report_name(const fs::path& path) {
    return path.extension() == ".tar" ||
           (path.extension() == ".zst" && path.stem().extension() == ".tar");
}

cli::Checks examine(const Place& place) {
    cli::Checks out;
    check_programs(std::nullopt, out);
    check_kernel(out);
    check_resources(place.root, out);
    check_clusters(place, out);
    return out;
}

cli::Outcome answer(const Args& args, const fs::path& path, std::size_t size,
                    const FileTree& files) {
    if (args.json) {
        cli::JsonArray list;
        for (const auto& [name, file] : files) {
            cli::JsonObject item;
            list.add_raw(
                item.add("path", name).add("size", std::uint64_t{file.content.size()}).text());
        }
        cli::JsonObject out = cli::document(args.schema);
        out.add("file", path.string()).add("size", std::uint64_t{size});
        return cli::Answer{out.add("contents", list).text() + "\n"};
    }
    std::string text;
    for (const auto& [name, file] : files) {
        text += name + "  " + std::to_string(file.content.size()) + "\n";
    }
    return cli::Answer{text + path.string() + ": " + std::to_string(size) +
                       " bytes. Look through it before you give it away.\n"};
}

cli::Outcome run_report(const Args& args) {
    ReportWanted wanted;
    std::uint64_t lines = wanted.log_lines_max;
    HP_DEV_TRY_STATUS(cli::OptionReader(args).number("log-lines", lines).done(true));
    std::error_code error;
    const fs::path path =
        fs::absolute(args.options.text("out").value_or(
                         "hpdev-report-" + std::to_string(now_wall_ms() / 1000) + ".tar.zst"),
                     error);
    if (!is_report_name(path) || lines > log_lines_max) {
        return cli::failure(ErrorId::usage, "a report is a .tar.zst or a .tar, with up to " +
                                                std::to_string(log_lines_max) +
                                                " lines of each log");
    }
    if (fs::exists(path, error)) {
        return cli::failure(ErrorId::name_taken, path.string() + " is there already");
    }
    wanted.log_lines_max = static_cast<std::size_t>(lines);
    HP_DEV_TRY(const Place place, find_place(args));
    const cli::Checks checks = examine(place);
    HP_DEV_TRY(const FileTree files, collect_report(place, checks, wanted));
    HP_DEV_TRY(const Bytes packed, pack_report(files, path));
    HP_DEV_TRY_STATUS(os::replace_file(path, packed, 0600)); // logs are nobody else's business
    return answer(args, path, packed.size(), files);
}

constexpr std::array report_options = {
    OptionInfo{"-O,--out", "FILE", "a .tar.zst or .tar (default: hpdev-report-<time>.tar.zst)"},
    OptionInfo{"--log-lines", "N", "how much of each log's end (default 500; 0: none)"},
};

constexpr std::array report_table = {
    CommandInfo{"report", "", 0, 0, Scope::offline,
                "Collect what a bug report needs in one file, without private keys",
                "hpdev report -O report.tar.zst",
                "hpdev report --log-lines 0 --json | jq -r '.contents[].path'", report_options,
                "ok:bool file:text size:int contents:[{path:text size:int}]", run_report},
};

} // namespace

cli::Commands report_commands() {
    return report_table;
}

} // namespace hp::dev
