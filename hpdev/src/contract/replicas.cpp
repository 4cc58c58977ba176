// SPDX-License-Identifier: Apache-2.0
#include "contract/replicas.hpp"

#include "contract/dev_names.hpp"
#include "contract/npl_links.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <semaphore>
#include <sys/stat.h>
#include <thread>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;

// Files get these times before a run: the same everywhere, or a different one for each replica.
constexpr std::int64_t file_time_s = 1'600'000'000;

// Longer than a contract takes to start and to say something.
constexpr std::chrono::milliseconds late_by{100};

struct Replica {
    Conditions conditions;
    std::size_t node = 1;
    fs::path home; // seed/, logs, plan
    std::optional<Result<RunOutcome>> outcome;
    std::vector<TracedCall> calls;
};

void set_times(const fs::path& seed, std::int64_t seconds) {
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(seed, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        const timespec time{seconds, 0};
        const timespec both[2] = {time, time};
        ::utimensat(AT_FDCWD, at->path().c_str(), both, AT_SYMLINK_NOFOLLOW);
    }
}

// What the contract opens instead of files of the machine.
Status write_machine_files(const fs::path& home, TracePlan& plan) {
    constexpr std::size_t random_bytes = 64 * 1024;
    const auto put = [&](const char* name, const char* instead_of, ByteView content) -> Status {
        plan.redirected[instead_of] = (home / name).string();
        return os::replace_file(home / name, content, 0644);
    };
    const std::string online = plan.cpus == 1 ? "0" : "0-" + std::to_string(plan.cpus - 1);
    HP_TRY_STATUS(put("cpus", "/sys/devices/system/cpu/online", as_bytes(online + "\n")));
    HP_TRY_STATUS(put("host", "/etc/hostname", as_bytes(plan.host_name + "\n")));
    if (!plan.pin_random) {
        return {};
    }
    Bytes random(random_bytes);
    crypto::b3_extended(as_bytes("random device " + std::to_string(plan.seed)), random);
    HP_TRY_STATUS(put("urandom", "/dev/urandom", random));
    return put("random", "/dev/random", random);
}

class Group {
public:
    Group(ContractRunner& runner, const ContractSource& source, const ReplicaPlan& plan,
          const fs::path& root)
        : runner_(runner), source_(source), plan_(plan), root_(root) {}

    Status make();
    Status run(const RunOrder& order);
    std::optional<Divergence> compare(std::size_t run, const RunOrder& order) const;

    const RunOutcome& first() const { return **replicas_.front().outcome; }
    fs::path first_seed() const { return replicas_.front().home / "seed"; }
    bool uses_npl() const { return uses_npl_; }
    std::vector<TracedCall> calls(std::optional<std::size_t> of) const;

private:
    RunOrder order_for(const Replica& replica, const RunOrder& order) const;
    void run_one(Replica& replica, const RunOrder& order, NplLinks* links);
    Result<RunOutcome> run_at(Replica& replica, const RunOrder& order, const fs::path& seed,
                              NplLinks* links);
    Result<RunOutcome> run_twice(Replica& replica, const RunOrder& order, const fs::path& seed);
    void run_together(const RunOrder& order);
    void run_in_turn(const RunOrder& order);

    ContractRunner& runner_;
    const ContractSource& source_;
    const ReplicaPlan& plan_;
    fs::path root_;
    std::vector<Replica> replicas_;
    bool uses_npl_ = false;
};

Status Group::make() {
    for (std::size_t i = 0; i < plan_.replicas.size(); ++i) {
        Replica replica{plan_.replicas[i], plan_.numbered ? i + 1 : 1, {}, {}, {}};
        replica.home = root_ / ("node" + std::to_string(i + 1));
        remove_tree(replica.home);
        const bool reversed = replica.conditions.varies(Factor::directory_order) && i % 2 == 1;
        HP_TRY_STATUS(lay_out_seed(source_, replica.node, replica.home / "seed",
                                   reversed ? CopyOrder::by_name_reversed : CopyOrder::by_name));
        replicas_.push_back(std::move(replica));
    }
    return {};
}

RunOrder Group::order_for(const Replica& replica, const RunOrder& order) const {
    RunOrder out = order;
    out.node = replica.node;
    if (replica.conditions.varies(Factor::node)) {
        out.active_on += static_cast<TimeMs>(replica.conditions.seed * 17 + replica.node);
    }
    return out;
}

