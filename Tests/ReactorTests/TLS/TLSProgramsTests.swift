import Glibc
import Reactor
import ReactorTLS
import TestSupport
import Testing

/// Other people's programs against our server.
@Suite struct TLSProgramsTests {
  private let fixture = TLSFixture.shared

  private func curl(_ site: HTTPSSite, _ arguments: String) throws -> ProcessResult {
    let port = site.address.port ?? 0
    return try SpawnOptions.shell(
      "curl -sS --noproxy '*' --cacert \(fixture.path("ca.pem")) --max-time 20 \(arguments) "
        + "https://localhost:\(port)/"
    ).run(on: site.loop)
  }

  private func openssl(_ site: HTTPSSite, _ arguments: String) throws -> ProcessResult {
    let address = "\(site.address)"
    return try SpawnOptions.shell(
      "openssl s_client -connect \(address) -CAfile \(fixture.path("ca.pem")) \(arguments)"
    ).run(on: site.loop)
  }

  @Test(arguments: ["--tlsv1.2 --tls-max 1.2", "--tlsv1.3"])
  func curlIsServedInEitherVersion(version: String) async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop) { $0.echo(maxBytes: 4 << 20) }
      #expect(try curl(site, "\(version) -d sent").output == "sent")
      let result = try curl(
        site,
        "\(version) --data-binary @/bin/true -o /dev/null -w '%{http_version} %{size_download}'")
      var status = stat()
      stat("/bin/true", &status)
      #expect(result.output == "1.1 \(status.st_size)")
      site.close()
    }
  }

  @Test func curlNegotiatesHTTP11EvenWhereItKnowsHTTP2() async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      let result = try curl(site, "--http2 -w ' %{http_version} %{ssl_verify_result}'")
      #expect(result == ProcessResult(output: "hello 1.1 0", exitCode: 0))
      site.close()
    }
  }

  @Test func curlReusesItsConnection() async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      let url = "https://localhost:\(site.address.port ?? 0)/"
      let result = try curl(site, "\(url) -w ' %{num_connects}\\n'")
      #expect(result.output == "hello 1\nhello 0\n")
      site.close()
    }
  }

  @Test(arguments: ["-tls1", "-tls1_1", "-tls1_2 -cipher AES128-SHA:ECDHE-ECDSA-AES128-SHA"])
  func oldVersionsAndCiphersAreRefused(arguments: String) async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      // Its own security level would keep it from even asking.
      let cipher = arguments.contains("-cipher") ? "" : "-cipher ALL:@SECLEVEL=0"
      let result = try openssl(site, "\(arguments) \(cipher) </dev/null")
      #expect(result.exitCode != 0)
      let isAlert =
        result.output.contains("alert protocol version")
        || result.output.contains("alert handshake failure")
      #expect(isAlert, "\(result.output)")
      site.close()
    }
  }

  @Test func aClientThatOffersOnlyHTTP2GetsTheAlert() async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      let result = try openssl(site, "-alpn h2 </dev/null")
      #expect(result.exitCode != 0)
      #expect(result.output.contains("alert no application protocol"))
      let other = try openssl(site, "-alpn h2,http/1.1 </dev/null")
      #expect(other.output.contains("ALPN protocol: http/1.1"))
      site.close()
    }
  }

  @Test func theChainIsSentAndVerifies() async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      let result = try openssl(site, "-verify_return_error -showcerts </dev/null")
      #expect(result.exitCode == 0)
      #expect(result.output.contains("Verify return code: 0 (ok)"))
      #expect(result.output.contains("CN = test authority"))
      #expect(result.output.contains("Server Temp Key: X25519"))
      site.close()
    }
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func aTicketResumesASession(version: String) async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      try withTemporaryDirectory { folder in
        // The request keeps it there until the tickets of TLS 1.3 have come.
        let ask = "printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n'"
        for (option, line) in [("-sess_out", "New, TLS"), ("-sess_in", "Reused, TLS")] {
          let result = try SpawnOptions.shell(
            "\(ask) | openssl s_client -connect \(site.address) \(version) "
              + "-CAfile \(fixture.path("ca.pem")) \(option) \(folder)/session -ign_eof"
          ).run(on: loop)
          #expect(result.output.contains(line), "\(result.output)")
          #expect(result.output.contains("hello"))
        }
      }
      site.close()
    }
  }

  @Test func renegotiationIsRefused() async throws {
    try await withLoop { loop in
      let site = try HTTPSSite(loop: loop)
      let result = try SpawnOptions.shell(
        "printf 'R\\n' | openssl s_client -connect \(site.address) -tls1_2 "
          + "-CAfile \(fixture.path("ca.pem"))"
      ).run(on: loop)
      #expect(result.output.contains("RENEGOTIATING"))
      #expect(result.output.contains("no renegotiation"))
      site.close()
    }
  }
}
