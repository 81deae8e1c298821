// What Swift cannot import from OpenSSL 3: function-like macros, cast macros and
// constants whose type the importer loses. One typed function each, no behaviour of its own.
#ifndef XGEN_COPENSSL_SHIM_H
#define XGEN_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#pragma clang assume_nonnull begin

// Contexts

static inline int xgen_ssl_ctx_set_min_proto_version(SSL_CTX *ctx, int version) {
  return (int)SSL_CTX_set_min_proto_version(ctx, version);
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

// Memory BIOs

/// The unread bytes of a memory BIO, which keeps owning them until the next call on it.
static inline long xgen_bio_mem_data(BIO *bio, char *_Nullable *_Nonnull data) {
  return BIO_get_mem_data(bio, data);
}

/// What a read from an empty memory BIO returns: -1 means "try again", not the end.
static inline void xgen_bio_set_mem_eof_return(BIO *bio, int value) {
  BIO_set_mem_eof_return(bio, value);
}

#pragma clang assume_nonnull end

#endif
