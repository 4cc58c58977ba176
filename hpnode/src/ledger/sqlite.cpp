// SPDX-License-Identifier: Apache-2.0
#include "ledger/sqlite.hpp"

#include <sqlite3.h>

namespace hp::ledger {
namespace {

Error sqlite_error(sqlite3* database, std::string_view doing) {
    const int code = sqlite3_errcode(database);
    Errc errc = Errc::io;
    if (code == SQLITE_FULL) {
        errc = Errc::no_space;
    } else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
        errc = Errc::corrupt;
    } else if (code == SQLITE_CANTOPEN) {
        errc = Errc::not_found;
    }
    return {errc, std::string(doing) + ": " + sqlite3_errmsg(database)};
}

} // namespace

void Statement::Close::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

Statement& Statement::bind(std::uint64_t value) {
    // Sequence numbers and times stay far below 2^63; the sign bit never matters.
    sqlite3_bind_int64(handle_.get(), ++bound_, static_cast<sqlite3_int64>(value));
    return *this;
}

Statement& Statement::bind(ByteView blob) {
    // A null pointer would bind NULL instead of an empty blob.
    static constexpr char empty = 0;
    const void* data = blob.empty() ? static_cast<const void*>(&empty) : blob.data();
    sqlite3_bind_blob64(handle_.get(), ++bound_, data, blob.size(), SQLITE_STATIC);
    return *this;
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code != SQLITE_DONE) {
        Error error = sqlite_error(sqlite3_db_handle(handle_.get()), "ledger database");
        reset();
        return fail(std::move(error));
    }
    reset();
    return false;
}

Status Statement::run() {
    HP_TRY([[maybe_unused]] const bool row, step());
    return {};
}

void Statement::reset() {
    sqlite3_reset(handle_.get());
    bound_ = 0;
}

std::uint64_t Statement::integer(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(handle_.get(), column));
}

ByteView Statement::blob(int column) const {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_.get(), column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

void Database::Close::operator()(sqlite3* database) const {
    sqlite3_close_v2(database);
}

Result<Database> Database::open(const std::filesystem::path& file, Mode mode) {
    sqlite3* handle = nullptr;
    const int flags = SQLITE_OPEN_NOMUTEX |
                      (mode == Mode::read_only ? SQLITE_OPEN_READONLY
                                               : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
    Database database(handle);
    if (code != SQLITE_OK) {
        return fail(database.error("cannot open " + file.string()));
    }
    sqlite3_busy_timeout(handle, 5000);
    return database;
}

Status Database::execute(const std::string& sql) {
    if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return fail(error("ledger database"));
    }
    return {};
}

Result<Statement> Database::prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
        return fail(error("cannot prepare \"" + sql + "\""));
    }
    return Statement(statement);
}

Error Database::error(std::string_view doing) const {
    return sqlite_error(handle_.get(), doing);
}

} // namespace hp::ledger
