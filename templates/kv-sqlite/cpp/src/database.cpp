// SPDX-License-Identifier: Apache-2.0
#include "database.hpp"

#include <array>
#include <stdexcept>

#include <sqlite3.h>

namespace kv {

/// One step each; the database counts in user_version how many it has seen. Never change one that
/// was deployed: add another.
static constexpr std::array migrations = {
    "CREATE TABLE pairs(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "ALTER TABLE pairs ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
};

Database::Database(bool readonly) : database_(nullptr, sqlite3_close), readonly_(readonly) {
    // A read request sees a state that nobody writes to: "immutable" saves SQLite its lock file.
    const char* name = readonly ? "file:kv.db?immutable=1" : "file:kv.db";
    const int mode = readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3* opened = nullptr;
    const int failed = sqlite3_open_v2(name, &opened, mode | SQLITE_OPEN_URI, nullptr);
    database_.reset(opened);
    if (failed == SQLITE_CANTOPEN && readonly)
        database_.reset();
    else if (failed != SQLITE_OK)
        throw std::runtime_error("kv.db cannot be opened");
    if (readonly)
        return;
    for (const char* pragma :
         {"PRAGMA page_size = 4096", "PRAGMA encoding = 'UTF-8'", "PRAGMA auto_vacuum = NONE",
          "PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = OFF", "BEGIN"})
        run(pragma);
    for (auto done = std::stoul(run("PRAGMA user_version").at(0).at(0)); done < migrations.size();
         ++done) {
        run(migrations[done]);
        run("PRAGMA user_version = " + std::to_string(done + 1));
    }
}

std::vector<Row> Database::run(std::string_view sql, const std::vector<std::string_view>& values) {
    std::vector<Row> rows;
    if (database_ == nullptr)
        return rows;
    sqlite3_stmt* prepared = nullptr;
    int state = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                   &prepared, nullptr);
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared,
                                                                          sqlite3_finalize);
    for (std::size_t i = 0; state == SQLITE_OK && i < values.size(); ++i)
        state = sqlite3_bind_text(prepared, static_cast<int>(i + 1), values[i].data(),
                                  static_cast<int>(values[i].size()), SQLITE_TRANSIENT);
    while (state == SQLITE_OK || state == SQLITE_ROW) {
        state = sqlite3_step(prepared);
        for (int i = 0; state == SQLITE_ROW && i < sqlite3_column_count(prepared); ++i) {
            if (i == 0)
                rows.emplace_back();
            const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, i));
            rows.back().emplace_back(text == nullptr ? "" : text);
        }
    }
    if (state != SQLITE_DONE)
        throw std::runtime_error(sqlite3_errmsg(database_.get()));
    return rows;
}

void Database::commit() {
    if (!readonly_)
        run("COMMIT");
}

} // namespace kv
