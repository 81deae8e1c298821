extension UInt8 {
  /// The same letter of ASCII in lower case; any other byte is itself.
  var asciiLowercased: UInt8 { 65...90 ~= self ? self | 0x20 : self }
}

extension UnsafeRawBufferPointer {
  /// Whether it spells `word`, which is in lower case, in any case.
  func spells(_ word: StaticString) -> Bool {
    guard count == word.utf8CodeUnitCount else { return false }
    for index in 0..<count where self[index].asciiLowercased != word.utf8Start[index] {
      return false
    }
    return true
  }
}
