import Glibc
import Reactor

/// A load and what it measures. One file each, in Scenarios/.
///
/// Everything happens in callbacks on the run's loop. The scenario calls `run.finish()` once,
/// when all it began has ended; sandboxes that it left are deleted by the run.
protocol Scenario: AnyObject, Command {
  var client: ClientOptions { get }
  /// Such as `12,345 messages, 3 s of 5 s`.
  var progress: String { get }
  var report: Report { get }

  func start(_ run: Run)
  /// Ctrl-C: close what is open and begin nothing more. The run finishes by itself.
  func interrupt()
}

extension Scenario {
  func run() -> Int32 {
    raiseDescriptorLimit()
    do throws(UVError) {
      let loop = try Loop()
      let run = try Run(loop: loop, self)
      let status = run.runToEnd()
      loop.close()
      return status
    } catch {
      Console.error("xgen-bench: event loop: \(error)\n")
      return ExitCode.failure
    }
  }
}

/// To what the system allows: a connection is a descriptor.
func raiseDescriptorLimit() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
