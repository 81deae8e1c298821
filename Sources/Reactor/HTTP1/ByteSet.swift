/// A set of bytes of the grammar: one or more bits of `classes`.
struct ByteSet: Sendable {
  private let bits: UInt8

  /// `tchar` (RFC 9110 §5.6.2).
  static let token = ByteSet(bits: 1)

  /// What a request target holds besides `%` and `?`, which its parser looks at: RFC 3986's
  /// characters, and `[ ] ^ ` { | }`, which browsers send unencoded (URL Standard, §1.3).
  static let target = ByteSet(bits: 2)

  /// Letters, digits and `- . _ ~`: RFC 3986's `unreserved`.
  static let unreserved = ByteSet(bits: 4)

  static let hexDigit = ByteSet(bits: 8)

  @inline(__always)
  func contains(_ byte: UInt8) -> Bool { Self.classes.utf8Start[Int(byte)] & bits != 0 }

  /// One character per byte, 64 a line; its low four bits are the byte's sets. A literal, because
  /// it lies in the binary as it is: nothing to initialise, nothing to check before a look-up.
  @inline(__always)
  private static var classes: StaticString {
    """
    @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@C@ACACCBBCCBGGBOOOOOOOOOOBB@B@@\
    BOOOOOOGGGGGGGGGGGGGGGGGGGGB@BCGCOOOOOOGGGGGGGGGGGGGGGGGGGGBCBG@\
    @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\
    @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
    """
  }
}

/// The bytes that HTTP's grammar names, and what is asked about single bytes.
enum ASCII {
  static let tab: UInt8 = 0x09
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let quote: UInt8 = 0x22
  static let percent: UInt8 = 0x25
  static let plus: UInt8 = 0x2B
  static let comma: UInt8 = 0x2C
  static let minus: UInt8 = 0x2D
  static let dot: UInt8 = 0x2E
  static let slash: UInt8 = 0x2F
  static let zero: UInt8 = 0x30
  static let colon: UInt8 = 0x3A
  static let semicolon: UInt8 = 0x3B
  static let equals: UInt8 = 0x3D
  static let question: UInt8 = 0x3F
  static let backslash: UInt8 = 0x5C
  static let underscore: UInt8 = 0x5F

  @inline(__always)
  static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

  /// OWS (RFC 9110 §5.6.3).
  @inline(__always)
  static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

  /// What a field value or a reason phrase may hold: HTAB, SP, VCHAR, obs-text.
  @inline(__always)
  static func isFieldText(_ byte: UInt8) -> Bool {
    byte >= 0x20 ? byte != 0x7F : byte == tab
  }

  /// What browsers leave in a target as it is (URL Standard, §1.3) though no URI has it
  /// (RFC 3986 appendix A): `[ ] ^ ` { | }` and the backslash.
  static func isOnlyInURLs(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x5B...0x5E, 0x60, 0x7B...0x7D: true
    default: false
    }
  }

  static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  @inline(__always)
  static func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }
}
