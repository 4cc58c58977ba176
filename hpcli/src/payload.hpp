// SPDX-License-Identifier: Apache-2.0
// What `send` and `read` send: text, a file, standard input, or a JSON object built from items.
//   TEXT            the argument's bytes
//   @FILE  -        the bytes of a file, of standard input
//   name=text  name:=json  name:=@file.json  user.name=text      items of one JSON object
// Arguments are items when all of them look like one; --text switches that off. Blocking reads.
#pragma once

#include "errors.hpp"
#include "hp/base/bytes.hpp"

#include <string>
#include <vector>

namespace hp::cli {

// One argument taken as an item: a dotted path, and text or a JSON value for it.
struct Item {
    std::vector<std::string> path;
    bool is_json = false;
    std::string value;
};

std::optional<Item> parse_item(std::string_view argument);

tl::expected<Bytes, Failure> make_payload(const std::vector<std::string>& arguments, bool as_text);

} // namespace hp::cli
