// What Swift cannot import from OpenSSL 3: function-like macros, cast macros and
// constants whose type the importer loses. One typed function each, no behaviour of its own.
#ifndef XGEN_COPENSSL_SHIM_H
#define XGEN_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#pragma clang assume_nonnull begin

// Contexts

static inline int xgen_ssl_ctx_set_min_proto_version(SSL_CTX *ctx, int version) {
  return (int)SSL_CTX_set_min_proto_version(ctx, version);
}

static inline int xgen_ssl_ctx_set_max_proto_version(SSL_CTX *ctx, int version) {
  return (int)SSL_CTX_set_max_proto_version(ctx, version);
}

/// Key exchange groups, best first, by name; 1 on success.
static inline int xgen_ssl_ctx_set_groups(SSL_CTX *ctx, const char *names) {
  return (int)SSL_CTX_set1_groups_list(ctx, names);
}

/// Appends a certificate to the chain, which then owns it; 1 on success.
static inline int xgen_ssl_ctx_add_chain_certificate(SSL_CTX *ctx, X509 *certificate) {
  return (int)SSL_CTX_add0_chain_cert(ctx, certificate);
}

static inline long xgen_ssl_ctx_set_mode(SSL_CTX *ctx, long mode) {
  return SSL_CTX_set_mode(ctx, mode);
}

static inline long xgen_ssl_ctx_set_session_cache_mode(SSL_CTX *ctx, long mode) {
  return SSL_CTX_set_session_cache_mode(ctx, mode);
}

static inline uint64_t xgen_ssl_op_no_renegotiation(void) { return SSL_OP_NO_RENEGOTIATION; }
static inline uint64_t xgen_ssl_op_no_compression(void) { return SSL_OP_NO_COMPRESSION; }
static inline uint64_t xgen_ssl_op_ignore_unexpected_eof(void) {
  return SSL_OP_IGNORE_UNEXPECTED_EOF;
}

// Connections

/// Sets the server name to ask for (SNI); 1 on success.
static inline int xgen_ssl_set_host_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

// BIOs

/// What a BIO's read callback says before it returns -1: nothing there now, try again.
static inline void xgen_bio_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline void xgen_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }

#pragma clang assume_nonnull end

#endif
