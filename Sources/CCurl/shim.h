// libcurl for the Kubernetes client. curl_easy_setopt is variadic and is not imported by Swift:
// a typed wrapper per kind of argument.
#pragma once
#include <curl/curl.h>

static inline CURLcode xgen_curl_set_long(CURL *_Nonnull handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode xgen_curl_set_string(
    CURL *_Nonnull handle, CURLoption option, const char *_Nullable value) {
  return curl_easy_setopt(handle, option, value);
}
