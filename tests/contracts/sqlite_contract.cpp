// SPDX-License-Identifier: Apache-2.0
//
// A contract that keeps its state in SQLite, as many do. Its first argument is the journal mode:
// "delete" (a rollback journal) or "wal". README.md lists the inputs.
//
// Threads: main thread only.
#include <hp/contract/contract.hpp>

#include <charconv>
#include <csignal>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sqlite3.h>
#include <sys/resource.h>

namespace {

using hp::contract::Context;

constexpr int rows_max = 100'000;

struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct EndStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, EndStatement>;

[[noreturn]] void fail(sqlite3* database) {
    throw std::runtime_error(sqlite3_errmsg(database));
}

/// A read request has a view that nobody writes to and where no file can be made: "immutable" says
/// so to SQLite, which otherwise wants a lock file for a database in WAL mode.
Database open_database(bool readonly) {
    const char* const name = readonly ? "file:notes.db?immutable=1" : "file:notes.db";
    const int mode = readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3* opened = nullptr;
    const int failed = sqlite3_open_v2(name, &opened, mode | SQLITE_OPEN_URI, nullptr);
    Database database(opened);
    if (failed != SQLITE_OK)
        fail(opened);
    return database;
}

Statement prepare(const Database& database, std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database.get(), sql.data(), static_cast<int>(sql.size()), &statement,
                           nullptr) != SQLITE_OK)
        fail(database.get());
    return Statement(statement);
}

/// The first column of every row, one per line.
std::string query(const Database& database, std::string_view sql) {
    const Statement statement = prepare(database, sql);
    std::string out;
    int stepped = SQLITE_ROW;
    while ((stepped = sqlite3_step(statement.get())) == SQLITE_ROW) {
        if (!out.empty())
            out += '\n';
        const void* const text = sqlite3_column_blob(statement.get(), 0);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement.get(), 0));
        out.append(static_cast<const char*>(text), size);
    }
    if (stepped != SQLITE_DONE)
        fail(database.get());
    return out;
}

void insert(const Database& database, std::string_view text) {
    const Statement statement = prepare(database, "INSERT INTO notes(text) VALUES (?)");
    sqlite3_bind_text(statement.get(), 1, text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
    if (sqlite3_step(statement.get()) != SQLITE_DONE)
        fail(database.get());
}

std::string count(const Database& database) {
    return query(database, "SELECT CAST(count(*) AS TEXT) FROM notes");
}

std::string fill(const Database& database, std::string_view number) {
    int rows = 0;
    const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), rows);
    if (failed != std::errc{} || end != number.data() + number.size() || rows > rows_max)
        return "error:argument";
    query(database, "BEGIN");
    for (int row = 0; row < rows; ++row)
        insert(database, "row " + std::to_string(row));
    query(database, "COMMIT");
    return count(database);
}

/// Dies in the middle of a transaction whose pages are already in the file: the next run finds a
/// journal that has to be rolled back.
[[noreturn]] void die_in_transaction(const Database& database, std::string_view text) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    query(database, "PRAGMA cache_size=2");
    query(database, "BEGIN");
    for (int row = 0; row < 500; ++row)
        insert(database, text);
    ::raise(SIGKILL);
    ::_Exit(1);
}

std::string handle(const Database& database, std::string_view request) {
    const std::size_t colon = std::min(request.find(':'), request.size());
    const std::string_view verb = request.substr(0, colon);
    const std::string_view argument = request.substr(std::min(colon + 1, request.size()));
    if (verb == "add") {
        insert(database, argument);
        return count(database);
    }
    if (verb == "fill")
        return fill(database, argument);
    if (verb == "die")
        die_in_transaction(database, argument);
    if (verb == "last")
        return query(database, "SELECT text FROM notes ORDER BY id DESC LIMIT 1");
    if (verb == "count")
        return count(database);
    if (verb == "mode")
        return query(database, "PRAGMA journal_mode");
    if (verb == "check")
        return query(database, "PRAGMA integrity_check");
    if (verb == "vacuum")
        return query(database, "VACUUM") + "ok";
    return "error:unknown";
}

void serve(Context& context, std::string_view journal_mode) {
    const Database database = open_database(context.readonly());
    if (!context.readonly()) {
        query(database, std::string("PRAGMA journal_mode=").append(journal_mode));
        query(database, "CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, text TEXT)");
    }
    for (auto& user : context.users())
        for (const auto& input : user.inputs())
            user.send(handle(database, input.text()));
}

} // namespace

int main(int argc, char** argv) {
    const std::span<char* const> args(argv, static_cast<std::size_t>(argc));
    const std::string_view journal_mode = args.size() > 1 ? args[1] : "delete";
    return hp::contract::run([journal_mode](Context& context) { serve(context, journal_mode); });
}
