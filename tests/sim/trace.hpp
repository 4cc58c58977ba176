// SPDX-License-Identifier: Apache-2.0
// What to show of a simulation while it runs: one line an event, or a sequence diagram (mermaid).
// Times are virtual, since the beginning. One owner.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace hp::sim {

class Trace {
public:
    virtual ~Trace() = default;
    // A node does something.
    virtual void event(std::int64_t now_us, const std::string& node, const std::string& what) = 0;
    // A message leaves, or gets lost on the way (`to` never hears it).
    virtual void message(std::int64_t now_us, const std::string& from, const std::string& to,
                         const std::string& what, bool arrives) = 0;
    // It is there; its sending has been shown.
    virtual void arrival(std::int64_t now_us, const std::string& node, const std::string& from,
                         const std::string& what) = 0;
};

struct Window { // of time to show
    std::int64_t from_us = 0;
    std::int64_t to_us = INT64_MAX;
    bool contains(std::int64_t us) const { return us >= from_us && us <= to_us; }
};

class TextTrace final : public Trace {
public:
    explicit TextTrace(Window window) : window_(window) {}
    void event(std::int64_t now_us, const std::string& node, const std::string& what) override;
    void message(std::int64_t now_us, const std::string& from, const std::string& to,
                 const std::string& what, bool arrives) override;
    void arrival(std::int64_t now_us, const std::string& node, const std::string& from,
                 const std::string& what) override;

private:
    Window window_;
};

// Keeps the newest lines of the window; a diagram of everything could not be read.
class DiagramTrace final : public Trace {
public:
    DiagramTrace(Window window, std::vector<std::string> nodes)
        : window_(window), nodes_(std::move(nodes)) {}
    void event(std::int64_t now_us, const std::string& node, const std::string& what) override;
    void message(std::int64_t now_us, const std::string& from, const std::string& to,
                 const std::string& what, bool arrives) override;
    void arrival(std::int64_t, const std::string&, const std::string&,
                 const std::string&) override {} // one arrow a message
    void print() const;

private:
    void add(std::int64_t now_us, std::string line);

    Window window_;
    std::vector<std::string> nodes_;
    std::deque<std::pair<std::int64_t, std::string>> lines_;
};

} // namespace hp::sim
