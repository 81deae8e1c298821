import Testing

@testable import Reactor

@Suite struct WebSocketMessageAssemblerTests {
  @Test func passesOnASingleChunkWhereItLies() {
    var assembler = WebSocketMessageAssembler()
    let bytes = utf8("whole")
    bytes.withUnsafeBytes { chunk in
      let message = assembler.add(chunk, isFinal: true)
      #expect(message?.baseAddress == chunk.baseAddress)
      #expect(message?.count == chunk.count)
    }
  }

  @Test func joinsChunksAndBeginsAfresh() {
    var assembler = WebSocketMessageAssembler()
    for text in ["one two three", "four five six"] {
      let parts = text.split(separator: " ", omittingEmptySubsequences: false).map { utf8("\($0)") }
      for part in parts.dropLast() {
        let isPending = part.withUnsafeBytes { assembler.add($0, isFinal: false) == nil }
        #expect(isPending)
      }
      var pendingCount = assembler.pendingCount
      #expect(pendingCount == parts.dropLast().joined().count)
      let message = parts.last!.withUnsafeBytes { chunk in
        assembler.add(chunk, isFinal: true).map { Array($0) }
      }
      #expect(message == Array(parts.joined()))
      pendingCount = assembler.pendingCount
      #expect(pendingCount == 0)
    }
  }
}
