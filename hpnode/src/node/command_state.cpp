// SPDX-License-Identifier: Apache-2.0
// `hpnode state`: looks at the committed versions of a stopped or running node's state. Read-only.
#include <algorithm>
#include <iostream>

#include <nlohmann/json.hpp>

#include "hp/config/contract_dir.hpp"
#include "node/commands.hpp"
#include "state/history.hpp"

namespace hp::node {
namespace {

using Json = nlohmann::ordered_json;
using state::Entry;
using state::EntryPtr;
using state::EntryType;

class StateCommand {
public:
    explicit StateCommand(const StateOptions& options) : options_(options) {}

    int run() {
        auto done = answer();
        if (done) {
            if (options_.json) {
                out_["schema"] = "hp.node.state/1";
                out_["ok"] = true;
                std::cout << out_.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
            }
            std::cout << std::flush;
            return exit_ok;
        }
        const Error& error = done.err();
        const int code = error.code == Errc::not_found ? exit_not_found
                         : error.code == Errc::corrupt ? exit_mismatch
                                                       : exit_failed;
        if (options_.json) {
            const Json refusal = {{"schema", "hp.node.state/1"},
                                  {"ok", false},
                                  {"exit", code},
                                  {"error", error.context}};
            std::cout << refusal.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
        } else {
            std::cerr << "hpnode: error: " << error.context << "\n";
        }
        return code;
    }

private:
    Status answer() {
        const config::ContractDir dir = config::contract_dir(options_.directory);
        auto history = state::History::open(dir.contract_fs());
        if (!history && history.err().code == Errc::not_found) {
            return fail(Errc::not_found, "no committed state in " + dir.root.string());
        }
        if (!history) {
            return fail(std::move(history.error()));
        }
        state::VersionReader reader = history->reader();
        if (!reader.select_seq(options_.seq.value_or(UINT64_MAX))) {
            return fail(Errc::not_found, "the state after ledger " + std::to_string(*options_.seq) +
                                             " is not kept; the oldest is after " +
                                             std::to_string(history->versions().front().seq));
        }
        out_["seq"] = reader.version().seq;
        if (options_.what == "diff") {
            return diff(history->versions(), reader);
        }
        const std::string path = inner_path();
        const EntryPtr entry = reader.find(path);
        if (!entry) {
            return fail(Errc::not_found, "there is no " + path + " in this version");
        }
        if (options_.what == "ls") {
            return list(path, *entry);
        }
        if (options_.what == "tree") {
            return tree(path, *entry);
        }
        if (options_.what == "cat") {
            return cat(reader, path, *entry);
        }
        return options_.what == "hash" ? hash(reader, *entry) : verify(history->versions(), reader);
    }

    // What operators type is relative to the state; "../patch.cfg" is what contracts call it.
    std::string inner_path() const {
        std::string path = options_.path;
        if (path == "../patch.cfg") {
            return state::patch_name;
        }
        while (path.ends_with('/')) {
            path.pop_back();
        }
        return path.empty() || path == "." ? state::state_name
                                           : std::string(state::state_name) + '/' + path;
    }

    static const char* type_of(const Entry& entry) {
        switch (entry.type) {
        case EntryType::directory:
            return "dir";
        case EntryType::symlink:
            return "link";
        case EntryType::file:
            break;
        }
        return entry.executable ? "exec" : "file";
    }

    void show(const std::string& name, const Entry& entry, bool with_hash) {
        if (options_.json) {
            Json item = {{"name", name}, {"type", type_of(entry)}, {"hash", entry.hash.hex()}};
            if (entry.type == EntryType::file) {
                item["size"] = entry.size;
            }
            if (entry.type == EntryType::symlink) {
                item["target"] = entry.target;
            }
            out_["entries"].push_back(std::move(item));
            return;
        }
        std::string size = std::to_string(entry.size);
        size.insert(0, size.size() < 12 ? 12 - size.size() : 0, ' ');
        std::cout << type_of(entry) << (entry.type == EntryType::directory ? " " : "") << size
                  << "  " << (with_hash ? entry.hash.short_hex() + "  " : std::string())
                  << printable(name)
                  << (entry.type == EntryType::symlink ? " -> " + printable(entry.target)
                                                       : std::string())
                  << "\n";
    }

    // Names are any bytes: none of them may reach a terminal as a control sequence.
    static std::string printable(const std::string& name) {
        std::string out;
        for (const char c : name) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < 0x20 || byte == 0x7f || c == '\\') {
                out += "\\x" + to_hex(ByteView(&byte, 1));
            } else {
                out += c;
            }
        }
        return out;
    }

