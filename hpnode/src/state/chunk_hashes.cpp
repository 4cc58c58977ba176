// SPDX-License-Identifier: Apache-2.0
#include "state/chunk_hashes.hpp"

#include <algorithm>
#include <future>
#include <thread>

namespace hp::state {
namespace {

// Fewer chunks than this are hashed sooner than a thread is started for them.
constexpr std::size_t chunks_per_thread_min = 128;

// Consensus goes on meanwhile, and disks are not faster for more.
constexpr std::size_t threads_max = 4;

Status hash_part(ChunkReader& reader, const HashedFile& file,
                 std::span<const std::uint32_t> indexes, std::vector<Hash32>& chunks) {
    reader.open(file.fd, file.size, file.allocated_bytes);
    for (const std::uint32_t index : indexes) {
        HP_TRY(chunks[index], reader.hash(index));
    }
    return {};
}

std::size_t threads_for(std::size_t chunks) {
    const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
    return std::clamp<std::size_t>(chunks / chunks_per_thread_min, 1,
                                   std::min(processors, threads_max));
}

} // namespace

Status hash_chunks(ChunkReader& reader, const HashedFile& file,
                   std::span<const std::uint32_t> indexes, std::vector<Hash32>& chunks) {
    const std::size_t threads = threads_for(indexes.size());
    const std::size_t each = (indexes.size() + threads - 1) / threads;
    std::vector<std::future<Status>> others;
    for (std::size_t begin = each; begin < indexes.size(); begin += each) {
        const auto part = indexes.subspan(begin, std::min(each, indexes.size() - begin));
        // Deferred only when no thread can be started: it is done below then.
        others.push_back(
            std::async(std::launch::async | std::launch::deferred, [&file, part, &chunks] {
                ChunkReader another;
                return hash_part(another, file, part, chunks);
            }));
    }
    Status status = hash_part(reader, file, indexes.first(std::min(each, indexes.size())), chunks);
    for (std::future<Status>& other : others) { // all of them: they use what is the caller's
        if (Status ended = other.get(); status && !ended) {
            status = std::move(ended);
        }
    }
    return status;
}

} // namespace hp::state
