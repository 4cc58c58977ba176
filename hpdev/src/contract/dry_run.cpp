// SPDX-License-Identifier: Apache-2.0
#include "contract/dry_run.hpp"

#include "contract/contract_log.hpp"
#include "contract/dev_names.hpp"
#include "contract/runner.hpp"
#include "hp/base/version.hpp"
#include "hp/config/config_io.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/os/files.hpp"
#include "state/file_ops.hpp"
#include "state/walk.hpp"

#include <algorithm>
#include <fcntl.h>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;

// What is kept of a run's standard output and standard error, each. The rest is dropped: a
// contract that prints without end must not fill the disk.
constexpr std::uint64_t printed_mbytes_max = 16;

Hash32 hash_of(LedgerSeq seq) {
    return crypto::b3(as_bytes("HotPocket development ledger " + std::to_string(seq)));
}

template <class Item>
void sort_by_key(std::vector<Item>& items) {
    std::ranges::sort(items, {}, &Item::key);
}

contract::RunSpec make_spec(const ContractSource& source, const RunOrder& order,
                            const RunPlace& place) {
    contract::RunSpec spec;
    spec.readonly = order.readonly;
    spec.hp_version = hp_version;
    spec.contract_id = source.contract_id;
    spec.node_keys = node_keys(order.node);
    if (!order.readonly) {
        spec.timestamp = order.time_ms;
        spec.lcl = LedgerId{order.seq, order.ledger_hash.value_or(hash_of(order.seq))};
        spec.npl_enabled = order.node <= order.unl;
    }
    for (const OrderUser& user : order.users) {
        contract::RunUser one{user_keys(user.name).public_key, {}};
        for (const Bytes& input : user.inputs) {
            one.inputs.push_back(std::make_shared<const Bytes>(input));
        }
        spec.users.push_back(std::move(one));
    }
    for (std::size_t number = 1; number <= order.unl; ++number) {
        spec.unl.push_back({node_keys(number).public_key, order.active_on});
    }
    sort_by_key(spec.users);
    sort_by_key(spec.unl);
    spec.state_dir = place.seed / state::state_name;
    spec.bin_path = source.patch.bin_path;
    spec.bin_args = source.patch.bin_args;
    spec.environment = source.patch.environment;
    spec.limits = source.patch.round_limits;
    if (place.wrapper != nullptr) {
        spec.bin_path = place.wrapper->program;
        spec.bin_args.clear();
        spec.environment = place.wrapper->environment;
    }
    if (place.free) {
        spec.limits.exec_timeout = 0;
    }
    return spec;
}

// The agreed configuration as every node has it beside the state.
Status write_patch(const ContractSource& source, const RunOrder& order, const fs::path& seed) {
    const fs::path file = seed / state::patch_name;
    std::error_code error;
    if (fs::exists(file, error)) {
        return {}; // of an earlier run, which may have changed it
    }
    config::Patch patch = source.patch;
    for (std::size_t number = 1; number <= order.unl; ++number) {
        patch.unl.insert(node_keys(number).public_key);
    }
    return os::replace_file(file, as_bytes(config::encode_patch(patch)), 0644);
}

std::string read_log(const fs::path& file) {
    const auto bytes = os::read_file(file, 2 * printed_mbytes_max * limits::mib);
    if (!bytes) {
        return {};
    }
    const std::string text = to_text(*bytes);
    return text.substr(std::min(text.find('\n'), text.size() - 1) + 1); // without the title
}

struct Capture {
    std::optional<contract::ContractLog> files;
    contract::RunLog log;
    fs::path directory;

    void begin(const fs::path& logs) {
        directory = logs;
        files.emplace(logs, "run", config::ContractLog{true, printed_mbytes_max, 1});
        log = {&*files, "run"};
    }
    void read(RunOutcome& out) const {
        out.printed = read_log(directory / "run.stdout.log");
        out.complained = read_log(directory / "run.stderr.log");
    }
};

std::uint64_t size_of(const state::EntryPtr& entry) {
    return entry && entry->type == state::EntryType::file ? entry->size : 0;
}

state::EntryPtr find_entry(const state::EntryPtr& tree, std::string_view path) {
    state::EntryPtr at = tree;
    while (at && !path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        const state::Child* child = state::find_child(*at, path.substr(0, slash));
        at = child == nullptr ? nullptr : child->entry;
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return at;
}

void list_removed(const std::string& path, const state::EntryPtr& entry,
                  std::vector<StateChange>& out) {
    out.push_back({StateChange::Kind::removed, path, size_of(entry), 0});
    for (const state::Child& child : entry->children) {
        list_removed(path + "/" + child.name, child.entry, out);
    }
}

} // namespace

