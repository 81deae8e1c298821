internal import Glibc

/// ThreadSanitizer makes a fork of every vfork, so that a child can't tell its parent why it
/// failed; tests that start processes are skipped under it.
public let isThreadSanitized = dlsym(nil, "__tsan_init") != nil
