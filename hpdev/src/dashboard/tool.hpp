// SPDX-License-Identifier: Apache-2.0
// Runs one of our own programs, from beside this one, for its JSON answer. Blocking; any thread.
#pragma once

#include "dashboard/server.hpp"

namespace hp::dev {

// `folder` is where it runs. A program that cannot be run or says no JSON gives a document of the
// same form as its errors have.
ToolAnswer run_tool(const std::string& tool, const std::vector<std::string>& arguments,
                    const std::filesystem::path& folder);

} // namespace hp::dev
