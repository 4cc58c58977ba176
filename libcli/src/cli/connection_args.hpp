// SPDX-License-Identifier: Apache-2.0
// The connection options: command line over context over environment over the local cluster. Reads
// the environment, the context file and the cluster's.
#pragma once

#include "cli/program.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace hp::cli {

inline constexpr std::array connection_options = {
    OptionInfo{"-s,--server", "URL...",
               "ws:// or wss:// address; several are tried in order (default: context, "
               "$HP_SERVERS, the local cluster)"},
    OptionInfo{"-n,--node", "SET",
               "nodes of the local cluster: 1 | 1,3 | 2-4 | all | unl | observers | last"},
    OptionInfo{"--cluster", "CLUSTER", "which local cluster (default: the current one)"},
    OptionInfo{"-c,--context", "CONTEXT", "settings stored with \"context add\""},
    OptionInfo{"-k,--key", "KEY",
               "name of a stored key, key file, \"agent\", \"agent:FINGERPRINT|COMMENT\", "
               "\"ephemeral\", \"dev:alice\""},
    OptionInfo{"--passphrase-file", "FILE", "the key's passphrase; - is stdin"},
    OptionInfo{"--protocol", "json|bson", "message encoding (default bson)"},
    OptionInfo{"--contract-id", "ID", "refuse servers with another contract"},
    OptionInfo{"--contract-version", "V", "refuse another contract version"},
    OptionInfo{"--trusted-key", "HEX|FILE...", "trust only these node keys (repeat)"},
    OptionInfo{"--min-connections", "N",
               "begin only when so many of the servers are up (default 1)"},
    OptionInfo{"--quorum", "SHARE",
               "signatures that prove an output (default: a local cluster's threshold, else 0.8)"},
    OptionInfo{"--connect-timeout", "DUR", "each server (default 5s)"},
    OptionInfo{"--timeout", "DUR",
               "wait for the answer; 0: for ever (send, wait 60s, streams none, others 15s)"},
    OptionInfo{"--verify-tls", "", "check the server's certificate"},
    OptionInfo{"--ca", "FILE", "check it against these authorities (PEM)"},
    OptionInfo{"--pin", "off|tofu|known",
               "off: no pins; tofu: remember new servers; known: refuse them"},
    OptionInfo{"--proxy", "URL", "connect through socks5://HOST:PORT or http://HOST:PORT"},
    OptionInfo{"--log-file", "FILE", "append the connection log to this file"},
    OptionInfo{"--trace", "FILE", "record every message there, as NDJSON without secrets"},
};

// As options and context files have them, nothing checked yet. Present but empty is an error, not
// the default.
struct RawConnection {
    bool verify_tls = false;
    std::vector<std::string> servers, trusted_keys;
    std::optional<std::string> context, key, passphrase_file, protocol, contract_id;
    std::optional<std::string> contract_version, connect_timeout, timeout, ca_file, quorum, pin;
    std::optional<std::string> min_connections;
    std::optional<std::string> node, cluster, proxy, log_file, trace_file;
    // From configuration files: what counts when neither context nor environment say more.
    std::vector<std::string> configured_servers;
    std::optional<std::string> configured_node, configured_cluster;
};

// `configured`: which options come from files.
tl::expected<ConnectionArgs, Failure>
check_connection(RawConnection raw, bool needs_server,
                 const std::set<std::string, std::less<>>& configured = {});

// Program::take_shared of a program with these options: fills Args::connection, or for settings
// Args::settings.
tl::expected<void, Failure> take_connection(const OptionValues& given, Args& args);

} // namespace hp::cli
