internal import CLinux

/// A pipe, close-on-exec at both ends.
public func makePipe() -> (reader: Int32, writer: Int32) {
  var ends: (reader: Int32, writer: Int32) = (-1, -1)
  let status = xgen_pipe(&ends.reader, &ends.writer)
  precondition(status == 0, "pipe: \(status)")
  return ends
}

/// A pseudo terminal, close-on-exec at both ends, of that size.
public func makeTerminal(columns: UInt16, rows: UInt16) -> (primary: Int32, secondary: Int32) {
  var ends: (primary: Int32, secondary: Int32) = (-1, -1)
  let status = xgen_open_pty(&ends.primary, &ends.secondary)
  precondition(status == 0, "pty: \(status)")
  xgen_set_window_size(ends.primary, columns, rows)
  return ends
}
