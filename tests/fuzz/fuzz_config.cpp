// SPDX-License-Identifier: Apache-2.0
// hp.cfg, which operators edit, and patch.cfg, which contracts write. Whatever is accepted stays
// the same when it is saved and loaded again; whatever is not comes with a reason.
#include "fuzz_input.hpp"

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "hp/config/config_io.hpp"
#include "hp/crypto/keys.hpp"

namespace {

using namespace hp;

void check_problems(const std::vector<config::Problem>& problems) {
    HP_CHECK(problems.size() <= limits::config_problems_max + 1, "reports are bounded");
    for (const config::Problem& problem : problems) {
        HP_CHECK(!problem.what.empty(), "a problem says what it is");
    }
    HP_CHECK(problems.empty() == config::describe(problems).empty(), "problems can be told");
}

void check_config(ByteView text) {
    const config::DecodedConfig loaded = config::decode_config(text);
    check_problems(loaded.problems);
    check_problems(loaded.unknown);
    if (!loaded.problems.empty()) {
        return;
    }
    const std::string saved = config::encode_config(loaded.config);
    const config::DecodedConfig again = config::decode_config(as_bytes(saved));
    HP_CHECK(again.problems.empty() && again.unknown.empty(), "a saved config loads");
    HP_CHECK(again.config == loaded.config, "a saved config is the same config");
    HP_CHECK(config::encode_config(again.config) == saved, "a config has one saved form");
}

void check_patch(ByteView text) {
    const config::DecodedPatch loaded = config::decode_patch(text);
    check_problems(loaded.problems);
    if (!loaded.problems.empty()) {
        return;
    }
    const std::string saved = config::encode_patch(loaded.patch);
    const config::DecodedPatch again = config::decode_patch(as_bytes(saved));
    HP_CHECK(again.problems.empty(), "a saved patch loads");
    HP_CHECK(again.patch == loaded.patch, "a saved patch is the same patch");
    HP_CHECK(config::encode_patch(again.patch) == saved, "a patch has one saved form");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    crypto::init(); // key pairs are checked
    const ByteView text(data, size);
    check_config(text);
    check_patch(text);
    return 0;
}
