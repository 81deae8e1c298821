import Glibc

/// What every scenario needs to know: whom to load, as whom, and how to answer.
struct ClientOptions {
  let target: Target
  let apiKey: String
  let json: Bool

  static let declared = [
    CommandOption("--url", "URL", "the server (default http://127.0.0.1:8080)"),
    CommandOption("--api-key", "KEY", "default $XGEN_API_KEY, else xgen_dev_key"),
    CommandOption("--json", nil, "print one JSON object on stdout"),
  ]

  init(_ arguments: Arguments) throws(UsageError) {
    let url = try arguments.text("--url") ?? "http://127.0.0.1:8080"
    do throws(Target.Fault) {
      target = try Target(url: url)
    } catch {
      throw UsageError("--url: \"\(url)\" \(error.reason)")
    }
    let key = try arguments.text("--api-key") ?? Self.keyFromEnvironment ?? "xgen_dev_key"
    guard key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw UsageError("--api-key: a key has visible ASCII characters only")
    }
    apiKey = key
    json = arguments.isSet("--json")
  }

  private static var keyFromEnvironment: String? {
    guard let value = getenv("XGEN_API_KEY"), value.pointee != 0 else { return nil }
    return String(cString: value)
  }
}
