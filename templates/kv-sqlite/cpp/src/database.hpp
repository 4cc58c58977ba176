// SPDX-License-Identifier: Apache-2.0
// An SQLite database whose file is the same on every node, byte for byte. What that takes:
//
//   journal_mode = MEMORY   no journal file; the node itself undoes a run that was cut short
//   synchronous = OFF       the node sees to it that the state survives power loss
//   page_size, encoding,    written into the file, so they are not left to how a library was built
//   auto_vacuum
//   one linked-in SQLite    its version is written into the file
//   no datetime('now'), random(), CURRENT_TIMESTAMP; ORDER BY on every query of several rows
//
// Problems throw, because a contract that cannot keep its state must not answer as if it could.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace kv {

using Row = std::vector<std::string>;

class Database {
public:
    /// Opens it, or makes it; brings an older one up to date; begins a transaction. In a read
    /// request nothing is written, and there may be no database yet.
    explicit Database(bool readonly);

    /// Runs one statement with values for its "?" and gives all rows.
    std::vector<Row> run(std::string_view sql, const std::vector<std::string_view>& values = {});
    /// How many rows the last statement changed.
    [[nodiscard]] int changes() const;
    void commit();

private:
    void migrate();

    struct Close {
        void operator()(sqlite3* database) const;
    };
    std::unique_ptr<sqlite3, Close> database_; // null: a read request before the first run
    bool readonly_;
};

} // namespace kv
