/// Words of the cluster's, and of whoever may write into its objects, made fit for errors and logs.
enum KubernetesText {
  /// One line of whole characters, of at most `maxBytes` bytes; what can't be seen is a space.
  static func printable(_ text: String, maxBytes: Int) -> String {
    var line = ""
    for scalar in text.unicodeScalars.prefix(maxBytes) {
      let isHidden: Bool
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: isHidden = true
      default: isHidden = false
      }
      line.unicodeScalars.append(isHidden ? " " : scalar)
      if line.utf8.count > maxBytes {
        line.unicodeScalars.removeLast()
        break
      }
    }
    return line
  }
}
