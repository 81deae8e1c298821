// What Swift can't import of libuv by itself.
#pragma once
#include <uv.h>

// uv_loop_configure is variadic.
static inline int xgen_uv_loop_block_sigprof(uv_loop_t *_Nonnull loop) {
  return uv_loop_configure(loop, UV_LOOP_BLOCK_SIGNAL, 27 /* SIGPROF */);
}
