// SPDX-License-Identifier: Apache-2.0
// A simulated disk with one directory on it, for stores that must survive power loss. What was not
// synced may be lost or not, block by block and in any order, when the power fails; names come and
// go in order. Power fails, or an operation fails, at the operation asked for. Everything follows
// from the seed. One owner.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "hp/os/store_directory.hpp"

namespace hp::test {

class VirtualDisk final : public os::StoreDirectory {
public:
    explicit VirtualDisk(std::uint64_t seed) : random_(seed) {}

    // --- faults; operations that change something count from 1, from the disk's beginning ---
    std::uint64_t operations() const { return operations_; }
    enum class Moment { before, during, after };
    void cut_power(std::uint64_t at_operation, Moment moment) { cut_ = {at_operation, moment}; }
    void fail(std::uint64_t at_operation, Errc code) { failure_ = {at_operation, code}; }
    bool is_off() const { return off_; }
    // Power is gone, if it was not already, and comes back. Open files are of no use any more.
    void power_cycle();

    // --- what an operator, or bad luck, does to files; durable at once ---
    std::optional<Bytes> content(const std::string& name) const;
    void overwrite(const std::string& name, Bytes content); // the file stays the same one
    void put_copy(const std::string& name, Bytes content);  // another file, as a restore makes it
    void lose(const std::string& name);

    Result<std::vector<std::string>> list() const override;
    Result<std::unique_ptr<os::StoreFile>> open(const std::string& name) override;
    Result<std::unique_ptr<os::StoreFile>> create(const std::string& name) override;
    Status rename(const std::string& from, const std::string& to) override;
    Status remove(const std::string& name) override;
    Status sync() override;

private:
    struct Write {
        std::uint64_t offset = 0;
        Bytes bytes;
    };
    struct Node {
        os::FileIdentity identity;
        Bytes now; // what reading gives
        Bytes durable;
        std::vector<Write> unsynced;
    };
    using SharedNode = std::shared_ptr<Node>; // by names, open files and pending operations
    using Names = std::map<std::string, SharedNode>;
    class File;

    std::uint64_t draw();
    SharedNode make_node();
    // Runs one changing operation, or what the faults leave of it.
    Status operate(const std::function<void()>& partly, const std::function<void()>& whole);
    Status change_names(std::function<Status(Names&)> change);
    void lose_some(Node& node);

    std::uint64_t random_;
    std::uint64_t operations_ = 0;
    std::pair<std::uint64_t, Moment> cut_{0, Moment::before};
    std::pair<std::uint64_t, Errc> failure_{0, Errc::io};
    bool off_ = false;
    std::uint64_t nodes_ = 0;
    Names names_;
    Names durable_names_;
    std::vector<std::function<Status(Names&)>> unsynced_names_;
};

} // namespace hp::test