    Status list(const std::string& path, const Entry& entry) {
        out_["entries"] = Json::array();
        if (entry.type != EntryType::directory) {
            show(state::last_component(path), entry, false);
            return {};
        }
        for (const state::Child& child : entry.children) {
            show(child.name, *child.entry, false);
        }
        return {};
    }

    Status tree(const std::string& path, const Entry& entry) {
        out_["entries"] = Json::array();
        show(path, entry, true);
        show_below(path, entry);
        return {};
    }

    void show_below(const std::string& path, const Entry& entry) {
        for (const state::Child& child : entry.children) {
            const std::string at = path + '/' + child.name;
            show(at, *child.entry, true);
            show_below(at, *child.entry);
        }
    }

    static Status cat(state::VersionReader& reader, const std::string& path, const Entry& entry) {
        if (entry.type != EntryType::file) {
            return fail(Errc::invalid, path + " is not a file");
        }
        for (std::uint32_t i = 0; i < entry.chunks.size(); ++i) {
            HP_TRY(const ByteView bytes, reader.chunk(path, entry, i));
            std::cout << as_text(bytes);
        }
        return {};
    }

    Status hash(const state::VersionReader& reader, const Entry& entry) {
        out_["hash"] = entry.hash.hex();
        out_["state_root"] = reader.version().roots.state.hex();
        out_["config_root"] = reader.version().roots.config.hex();
        if (!options_.json) {
            std::cout << entry.hash.hex() << "\n";
        }
        return {};
    }

    Status diff(const state::VersionList& versions, const state::VersionReader& reader) {
        const auto newer = std::ranges::find(versions, reader.version().seq, &state::Version::seq);
        auto older = newer;
        if (options_.since) {
            while (older != versions.begin() && older->seq > *options_.since) {
                --older;
            }
            if (older->seq > *options_.since) {
                return fail(Errc::not_found,
                            "the state after ledger " + std::to_string(*options_.since) +
                                " is not kept; the oldest is after " + std::to_string(older->seq));
            }
        } else if (older == versions.begin()) {
            return fail(Errc::not_found, "no version before it is kept");
        } else {
            --older;
        }
        out_["since"] = older->seq;
        out_["changes"] = Json::array();
        std::vector<state::Change> changes;
        state::list_changes(state::state_name, *older->state, *newer->state, changes);
        if (older->roots.config != newer->roots.config && newer->patch) {
            state::list_change(state::patch_name, older->patch.get(), newer->patch, changes);
        }
        for (const state::Change& change : changes) {
            show_change(change);
        }
        return {};
    }

    void show_change(const state::Change& change) {
        using Kind = state::Change::Kind;
        const char* what = change.kind == Kind::removed ? "removed"
                           : change.fresh               ? "new"
                                                        : "changed";
        std::uint64_t bytes = 0;
        for (const std::uint32_t index : change.chunks) {
            bytes += state::chunk_length(change.entry->size, index);
        }
        if (options_.json) {
            Json item = {{"path", change.path}, {"change", what}};
            if (change.entry) {
                item["type"] = type_of(*change.entry);
                item["size"] = change.entry->size;
                item["changed_bytes"] = bytes;
            }
            out_["changes"].push_back(std::move(item));
            return;
        }
        std::string line = what;
        line.resize(9, ' ');
        std::cout << line << printable(change.path);
        if (change.entry && change.entry->type == EntryType::file) {
            std::cout << "  (" << bytes << " of " << change.entry->size << " bytes)";
        }
        std::cout << "\n";
    }

    // Opening has hashed base/ and checked that all versions follow from each other; this reads the
    // content of the selected one, wherever it lies.
    Status verify(const state::VersionList& versions, state::VersionReader& reader) {
        HP_TRY_STATUS(read_all(reader, state::state_name, *reader.version().state));
        out_["state_root"] = reader.version().roots.state.hex();
        out_["kept"] = versions.size();
        out_["oldest"] = versions.front().seq;
        if (!options_.json) {
            std::cout << "verified the state after ledger " << reader.version().seq << ": "
                      << reader.version().roots.state.hex() << " (" << versions.size()
                      << " versions kept, from ledger " << versions.front().seq << ")\n";
        }
        return {};
    }

    static Status read_all(state::VersionReader& reader, const std::string& path,
                           const Entry& entry) {
        for (std::uint32_t i = 0; i < entry.chunks.size(); ++i) {
            HP_TRY(const ByteView bytes, reader.chunk(path, entry, i));
            static_cast<void>(bytes); // checked against its hash
        }
        for (const state::Child& child : entry.children) {
            HP_TRY_STATUS(read_all(reader, path + '/' + child.name, *child.entry));
        }
        return {};
    }

    const StateOptions& options_;
    Json out_;
};

} // namespace

int command_state(const StateOptions& options) {
    return StateCommand(options).run();
}

} // namespace hp::node
