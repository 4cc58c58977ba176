// SPDX-License-Identifier: Apache-2.0
// What a run came to, for people and as members of a JSON document. Pure.
#pragma once

#include "cli/errors.hpp"
#include "cli/json_writer.hpp"
#include "contract/dry_run.hpp"

#include <optional>
#include <string>

namespace hp::dev {

std::string outcome_text(const RunOutcome& run, const RunOrder& order);
void add_outcome(cli::JsonObject& out, const RunOutcome& run, const RunOrder& order);

// Which error a run is that did not end with exit code 0.
std::optional<cli::ErrorId> broken_run(const RunOutcome& run);

// The order's name for the user of this key; the key for a stranger.
std::string user_name(const RunOrder& order, const PublicKey& key);

// What a contract said, on one line that cannot steer a terminal; long ones cut.
std::string one_line(ByteView content, std::size_t bytes_max = 400);

} // namespace hp::dev
