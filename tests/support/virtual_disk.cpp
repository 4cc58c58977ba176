// SPDX-License-Identifier: Apache-2.0
#include "virtual_disk.hpp"

#include <algorithm>

namespace hp::test {
namespace {

constexpr std::size_t block_bytes = 512;

void put_at(Bytes& content, std::uint64_t offset, ByteView bytes) {
    content.resize(std::max<std::size_t>(content.size(), offset + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

tl::unexpected<Error> no_power() {
    return fail(Errc::closed, "the simulated power is off");
}

} // namespace

class VirtualDisk::File final : public os::StoreFile {
public:
    File(VirtualDisk& disk, SharedNode node) : disk_(disk), node_(std::move(node)) {}

    Result<std::uint64_t> size() const override { return node_->now.size(); }
    Result<std::optional<os::FileIdentity>> identity() const override {
        return std::optional(node_->identity);
    }
    Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
        const std::size_t from = std::min<std::size_t>(offset, node_->now.size());
        const std::size_t to = std::min(from + count, node_->now.size());
        return Bytes(node_->now.begin() + static_cast<std::ptrdiff_t>(from),
                     node_->now.begin() + static_cast<std::ptrdiff_t>(to));
    }
    Status write(ByteView bytes, std::uint64_t offset) override {
        const auto begin = [&](std::size_t count) {
            put_at(node_->now, offset, bytes.first(count));
            node_->unsynced.push_back(
                {offset, Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count))});
        };
        return disk_.operate([&] { begin(disk_.draw() % (bytes.size() + 1)); },
                             [&] { begin(bytes.size()); });
    }
    Status sync() override {
        return disk_.operate([&] { disk_.lose_some(*node_); },
                             [&] {
                                 for (const Write& write : node_->unsynced) {
                                     put_at(node_->durable, write.offset, write.bytes);
                                 }
                                 node_->unsynced.clear();
                             });
    }

private:
    VirtualDisk& disk_;
    SharedNode node_;
};

std::uint64_t VirtualDisk::draw() { // splitmix64
    random_ += 0x9E3779B97F4A7C15;
    std::uint64_t z = random_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

// Inode numbers are used again, times of birth are not.
VirtualDisk::SharedNode VirtualDisk::make_node() {
    ++nodes_;
    auto node = std::make_shared<Node>();
    node->identity = {1 + nodes_ % 2, nodes_};
    return node;
}

Status VirtualDisk::operate(const std::function<void()>& partly,
                            const std::function<void()>& whole) {
    if (off_) {
        return no_power();
    }
    ++operations_;
    if (operations_ == cut_.first) {
        off_ = true;
        if (cut_.second == Moment::during) {
            partly();
        } else if (cut_.second == Moment::after) {
            whole();
        }
        return no_power();
    }
    if (operations_ == failure_.first) {
        partly();
        return hp::fail(failure_.second, "a simulated fault");
    }
    whole();
    return {};
}

// Of every write that was not synced, any of its blocks. The kernel forgets which did not arrive:
// reading goes on giving them, syncing does not try again.
void VirtualDisk::lose_some(Node& node) {
    for (const Write& write : node.unsynced) {
        const std::uint64_t end = write.offset + write.bytes.size();
        for (std::uint64_t at = write.offset; at < end;) {
            const std::uint64_t next = std::min(end, (at / block_bytes + 1) * block_bytes);
            if (draw() % 2 == 0) {
                const ByteView bytes(write.bytes);
                put_at(node.durable, at, bytes.subspan(at - write.offset, next - at));
            }
            at = next;
        }
    }
    node.unsynced.clear();
}

void VirtualDisk::power_cycle() {
    const std::size_t survive = draw() % (unsynced_names_.size() + 1);
    for (std::size_t i = 0; i < survive; ++i) {
        [[maybe_unused]] const Status done = unsynced_names_[i](durable_names_);
    }
    unsynced_names_.clear();
    names_ = durable_names_;
    for (auto& [name, node] : names_) {
        lose_some(*node);
        node->now = node->durable;
    }
    off_ = false;
    cut_.first = 0;
    failure_.first = 0;
}

std::optional<Bytes> VirtualDisk::content(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? std::optional<Bytes>() : found->second->now;
}

void VirtualDisk::overwrite(const std::string& name, Bytes content) {
    Node& node = *names_.at(name);
    node.now = content;
    node.durable = std::move(content);
    node.unsynced.clear();
}

void VirtualDisk::put_copy(const std::string& name, Bytes content) {
    names_[name] = make_node();
    overwrite(name, std::move(content));
    durable_names_[name] = names_[name];
}

void VirtualDisk::lose(const std::string& name) {
    names_.erase(name);
    durable_names_.erase(name);
}

Result<std::vector<std::string>> VirtualDisk::list() const {
    std::vector<std::string> out;
    for (const auto& [name, node] : names_) {
        out.push_back(name);
    }
    return out;
}

Result<std::unique_ptr<os::StoreFile>> VirtualDisk::open(const std::string& name) {
    const auto found = names_.find(name);
    if (found == names_.end()) {
        return hp::fail(Errc::not_found, "cannot open " + name);
    }
    return std::unique_ptr<os::StoreFile>(std::make_unique<File>(*this, found->second));
}

Status VirtualDisk::change_names(std::function<Status(Names&)> change) {
    Status done;
    const Status ran = operate([] {},
                               [&] {
                                   done = change(names_);
                                   unsynced_names_.push_back(std::move(change));
                               });
    return ran ? done : ran;
}

Result<std::unique_ptr<os::StoreFile>> VirtualDisk::create(const std::string& name) {
    const SharedNode node = make_node();
    HP_TRY_STATUS(change_names([name, node](Names& names) -> Status {
        if (!names.emplace(name, node).second) {
            return hp::fail(Errc::exists, "cannot create " + name);
        }
        return {};
    }));
    return std::unique_ptr<os::StoreFile>(std::make_unique<File>(*this, node));
}

Status VirtualDisk::rename(const std::string& from, const std::string& to) {
    return change_names([from, to](Names& names) -> Status {
        auto entry = names.extract(from);
        if (entry.empty()) {
            return hp::fail(Errc::not_found, "cannot rename " + from);
        }
        names.insert_or_assign(to, std::move(entry.mapped()));
        return {};
    });
}

Status VirtualDisk::remove(const std::string& name) {
    return change_names([name](Names& names) -> Status {
        if (names.erase(name) == 0) {
            return hp::fail(Errc::not_found, "cannot remove " + name);
        }
        return {};
    });
}

Status VirtualDisk::sync() {
    return operate([] {},
                   [this] {
                       durable_names_ = names_;
                       unsynced_names_.clear();
                   });
}

} // namespace hp::test
