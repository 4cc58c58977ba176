// SPDX-License-Identifier: Apache-2.0
// SQLite with errors as values and handles that close themselves. A database and its statements
// belong to one thread at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "hp/base/ids.hpp"
#include "hp/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace hp::ledger {

class Statement {
public:
    Statement(Statement&&) noexcept = default;
    Statement& operator=(Statement&&) noexcept = default;

    // Parameters count from 1 in the order they are bound. Bound blobs must stay alive until
    // step().
    Statement& bind(std::uint64_t value);
    Statement& bind(ByteView blob);

    // True when a row is there. After false or an error the statement is reset for reuse.
    Result<bool> step();
    // For statements that return no rows.
    Status run();
    void reset();

    std::uint64_t integer(int column) const;
    ByteView blob(int column) const; // valid until the next step
    template <class Fixed>
    Fixed fixed(int column) const {
        return Fixed::from(blob(column)).value_or(Fixed{});
    }

private:
    friend class Database;
    struct Close {
        void operator()(sqlite3_stmt* statement) const;
    };
    explicit Statement(sqlite3_stmt* statement) : handle_(statement) {}

    std::unique_ptr<sqlite3_stmt, Close> handle_;
    int bound_ = 0;
};

class Database {
public:
    enum class Mode { read_write, read_only };
    static Result<Database> open(const std::filesystem::path& file, Mode mode);

    Status execute(const std::string& sql); // one or more statements without rows
    Result<Statement> prepare(const std::string& sql);

private:
    struct Close {
        void operator()(sqlite3* database) const;
    };
    explicit Database(sqlite3* database) : handle_(database) {}
    Error error(std::string_view doing) const;

    std::unique_ptr<sqlite3, Close> handle_;
};

} // namespace hp::ledger
