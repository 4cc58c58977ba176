// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

#include "hp/base/version.hpp"
#include "render.hpp"

namespace hp::cli {

Outcome run_version(const Args& args) {
    if (args.json) {
        JsonObject out = document(args.schema);
        out.add("version", version).add("hp_version", hp_version);
        out.add("ledger_version", ledger_version);
        return Answer{out.text() + "\n"};
    }
    return Answer{"hpcli " + std::string(version) + " (protocol " + std::string(hp_version) +
                  ")\n"};
}

} // namespace hp::cli
