// SPDX-License-Identifier: Apache-2.0
// doctor: looks at what hpdev depends on, and says what to do about it.
#include "commands.hpp"

#include "doctor/doctor.hpp"

#include <array>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::Scope;

cli::Outcome run_doctor(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    cli::Checks checks;
    std::optional<Language> language;
    if (place.is_project) {
        const auto project = load_project_at(place.root);
        if (project) {
            language = project->language;
            checks.push_back({"project", cli::Check::State::ok, place.root.string()});
        } else {
            checks.push_back({"project", cli::Check::State::fail, project.error().message,
                              project.error().hint});
        }
    }
    check_programs(language, checks);
    check_kernel(checks);
    check_resources(place.root, checks);
    check_clusters(place, checks);
    return cli::conclude(args, checks);
}

constexpr std::array doctor_table = {
    CommandInfo{"doctor",
                "",
                0,
                0,
                Scope::offline,
                "Check what hpdev needs of this machine, and say what to do (exit 13)",
                "hpdev doctor",
                "hpdev doctor --json | jq -r '.checks[] | select(.state != \"ok\") | .what'",
                {},
                cli::checks_fields,
                run_doctor},
};

} // namespace

cli::Commands doctor_commands() {
    return doctor_table;
}

} // namespace hp::dev
