import CLinux
import Glibc
import Reactor

/// What the sidecar does to itself before it serves anybody: it shares its sandbox, and its user,
/// with hostile code.
enum Hardening {
  struct Failure: Error, CustomStringConvertible {
    let step: String
    let cause: UVError
    var description: String { "\(step): \(cause)" }
  }

  /// Children inherit the limits; their signals are default again. The listening descriptor stays
  /// with us.
  static func apply(_ configuration: SidecarConfiguration) throws(Failure) {
    try check("PR_SET_DUMPABLE", xgen_set_dumpable(false))  // no ptrace, no /proc/PID/mem
    signal(SIGXFSZ, SIG_IGN)  // a file too large is an answer (EFBIG), not our death
    signal(SIGPIPE, SIG_IGN)
    signal(SIGHUP, SIG_IGN)  // ours comes from nobody but a terminal that we do not have
    if case .descriptor(let number) = configuration.listen {
      try check("listening descriptor", xgen_set_cloexec(number))
    }
    try limitCores()
    try limit("RLIMIT_NPROC", xgen_limit_nproc(), configuration.maxProcesses)
    try limit("RLIMIT_NOFILE", xgen_limit_nofile(), configuration.maxOpenFiles)
    try limit("RLIMIT_FSIZE", xgen_limit_fsize(), configuration.maxFileBytes)
    try limit("RLIMIT_DATA", xgen_limit_data(), configuration.maxDataBytes)
  }

  /// Of a process that serves nobody: what it starts must not leave its memory on a small disk.
  static func limitCores() throws(Failure) { try limit("RLIMIT_CORE", xgen_limit_core(), 0) }

  /// As pid 1 of a container, orphans are ours to reap. The caller keeps and closes the reaper.
  static func reaperIfInit(loop: Loop) throws(UVError) -> OrphanReaper? {
    getpid() == 1 ? try OrphanReaper(loop: loop) : nil
  }

  private static func limit(_ name: String, _ resource: Int32, _ value: UInt64?) throws(Failure) {
    guard let value else { return }
    try check(name, xgen_set_limit(resource, value, value))
  }

  private static func check(_ step: String, _ status: Int32) throws(Failure) {
    if status < 0 { throw Failure(step: step, cause: UVError(status)) }
  }
}
