// SPDX-License-Identifier: Apache-2.0
// What is to be run: the contract's files, and the part of hp.cfg that a run depends on. A bundle
// is a directory as `hpdev build` leaves it; hp.cfg.override in it names the program and is not
// part of the state, nor is disparate/, whose files belong to single nodes. Blocking.
#pragma once

#include "bundle_names.hpp"
#include "contract/scratch.hpp"
#include "hp/config/config.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace hp::dev {

struct ContractSource {
    std::filesystem::path directory;
    bool is_bundle = true; // else a state directory: everything in it is state
    std::string contract_id = "00000000-0000-4000-8000-000000000000";
    config::Sandbox sandbox = config::Sandbox::automatic;
    config::Patch patch; // without a UNL
};

Result<ContractSource> open_bundle(const std::filesystem::path& directory);

// A state directory of a node: patch.cfg lies beside it. Without one the program has to come from
// a bundle: `program_of`.
Result<ContractSource> open_state(const std::filesystem::path& directory,
                                  const std::optional<ContractSource>& program_of);

// Makes `seed`/state, and what node `number` alone has beside it.
Status lay_out_seed(const ContractSource& source, std::size_t number,
                    const std::filesystem::path& seed, CopyOrder order = CopyOrder::by_name);

} // namespace hp::dev
