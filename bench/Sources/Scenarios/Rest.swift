import Reactor

/// Requests to the server's REST interface on kept connections, with a token as clients have it.
final class Rest: Scenario {
  static let name = "rest"
  static let summary = "REST requests on kept connections: healthz, get, list or exec"
  static let options =
    ClientOptions.declared + [
      CommandOption("--call", "NAME", "healthz, get, list or exec (default get)"),
      CommandOption("--sandboxes", "M", "that there are (default 1)"),
      CommandOption("--concurrency", "C", "connections (default 16; exec 1)"),
    ] + WindowShape.options + [ProcessMeter.option]

  let client: ClientOptions
  private let call: RestCall
  private let sandboxes: Int
  private let concurrency: Int
  private let load: ConnectionLoad
  private let windows: Windows

  init(_ arguments: Arguments) throws(UsageError) {
    let client = try ClientOptions(arguments)
    self.client = client
    let word = try arguments.text("--call") ?? "get"
    guard let call = RestCall(rawValue: word) else {
      throw UsageError("--call: \"\(word)\" is none of healthz, get, list, exec")
    }
    self.call = call
    sandboxes = try arguments.integer("--sandboxes", default: 1, in: 1...10_000)
    concurrency = try arguments.integer(
      "--concurrency", default: call == .exec ? 1 : 16, in: 1...9_500)
    load = ConnectionLoad(concurrency, "request", call.places(sandboxes)) { number, place, owner in
      HTTPWorker(call.settings(client.target, place), number: number, place, owner: owner)
    }
    windows = Windows(try WindowShape(arguments), try ProcessMeter(arguments), load)
  }

  func start(_ run: Run) { windows.start(run) }

  func interrupt() { windows.interrupt() }

  var progress: String { "rest: \(windows.progress)" }

  var report: Report {
    windows.report(
      Self.name,
      [
        ("url", .string(client.target.url)), ("call", .string(call.rawValue)),
        ("sandboxes", .integer(sandboxes)), ("concurrency", .integer(concurrency)),
      ],
      figures: windows.costs(per: "request", load.latency.count))
  }
}

/// What is asked, and what is right for an answer.
enum RestCall: String {
  case healthz, get, list, exec

  func places(_ sandboxes: Int) -> Places {
    switch self {
    case .healthz: .fixed("/healthz")
    case .get: Places.sandboxes(sandboxes, "").withToken()
    case .list: Places.sandboxes(sandboxes, "").withToken().map { _ in "/api/v1/sandboxes" }
    case .exec: Places.sandboxes(sandboxes, "exec").withToken()
    }
  }

  func settings(_ target: Target, _ place: Place) -> HTTPSettings {
    // Each connection asks for the same thing; the answer to a second one may be another.
    let body = SameBody()
    switch self {
    case .healthz:
      return HTTPSettings(target: target, host: target.host) { status, bytes in
        Self.expect(200, status)
          ?? body.judge(bytes) { $0.elementsEqual("ok".utf8) ? nil : "no ok" }
      }
    case .get:
      let id = place.path.split(separator: "/").last.map { String($0) }
      return HTTPSettings(target: target, host: target.host) { status, bytes in
        Self.expect(200, status)
          ?? body.judge(bytes) {
            let json = JSONParser.parse(Array($0))
            return json?["id"]?.text == id && id != nil ? nil : "the answer has another id"
          }
      }
    case .list:
      return HTTPSettings(target: target, host: target.host) { status, bytes in
        Self.expect(200, status)
          ?? body.judge(bytes) {
            guard case .array(let list) = JSONParser.parse(Array($0)), !list.isEmpty else {
              return "the answer lists no sandboxes"
            }
            return nil
          }
      }
    case .exec:
      let order = JSON.object([("command", .string("/bin/true"))])
      return HTTPSettings(
        target: target, host: target.host, method: .post, body: Array(order.description.utf8)
      ) { status, bytes in
        let answer = JSONParser.parse(Array(bytes))
        return Self.expect(200, status)
          ?? (answer?["exit_code"]?.wholeNumber == 0 ? nil : "/bin/true did not exit with 0")
      }
    }
  }

  private static func expect(_ wanted: Int, _ status: Int) -> String? {
    status == wanted ? nil : "status \(status)"
  }
}
