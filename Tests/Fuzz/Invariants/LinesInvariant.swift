#if canImport(XgenServer)
  @testable import XgenServer
#endif

/// What we wrote to our own files, as a crash, a full disk or another program left it. Each line
/// that is read as a record of the audit log, an entry of the ledger or a sandbox's state is read
/// the same when written again, and torn anywhere it is nothing; ledgers of any moments are swept.
/// Backwards, a file has the lines that a naive reader finds forwards. A cursor is read back.
func checkLines(_ input: FuzzInput) throws {
  for line in input.bytes.split(separator: 0x0A).prefix(16) {
    try checkRecord(Array(line), input)
    try checkEntry(Array(line), input)
    try checkState(Array(line), input)
    try checkCursor(String(decoding: line, as: UTF8.self))
  }
  try checkLedger(input)
  try checkBackwards(input.bytes)
  // Large, so only where there is something to stretch.
  if input.bytes.contains(where: { $0 >= 0x80 }) { try checkBackwards(stretched(input.bytes)) }
}

/// Some places to tear a line at; thoroughly, all of them.
private func tears(_ line: [UInt8], _ input: FuzzInput) -> [Int] {
  input.isThorough
    ? Array(0..<line.count) : [0, Int(input.seed % UInt64(line.count)), line.count - 1]
}

// MARK: The audit log

private func checkRecord(_ line: [UInt8], _ input: FuzzInput) throws {
  guard let record = AuditRecord(line: line) else { return }
  let again = Array(record.line.dropLast())
  try require(!again.contains(0x0A), "more than a line: \(record)")
  try require(AuditRecord(line: again) == record, "read back otherwise: \(record)")
  for end in tears(again, input) {
    try require(AuditRecord(line: Array(again[..<end])) == nil, "torn at \(end): \(record)")
  }
}

private func checkCursor(_ text: String) throws {
  guard let cursor = AuditCursor(text) else { return }
  try require(cursor.offset >= 0, "before the start: \(text)")
  try require(AuditCursor(cursor.text) == cursor, "read back otherwise: \(text)")
}

// MARK: The ledger

private func checkEntry(_ line: [UInt8], _ input: FuzzInput) throws {
  guard let entry = LedgerEntry(line: line) else { return }
  let again = Array(entry.line.dropLast())
  try require(!again.contains(0x0A), "more than a line: \(entry)")
  try require(LedgerEntry(line: again) == entry, "read back otherwise: \(entry)")
  for end in tears(again, input) {
    try require(LedgerEntry(line: again[..<end]) == nil, "torn at \(end): \(entry)")
  }
}

/// As a server does that starts: what is not over is kept, and written to the same entries.
private func checkLedger(_ input: FuzzInput) throws {
  let nowMs: Int64 = 1_700_000_000_000
  var keys = IdempotencyTable()
  var tombstones = Tombstones()
  for entry in LedgerEntry.entries(input.bytes) {
    switch entry {
    case .claim(let claim): keys.adopt(claim, nowMs: nowMs)
    case .end(let stone): tombstones.add(stone)
    }
  }
  tombstones.sweep(nowMs: nowMs)
  keys.sweep(nowMs: nowMs)
  for claim in keys.claims {
    let verdict = keys.begin(claim.key, bodyHash: claim.bodyHash, nowMs: nowMs)
    try require(verdict == .isAnswered(claim) || verdict == .isNew, "\(verdict) to \(claim)")
  }
  let kept = keys.claims.map { LedgerEntry.claim($0) } + tombstones.entries.map { .end($0) }
  try require(LedgerEntry.entries(kept.flatMap(\.line)) == kept, "kept otherwise: \(kept)")
}

// MARK: A sandbox's state

private func checkState(_ bytes: [UInt8], _ input: FuzzInput) throws {
  guard let state = try? SandboxState(decoding: bytes) else { return }
  let again = state.encoded()
  try require((try? SandboxState(decoding: again)) == state, "read back otherwise: \(state)")
  for end in tears(again, input) {
    let torn = try? SandboxState(decoding: Array(again[..<end]))
    try require(torn == nil, "torn at \(end): \(state)")
  }
  if let processes = state.processes {
    try require(processes.sidecar.pid > 1 && processes.monitor.pid > 1, "no sandbox: \(processes)")
  }
  if let claim = IdempotencyClaim(state.record) { _ = claim.isOver(1_700_000_000_000) }
}

// MARK: Backwards

private func checkBackwards(_ file: [UInt8]) throws {
  var lines = ReverseLines(end: file.count)
  var found: [ReverseLines.Line] = []
  var readBytes = 0
  scan: while true {
    switch lines.next() {
    case .line(let line): found.append(line)
    case .read(let range):
      try require(1...AuditLimits.readBytes ~= range.count, "to read: \(range)")
      readBytes += range.count
      lines.add(Array(file[range]))
    case .end: break scan
    }
  }
  try require(readBytes == file.count, "read \(readBytes) of \(file.count)")
  let expected = naiveLines(file)
  try require(
    found == expected,
    "lines at \(found.map { ($0.start, $0.bytes.count) }), not \(expected.map(\.start))")
}

private func naiveLines(_ file: [UInt8]) -> [ReverseLines.Line] {
  var start = 0
  var lines: [ReverseLines.Line] = []
  for line in file.split(separator: 0x0A, omittingEmptySubsequences: false) {
    // Behind the last newline is none.
    if start < file.count, line.count <= AuditLimits.maxLineBytes {
      lines.append(ReverseLines.Line(start: start, bytes: Array(line)))
    }
    start += line.count + 1
  }
  return lines.reversed()
}

/// A file of more than one piece, with lines around the limit's length: a byte is repeated the
/// more often the greater it is.
private func stretched(_ bytes: [UInt8]) -> [UInt8] {
  let most = 3 * AuditLimits.readBytes
  var file: [UInt8] = []
  for byte in bytes.prefix(256) where file.count < most {
    switch byte {
    case 0x0A: file.append(byte)
    case 0xF8...: file += repeatElement(byte, count: AuditLimits.maxLineBytes - 0xFC + Int(byte))
    case 0x80...: file += repeatElement(byte, count: 128 * Int(byte - 0x7F))
    default: file.append(byte)
    }
  }
  return file
}
