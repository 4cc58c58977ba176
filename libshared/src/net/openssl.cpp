// SPDX-License-Identifier: Apache-2.0
#include "openssl.hpp"

#include "hp/os/files.hpp"

#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace hp::net {
namespace {

Error openssl_failure(Errc code, const std::string& doing) {
    return Error{code, doing + ": " + take_openssl_error()};
}

// OpenSSL would ask for the password of an encrypted key on the terminal and block the reactor.
int no_password(char*, int, int, void*) {
    return 0;
}

Result<SslContextPtr> make_context(const SSL_METHOD* method, bool tls13_only) {
    const int oldest = tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION;
    ERR_clear_error();
    SslContextPtr context(SSL_CTX_new(method));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), oldest) != 1) {
        return fail(openssl_failure(Errc::unsupported, "cannot set up TLS"));
    }
    // A WebSocket close frame tells a proper end from a cut connection, so a missing TLS
    // close_notify is an ordinary end of file. Renegotiation serves only attackers.
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                           SSL_OP_IGNORE_UNEXPECTED_EOF);
    // Buffers are released while idle (tens of KiB a connection); the output buffer of ByteStream
    // grows between two tries of one write.
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context.get(), 1); // one recv for many records
    SSL_CTX_set_default_passwd_cb(context.get(), no_password);
    return context;
}

// OpenSSL's own texts for unreadable files bury the reason; the system's are clear.
Status check_readable(const std::string& path) {
    auto file = os::open_file(path, O_RDONLY | O_CLOEXEC);
    if (!file) {
        return fail(std::move(file.error()));
    }
    return {};
}

bool is_numeric_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
           inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

bool expect_address(SSL& ssl, const std::string& address) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(&ssl), address.c_str()) == 1;
}

bool expect_name(SSL& ssl, std::string name) {
    // What SSL_set_tlsext_host_name expands to, without its C cast.
    return SSL_set1_host(&ssl, name.c_str()) == 1 &&
           SSL_ctrl(&ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) ==
               1;
}

} // namespace

std::string take_openssl_error() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) {
        return "unknown TLS error";
    }
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "TLS error " + std::to_string(code);
}

Result<SslContextPtr> make_server_context(const TlsFiles& files, bool tls13_only) {
    HP_TRY(SslContextPtr context, make_context(TLS_server_method(), tls13_only));
    HP_TRY_STATUS(check_readable(files.certificate_chain_pem));
    HP_TRY_STATUS(check_readable(files.private_key_pem));
    if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate_chain_pem.c_str()) !=
        1) {
        return fail(openssl_failure(Errc::invalid,
                                    "no usable certificate in " + files.certificate_chain_pem));
    }
    // This also compares the key with the certificate.
    if (SSL_CTX_use_PrivateKey_file(context.get(), files.private_key_pem.c_str(),
                                    SSL_FILETYPE_PEM) != 1) {
        return fail(openssl_failure(Errc::invalid, "no usable private key for " +
                                                       files.certificate_chain_pem + " in " +
                                                       files.private_key_pem));
    }
    // Clients resume by ticket; a cache would be memory that strangers fill.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    return context;
}

Result<SslContextPtr> make_client_context(bool verify, const std::string& ca_file,
                                          bool tls13_only) {
    HP_TRY(SslContextPtr context, make_context(TLS_client_method(), tls13_only));
    if (!verify) {
        return context;
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (ca_file.empty()) {
        if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
            return fail(openssl_failure(Errc::io, "cannot load the system's certificates"));
        }
        return context;
    }
    HP_TRY_STATUS(check_readable(ca_file));
    if (SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1) {
        return fail(openssl_failure(Errc::invalid, "no usable certificate in " + ca_file));
    }
    return context;
}

Result<SslPtr> make_server_ssl(SSL_CTX& context) {
    ERR_clear_error();
    SslPtr ssl(SSL_new(&context));
    if (!ssl) {
        return fail(openssl_failure(Errc::io, "cannot set up a TLS connection"));
    }
    SSL_set_accept_state(ssl.get());
    return ssl;
}

Result<SslPtr> make_client_ssl(SSL_CTX& context, const std::string& host) {
    ERR_clear_error();
    SslPtr ssl(SSL_new(&context));
    if (!ssl) {
        return fail(openssl_failure(Errc::io, "cannot set up a TLS connection"));
    }
    SSL_set_connect_state(ssl.get());
    const bool set =
        is_numeric_address(host) ? expect_address(*ssl, host) : expect_name(*ssl, host);
    if (!set) {
        return fail(openssl_failure(Errc::invalid, "not a host name for TLS: " + host));
    }
    return ssl;
}

std::string certificate_problem(const SSL& ssl) {
    const long result = SSL_get_verify_result(&ssl);
    if ((SSL_get_verify_mode(&ssl) & SSL_VERIFY_PEER) == 0 || result == X509_V_OK) {
        return {};
    }
    return X509_verify_cert_error_string(result);
}

std::string peer_certificate_sha256(const SSL& ssl) {
    const CertificatePtr certificate(SSL_get1_peer_certificate(&ssl));
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (!certificate || X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) != 1) {
        return {};
    }
    return to_hex(ByteView(digest.data(), size));
}

Bytes channel_binding(SSL& ssl) {
    constexpr std::string_view label = "EXPORTER-hotpocket-channel";
    Bytes out(32);
    if (SSL_export_keying_material(&ssl, out.data(), out.size(), label.data(), label.size(),
                                   nullptr, 0, 0) != 1) {
        ERR_clear_error();
        out.clear();
    }
    return out;
}

} // namespace hp::net
