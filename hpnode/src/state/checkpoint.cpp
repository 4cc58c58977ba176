// SPDX-License-Identifier: Apache-2.0
#include "state/checkpoint.hpp"

#include <fcntl.h>

#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::state {
namespace {

constexpr std::string_view magic = "hpcheck1";
constexpr std::size_t file_bytes = magic.size() + 8 + 3 * Hash32::size;

} // namespace

Result<Checkpoint> load_checkpoint(int dir, const std::string& name) {
    HP_TRY(const os::Fd file, open_at(dir, name, O_RDONLY));
    Bytes bytes(file_bytes);
    HP_TRY(const std::size_t got, read_at(file.get(), bytes, 0));
    Reader in(ByteView(bytes).first(got));
    const ByteView head = in.raw(magic.size());
    Checkpoint out;
    out.seq = in.u64();
    out.roots.state = in.fixed<Hash32>();
    out.roots.config = in.fixed<Hash32>();
    const auto checksum = in.fixed<Hash32>();
    if (!in.done() || as_text(head) != magic ||
        checksum != crypto::b3(ByteView(bytes).first(file_bytes - Hash32::size))) {
        return fail(Errc::corrupt, "the file contract_fs/" + name + " is damaged");
    }
    return out;
}

Status save_checkpoint(const FileOps& ops, int dir, const Checkpoint& checkpoint,
                       const std::string& name) {
    Writer out;
    out.raw(as_bytes(magic));
    out.u64(checkpoint.seq);
    out.fixed(checkpoint.roots.state);
    out.fixed(checkpoint.roots.config);
    const Hash32 checksum = crypto::b3(out.view());
    out.fixed(checksum);
    return ops.replace_file(dir, "checkpoint.new", dir, name, out.view());
}

} // namespace hp::state
