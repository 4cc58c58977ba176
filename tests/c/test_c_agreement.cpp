// SPDX-License-Identifier: Apache-2.0
//
// A configuration that nodes refuse has no effect on this node and stops contracts for good on the
// original one. So whatever the C library is willing to write, from whatever file it began, a node
// must take, and the C++ SDK too.
//
// Threads: one.
#include "damage.h"
#include "hotpocket_contract.h"

#include <hp/config/config_io.hpp>
#include <hp/contract/config.hpp>

#include <catch2/catch.hpp>

#include <string>

namespace {

/// What the library would write for this file; empty if it refuses.
std::string rewrite(const damaged& text) {
    hp_priv_patch patch{};
    hp_priv_json json{};
    hp_priv_plan plan{};
    hp_priv_text out{};
    patch.config = static_cast<hp_config*>(std::calloc(1, sizeof(hp_config)));
    patch.config->environment = static_cast<map*>(std::calloc(1, sizeof(map)));
    hp_priv_json_init(&json, text.bytes, text.size);
    if (hp_priv_read_patch(&json, &patch) &&
        hp_priv_make_plan(&plan, patch.config, patch.config) == nullptr)
        hp_priv_put_plan(&out, &plan, &patch);
    std::string written(out.data == nullptr ? "" : out.data, out.size);
    std::free(json.string.data);
    std::free(plan.unl.list);
    std::free(plan.environment.entries);
    std::free(out.data);
    hp_free_config(patch.config);
    hp_priv_free_extras(&patch);
    return written;
}

} // namespace

TEST_CASE("c config: whatever it writes, nodes take", "[c]") {
    int written_count = 0;
    for (int i = 0; i < 200000; ++i) {
        damaged text{};
        damage_text(&text, damage_patch);
        const std::string written = rewrite(text);
        if (written.empty())
            continue;
        ++written_count;
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(written.data());
        const auto decoded = hp::config::decode_patch({bytes, written.size()});
        if (!decoded.problems.empty()) {
            INFO(written);
            FAIL_CHECK(decoded.problems[0].path + ": " + decoded.problems[0].what);
        }
        // Bytes may differ: numbers in unknown members keep their spelling here, there their value.
        const auto config = hp::contract::decode_config(written);
        if (!config || !hp::contract::verify_config(*config)) {
            INFO(written);
            FAIL_CHECK("the C++ SDK refuses it");
        }
    }
    CHECK(written_count > 1000);
}