Result<RunOutcome> Group::run_at(Replica& replica, const RunOrder& order, const fs::path& seed,
                                 NplLinks* links) {
    const Conditions& conditions = replica.conditions;
    RunPlace place{seed, replica.home / "log", nullptr, false, links};
    remove_tree(place.logs);
    if (conditions.natural) {
        return runner_.run(source_, order, place);
    }
    const bool own_times = conditions.varies(Factor::file_times);
    set_times(seed, file_time_s + (own_times ? static_cast<std::int64_t>(conditions.seed) : 0));
    TracePlan plan = plan_for(source_, conditions);
    if (plan_.together) {
        plan.pinned_for_ms = 1000; // they wait for each other, and until a time is over
    }
    plan.events_file = (replica.home / "calls").string();
    HP_TRY_STATUS(write_machine_files(replica.home, plan));
    HP_TRY(const Wrapper wrapper, make_wrapper(plan, replica.home / "plan.json"));
    place.wrapper = &wrapper;
    HP_TRY(RunOutcome out, runner_.run(source_, order, place));
    replica.calls = read_traced_calls(plan.events_file);
    return out;
}

// As after a crash: the state is that of before, what lies beside it is not.
Result<RunOutcome> Group::run_twice(Replica& replica, const RunOrder& order, const fs::path& seed) {
    const fs::path state = seed / state::state_name;
    const fs::path kept = replica.home / "state_before";
    remove_tree(kept);
    HP_TRY_STATUS(copy_folder(state, kept));
    HP_TRY([[maybe_unused]] const RunOutcome first, run_at(replica, order, seed, nullptr));
    remove_tree(state);
    std::error_code error;
    fs::rename(kept, state, error);
    fs::remove(seed / state::patch_name, error); // written anew
    return run_at(replica, order, seed, nullptr);
}

void Group::run_one(Replica& replica, const RunOrder& order, NplLinks* links) {
    const RunOrder own = order_for(replica, order);
    const fs::path home = replica.home / "seed";
    const bool fixed_place = !plan_.together && !replica.conditions.varies(Factor::path);
    const fs::path seed = fixed_place ? root_ / "seed" : home;
    std::error_code error;
    if (fixed_place) {
        fs::rename(home, seed, error);
    }
    const bool twice = links == nullptr && replica.conditions.varies(Factor::repeat) &&
                       replica.conditions.seed % 2 == 1;
    replica.outcome = twice && !order.readonly ? run_twice(replica, own, seed)
                                               : run_at(replica, own, seed, links);
    if (fixed_place) {
        fs::rename(seed, home, error);
    }
}

void Group::run_together(const RunOrder& order) {
    NplLinks links;
    for (const Replica& replica : replicas_) {
        links.add(node_keys(replica.node).public_key, replica.conditions.hears_late());
    }
    std::counting_semaphore<> ended(0);
    std::vector<std::thread> threads;
    for (Replica& replica : replicas_) {
        threads.emplace_back([this, &replica, &order, &links, &ended] {
            run_one(replica, order, &links);
            ended.release();
        });
    }
    const auto deadline = std::chrono::steady_clock::now() + late_by;
    for (std::size_t i = 0; i < threads.size() && ended.try_acquire_until(deadline); ++i) {
    }
    links.release();
    for (std::thread& thread : threads) {
        thread.join();
    }
}

void Group::run_in_turn(const RunOrder& order) {
    for (Replica& replica : replicas_) {
        run_one(replica, order, nullptr);
    }
}

Status Group::run(const RunOrder& order) {
    if (plan_.together && replicas_.size() > 1 && !order.readonly) {
        run_together(order);
    } else {
        run_in_turn(order);
    }
    for (const Replica& replica : replicas_) {
        if (!*replica.outcome) {
            return fail(replica.outcome->err());
        }
        uses_npl_ = uses_npl_ || !(*replica.outcome)->npl.empty();
    }
    return {};
}

std::optional<Divergence> Group::compare(std::size_t run, const RunOrder& order) const {
    const fs::path seed = first_seed();
    for (std::size_t i = 1; i < replicas_.size(); ++i) {
        const fs::path other = replicas_[i].home / "seed";
        auto found =
            find_difference({first(), order, seed}, {**replicas_[i].outcome, order, other});
        if (found) {
            return Divergence{run, i, std::move(*found)};
        }
    }
    return std::nullopt;
}

std::vector<TracedCall> Group::calls(std::optional<std::size_t> of) const {
    std::vector<TracedCall> out;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
        if (!of || *of == i) {
            out.insert(out.end(), replicas_[i].calls.begin(), replicas_[i].calls.end());
        }
    }
    return out;
}

} // namespace

Result<ReplicaResult> run_replicas(ContractRunner& runner, const ContractSource& source,
                                   const std::vector<RunOrder>& runs, const ReplicaPlan& plan,
                                   const fs::path& root, const OnRun& on_run) {
    Group group(runner, source, plan, root);
    HP_TRY_STATUS(group.make());
    ReplicaResult out;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        HP_TRY_STATUS(group.run(runs[i]));
        out.divergence = group.compare(i, runs[i]);
        const bool enough = on_run && !on_run(i, group.first(), group.first_seed());
        if (out.divergence || enough) {
            break;
        }
    }
    out.uses_npl = group.uses_npl();
    out.calls = group.calls(out.divergence ? std::optional(out.divergence->replica) : std::nullopt);
    return out;
}

} // namespace hp::dev
