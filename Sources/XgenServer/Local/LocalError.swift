internal import Glibc
internal import Reactor

/// Why a step of the local backend failed, below the vocabulary of `BackendError`.
enum LocalError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A system call; the text says what was tried on what.
  case system(String, UVError)
  /// A program on the host did not do its work; the text says which and why.
  case program(String)
  /// A file does not hold what it must.
  case malformed(String)

  var description: String {
    switch self {
    case .system(let what, let cause): "\(what): \(cause)"
    case .program(let text), .malformed(let text): text
    }
  }

  /// The calling thread's errno, said of `what`.
  static func last(_ what: @autoclosure () -> String) -> LocalError {
    let number = errno
    return .system(what(), UVError(-number))
  }
}

/// Throws with the thread's errno for a negative result; repeats what a signal interrupted.
@discardableResult
func attempt<Result: SignedInteger>(
  _ what: @autoclosure () -> String, _ call: () -> Result
) throws(LocalError) -> Result {
  while true {
    let result = call()
    if result >= 0 { return result }
    if errno != EINTR { throw .last(what()) }
  }
}
