// SPDX-License-Identifier: Apache-2.0
// The node's directory: its paths, making one, changing its keys, loading its config
// (contract-protocol.md sections 2 and 3). Blocking file work; any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hp/base/result.hpp"
#include "hp/config/config_io.hpp"

namespace hp::config {

struct ContractDir {
    std::filesystem::path root; // absolute

    std::filesystem::path config() const { return root / "cfg/hp.cfg"; }
    std::filesystem::path tls_key() const { return root / "cfg/tlskey.pem"; }
    std::filesystem::path tls_cert() const { return root / "cfg/tlscert.pem"; }
    std::filesystem::path lock() const { return root / "cfg/hpnode.lock"; }
    std::filesystem::path status_socket() const { return root / "cfg/hpnode.sock"; }
    std::filesystem::path dev_socket() const { return root / "cfg/hpnode.dev.sock"; }
    std::filesystem::path dev_deploys() const { return root / "cfg/dev_deploys.json"; }
    // Says for which key a vote log has been begun, beside what a lost disk of ledgers takes along.
    std::filesystem::path voted() const { return root / "cfg/voted"; }
    std::filesystem::path contract_fs() const { return root / "contract_fs"; }
    std::filesystem::path seed() const { return root / "contract_fs/seed"; }
    std::filesystem::path ledger_fs() const { return root / "ledger_fs"; }
    std::filesystem::path log() const { return root / "log"; }
    std::filesystem::path contract_log() const { return root / "log/contract"; }
};

// Resolves a relative `path` against the current directory. Does not need to exist.
ContractDir contract_dir(const std::filesystem::path& path);

// Makes the tree of section 2 with a fresh key pair, contract id and default config. hp.cfg and the
// TLS key are 0600, the rest is 0755 and 0644, whatever the umask. `make_certificate(key_path,
// cert_path, node_public_key_hex)` writes the TLS files (a callback because TLS lives in a higher
// layer). Errc::exists when anything of that name is there, Errc::not_found when its parent is not;
// leaves nothing behind on failure.
Status create(const ContractDir& dir,
              Status (*make_certificate)(const std::string& key_path, const std::string& cert_path,
                                         const std::string& name));

// Replaces the key pair and the old key's UNL entry; Errc::invalid when that entry is missing or
// hp.cfg has problems. The caller holds the directory lock.
Status rekey(const ContractDir& dir);

struct LoadedConfig {
    Config config;
    std::vector<Problem> unknown;
};

// Reads and checks hp.cfg; every problem is in the error's context, one a line. Warning about a
// readable private key is the caller's business.
Result<LoadedConfig> load(const ContractDir& dir);

// False when others than the owner have any permission on hp.cfg, or it is not there.
bool config_mode_is_private(const ContractDir& dir);

// Replaces hp.cfg atomically (temp, fsync, rename, fsync of the directory), mode 0600. hp_version
// becomes this node's; keys that decode_config does not know are lost. Errc::invalid, with the
// old file untouched, for a config that load() would refuse.
Status save(const ContractDir& dir, const Config& config);

// Makes `change` to hp.cfg as it is now, so that what an operator has edited since the node read it
// stays; a file that is gone is written anew from `known`. Errc::invalid, with the file untouched,
// when it has problems: it may be half edited.
Status update(const ContractDir& dir, const Config& known,
              const std::function<void(Config&)>& change);

} // namespace hp::config
