import Glibc
import Reactor
import ReactorTLS
import TestSupport
import Testing

/// What is said of files that can't be used.
@Suite struct TLSContextTests {
  private let fixture = TLSFixture.shared

  private func problem(_ certificate: String, _ key: String) -> TLSFileError? {
    let files = TLSFiles(certificate: fixture.path(certificate), key: fixture.path(key))
    return #expect(throws: TLSFileError.self) { _ = try TLSContext(server: files) }
  }

  private func expect(
    _ certificate: String, _ key: String, _ file: String, _ text: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = problem(certificate, key)
    #expect(error?.path == fixture.path(file), sourceLocation: sourceLocation)
    #expect(error?.problem.hasPrefix(text) == true, "\(error!)", sourceLocation: sourceLocation)
    #expect("\(error!)".contains("\n") == false, sourceLocation: sourceLocation)
  }

  @Test func aMissingFileIsNamed() {
    expect("none.pem", "ecdsa.key", "none.pem", "no such file or directory")
    expect("ecdsa.pem", "none.key", "none.key", "no such file or directory")
  }

  @Test func aFolderIsNoFile() {
    expect("", "ecdsa.key", "", "illegal operation on a directory")
  }

  @Test func aFileWithoutPEMIsNamed() {
    expect("extensions", "ecdsa.key", "extensions", "holds no certificate in PEM")
    expect("ecdsa.pem", "extensions", "extensions", "holds no private key in PEM")
  }

  @Test func exchangedFilesAreNamed() {
    expect("ecdsa.key", "ecdsa.pem", "ecdsa.key", "holds no certificate in PEM")
    expect("ecdsa.pem", "ecdsa.pem", "ecdsa.pem", "holds no private key in PEM")
  }

  @Test func damagedPEMIsNamed() throws {
    try withTemporaryDirectory { folder in
      let path = folder + "/bad.pem"
      try write("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", to: path)
      let files = TLSFiles(certificate: path, key: fixture.path("ecdsa.key"))
      let error = #expect(throws: TLSFileError.self) { _ = try TLSContext(server: files) }
      #expect(error?.path == path)
      #expect(error?.problem.hasPrefix("is not a certificate in PEM: ") == true)
    }
  }

  @Test func aDamagedChainIsNamed() throws {
    try withTemporaryDirectory { folder in
      let path = folder + "/chain.pem"
      system("cp \(fixture.path("ecdsa.crt")) \(path)")
      try write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", to: path)
      let files = TLSFiles(certificate: path, key: fixture.path("ecdsa.key"))
      let error = #expect(throws: TLSFileError.self) { _ = try TLSContext(server: files) }
      #expect(error?.problem.hasPrefix("is not a certificate in PEM: ") == true)
    }
  }

  @Test func anotherCertificatesKeyIsNamed() {
    let text = "the key is not that of the certificate in \(fixture.path("ecdsa.pem"))"
    expect("ecdsa.pem", "renewed.key", "renewed.key", text)
    expect("ecdsa.pem", "rsa.key", "rsa.key", text)
  }

  @Test func anEncryptedKeyIsNotAskedFor() {
    expect("ecdsa.pem", "encrypted.key", "encrypted.key", "the key is encrypted")
  }

  @Test func aClientsAuthoritiesMustBeThere() {
    var options = TLSClientOptions()
    options.authoritiesFile = fixture.path("none.pem")
    let error = #expect(throws: TLSFileError.self) { _ = try TLSContext(client: options) }
    #expect(error?.path == fixture.path("none.pem"))
  }

  private func write(_ text: String, to path: String) throws {
    let file = try #require(fopen(path, "a"))
    fputs(text, file)
    fclose(file)
  }
}
