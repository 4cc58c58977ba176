// SPDX-License-Identifier: Apache-2.0
// Owners for OpenSSL objects, contexts for both ends of a connection, error texts. A context is
// used on one reactor; the error queue is per thread.
#pragma once

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "hp/base/result.hpp"
#include "hp/net/message_stream.hpp"

namespace hp::net {

template <auto free_function>
struct OpensslDeleter {
    template <class T>
    void operator()(T* object) const {
        free_function(object);
    }
};

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free_all>>;
using BioMethodPtr = std::unique_ptr<BIO_METHOD, OpensslDeleter<BIO_meth_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslDeleter<X509_EXTENSION_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslDeleter<SSL_free>>;

// The reason of the oldest queued error; empties the queue.
std::string take_openssl_error();

Result<SslContextPtr> make_server_context(const TlsFiles& files, bool tls13_only);
// An empty `ca_file` means the system's store; without `verify` neither is read.
Result<SslContextPtr> make_client_context(bool verify, const std::string& ca_file, bool tls13_only);

Result<SslPtr> make_server_ssl(SSL_CTX& context);
// `host` is a name or a numeric address: it becomes the SNI (names only) and, when the context
// verifies, must be in the certificate.
Result<SslPtr> make_client_ssl(SSL_CTX& context, const std::string& host);

// Why the certificate of the other side was refused; empty when it was not, or not looked at.
std::string certificate_problem(const SSL& ssl);

// Lowercase hex; empty when the other side showed no certificate.
std::string peer_certificate_sha256(const SSL& ssl);

// Stream::channel_binding(). Empty when the handshake is not over.
Bytes channel_binding(SSL& ssl);

} // namespace hp::net
