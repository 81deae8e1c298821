import Glibc
import TestSupport
import Testing
import XgenProtocol

/// Replays the committed corpora of the fuzz targets through the same invariants, cut in every
/// way. A finding becomes a file of its corpus.
@Suite struct FuzzCorpusTests {
  @Test(arguments: FuzzTarget.allCases)
  func everySeedKeepsTheInvariant(target: FuzzTarget) throws {
    let directory = fuzzDirectory() + "/corpus/" + target.rawValue
    let names = listing(directory)
    #expect(names.count >= 5, "where is the corpus of \(target)?")
    for name in names {
      do {
        try target.check(FuzzInput(bytes: contents("\(directory)/\(name)"), isThorough: true))
      } catch {
        Issue.record("\(target)/\(name): \(error)")
      }
    }
  }

  /// Each seed with a few bytes changed, always the same ones: a fuzzer's first seconds.
  @Test(arguments: FuzzTarget.allCases)
  func everySeedChangedALittleKeepsTheInvariant(target: FuzzTarget) throws {
    let directory = fuzzDirectory() + "/corpus/" + target.rawValue
    var random = SplitMix64(seed: 0xF022)
    for name in listing(directory) {
      let seed = contents("\(directory)/\(name)")
      for _ in 0..<50 {
        let bytes = changed(seed, &random)
        do { try target.check(FuzzInput(bytes: bytes)) } catch {
          Issue.record("\(target)/\(name) as \(bytes): \(error)")
        }
      }
    }
  }

  @Test func everyTargetHasItsInvariantEntryAndCorpus() {
    let names = FuzzTarget.allCases.map(\.rawValue).sorted()
    #expect(listing(fuzzDirectory() + "/corpus") == names)
    let entries = names.map { $0 + ".swift" } + ["Entry.swift"]
    #expect(listing(fuzzDirectory() + "/Targets") == entries.sorted())
  }

  @Test func everyMessageTypeWithAPayloadOfItsOwnIsFuzzed() {
    let fuzzed = Set(wireTypes.map { $0.type })
    // Raw bytes, or none: their envelope is all there is.
    let bare: Set<MessageType> = [.ping, .pong, .execStdout, .execStderr, .sandboxReady]
    #expect(fuzzed.union(bare) == Set(MessageType.allCases))
  }

  private func changed(_ seed: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
      let index = Int.random(in: bytes.indices, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes.remove(at: index)
      default: bytes.insert(bytes[Int.random(in: bytes.indices, using: &random)], at: index)
      }
    }
    return bytes
  }
}

/// The targets of Targets/, by their names there.
enum FuzzTarget: String, CaseIterable, Sendable {
  case request, response, chunked, websocket, messagepack, envelope, json, jwt, host, quantity
  case conditions, address, lines, cgroup, forwarded, kubernetes, pod, proof

  func check(_ input: FuzzInput) throws {
    switch self {
    case .request: try checkRequest(input)
    case .response: try checkResponse(input)
    case .chunked: try checkChunked(input)
    case .websocket: try checkWebSocket(input)
    case .messagepack: try checkMessagePack(input)
    case .envelope: try checkEnvelope(input)
    case .json: try checkJSON(input)
    case .jwt: try checkJWT(input)
    case .host: try checkHost(input)
    case .quantity: try checkQuantity(input)
    case .conditions: try checkConditions(input)
    case .address: try checkAddress(input)
    case .lines: try checkLines(input)
    case .cgroup: try checkCgroup(input)
    case .forwarded: try checkForwarded(input)
    case .kubernetes: try checkKubernetes(input)
    case .pod: try checkPod(input)
    case .proof: try checkProof(input)
    }
  }
}

private func fuzzDirectory(file: String = #filePath) -> String {
  file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
}

/// The names in a directory, sorted.
private func listing(_ path: String) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if !name.hasPrefix(".") { names.append(name) }
  }
  return names.sorted()
}

private func contents(_ path: String) -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  precondition(descriptor >= 0, "no \(path)")
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { room in
    while case let count = read(descriptor, room.baseAddress, room.count), count > 0 {
      bytes += room.prefix(count)
    }
  }
  return bytes
}
