import Reactor
import TestSupport
import Testing

@Suite struct ByteBufferTests {
  @Test func holdsNothingAtFirst() {
    let buffer = ByteBuffer()
    #expect(buffer.count == 0)
    #expect(buffer.count == 0)
    #expect(buffer.capacity == 0)
    #expect(contents(buffer) == [])
  }

  @Test func appendsEveryKindOfBytesInOrder() {
    var buffer = ByteBuffer()
    buffer.append(1)
    buffer.append([2, 3])
    buffer.append("ab" as StaticString)
    buffer.append(utf8: "é")
    buffer.append(decimal: 0)
    buffer.append(decimal: .max)
    buffer.append([])
    let expected = [1, 2, 3] + Array("abé018446744073709551615".utf8)
    #expect(contents(buffer) == expected)
  }

  @Test func takesOnlyWhatWasWrittenOfTheLentRoom() {
    var buffer = ByteBuffer()
    buffer.append(uninitialized: 10) { room in
      room[0] = 7
      return 1
    }
    #expect(contents(buffer) == [7])
  }

  @Test func lendsNoRoomWhenNoneIsAskedFor() {
    var buffer = ByteBuffer()
    buffer.append(uninitialized: 0) { $0.count }
    #expect(buffer.count == 0)
  }

  @Test func changesTheReadableBytesInPlace() {
    var buffer = ByteBuffer()
    buffer.append([1, 2, 3])
    buffer.consume(1)
    buffer.withMutableReadable { $0[0] = 9 }
    #expect(contents(buffer) == [9, 3])
  }

  @Test func keepsTheBlockOnClearUpToTheLimit() {
    var buffer = ByteBuffer(capacity: 1000)
    let capacity = buffer.capacity
    buffer.append([1])
    buffer.clear(keepingCapacity: capacity)
    #expect(buffer.count == 0)
    #expect(buffer.capacity == capacity)
    buffer.clear(keepingCapacity: capacity - 1)
    #expect(buffer.capacity == 0)
    buffer.append([2])
    #expect(contents(buffer) == [2])
  }

  @Test func passesOnWhatTheBodyThrows() {
    let buffer = ByteBuffer(capacity: 1)
    #expect(throws: UVError.notFound) {
      try buffer.withReadable { _ throws(UVError) in throw .notFound }
    }
  }

  @Test func steadyUseAllocatesNothingMore() {
    var buffer = ByteBuffer()
    let piece = [UInt8](repeating: 5, count: 100)
    for _ in 0..<4 { buffer.append(piece) }
    for _ in 0..<20 {
      buffer.append(piece)
      buffer.consume(100)
    }
    let settled = buffer.capacity
    for _ in 0..<10_000 {
      buffer.append(piece)
      buffer.consume(100)
    }
    #expect(buffer.capacity == settled)
    #expect(buffer.capacity <= 2048)
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func behavesLikeAnArrayThatLosesItsFront(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var buffer = ByteBuffer()
    var model: [UInt8] = []
    for step in 0..<3000 {
      switch Int.random(in: 0..<8, using: &random) {
      case 0:
        buffer.clear(keepingCapacity: Int.random(in: 0..<2048, using: &random))
        model = []
      case 1: buffer.reserve(Int.random(in: 0..<300, using: &random))
      case 2:
        let byte = UInt8(truncatingIfNeeded: random.next())
        buffer.append(byte)
        model.append(byte)
      case 3, 4:
        let bytes = random.bytes(Int.random(in: 0..<400, using: &random))
        buffer.append(bytes)
        model += bytes
      default:
        let count = Int.random(in: 0...model.count, using: &random)
        buffer.consume(count)
        model.removeFirst(count)
      }
      guard contents(buffer) == model, buffer.count == model.count else {
        Issue.record("differs after step \(step)")
        return
      }
      #expect(buffer.capacity >= buffer.count)
    }
  }

  private func contents(_ buffer: borrowing ByteBuffer) -> [UInt8] {
    buffer.withReadable { [UInt8]($0) }
  }
}
