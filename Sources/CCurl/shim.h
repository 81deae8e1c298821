// libcurl for the Kubernetes client. curl_easy_setopt and curl_easy_getinfo are variadic and are
// not imported by Swift: a typed wrapper per kind of argument.
#pragma once
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static inline CURLcode xgen_curl_set_long(CURL *_Nonnull handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode xgen_curl_set_string(
    CURL *_Nonnull handle, CURLoption option, const char *_Nullable value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode xgen_curl_set_size(
    CURL *_Nonnull handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}

// The bytes are copied.
static inline CURLcode xgen_curl_set_blob(
    CURL *_Nonnull handle, CURLoption option, const void *_Nonnull bytes, size_t count) {
  struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_COPY};
  return curl_easy_setopt(handle, option, &blob);
}

// The list is the caller's, and must stay until the handle has another one or none.
static inline CURLcode xgen_curl_set_headers(
    CURL *_Nonnull handle, struct curl_slist *_Nullable list) {
  return curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list);
}

// `text` has CURL_ERROR_SIZE bytes, which stay as long as the handle.
static inline CURLcode xgen_curl_set_error_text(CURL *_Nonnull handle, char *_Nonnull text) {
  return curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, text);
}

typedef size_t (*xgen_curl_bytes)(char *_Nullable, size_t, size_t, void *_Nullable);

static inline CURLcode xgen_curl_set_writer(
    CURL *_Nonnull handle, xgen_curl_bytes _Nonnull callback, void *_Nonnull context) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_WRITEDATA, context);
}

static inline CURLcode xgen_curl_set_reader(
    CURL *_Nonnull handle, xgen_curl_bytes _Nonnull callback, void *_Nonnull context) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_READFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_READDATA, context);
}

// Called with each line of the response's head.
static inline CURLcode xgen_curl_set_head_reader(
    CURL *_Nonnull handle, xgen_curl_bytes _Nonnull callback, void *_Nonnull context) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, callback);
  return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_HEADERDATA, context);
}

static int xgen_curl_socket_made(void *context, curl_socket_t socket, curlsocktype purpose) {
  (void)purpose;
  int probes = (int)(long)context;
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  return CURL_SOCKOPT_OK;
}

// Sockets are close-on-exec, and a peer that answers no probe of TCP's is given up after so many.
static inline CURLcode xgen_curl_set_keepalive_probes(CURL *_Nonnull handle, int probes) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_SOCKOPTDATA, (void *)(long)probes);
  return code != CURLE_OK
             ? code
             : curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, xgen_curl_socket_made);
}

static inline CURLcode xgen_curl_get_long(
    CURL *_Nonnull handle, CURLINFO info, long *_Nonnull value) {
  return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode xgen_curl_get_size(
    CURL *_Nonnull handle, CURLINFO info, curl_off_t *_Nonnull value) {
  return curl_easy_getinfo(handle, info, value);
}

// The result of the transfer that has ended on a multi handle with one transfer; -1: none has.
static inline int xgen_curl_result(CURLM *_Nonnull multi) {
  int left = 0;
  CURLMsg *message = curl_multi_info_read(multi, &left);
  return message != NULL && message->msg == CURLMSG_DONE ? (int)message->data.result : -1;
}
