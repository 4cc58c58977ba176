// SPDX-License-Identifier: Apache-2.0
// Lines typed on a terminal, with history and completion (libedit), while the reactor goes on:
// what happens meanwhile is printed above the line that is being typed. One at a time: the library
// knows only one terminal. Reactor thread only.
#pragma once

#include "hp/net/reactor.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hp::cli {

class LineEditor {
public:
    // `on_line` gets each line, absent at the end of the input. The next one is asked for with
    // prompt(). History is kept in `history`, mode 0600.
    LineEditor(net::Reactor& reactor, std::filesystem::path history,
               std::function<void(std::optional<std::string>)> on_line);
    ~LineEditor();
    LineEditor(const LineEditor&) = delete;
    LineEditor& operator=(const LineEditor&) = delete;

    void prompt(const std::string& text);
    void print_above(const std::string& text);
    // Offered when a word is completed.
    void learn(const std::string& word);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace hp::cli
