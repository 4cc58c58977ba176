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
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;

namespace kv {

using Row = std::vector<std::string>;

class Database {
public:
    /// Opens it, or makes it; brings an older one up to date; begins a transaction. In a read
    /// request nothing is written, and there may be no database yet.
    explicit Database(bool readonly);

    /// Runs one statement with values for its "?" and gives all rows.
    std::vector<Row> run(std::string_view sql, const std::vector<std::string_view>& values = {});
    void commit();

private:
    // Null: a read request before the first run.
    std::unique_ptr<sqlite3, int (*)(sqlite3*)> database_;
    bool readonly_;
};

} // namespace kv
