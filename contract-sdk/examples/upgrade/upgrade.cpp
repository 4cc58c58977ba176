// SPDX-License-Identifier: Apache-2.0
//
// The order matters: what may be refused comes first, and post_exec.sh, which makes it happen,
// last.
//
// Threads: main thread only.
#include "upgrade.hpp"

#include <hp/contract/bson.hpp>
#include <hp/contract/config.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/post_exec.hpp>

#include <string>

namespace upgrade {
namespace {

using namespace hp::contract;

/// Runs when this program has ended, so that the file it was loaded from can be replaced. The
/// environment is empty: no PATH.
constexpr std::string_view script = "#!/bin/sh\n"
                                    "set -e\n"
                                    "/bin/mv contract.new contract\n";

Value error(std::string_view what) {
    return Value::Object{{"error", what}};
}

bool is_owner(const User& user) {
    const auto owner = read_file("owner.txt");
    return owner &&
           std::string_view(*owner).substr(0, PublicKey::hex_size) == user.public_key().hex();
}

Value replace_program(const Context& c, const Value& request) {
    const auto version = request["version"].text();
    const auto program = request["program"].binary();
    if (!version || !program || program->empty())
        return error("an upgrade needs a version and a program");
    const Status configured =
        modify_config(c, [&version](Config& config) { config.version = *version; });
    if (!configured)
        return error(configured.error().message);
    if (const Status stored = replace_file("contract.new", *program, 0755); !stored)
        return error(stored.error().message);
    if (const Status scheduled = write_post_exec(c, script); !scheduled)
        return error(scheduled.error().message);
    return Value::Object{{"upgraded", *version}};
}

Value answer(const Context& c, const User& user, const Input& input) {
    const auto request = decode_bson(input.bytes());
    if (!request)
        return error(request.error().message);
    const auto op = (*request)["op"].text();
    if (op == "upgrade")
        return is_owner(user) ? replace_program(c, *request) : error("only the owner may do that");
    if (op != "version")
        return error("unknown operation");
    const auto config = read_config();
    return config ? Value(Value::Object{{"version", config->version}})
                  : error(config.error().message);
}

} // namespace

void on_run(Context& c) {
    for (User& user : c.users())
        for (const Input& input : user.inputs())
            send_bson(user, answer(c, user, input));
}

} // namespace upgrade
