// SPDX-License-Identifier: Apache-2.0
// What `send` and `read` send: text, a file, standard input, or a JSON object built from items.
//   TEXT            the argument's bytes
//   @FILE  -        the bytes of a file, of standard input
//   name=text  name:=json  name:=@file.json  name@file  user.name=text     items of one object
// name@file holds a file's bytes: as base64 in JSON, as they are in BSON.
// Arguments are items when all of them look like one; --text switches that off. Blocking reads.
#pragma once

#include "cli/errors.hpp"
#include "hp/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hp::cli {

// One argument taken as an item: a dotted path, and what to put there.
struct Item {
    enum class Kind : std::uint8_t { text, json, file };
    std::vector<std::string> path;
    Kind kind = Kind::text;
    std::string value;
};

// What a payload is made from or into.
enum class PayloadFormat : std::uint8_t {
    as_is,  // text as it is, items as JSON
    json,   // must be JSON
    bson,   // JSON given, BSON made
    hex,    // hex given, bytes made
    base64, // base64 given, bytes made
    file,   // the name of a file given, its bytes made
};
std::optional<PayloadFormat> parse_payload_format(std::string_view text);

std::optional<Item> parse_item(std::string_view argument);

tl::expected<Bytes, Failure> make_payload(const std::vector<std::string>& arguments, bool as_text,
                                          PayloadFormat format = PayloadFormat::as_is);
// One record of a stream.
tl::expected<Bytes, Failure> convert_payload(Bytes content, PayloadFormat format);

// The whole of a file; pipes are welcome, too.
tl::expected<Bytes, Failure> read_input_file(const std::string& path);

} // namespace hp::cli
