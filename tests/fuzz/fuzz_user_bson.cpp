// SPDX-License-Identifier: Apache-2.0
// User protocol messages in BSON, both directions. See user_codec_checks.hpp.
#include "fuzz_input.hpp"
#include "user_codec_checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const hp::ByteView bytes(data, size);
    hp::fuzz::check_request(hp::proto::Encoding::bson, bytes);
    hp::fuzz::check_container(hp::proto::Encoding::bson, bytes);
    hp::fuzz::check_message(hp::proto::Encoding::bson, bytes);
    return 0;
}
