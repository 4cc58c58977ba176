// SPDX-License-Identifier: Apache-2.0
// Writing deltas: streamed, hashed and checked on the way, durable at the end.
#include <algorithm>

#include <fcntl.h>

#include "hp/base/check.hpp"
#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"
#include "state/chunk_reader.hpp"
#include "state/delta.hpp"
#include "state/delta_format.hpp"

namespace hp::state {

using namespace delta_format;

// Buffers, hashes and writes, so that a delta of any size needs little memory. The result is the
// same Delta that loading the file would give.
class DeltaWriter {
public:
    DeltaWriter(const FileOps& ops, os::Fd file, int view_dir)
        : ops_(ops), cursor_(ops, view_dir, DirCursor::Missing::fail) {
        delta_.file_ = std::move(file);
        buffer_.reserve(buffer_bytes + chunk_bytes);
    }

    Status write(const DeltaHeader& header, ByteView record, const std::vector<Change>& changes) {
        Writer out;
        out.raw(as_bytes(magic));
        out.u64(header.seq);
        out.fixed(header.state_before);
        out.fixed(header.after.state);
        out.fixed(header.after.config);
        out.u64(changes.size());
        out.u32(static_cast<std::uint32_t>(record.size()));
        delta_.header_ = header;
        delta_.record_offset_ = out.view().size();
        delta_.record_bytes_ = record.size();
        HP_TRY_STATUS(put(out.view()));
        HP_TRY_STATUS(put(record));
        for (const Change& change : changes) {
            HP_TRY_STATUS(write_change(change));
        }
        HP_TRY_STATUS(put(hasher_.finish().view()));
        return flush();
    }

    Status sync() const { return ops_.sync(delta_.file_.get()); }
    Delta take() {
        delta_.file_bytes_ = written_;
        return std::move(delta_);
    }

private:
    std::uint64_t position() const { return written_ + buffer_.size(); }

    Status put(ByteView bytes) {
        hasher_.update(bytes);
        while (!bytes.empty()) {
            const ByteView piece = bytes.first(std::min(bytes.size(), buffer_bytes));
            append(buffer_, piece);
            bytes = bytes.subspan(piece.size());
            if (buffer_.size() >= buffer_bytes) {
                HP_TRY_STATUS(flush());
            }
        }
        return {};
    }

    Status flush() {
        HP_TRY_STATUS(ops_.write_at(delta_.file_.get(), buffer_, written_));
        written_ += buffer_.size();
        buffer_.clear();
        return {};
    }

    Status write_change(const Change& change) {
        HP_CHECK(is_valid_path(change.path), "the walk only finds entries that may be in a delta");
        DeltaChange done;
        done.kind = change.kind;
        done.path = change.path;
        Writer out;
        out.u8(static_cast<std::uint8_t>(change.kind));
        out.bytes(as_bytes(change.path));
        if (change.kind == Change::Kind::symlink) {
            done.target = change.entry->target;
            out.bytes(as_bytes(done.target));
        }
        if (change.kind == Change::Kind::file) {
            done.executable = change.entry->executable;
            done.fresh = change.fresh;
            done.size = change.entry->size;
            out.u8(static_cast<std::uint8_t>((done.executable ? flag_executable : 0) |
                                             (done.fresh ? flag_fresh : 0)));
            out.u64(done.size);
            out.u32(static_cast<std::uint32_t>(change.chunks.size()));
        }
        HP_TRY_STATUS(put(out.view()));
        if (change.kind == Change::Kind::file && !change.chunks.empty()) {
            HP_TRY_STATUS(write_chunks(change, done));
        }
        delta_.by_path_.emplace(done.path, delta_.changes_.size());
        delta_.changes_.push_back(std::move(done));
        return {};
    }

    Status write_chunks(const Change& change, DeltaChange& done) {
        HP_TRY(const int dir, cursor_.parent_of(change.path));
        HP_TRY(const os::Fd file, open_at(dir, last_component(change.path), O_RDONLY));
        HP_TRY(const struct stat st, stat_fd(file.get()));
        reader_.open(file.get(), done.size, static_cast<std::uint64_t>(st.st_blocks) * 512);
        done.chunks.reserve(change.chunks.size());
        for (const std::uint32_t index : change.chunks) {
            HP_TRY(const Hash32 hash, reader_.hash(index));
            if (hash != change.entry->chunks[index]) {
                return fail(Errc::io, change.path + " changed after the state was hashed");
            }
            const bool zero = hash == zero_chunk_hash();
            Writer out;
            out.u32(index);
            out.u8(zero ? form_zero : form_bytes);
            HP_TRY_STATUS(put(out.view()));
            done.chunks.push_back(DeltaChunk{index, zero, position()});
            if (!zero) {
                HP_TRY_STATUS(put(reader_.data()));
            }
        }
        return {};
    }

    const FileOps& ops_;
    DirCursor cursor_;
    ChunkReader reader_;
    crypto::Blake3 hasher_;
    Bytes buffer_;
    std::uint64_t written_ = 0;
    Delta delta_;
};

// The file gets its final name at once: unlike a temporary name and a rename this needs a single
// journal commit, and it is as safe, because a delta without a valid checksum does not count.
Result<Delta> write_delta(const FileOps& ops, int deltas_dir, int view_dir,
                          const DeltaHeader& header, ByteView record,
                          const std::vector<Change>& changes) {
    if (record.size() > limits::state_record_bytes_max) {
        return fail(Errc::too_large, "the result record of a run");
    }
    HP_TRY(os::Fd file, ops.create_file(deltas_dir, delta_name(header.seq), false));
    DeltaWriter writer(ops, std::move(file), view_dir);
    HP_TRY_STATUS(writer.write(header, record, changes));
    HP_TRY_STATUS(writer.sync());
    HP_TRY_STATUS(ops.sync(deltas_dir)); // the name
    return writer.take();
}

Result<Delta> write_unsynced_delta(const FileOps& ops, int deltas_dir, int view_dir,
                                   const DeltaHeader& header, const std::vector<Change>& changes) {
    HP_TRY_STATUS(ops.unlink(deltas_dir, delta_name(header.seq))); // left by a crash
    HP_TRY(os::Fd file, ops.create_file(deltas_dir, delta_name(header.seq), false));
    DeltaWriter writer(ops, std::move(file), view_dir);
    HP_TRY_STATUS(writer.write(header, {}, changes));
    return writer.take();
}

} // namespace hp::state
