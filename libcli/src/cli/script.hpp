// SPDX-License-Identifier: Apache-2.0
// The script language of `run`: one step a line, no loops; anything more is a shell's business.
//
//   as NAME                       the user for what follows; a stored key or "ephemeral"
//   send ITEMS [-> CONDITION]     an input; the condition is about its outputs
//   read ITEMS [-> CONDITION]     a read request
//   expect reject REASON : send ITEMS
//   expect no output : send ITEMS
//   at ledger N | at ledger +N    waits
//   timeout DURATION              of each step from here on
//   print TEXT
//   # a comment
//
// ITEMS are as on the command line, with quotes as in a shell; "--expires +N|@SEQ" may be among
// them. CONDITION: PATH == VALUE, PATH != VALUE, PATH contains TEXT. Pure.
#pragma once

#include "cli/errors.hpp"
#include "cli/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hp::cli {

struct Condition {
    enum class Kind : std::uint8_t { equal, unequal, contains };
    std::vector<std::string> path;
    Kind kind = Kind::equal;
    std::string value;
    std::size_t column = 0; // where it stands in its line

    // Empty when it holds for one of these; otherwise what was found instead.
    std::string check(const std::vector<std::vector<std::uint8_t>>& contents) const;
};

struct ScriptStep {
    enum class Verb : std::uint8_t { as_user, send, read, at_ledger, timeout, print };
    Verb verb = Verb::print;
    std::size_t line = 0; // from 1
    std::string text;     // the whole line
    std::string word;     // a name, a text
    std::vector<std::string> items;
    Expiry expires{false, 8};
    std::optional<Condition> condition;
    std::string reject;     // the reason that is expected
    bool no_output = false; // is expected
    std::uint64_t number = 0;
    bool relative = false;
};

// All mistakes at once.
tl::expected<std::vector<ScriptStep>, Failure> parse_script(std::string_view text);

// Words with the quotes of a shell; absent when one does not end.
std::optional<std::vector<std::string>> split_words(std::string_view line);

} // namespace hp::cli
