import Reactor
import XgenProtocol

/// `PUT /environment`: the variables that belong to the sandbox, for every command that starts from
/// now on. A sandbox that was made before anybody asked for it is told so whose it has become.
///
/// | status | says |
/// | --- | --- |
/// | 204 | they count |
/// | 400 | not an `EnvironmentBlock` |
/// | 413 | too many bytes |
struct EnvironmentEndpoint {
  private let sidecar: Sidecar

  init(_ sidecar: Sidecar) { self.sidecar = sidecar }

  func serve(_ exchange: HTTPExchange) {
    exchange.readBody(maxBytes: EnvironmentBlock.maxBytes) { [sidecar] result in
      switch result {
      case .success(let bytes):
        do throws(EnvironmentBlock.Failure) {
          sidecar.adopt(environment: try EnvironmentBlock.decode(bytes))
          exchange.respond(204)
        } catch {
          exchange.respond(400)
        }
      case .failure(.tooLarge): exchange.respond(413)
      case .failure: exchange.respond(400)
      }
    }
  }
}
