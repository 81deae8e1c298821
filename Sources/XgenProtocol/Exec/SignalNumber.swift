/// A Linux signal, as x86-64 and aarch64 number them (`signal(7)`; asm-generic/signal.h).
public struct SignalNumber: RawRepresentable, Hashable, Sendable {
  /// 1…64; 32 and above are the real-time signals.
  public let rawValue: Int32

  public static let hangup = SignalNumber(unchecked: 1)
  public static let interrupt = SignalNumber(unchecked: 2)
  public static let kill = SignalNumber(unchecked: 9)
  public static let terminate = SignalNumber(unchecked: 15)

  private init(unchecked rawValue: Int32) {
    self.rawValue = rawValue
  }

  public init?(rawValue: Int32) {
    guard 1...64 ~= rawValue else { return nil }
    self.rawValue = rawValue
  }

  /// An ASCII name in any case, with or without `SIG`.
  public init?(name: String) {
    guard name.utf8.count <= Self.maxNameBytes, name.utf8.allSatisfy({ $0 < 0x80 }) else {
      return nil
    }
    var upper = name.uppercased()
    if upper.hasPrefix("SIG") { upper.removeFirst(3) }
    if let index = Self.names.firstIndex(of: upper) {
      rawValue = Int32(index + 1)
    } else if let number = Self.aliases[upper] {
      rawValue = number
    } else {
      return nil
    }
  }

  /// The name with `SIG`; nil for a real-time signal.
  public var name: String? {
    let index = Int(rawValue) - 1
    return index < Self.names.count ? "SIG" + Self.names[index] : nil
  }

  /// Longer than the longest, `SIGVTALRM` and `SIGSTKFLT`.
  private static let maxNameBytes = 16

  /// Signal n stands at n − 1.
  private static let names = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
  ]

  private static let aliases: [String: Int32] = ["IOT": 6, "CLD": 17, "POLL": 29]
}
