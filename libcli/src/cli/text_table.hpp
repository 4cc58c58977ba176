// SPDX-License-Identifier: Apache-2.0
// Columns for people. Pure.
#pragma once

#include <string>
#include <vector>

namespace hp::cli {

class TextTable {
public:
    explicit TextTable(std::vector<std::string> titles) { rows_.push_back(std::move(titles)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_; // of one length
};

} // namespace hp::cli
