internal import Glibc

/// Whether the tests run under AddressSanitizer or ThreadSanitizer, many times slower: floods are
/// smaller then.
public let isSanitized = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
