// SPDX-License-Identifier: Apache-2.0
// A vote log file (docs/protocol/vote-log.md) with anything in it. Its checksums would keep a
// fuzzer out, so frames are put together from the input, then bytes of the file are changed.
#include "fuzz_input.hpp"

#include "hp/base/check.hpp"
#include "ledger/vote_file.hpp"

namespace {

using namespace hp;
using namespace hp::ledger;

constexpr std::size_t frames_max = 16;
constexpr std::size_t changes_max = 8;

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input({data, size});
    VoteFileHeader header;
    header.salt.data[0] = input.u8();
    header.decided = input.u8();
    std::vector<VoteRecord> written;
    Bytes frames;
    for (std::size_t i = input.u8() % frames_max; i > 0; --i) {
        const ByteView record = input.block();
        const VoteRecord next{input.u8(), Bytes(record.begin(), record.end())};
        written.push_back(next);
        append(frames, encode_frame(header.salt, written.size(), std::span(&next, 1)));
    }
    header.size = vote_block_bytes + frames.size() + vote_block_bytes * (input.u8() % 4U);
    Bytes file = encode_header(header);
    append(file, frames);
    file.resize(header.size);
    const auto whole = decode_vote_file(file);
    HP_CHECK(whole && whole->records == written, "what was written is read");

    for (std::size_t i = input.u8() % changes_max; i > 0; --i) {
        const std::size_t at = std::size_t{input.u16()} * 256 + input.u8();
        file[at % file.size()] = input.u8();
    }
    const auto changed = decode_vote_file(file);
    HP_CHECK(!changed || changed->records.size() <= written.size(), "records out of nothing");
    for (std::size_t i = 0; changed && i < changed->records.size(); ++i) {
        HP_CHECK(changed->records[i] == written[i], "a record that was not written");
    }
    return 0;
}
