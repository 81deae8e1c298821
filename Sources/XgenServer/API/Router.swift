internal import Reactor

/// Finds the route of a request: a tree of the templates' parts. Pure.
///
/// A path has one reading: where both a word and a parameter could stand, the word is meant.
struct Router: Sendable {
  enum Match: Sendable {
    case found(Route, parameters: PathParameters)
    /// The path is known, the method is not; `allowed` is the Allow header's value.
    case methodNotAllowed(allowed: String)
    case notFound
  }

  private struct Node: Sendable {
    var words: [(text: String, node: Int)] = []
    var parameter: (name: String, node: Int)?
    /// Of paths that end here.
    var routes: [Route] = []
  }

  let routes: [Route]
  private var nodes = [Node()]

  init(routes: [Route]) {
    self.routes = routes
    for route in routes { add(route) }
  }

  private mutating func add(_ route: Route) {
    var node = 0
    for part in route.parts {
      node = part.hasPrefix("{") ? parameter(of: node, part) : word(of: node, String(part))
    }
    nodes[node].routes.append(route)
  }

  private mutating func word(of node: Int, _ text: String) -> Int {
    if let known = nodes[node].words.first(where: { $0.text == text }) { return known.node }
    nodes.append(Node())
    nodes[node].words.append((text, nodes.count - 1))
    return nodes.count - 1
  }

  private mutating func parameter(of node: Int, _ part: Substring) -> Int {
    let name = String(part.dropFirst().dropLast())
    if let known = nodes[node].parameter {
      precondition(known.name == name, "a path's parameter has one name in all templates")
      return known.node
    }
    nodes.append(Node())
    nodes[node].parameter = (name, nodes.count - 1)
    return nodes.count - 1
  }

  func match(_ method: HTTPMethod, _ segments: [String]) -> Match {
    var parameters = PathParameters()
    guard let end = walk(segments, &parameters), !nodes[end].routes.isEmpty else {
      return .notFound
    }
    let wanted = method == .head ? .get : method
    for route in nodes[end].routes where route.method == wanted {
      return .found(route, parameters: parameters)
    }
    return .methodNotAllowed(allowed: Self.allowed(nodes[end].routes))
  }

  private func walk(_ segments: [String], _ parameters: inout PathParameters) -> Int? {
    var node = 0
    for segment in segments {
      if let next = nodes[node].words.first(where: { $0.text == segment }) {
        node = next.node
      } else if let parameter = nodes[node].parameter, !segment.isEmpty {
        parameters.add(parameter.name, segment)
        node = parameter.node
      } else {
        return nil
      }
    }
    return node
  }

  private static func allowed(_ routes: [Route]) -> String {
    let methods = routes.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.name] }
    return (methods + ["OPTIONS"]).joined(separator: ", ")
  }
}

/// What stands in a path for a template's `{…}` parts.
struct PathParameters: Sendable {
  private var items: [(name: String, value: String)] = []

  subscript(name: String) -> String? { items.first { $0.name == name }?.value }

  mutating func add(_ name: String, _ value: String) { items.append((name, value)) }
}
