// SPDX-License-Identifier: Apache-2.0
// What other nodes say to the contract of a run without a cluster, as a file: one JSON object a
// line, {"from":2,"text":"..."}, or "json", "hex" or "b64" instead of "text". Blocking.
#pragma once

#include "cli/errors.hpp"
#include "contract/dry_run.hpp"

#include <string>
#include <vector>

namespace hp::dev {

tl::expected<std::vector<OrderNpl>, cli::Failure> read_npl_file(const std::string& path);

} // namespace hp::dev