contract::RunResult ContractRunner::run_connected(contract::Launcher& launcher,
                                                  const contract::RunSpec& spec,
                                                  const RunOrder& order, const RunPlace& place,
                                                  std::vector<Bytes>& said) {
    if (!spec.lcl) {
        return contract::run_contract(launcher, spec, {}, stop_, Log());
    }
    const PublicKey& self = spec.node_keys.public_key;
    contract::NplInlet inlet;
    inlet.begin(*spec.lcl);
    for (const OrderNpl& message : order.npl) {
        inlet.push(*spec.lcl, node_keys(message.from).public_key, message.message);
    }
    contract::RunHandlers handlers;
    handlers.npl_inlet = &inlet;
    handlers.on_npl = [&spec, &place, &self, &said](Bytes message) {
        if (place.links != nullptr) {
            place.links->say(self, *spec.lcl, message);
        }
        said.push_back(std::move(message));
    };
    if (place.links != nullptr) {
        place.links->enter(self, *spec.lcl, inlet);
    }
    contract::RunResult result = contract::run_contract(launcher, spec, handlers, stop_, Log());
    if (place.links != nullptr) {
        place.links->leave(self);
    }
    return result;
}

std::string_view to_string(StateChange::Kind kind) {
    switch (kind) {
    case StateChange::Kind::added:
        return "added";
    case StateChange::Kind::changed:
        return "changed";
    case StateChange::Kind::removed:
        return "removed";
    }
    return "unknown";
}

Result<state::Trees> walk_seed(const fs::path& seed) {
    const state::FileOps ops;
    state::Walker walker(ops, {});
    HP_TRY(const os::Fd dir, state::open_directory(AT_FDCWD, seed.string()));
    HP_TRY(const os::Fd below, state::open_directory(dir.get(), state::state_name));
    state::Trees out;
    HP_TRY(out.state, walker.tree(below.get(), nullptr));
    HP_TRY(const auto patch, state::stat_at(dir.get(), state::patch_name));
    if (patch) {
        HP_TRY(out.patch, walker.file(dir.get(), state::patch_name, *patch, nullptr));
    }
    return out;
}

std::vector<StateChange> list_state_changes(const state::Trees& before, const state::Trees& after) {
    std::vector<state::Change> found;
    state::list_changes(state::state_name, *before.state, *after.state, found);
    std::vector<StateChange> out;
    for (const state::Change& change : found) {
        const std::string below = change.path.substr(change.path.find('/') + 1);
        const state::EntryPtr old = find_entry(before.state, below);
        if (change.kind == state::Change::Kind::removed) {
            list_removed(change.path, old, out);
            continue;
        }
        out.push_back({old ? StateChange::Kind::changed : StateChange::Kind::added, change.path,
                       size_of(old), size_of(change.entry)});
    }
    if (before.patch && after.patch && before.patch->hash != after.patch->hash) {
        out.push_back({StateChange::Kind::changed, state::patch_name, size_of(before.patch),
                       size_of(after.patch)});
    }
    return out;
}

Result<std::unique_ptr<ContractRunner>> ContractRunner::start(const fs::path& root,
                                                              config::Sandbox sandbox) {
    HP_TRY(contract::StopSource stop, contract::StopSource::make());
    std::unique_ptr<ContractRunner> out(new ContractRunner(std::move(stop)));
    HP_TRY(out->writes_, contract::Launcher::start({}));
    HP_TRY(out->reads_, contract::Launcher::start({}));
    HP_TRY(out->free_, contract::Launcher::start({}));
    contract::Confinement confinement;
    confinement.sandbox = sandbox;
    confinement.node_dir = root.string();
    HP_TRY_STATUS(out->reads_->confine(confinement)); // nothing may be written
    confinement.view = root.string();
    HP_TRY_STATUS(out->writes_->confine(confinement));
    return out;
}

contract::Launcher& ContractRunner::launcher(const RunOrder& order, const RunPlace& place) {
    if (place.wrapper != nullptr || place.free) {
        return *free_;
    }
    return order.readonly ? *reads_ : *writes_;
}

Result<RunOutcome> ContractRunner::run(const ContractSource& source, const RunOrder& order,
                                       const RunPlace& place) {
    HP_TRY_STATUS(write_patch(source, order, place.seed));
    RunOutcome out;
    HP_TRY(out.before, walk_seed(place.seed));
    contract::RunSpec spec = make_spec(source, order, place);
    Capture capture;
    if (!place.logs.empty()) {
        HP_TRY_STATUS(os::make_directories(place.logs));
        capture.begin(place.logs);
        spec.log = capture.log;
    }
    out.result = run_connected(launcher(order, place), spec, order, place, out.npl);
    if (out.result.end == contract::RunEnd::failed) {
        return fail(Errc::unavailable, contract::describe(out.result));
    }
    if (!place.logs.empty()) {
        capture.read(out);
    }
    HP_TRY(out.after, walk_seed(place.seed));
    out.changes = list_state_changes(out.before, out.after);
    return out;
}

} // namespace hp::dev
