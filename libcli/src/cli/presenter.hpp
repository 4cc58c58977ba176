// SPDX-License-Identifier: Apache-2.0
// Answers in other shapes than the command's own: a table or tab-separated lines of some or all
// fields, or JSON with fewer of them. Works on the command's JSON documents, one after the other,
// so every command has all shapes. A document that holds one list of objects gives a row for each
// of them, other documents one row. A field is a dotted path: "ledger.seq". One thread.
#pragma once

#include "cli/args.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hp::cli {

class Presenter {
public:
    // `notation` describes the documents (schema.hpp). Fields that no document can have are an
    // error. No fields: all of them.
    static tl::expected<std::shared_ptr<Presenter>, Failure>
    make(OutputFormat format, std::vector<std::string> fields, std::string_view notation);
    ~Presenter();
    Presenter(const Presenter&) = delete;
    Presenter& operator=(const Presenter&) = delete;

    // Documents as commands write them, one a line, to what is printed.
    std::string show(std::string_view documents);

private:
    struct Impl;
    explicit Presenter(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Tabs, line ends and backslashes as \t \n \r \\.
std::string tsv_cell(std::string_view text);

} // namespace hp::cli
