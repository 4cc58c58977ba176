// SPDX-License-Identifier: Apache-2.0
// From the command line to the contract that is meant: --bundle, --state, or the project of the
// current folder. Blocking.
#pragma once

#include "cli/args.hpp"
#include "contract/bundle.hpp"

namespace hp::dev {

tl::expected<ContractSource, cli::Failure> find_contract(const cli::Args& args);

// An error of this machine on its way to the user.
cli::Failure machine_failure(const Error& error);

} // namespace hp::dev
