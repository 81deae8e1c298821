/// One instruction of classic BPF as seccomp runs it: struct sock_filter (linux/filter.h).
///
/// ```
/// | code 2 | jump if true 1 | jump if false 1 | constant 4 |
/// ```
struct BPFInstruction: Sendable, Equatable {
  let code: UInt16
  let ifTrue: UInt8
  let ifFalse: UInt8
  let constant: UInt32

  static let byteCount = 8

  /// Loads 32 bits of struct seccomp_data: 0 number, 4 architecture, 16 + 8n argument n's low half
  /// (both architectures are little-endian).
  static func load(offset: UInt32) -> Self { .init(code: 0x20, 0, 0, offset) }

  /// Goes on if the loaded value equals, else skips `count` instructions.
  static func skipUnlessEqual(_ value: UInt32, _ count: UInt8) -> Self {
    .init(code: 0x15, 0, count, value)
  }

  /// Skips `count` instructions if the loaded value is below, else goes on.
  static func skipIfBelow(_ value: UInt32, _ count: UInt8) -> Self {
    .init(code: 0x35, 0, count, value)
  }

  /// Skips `count` instructions if the loaded value has one of these bits, else goes on.
  static func skipIfAnySet(_ bits: UInt32, _ count: UInt8) -> Self {
    .init(code: 0x45, count, 0, bits)
  }

  static func skip(_ count: UInt32) -> Self { .init(code: 0x05, 0, 0, count) }

  static func `return`(_ action: UInt32) -> Self { .init(code: 0x06, 0, 0, action) }

  // SECCOMP_RET_*
  static let killProcess: UInt32 = 0x8000_0000
  static let allow: UInt32 = 0x7FFF_0000
  static func error(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }

  private init(code: UInt16, _ ifTrue: UInt8, _ ifFalse: UInt8, _ constant: UInt32) {
    self.code = code
    self.ifTrue = ifTrue
    self.ifFalse = ifFalse
    self.constant = constant
  }

  var bytes: [UInt8] {
    [UInt8(truncatingIfNeeded: code), UInt8(truncatingIfNeeded: code >> 8), ifTrue, ifFalse]
      + (0..<4).map { UInt8(truncatingIfNeeded: constant >> (8 * $0)) }
  }
}
