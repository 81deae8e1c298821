import Glibc
import TestSupport
import Testing
import XgenProtocol

@testable import Reactor
@testable import XgenSidecar

/// A sidecar on a network, and who gets in.
@Suite struct ProofGateTests {
  private static let token = Array("0123456789abcdef0123456789abcdef".utf8)

  private final class Site {
    let harness: SidecarHarness
    let server: SidecarServer
    let address: SocketAddress
    private var probes: [StreamProbe] = []

    init(_ change: (inout SidecarLimits) -> Void = { _ in }) throws {
      harness = try SidecarHarness(environment: ["KEPT": "1"], change)
      server = SidecarServer(harness.sidecar, token: ProofGateTests.token)
      let any = try #require(SocketAddress(parsing: "127.0.0.1:0"))
      address = try server.listen(SidecarConfiguration(listen: .address(any)))
    }

    func connect(opening: (any StreamOpening)? = nil) throws -> StreamProbe {
      let stream = try SocketStream.connect(loop: harness.loop, to: address)
      if let opening { stream.open(by: opening) }
      let probe = StreamProbe(stream)
      probes.append(probe)
      return probe
    }

    func proven() throws -> StreamProbe { try connect(opening: TestOpening(ProofGateTests.token)) }

    /// The status of the answer to one request.
    func status(_ probe: StreamProbe, _ request: String, body: String = "") -> Int {
      probe.send(
        "\(request) HTTP/1.1\r\nHost: s\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
      harness.run { probe.text.contains("\r\n\r\n") || probe.isClosed }
      let words = String(decoding: probe.take(), as: UTF8.self).split(separator: " ")
      return words.count > 1 ? Int(words[1]) ?? 0 : 0
    }

    func finish() {
      for probe in probes { probe.stream.close() }
      server.close()
      harness.finish()
    }
  }

  /// The server's end, as a test plays it.
  private final class TestOpening: StreamOpening {
    private var proof: ServerProof
    init(_ token: [UInt8]) {
      proof = ServerProof(token: token, nonce: [UInt8](repeating: 3, count: 32))
    }
    var firstBytes: [UInt8] { proof.hello }
    var wantedByteCount: Int { proof.wantedByteCount }
    func receive(_ bytes: [UInt8]) throws(StreamOpeningFailure) -> [UInt8] {
      do throws(SidecarProof.Failure) { return try proof.receive(bytes) } catch {
        throw StreamOpeningFailure(error.text)
      }
    }
  }

  @Test func whoHoldsTheTokenIsServed() async throws {
    let site = try Site()
    let probe = try site.proven()
    #expect(site.status(probe, "GET /ports") == 200)
    #expect(site.status(probe, "GET /healthz") == 200)
    #expect(probe.isConnected)
    site.finish()
  }

  @Test func othersMayAskForHealthAndNothingElse() async throws {
    let site = try Site()
    for (request, status) in [
      ("GET /healthz", 200), ("GET /ports", 401), ("GET /ws", 401), ("GET /files?path=a", 401),
      ("GET /tunnel?port=80", 401), ("PUT /environment", 401), ("POST /healthz", 401),
      ("GET /nothing", 401),
    ] {
      #expect(site.status(try site.connect(), request) == status, "\(request)")
    }
    site.finish()
  }

  @Test func anotherTokenIsShutOutBeforeItsRequest() async throws {
    let site = try Site()
    let probe = try site.connect(opening: TestOpening([UInt8](repeating: 1, count: 32)))
    probe.send("GET /ports HTTP/1.1\r\nHost: s\r\n\r\n")
    site.harness.run { probe.isClosed }
    #expect(!probe.isConnected && probe.bytes.isEmpty)
    #expect(
      probe.error == .opening(StreamOpeningFailure(SidecarProof.Failure.wrongCode.text)))
    site.finish()
  }

  @Test func aProofIsTakenInAnyPieces() async throws {
    let site = try Site()
    let probe = try site.connect()
    var proof = ServerProof(token: Self.token, nonce: [UInt8](repeating: 5, count: 32))
    site.harness.run { probe.isConnected }
    probe.drip(proof.hello)
    site.harness.run { probe.bytes.count == 64 }
    probe.drip(try proof.receive(probe.take()))
    #expect(site.status(probe, "GET /ports") == 200)
    site.finish()
  }

  @Test func whoSaysNothingIsGivenUp() async throws {
    let site = try Site { $0.openingMs = 50 }
    let silent = try site.connect()
    let slow = try site.connect()
    site.harness.run { slow.isConnected }
    slow.send([0] + Array("XGEN".utf8))
    site.harness.run { silent.hasEnded || silent.isClosed }
    site.harness.run { slow.hasEnded || slow.isClosed }
    site.finish()
  }

  @Test func theOldestWaitsNoLongerWhenThereAreTooMany() async throws {
    let site = try Site { $0.openingsAtOnce = 3 }
    let crowd = try (0..<3).map { _ in try site.connect() }
    site.harness.run { crowd.allSatisfy(\.isConnected) }
    let probe = try site.proven()
    #expect(site.status(probe, "GET /ports") == 200)
    site.harness.run { crowd[0].hasEnded || crowd[0].isClosed }
    site.finish()
  }

  @Test func aSandboxIsToldWhoseItHasBecome() async throws {
    let site = try Site()
    let probe = try site.proven()
    #expect(site.status(probe, "PUT /environment", body: "A=1\0B=x y\0") == 204)
    #expect(site.status(probe, "PUT /environment", body: "A") == 400)
    let variables = site.harness.sidecar.environment.variables
    #expect(variables["A"] == "1" && variables["B"] == "x y" && variables["KEPT"] == "1")
    site.finish()
  }
}

@Suite struct BundleInstallTests {
  @Test func everythingLoadedHasItsPlace() throws {
    let files = try BundleInstall.files(
      program: "/usr/bin/xgen-sidecar",
      loaded: [
        "", "/lib/x86_64-linux-gnu/libuv.so.1", "/lib64/ld-linux-x86-64.so.2", "/a/libc.so.6",
      ])
    #expect(
      files == [
        .init(source: "/usr/bin/xgen-sidecar", target: "xgen-sidecar"),
        .init(source: "/lib/x86_64-linux-gnu/libuv.so.1", target: "lib/libuv.so.1"),
        .init(source: "/lib64/ld-linux-x86-64.so.2", target: "ld.so"),
        .init(source: "/a/libc.so.6", target: "lib/libc.so.6"),
      ])
  }

  @Test(arguments: [
    ("/usr/bin/xgen-sidecar", "xgen-sidecar", "/usr/bin/xgen-sidecar"),
    ("/bundle/ld.so", "/bundle/xgen-sidecar", "/bundle/xgen-sidecar"),
    ("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "./xgen-sidecar", "./xgen-sidecar"),
  ])
  func theProgramIsFoundHoweverItWasStarted(
    executable: String, argument: String, program: String
  ) throws {
    #expect(
      try BundleInstall.program(executable: executable, argument: argument) == program)
  }

  @Test func aProgramWithoutALoaderIsRefused() {
    #expect(throws: BundleInstall.Failure.self) {
      try BundleInstall.files(program: "/a", loaded: ["", "/lib/libc.so.6"])
    }
  }
}
