// SPDX-License-Identifier: Apache-2.0
//
// Counts visits per user, with every header of the SDK included once.
//
// Threads: main thread only.
#include <hp/contract/bson.hpp>
#include <hp/contract/config.hpp>
#include <hp/contract/contract.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>
#include <hp/contract/post_exec.hpp>

#include <string>

using namespace hp::contract;

int main() {
    return run([](Context& c) {
        for (User& user : c.users()) {
            if (user.inputs().empty())
                continue;
            const std::string file(user.public_key().hex());
            const std::string visits = read_file(file).value_or("") + "x";
            if (!c.readonly() && !replace_file(file, visits))
                return c.set_exit_code(1);
            send_json(user, Value::Object{{"visits", visits.size()}});
        }
    });
}
