// SPDX-License-Identifier: Apache-2.0
// JSON Schemas of the answers, from a short notation that stands beside each command:
//
//   name:type           a member that is always there; name?:type one that may be missing
//   type                int num bool text hash key time any content, or a|b|c (one of these texts)
//   [type]              a list;  {name:type ...}  an object;  {*:type}  a map
//   ledger, header, error ...   the shared objects of schema.cpp
//
// "content" is what a contract said: it stands for the member itself or its _hex or _b64 form;
// "time" stands for the member and its _ms form. Pure.
#pragma once

#include <string>
#include <string_view>

namespace hp::cli {

// The schema of a whole answer, errors included, as one line of JSON. The notation is ours: a
// mistake in it is a bug.
std::string make_schema(std::string_view id, std::string_view fields);

} // namespace hp::cli
