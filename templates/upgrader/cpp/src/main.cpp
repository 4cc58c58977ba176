// SPDX-License-Identifier: Apache-2.0
// The run: first tell how the last upgrade went, then handle every request in order.
#include "upgrade.hpp"

#include <hp/contract/contract.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

#include <string_view>

int main(int argc, char** argv) {
    // How post_exec.sh asks a new program whether it is all right. Not a run: no context, no users.
    if (argc == 2 && std::string_view(argv[1]) == "health")
        return upgrade::is_healthy() ? 0 : 1;
    return hp::contract::run([](hp::contract::Context& c) {
        if (!c.readonly())
            upgrade::report(c);
        for (auto& user : c.users())
            for (const auto& input : user.inputs())
                send_json(user, upgrade::handle(c, user, input));
    });
}
